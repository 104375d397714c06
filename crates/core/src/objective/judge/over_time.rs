//! What is judged by when it happened: throughput, and objectives over windows.

use super::{Figure, Finding, Judged, WindowShare, empty, ratio};
use crate::objective::gather::{Flows, Windows};
use crate::objective::value::{ONE, WHOLE};
use crate::objective::{Kind, Measure, Objective, Op, Share};
use crate::stats::{Z_975, student_cdf, t_975};
use crate::time::Span;

/// From so many whole seconds on, a throughput has an interval.
const FEWEST_SECONDS: usize = 10;
/// Batches of seconds; seconds next to each other resemble each other, batches less.
const BATCHES: usize = 20;

/// The interval by batch means (Law and Kelton, Simulation Modeling and Analysis, 9.5.3), over the whole seconds between
/// the first sending and the last byte.
pub(super) fn of_flows(objective: &Objective, flows: &Flows) -> Figure {
    let Some((first, last)) = flows.on_the_wire else { return Figure::default() };
    let seconds = last.since(first).as_secs_f64();
    if seconds <= 0.0 {
        return Figure::default();
    }
    let value = flows.total as f64 / seconds * ONE as f64;
    let figure = Figure { value: Some(value), samples: flows.total, ..Figure::default() };
    let second = Span::from_secs(1).0;
    let whole = first.0.div_ceil(second) as usize..(last.0 / second) as usize;
    let at = |s: usize| flows.seconds.get(s).copied().unwrap_or(0);
    let counts: Vec<u64> = whole.map(at).collect();
    if counts.len() < FEWEST_SECONDS {
        return figure;
    }
    let batches = counts.len().min(BATCHES);
    let length = counts.len() / batches;
    let rates: Vec<f64> = counts
        .chunks_exact(length)
        .take(batches)
        .map(|batch| batch.iter().sum::<u64>() as f64 / length as f64)
        .collect();
    let (n, degrees) = (rates.len() as f64, rates.len() as u64 - 1);
    let mean = rates.iter().sum::<f64>() / n;
    let variance = rates.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (variance / n).sqrt() * ONE as f64;
    let t = ratio(objective.bound.atoms() as f64 - value, error);
    let below = student_cdf(t, degrees);
    let half = t_975(degrees) * error;
    Figure {
        interval: Some((Some((value - half).max(0.0)), Some(value + half))),
        confidence: Some(if objective.op.wants_small() { below } else { 1.0 - below })
            .filter(|_| objective.op != Op::Equal),
        needed: Some(flows.total as f64 * (Z_975 / t).powi(2)),
        ..figure
    }
}

/// The share of windows that met it. Windows in which nothing was due are none.
pub(super) fn by_windows(objective: &Objective, windows: &Windows) -> Judged {
    let mut shown = WindowShare { length: windows.length, judged: 0, met: 0, without_sample: 0 };
    if let Measure::Throughput(_) = objective.measure {
        // Of those that the load filled: from that of the first sending to the last one before the last byte.
        for index in windows.filled() {
            let sum = windows.cells.get(index).map_or(0, |cell| cell.sum);
            let per_second = sum as f64 / windows.length.as_secs_f64();
            shown.judged += 1;
            shown.met += u64::from(objective.op.holds(per_second, objective.bound.atoms() as f64));
        }
    } else {
        for cell in windows.cells.iter().filter(|cell| cell.n > 0 || cell.owed) {
            let meets = cell.meets(objective);
            shown.judged += 1;
            shown.met += u64::from(meets == Some(true));
            shown.without_sample += u64::from(meets.is_none());
        }
    }
    let wanted = objective.windows.unwrap_or(Share::ALL);
    let enough = u128::from(shown.met) * u128::from(WHOLE) >= u128::from(shown.judged) * u128::from(wanted.0);
    let mut judged = empty(objective);
    judged.asked = wanted.fraction();
    judged.unit = Kind::Share.unit().into();
    judged.samples = shown.judged;
    judged.windows = Some(shown);
    if shown.judged == 0 {
        judged.reason = Some("no sample".into());
        return judged;
    }
    judged.value = Some(shown.met as f64 / shown.judged as f64);
    judged.verdict = if enough { Finding::Met } else { Finding::Missed };
    judged
}
