//! A search for a ceiling in words and rows, the same for the terminal and the browser.

use floodline_core::ceiling::{Bound, By, Ceiling, Depth, JOURNEYS, Status, Tried, Verdict};
use floodline_core::outcome::Outcome;

use crate::format::{GLUE, MISSING, count, fraction, maybe, maybe_time, one_line, three_digits};

/// A load with its unit, as `ceiling.json` names it: `8.22 requests/s`, `3 journeys/s`, `64 users`.
pub(crate) fn load(unit: &str, value: f64) -> String {
    match unit {
        "users" if value == 1.0 => format!("1{GLUE}user"),
        "users" => format!("{}{GLUE}users", count(value as u64)),
        JOURNEYS => format!("{}{GLUE}journeys/s", digits(value)),
        _ => format!("{}{GLUE}requests/s", digits(value)),
    }
}

/// The same, short: `8.22/s`, `64`.
pub(crate) fn short_load(by: By, value: f64) -> String {
    match by {
        By::Rate => format!("{}/s", digits(value)),
        By::Users => count(value as u64),
    }
}

/// A rate to four digits, since an answer may be that fine.
fn digits(value: f64) -> String {
    match value {
        v if v.fract() == 0.0 => count(v as u64),
        v if v < 0.0995 => three_digits(v),
        v if v < 9.9995 => format!("{v:.3}"),
        v if v < 99.995 => format!("{v:.2}"),
        v if v < 999.95 => format!("{v:.1}"),
        v => three_digits(v),
    }
}

/// The status as one word over everything.
pub(crate) fn word(ceiling: &Ceiling) -> &'static str {
    match (ceiling.status, ceiling.exit_code()) {
        (Status::Found | Status::Unbounded, 0) => "FOUND",
        (Status::Found | Status::Unbounded, _) => "NOT ENOUGH",
        (Status::Nothing, _) => "NO LOAD",
        (Status::Invalid, _) => "INVALID",
        (Status::Stopped | Status::Interrupted, _) => "STOPPED",
    }
}

/// The answer in one sentence.
pub(crate) fn answer(ceiling: &Ceiling) -> String {
    let by = ceiling.by();
    let value = ceiling.value.map(|value| load(&ceiling.unit, value));
    let next = next_load(ceiling);
    let at =
        |value: Option<f64>| value.map_or_else(String::new, |value| format!("at {} ", short_load(by, value)));
    let bound = ceiling.bound_by.as_ref().map(bound);
    match (ceiling.status, value, bound) {
        (Status::Found, Some(value), Some(bound)) => {
            format!("The target holds {value}; {}{bound}.", at(next))
        }
        (Status::Found | Status::Unbounded, Some(value), _) => {
            format!("The target holds {value}, the most that was asked for: nothing failed up to there.")
        }
        (Status::Found | Status::Unbounded | Status::Nothing, None, Some(bound)) => {
            format!("No load meets the objectives: even {}{bound}.", at(lowest(ceiling)))
        }
        (Status::Found | Status::Unbounded | Status::Nothing, _, _) => "No load meets the objectives.".into(),
        (Status::Invalid, value, _) if matches!(ceiling.bound_by, Some(Bound::Silence { .. })) => {
            let held = value.map_or_else(String::new, |value| format!(" The target holds {value} at least."));
            format!("Nothing could be told {}within the time of a trial.{held}", at(next))
        }
        (Status::Invalid, Some(value), _) => {
            format!(
                "The load generator gave out {}before the target did, which holds {value} at least.",
                at(next)
            )
        }
        (Status::Invalid, None, _) => "The load generator gave out before anything could be told.".into(),
        (Status::Stopped | Status::Interrupted, value, bound) => {
            let why = ceiling.stopped.as_deref().unwrap_or("it was ended early");
            let known = match (value, bound) {
                (Some(value), Some(bound)) => format!("the target held {value}, and {}{bound}", at(next)),
                (Some(value), None) => format!("the target held {value}, and nothing had failed"),
                (None, Some(bound)) => format!("no load had been confirmed, and {}{bound}", at(next)),
                (None, None) => "nothing was known".into(),
            };
            let why = one_line(why, 200);
            let stop = if why.ends_with(['.', '?']) { "" } else { "." };
            format!("The search ended early: {why}{stop} Until then {known}.")
        }
    }
}

