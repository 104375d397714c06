//! Whether a run may be believed, and whether it passed.

use serde::{Deserialize, Serialize};

use crate::event::{Ended, Sample};
use crate::fold::Fold;
use crate::metric::Metric;
use crate::objective::{Finding, Judged, Undecided};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::stats::Quantile;
use crate::time::Span;

/// The verdict on a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// In one word.
    pub status: Status,
    /// Why, each as `code: sentence`; empty for a plain pass.
    pub reasons: Vec<String>,
    /// Whether the figures can be believed.
    pub valid: bool,
    /// The exit code of the command that made the run.
    pub exit_code: u8,
}

/// Exit codes by their weight: the first that any of several ends has is that of all.
pub(crate) const WORST_FIRST: [u8; 6] = [130, 1, 2, 4, 5, 3];

/// A verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Valid, and nothing failed.
    Pass,
    /// Valid, and something failed.
    Fail,
    /// The figures cannot carry a verdict: the generator was the bottleneck, or they are too few.
    Invalid,
    /// Ended before its plan by a limit or by a person.
    Stopped,
}

impl Status {
    /// The name used in every file and on every screen.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Pass => "pass",
            Status::Fail => "fail",
            Status::Invalid => "invalid",
            Status::Stopped => "stopped",
        }
    }
}

/// What the machine's kernel could do for the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stamps {
    /// The kernel stamped every arrival.
    Kernel,
    /// Arrivals are the times at which the program read them.
    Read,
}

/// Judges a run by what it left behind and by what it says to its objectives. A run whose end is not recorded was killed;
/// it is judged as far as it got.
pub fn judge(plan: &Plan, fold: &Fold, objectives: &[Judged], stamps: Stamps) -> Verdict {
    let invalid = health_reasons(plan, fold, stamps);
    let ended = fold.finished.as_ref().map(|f| &f.why);
    let mut reasons = Vec::new();
    let mut codes = Vec::new();
    let valid = invalid.is_empty();
    match ended {
        Some(Ended::Interrupted) => {
            codes.push(130);
            reasons.push("interrupted: the run was interrupted; requests in flight were waited for".into());
        }
        Some(Ended::InterruptedNow) => {
            codes.push(130);
            reasons
                .push("interrupted: the run was interrupted twice; requests in flight were given up".into());
        }
        Some(Ended::Limit(limit)) => {
            codes.push(5);
            reasons.push(format!("limit: {limit}"));
        }
        None => {
            codes.push(130);
            reasons.push("killed: the run was killed; this is what it had recorded until then".into());
        }
        Some(Ended::Plan | Ended::Enough) => {}
    }
    if !valid {
        codes.push(4);
        reasons.extend(invalid);
    }
    if fold.counts.of(Outcome::Ok) == 0 {
        codes.push(3);
        reasons.push(match (fold.counts.sent, fold.counts.ended()) {
            (0, 0) => "nothing_sent: the measured phase had no requests".into(),
            (0, n) => format!("nothing_sent: none of {n} requests could be sent"),
            (_, _) => "no_ok: a run needs at least one ok request to pass".into(),
        });
    }
    for judged in objectives {
        match (judged.verdict, plan.undecided) {
            (Finding::Met, _) | (Finding::Undecided, Undecided::Pass) => continue,
            (Finding::Missed, _) | (Finding::Undecided, Undecided::Fail) => codes.push(3),
            (Finding::Undecided, Undecided::Invalid) => codes.push(4),
        }
        reasons.push(reason(judged));
    }
    let first = WORST_FIRST.into_iter().find(|code| codes.contains(code)).unwrap_or(0);
    let status = match first {
        0 => Status::Pass,
        3 => Status::Fail,
        4 => Status::Invalid,
        _ => Status::Stopped,
    };
    Verdict { status, reasons, valid, exit_code: first }
}

/// Why an objective that is not met speaks against the run.
fn reason(judged: &Judged) -> String {
    let Judged { text, samples_needed, .. } = judged;
    match (judged.verdict, &judged.reason) {
        (Finding::Undecided, _) => {
            let advice = match samples_needed {
                Some(n) => format!("; if the rest were like these, about {n} of them would decide it"),
                None => "; a longer run would tell more".into(),
            };
            format!("undecided: {} values are too few to say whether {text}{advice}", judged.samples)
        }
        (Finding::Met | Finding::Missed, Some(reason)) => format!("objective: missed: {text}: {reason}"),
        (Finding::Met | Finding::Missed, None) => format!("objective: missed: {text}{}", it_was(judged)),
    }
}

