//! The knee of a curve: where more load begins to cost more than it brings.
//!
//! It is where the power is highest, throughput divided by delay (Giessler, Hänle, König and Pade, Comput. Netw. 2, 1978;
//! Kleinrock, ICC 1979): below it each request more is served at hardly a longer wait, beyond it waits grow faster than what
//! is served. Of the loads that were tried, that is; between them nobody looked.

use floodline_core::ceiling::{Bound, Knee, Tried, Verdict};

/// The knee of what was tried, if there are three loads with answers at least. `points` are in the order of their loads; above
/// the ceiling, at `most`, only what failed counts: what passed there did so by an allowance.
pub(super) fn knee(points: &[Tried], most: f64) -> Option<Knee> {
    let power = |tried: &Tried| {
        let (served, delay) = (tried.ok_per_s?, tried.latency.p50.filter(|ms| *ms > 0.0)?);
        Some(served / delay)
    };
    let valid = points.iter().filter(|tried| match tried.verdict {
        // Of a limiter whose allowance was not used up before, what went through is not what goes through.
        Verdict::Failed => tried.flooded || !matches!(tried.bound, Some(Bound::Limit { .. })),
        Verdict::Passed => tried.load <= most,
        Verdict::Invalid | Verdict::Cut => false,
    });
    let curve: Vec<(f64, f64)> = valid.filter_map(|tried| Some((tried.load, power(tried)?))).collect();
    let mut loads: Vec<f64> = curve.iter().map(|(load, _)| *load).collect();
    loads.dedup();
    if loads.len() < 3 {
        return None;
    }
    let best = curve.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Knee { load: best.0, method: METHOD.into() })
}

/// How it was found, for whoever reads the file.
const METHOD: &str = "highest power: answers a second divided by median latency (Kleinrock 1979)";