/// The lowest load above the ceiling that ended as what bounds it says.
fn next_load(ceiling: &Ceiling) -> Option<f64> {
    let verdict = match ceiling.bound_by {
        Some(Bound::Generator { .. } | Bound::Silence { .. }) => Verdict::Invalid,
        _ => Verdict::Failed,
    };
    let failed = ceiling.trials.iter().filter(|t| t.verdict == verdict && t.by == ceiling.by());
    let above = failed.map(|t| t.load).filter(|load| ceiling.value.is_none_or(|value| *load > value));
    above.min_by(f64::total_cmp)
}

fn lowest(ceiling: &Ceiling) -> Option<f64> {
    ceiling.trials.iter().filter(|t| t.by == ceiling.by()).map(|t| t.load).min_by(f64::total_cmp)
}

/// Between which loads the ceiling lies, and how sure that is.
pub(crate) fn interval(ceiling: &Ceiling) -> Option<String> {
    let by = ceiling.by();
    let (low, high) = ceiling.interval;
    let between = match (low, high) {
        (Some(low), Some(high)) => {
            format!("between {} and {}", short_load(by, low), load(&ceiling.unit, high))
        }
        (Some(low), None) => format!("at or above {}", load(&ceiling.unit, low)),
        (None, Some(high)) => format!("below {}", load(&ceiling.unit, high)),
        (None, None) => return None,
    };
    let how = if ceiling.confirmed { "each end tried twice" } else { "not confirmed by second trials" };
    Some(format!("{between}, {how}"))
}

/// What trials disagreed about.
pub(crate) fn disagreements(ceiling: &Ceiling) -> Option<String> {
    let by = ceiling.by();
    let each = ceiling.disagreements.iter();
    let each: Vec<String> = each
        .map(|d| format!("{} passed {} of {} times", short_load(by, d.load), d.passed, d.passed + d.failed))
        .collect();
    (!each.is_empty()).then(|| format!("trials disagreed: {}", each.join(", ")))
}

/// Against what is needed: `2.3 times the 20 requests/s that are needed`.
pub(crate) fn headroom(ceiling: &Ceiling) -> Option<String> {
    let headroom = ceiling.headroom?;
    let times = (headroom.times * 100.0).floor() / 100.0;
    let need = load(&ceiling.unit, headroom.need);
    Some(format!("{} times the {need} that are needed", three_digits(times)))
}

/// Where the curve bends.
pub(crate) fn knee(ceiling: &Ceiling) -> Option<String> {
    let knee = ceiling.knee.as_ref()?;
    Some(format!("{}, by {}", load(&ceiling.unit, knee.load), knee.method))
}

/// What keeps a load from passing, as a clause.
pub(crate) fn bound(bound: &Bound) -> String {
    match bound {
        Bound::Limit { outcome, dimension, share } => {
            let by = dimension.map_or_else(String::new, |dimension| format!(" ({dimension})"));
            let who = match outcome {
                Outcome::QuotaExceeded => "a quota",
                Outcome::Overloaded => "its overload guard",
                _ => "its rate limiter",
            };
            format!("{who}{by} refuses {} of the requests", fraction(*share))
        }
        Bound::Objective { text, missed: Some(missed), allowed: Some(allowed) } => {
            format!(
                "`{text}` is missed by {} where {} may",
                fraction(*missed),
                fraction((allowed * 1e9).round() / 1e9)
            )
        }
        Bound::Objective { text, .. } => format!("`{text}` is missed"),
        Bound::Backlog { grows_per_s } => {
            format!("it falls behind: requests pile up by {} a second", three_digits(*grows_per_s))
        }
        Bound::Generator { reason } => {
            let words = reason.split_once(": ").map_or(reason.as_str(), |(_, words)| words);
            one_line(words, 300)
        }
        Bound::Silence { seconds } => {
            format!("no request had ended after {}{GLUE}s; a longer --trial may tell", three_digits(*seconds))
        }
        Bound::Rule { text } => format!("a rule of the scenario ended the run ({})", one_line(text, 200)),
    }
}

