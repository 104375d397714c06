//! What a cap, a limit on spending or an open breaker made a run wait for, in a sentence.

use floodline_core::metric::Metric;
use floodline_core::plan::Plan;
use floodline_core::retry::{Policy, WhileOpen};
use floodline_core::summary::RunSummary;

use crate::format::{count, counted, maybe_time};

/// `cap 64: 312 of 2,000 requests were held, p99 1.20 s; the loop was closed by the cap`, or `budget: ...; they waited for
/// room in it`. None where nothing was held.
pub(crate) fn held(plan: &Plan, summary: &RunSummary) -> Option<String> {
    let held = summary.metrics.get(Metric::Held.name()).filter(|held| held.count > 0)?;
    let caps: Vec<String> =
        plan.scenarios.iter().filter_map(|scenario| scenario.cap).map(|cap| count(cap.into())).collect();
    // Limits on errors and on time make nobody wait.
    let limits = &plan.limits;
    let budget = limits.spend.is_some() || limits.tokens.is_some() || limits.requests.is_some();
    let program = plan.hook.as_ref().is_some_and(|hook| hook.before);
    let holds = |policy: &Policy| policy.breaker.is_some_and(|breaker| breaker.open == WhileOpen::Hold);
    let breaker = plan.retry.as_ref().is_some_and(holds);
    let (by, so) = match (caps.as_slice(), budget) {
        (caps, budget) if breaker => (causes(caps, budget, program, breaker), "they waited until it closed"),
        (caps, budget) if program => {
            (causes(caps, budget, program, false), "what `exec` says of each is waited for")
        }
        ([], _) => ("budget".into(), "they waited for room in it"),
        ([cap], false) => (format!("cap {cap}"), "the loop was closed by the cap"),
        (several, false) => (format!("caps {}", several.join(", ")), "the loop was closed by the caps"),
        (caps, true) => (format!("cap {} and budget", caps.join(", ")), "the loop was closed by them"),
    };
    let were = if held.count == 1 { "was" } else { "were" };
    Some(format!(
        "{by}: {} of {} {were} held, p99 {}; {so}",
        count(held.count),
        counted(summary.requests.planned, "request"),
        maybe_time(held.p99),
    ))
}

/// What all made requests wait.
fn causes(caps: &[String], budget: bool, program: bool, breaker: bool) -> String {
    let caps = (!caps.is_empty()).then(|| format!("cap {}", caps.join(", ")));
    let named = |holds: bool, name: &str| holds.then(|| name.to_owned());
    let parts = [caps, named(budget, "budget"), named(program, "exec"), named(breaker, "breaker")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
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
