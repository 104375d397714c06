//! The figures of a run by phase, scenario, prompt, step, turn, target and key, as tables.

use std::collections::BTreeMap;

use floodline_core::breakdown::{Part, in_order_of_numbers};
use floodline_core::metric::Metric;
use floodline_core::outcome::Outcome;
use floodline_core::plan::Plan;
use floodline_core::schedule::Phase;
use floodline_core::summary::{MetricSummary, RunSummary};

use crate::format::{MISSING, maybe, maybe_time, one_line, share, short_count};
use crate::retries;

/// Longer names are cut.
const NAME: usize = 18;
/// More names than this are left to `summary.json`.
const SHOWN: usize = 20;
/// A flow is read as a whole.
const STEPS_SHOWN: usize = 60;

/// One dimension with more than one name.
pub(crate) struct Table {
    /// What the names are of.
    pub(crate) title: &'static str,
    /// The headings of the columns behind the name.
    pub(crate) headings: Vec<&'static str>,
    /// The name and its cells.
    pub(crate) rows: Vec<(String, Vec<String>)>,
    /// Names that are not shown.
    pub(crate) more: usize,
}

/// Every dimension that says something, but for those of [`of_journeys`].
pub(crate) fn tables(summary: &RunSummary) -> Vec<Table> {
    let mut dimensions = vec![("phase", &summary.by_phase), ("scenario", &summary.by_scenario)];
    // What a step sends goes by its name: no need to say it twice.
    if summary.journeys.is_none() || summary.by_prompt.keys().ne(summary.by_step.keys()) {
        dimensions.push(("prompt", &summary.by_prompt));
    }
    if summary.journeys.is_none() {
        dimensions.push(("step", &summary.by_step));
        dimensions.extend(within(summary));
    }
    dimensions.push(("key", &summary.by_key));
    several(dimensions)
}

/// What is told apart within journeys: the steps, in the order of the flow and whether or not they were reached; turns and
/// targets.
pub(crate) fn of_journeys(plan: &Plan, summary: &RunSummary) -> Vec<Table> {
    if summary.journeys.is_none() {
        return Vec::new();
    }
    let steps = steps(plan, &summary.by_step);
    steps.into_iter().chain(several(within(summary).into())).collect()
}

fn within(summary: &RunSummary) -> [(&'static str, &BTreeMap<String, Part>); 2] {
    [("turn", &summary.by_turn), ("target", &summary.by_target)]
}

fn several(dimensions: Vec<(&'static str, &BTreeMap<String, Part>)>) -> Vec<Table> {
    let several = dimensions.into_iter().filter(|(_, parts)| parts.len() > 1);
    several.map(|(title, parts)| table(title, parts)).collect()
}

/// A time of a part.
fn time(part: &Part, metric: Metric, of: fn(&MetricSummary) -> Option<f64>) -> String {
    maybe_time(part.metrics.get(metric.name()).and_then(of))
}

fn steps(plan: &Plan, parts: &BTreeMap<String, Part>) -> Option<Table> {
    let flows = plan.scenarios.iter().filter_map(|scenario| scenario.flow.as_deref());
    let mut names: Vec<&str> = Vec::new();
    let planned = flows.flat_map(|flow| flow.requests()).map(|step| step.name.as_str());
    for name in planned.chain(parts.keys().map(String::as_str)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let row = |name: &&str| {
        let Some(part) = parts.get(*name) else {
            let missing = std::iter::repeat_n(MISSING.to_owned(), 4);
            return (one_line(name, NAME), ["0"; 4].map(str::to_owned).into_iter().chain(missing).collect());
        };
        let check = part.requests.by_outcome.get(Outcome::CheckFailed.name()).copied().unwrap_or(0);
        let counts = [part.requests.sent, part.requests.ok, part.requests.failed, check].map(short_count);
        let times = [
            time(part, Metric::Ttft, |m| m.p50),
            time(part, Metric::Ttft, |m| m.p99),
            time(part, Metric::Latency, |m| m.p50),
            time(part, Metric::Latency, |m| m.p99),
        ];
        (one_line(name, NAME), counts.into_iter().chain(times).collect())
    };
    let headings = ["sent", "ok", "failed", "check_failed", "ttft p50", "p99", "latency p50", "p99"];
    (!names.is_empty()).then(|| Table {
        title: "step",
        headings: headings.into(),
        rows: names.iter().take(STEPS_SHOWN).map(row).collect(),
        more: names.len().saturating_sub(STEPS_SHOWN),
    })
}

fn table(title: &'static str, parts: &BTreeMap<String, Part>) -> Table {
    let mut headings = vec!["requests", "ok", "ttft p50", "p99", "gap p50", "latency p50", "p99", "tokens/s"];
    let has_cost = parts.values().any(|part| part.cost.spent_usd.is_some());
    if has_cost {
        headings.push("cost");
    }
    // Of targets, some attempts are of requests that ended elsewhere.
    let tried =
        |part: &Part| retries::tried_again(&part.retries) || part.retries.attempts > part.requests.ended;
    let has_retries = parts.values().any(tried);
    if has_retries {
        headings.push("attempts");
    }
    let row = |(name, part): (&String, &Part)| {
        let mut cells = vec![
            short_count(part.requests.ended),
            share(part.requests.ok, part.requests.ended),
            time(part, Metric::Ttft, |m| m.p50),
            time(part, Metric::Ttft, |m| m.p99),
            time(part, Metric::Gap, |m| m.p50),
            time(part, Metric::Latency, |m| m.p50),
            time(part, Metric::Latency, |m| m.p99),
            maybe(part.throughput.output_tokens_per_s),
        ];
        if has_cost {
            let spent = part.cost.spent_usd.as_deref().and_then(|usd| floodline_core::Usd::parse(usd).ok());
            cells.push(spent.map_or_else(|| MISSING.into(), |usd| usd.to_string()));
        }
        if has_retries {
            cells.push(short_count(part.retries.attempts));
        }
        (one_line(name, NAME), cells)
    };
    // Phases in the order in which they come, turns in that of their numbers, other names in that of the alphabet.
    let phase =
        |name: &str| Phase::ALL.into_iter().position(|phase| title == "phase" && phase.name() == name);
    let mut in_order: Vec<(&String, &Part)> = match title {
        "turn" => in_order_of_numbers(parts),
        _ => parts.iter().collect(),
    };
    in_order.sort_by_key(|(name, _)| phase(name));
    Table {
        title,
        headings,
        rows: in_order.into_iter().take(SHOWN).map(row).collect(),
        more: parts.len().saturating_sub(SHOWN),
    }
}
