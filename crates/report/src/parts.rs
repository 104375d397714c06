//! The figures of a run by phase, scenario, prompt, step and key, as tables.

use std::collections::BTreeMap;

use floodline_core::breakdown::Part;
use floodline_core::metric::Metric;
use floodline_core::schedule::Phase;
use floodline_core::summary::RunSummary;

use crate::format::{MISSING, maybe, maybe_time, one_line, share, short_count};

/// Longer names are cut.
const NAME: usize = 18;
/// More names than this are left to `summary.json`.
const SHOWN: usize = 20;

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

/// Every dimension that says something.
pub(crate) fn tables(summary: &RunSummary) -> Vec<Table> {
    [
        ("phase", &summary.by_phase),
        ("scenario", &summary.by_scenario),
        ("prompt", &summary.by_prompt),
        ("step", &summary.by_step),
        ("key", &summary.by_key),
    ]
    .into_iter()
    .filter(|(_, parts)| parts.len() > 1)
    .map(|(title, parts)| table(title, parts))
    .collect()
}

fn table(title: &'static str, parts: &BTreeMap<String, Part>) -> Table {
    let mut headings = vec!["requests", "ok", "ttft p50", "p99", "gap p50", "latency p50", "p99", "tokens/s"];
    let has_cost = parts.values().any(|part| part.cost.spent_usd.is_some());
    if has_cost {
        headings.push("cost");
    }
    let row = |(name, part): (&String, &Part)| {
        let time = |metric: Metric, of: fn(&floodline_core::summary::MetricSummary) -> Option<f64>| {
            maybe_time(part.metrics.get(metric.name()).and_then(of))
        };
        let mut cells = vec![
            short_count(part.requests.ended),
            share(part.requests.ok, part.requests.ended),
            time(Metric::Ttft, |m| m.p50),
            time(Metric::Ttft, |m| m.p99),
            time(Metric::Gap, |m| m.p50),
            time(Metric::Latency, |m| m.p50),
            time(Metric::Latency, |m| m.p99),
            maybe(part.throughput.output_tokens_per_s),
        ];
        if has_cost {
            let spent = part.cost.spent_usd.as_deref().and_then(|usd| floodline_core::Usd::parse(usd).ok());
            cells.push(spent.map_or_else(|| MISSING.into(), |usd| usd.to_string()));
        }
        (one_line(name, NAME), cells)
    };
    // Phases in the order in which they come, other names in that of the alphabet.
    let phase =
        |name: &str| Phase::ALL.into_iter().position(|phase| title == "phase" && phase.name() == name);
    let mut in_order: Vec<(&String, &Part)> = parts.iter().collect();
    in_order.sort_by_key(|(name, _)| phase(name));
    Table {
        title,
        headings,
        rows: in_order.into_iter().take(SHOWN).map(row).collect(),
        more: parts.len().saturating_sub(SHOWN),
    }
}
