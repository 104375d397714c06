//! What a cap did to a run, in a sentence.

use floodline_core::metric::Metric;
use floodline_core::plan::Plan;
use floodline_core::summary::RunSummary;

use crate::format::{count, counted, maybe_time};

/// `cap 64: 312 of 2,000 requests were held, p99 1.20 s; the loop was closed by the cap`. None where nothing was held.
pub(crate) fn held(plan: &Plan, summary: &RunSummary) -> Option<String> {
    let held = summary.metrics.get(Metric::Held.name()).filter(|held| held.count > 0)?;
    let caps: Vec<String> =
        plan.scenarios.iter().filter_map(|scenario| scenario.cap).map(|cap| count(cap.into())).collect();
    let caps = match caps.as_slice() {
        [] => "held".into(),
        [cap] => format!("cap {cap}"),
        several => format!("caps {}", several.join(", ")),
    };
    let were = if held.count == 1 { "was" } else { "were" };
    Some(format!(
        "{caps}: {} of {} {were} held, p99 {}; the loop was closed by the cap",
        count(held.count),
        counted(summary.requests.planned, "request"),
        maybe_time(held.p99),
    ))
}

/// What of the run is in no figure: `the 3 requests of the warm-up are not in the figures`. None where there is nothing.
pub(crate) fn aside(summary: &RunSummary) -> Option<String> {
    let of = |n: u64, what| (n > 0).then(|| format!("the {} of the {what}", counted(n, "request")));
    let parts: Vec<String> =
        [of(summary.requests.warmup, "warm-up"), of(summary.requests.cooldown, "cool-down")]
            .into_iter()
            .flatten()
            .collect();
    (!parts.is_empty()).then(|| format!("{} are not in the figures", parts.join(" and ")))
}