/// What was measured instead: `, it was 612 ms`.
fn it_was(judged: &Judged) -> String {
    if let Some(windows) = judged.windows {
        return format!(", it was met in {} of {} windows", windows.met, windows.judged);
    }
    let Some(value) = judged.value else { return String::new() };
    match judged.unit.as_str() {
        "ms" => format!(", it was {}", Span((value * 1e6).round() as u64)),
        "share" => format!(", it was {:.2} %", value * 100.0),
        "usd" => format!(", it was ${value:.6}"),
        _ => format!(", it was {}", (value * 1e3).round() / 1e3),
    }
}

/// Under so many requests, percentiles of lateness and lag say nothing.
const FEW: u64 = 100;

fn health_reasons(plan: &Plan, fold: &Fold, stamps: Stamps) -> Vec<String> {
    let mut reasons = Vec::new();
    let p = |metric, q| fold.metrics.distribution(metric).quantile(q);
    if fold.counts.sent >= FEW {
        let late = p(Metric::Late, Quantile::P99);
        let allowed = late_allowed(plan, fold);
        if let Some(late) = late.filter(|&late| late > allowed) {
            reasons.push(format!(
                "generator_late: requests left late (p99 {late}, allowed {allowed}); lower the rate, give more --workers, \
                 or run the target on another machine"
            ));
        }
        let lag = p(Metric::Lag, Quantile::P99);
        let allowed = lag_allowed(plan, fold, stamps);
        if let Some(lag) = lag.filter(|&lag| lag > allowed) {
            reasons.push(format!(
                "generator_lag: arrivals were read late (p99 {lag}, allowed {allowed}); lower the concurrency, give more \
                 --workers, or run the target on another machine"
            ));
        }
        if let Some(late) = fold.samples.iter().rev().find_map(|s| s.provider?.late_p99)
            && late > late_allowed(plan, fold)
        {
            reasons.push(format!(
                "provider_late: the built-in provider was short of CPU (tokens left late, p99 {late}); lower the load, or run \
                 `floodline stub` on another machine"
            ));
        }
    }
    let starved = fold.samples.last().map_or(0, |s| s.starved);
    if starved * 100 > (fold.counts.ended() + fold.warmup + fold.cooldown).max(1) {
        reasons.push(format!(
            "generator_starved: {starved} requests could not be sent for lack of descriptors, ports or memory; raise \
             `ulimit -n`, lower the concurrency, or use more than one target address"
        ));
    }
    let drift = largest_step(&fold.samples);
    if drift > Span::from_millis(1) {
        reasons.push(format!(
            "clock_step: the system clock was stepped by {drift} during the run, and arrival stamps with it; repeat the run \
             with the clock left alone"
        ));
    }
    reasons
}

/// How late the 99th percentile of sendings may be.
pub fn late_allowed(plan: &Plan, fold: &Fold) -> Span {
    plan.health.late_p99.unwrap_or_else(|| {
        let ttft = fold.metrics.distribution(Metric::Ttft).quantile(Quantile::P50);
        let of_ttft = ttft.map_or(Span::ZERO, |t| Span(t.0 / 20));
        of_ttft.max(Span::from_millis(5))
    })
}

/// How long the 99th percentile of arrivals may lie unread.
pub fn lag_allowed(plan: &Plan, fold: &Fold, stamps: Stamps) -> Span {
    plan.health.lag_p99.unwrap_or_else(|| {
        let gap = fold.metrics.distribution(Metric::Gap).quantile(Quantile::P50).unwrap_or(Span::ZERO);
        let allowed = gap.max(Span::from_millis(5));
        match stamps {
            Stamps::Kernel => allowed,
            Stamps::Read => Span(allowed.0 / 2),
        }
    })
}

/// The largest jump of the real-time clock between two samples. Slow slewing is no step.
pub fn largest_step(samples: &[Sample]) -> Span {
    let steps = samples.windows(2).map(|w| w[0].clock_drift_ns.abs_diff(w[1].clock_drift_ns));
    let first = samples.first().map_or(0, |s| s.clock_drift_ns.unsigned_abs());
    Span(steps.chain([first]).max().unwrap_or(0))
}