/// A load that was tried, with its figures as cells under [`HEADINGS`].
pub(crate) struct Row {
    pub(crate) load: f64,
    pub(crate) verdict: Verdict,
    pub(crate) cells: Vec<String>,
}

/// Of [`rows`]: what was tried, how it ended, and what was measured.
pub(crate) const HEADINGS: [&str; 9] =
    ["", "ok/s", "refused", "failed", "goodput", "ttft p50", "p95", "latency p50", "p95"];

/// Every load that was tried, from the lowest, with the figures of its last trial.
pub(crate) fn rows(ceiling: &Ceiling) -> Vec<Row> {
    let beyond = |tried: &Tried| ceiling.value.is_some_and(|value| tried.load > value);
    points(ceiling).into_iter().map(|(tried, times)| row(tried, times, beyond(tried))).collect()
}

fn row(tried: &Tried, times: usize, beyond: bool) -> Row {
    let share = |n: u64| match tried.requests {
        0 => MISSING.into(),
        all => fraction(n as f64 / all as f64),
    };
    let verdict = match (tried.verdict, tried.depth, times) {
        (Verdict::Passed, Depth::Glance, _) if beyond => "for a while".into(),
        (Verdict::Passed, Depth::Glance, _) => "looked good".into(),
        (verdict, _, 0 | 1) => verdict.name().to_owned(),
        (verdict, _, times) => format!("{} {times}×", verdict.name()),
    };
    let cells = vec![
        verdict,
        maybe(tried.ok_per_s),
        share(tried.refused),
        share(tried.failed),
        tried.goodput.map_or_else(|| MISSING.into(), fraction),
        maybe_time(tried.ttft.p50),
        maybe_time(tried.ttft.p95),
        maybe_time(tried.latency.p50),
        maybe_time(tried.latency.p95),
    ];
    Row { load: tried.load, verdict: tried.verdict, cells }
}

/// The last trial of each load, from the lowest load, and how often its load was tried with the same end.
pub(crate) fn points(ceiling: &Ceiling) -> Vec<(&Tried, usize)> {
    let mut points: Vec<(&Tried, usize)> = Vec::new();
    for tried in ceiling.trials.iter().filter(|t| t.by == ceiling.by() && t.verdict != Verdict::Cut) {
        let at = points.partition_point(|(other, _)| other.load < tried.load);
        match points.get_mut(at).filter(|(other, _)| other.load == tried.load) {
            Some(point) => {
                let same = point.0.verdict == tried.verdict && point.0.depth == tried.depth;
                *point = (tried, if same { point.1 + 1 } else { 1 });
            }
            None => points.insert(at, (tried, 1)),
        }
    }
    points
}

/// What a reader of the answer has to know about it, one sentence each.
pub(crate) fn notes(ceiling: &Ceiling) -> Vec<String> {
    let mut notes = Vec::new();
    let longest = three_digits(ceiling.longest_trial_s);
    if ceiling.status == Status::Unbounded {
        notes.push(format!(
            "No load was held for more than {longest} s: a limit whose allowance lasts longer, such as one per day, was \
             not seen."
        ));
    }
    let flooded = ceiling.trials.iter().any(|tried| tried.flooded);
    if flooded {
        notes.push(
            "A limiter was met: later trials used its allowance up first, so the ceiling is what it lets through for good, \
             and higher loads pass for as long as the allowance lasts."
                .into(),
        );
    }
    if let Some(disagreements) = disagreements(ceiling) {
        notes.push(format!("{}{}.", disagreements[..1].to_uppercase(), &disagreements[1..]));
    }
    let value = ceiling.value;
    let unsure = ceiling.trials.iter().any(|t| Some(t.load) == value && t.depth == Depth::Full && !t.sure);
    if unsure {
        notes.push(
            "The trials at the ceiling ended with their time before the test was sure; a longer --trial makes it so."
                .into(),
        );
    }
    notes
}
