//! The metrics that are shown, in order, with what a person must know to read each of them.

use floodline_core::metric::Metric;
use floodline_core::plan::Plan;
use floodline_core::summary::{MetricSummary, RunSummary};

use crate::format::{Unit, three_digits};

/// Up to so many values, intervals are shown; from there on they are narrow unless an end is open.
const FEW: u64 = 1_000;

/// A percentile that is shown: its key in intervals and its heading.
pub(crate) const PERCENTILES: [(&str, &str); 5] =
    [("p50", "p50"), ("p90", "p90"), ("p95", "p95"), ("p99", "p99"), ("p999", "p99.9")];

/// One metric with something in it, or one that ought to be there and is missing.
pub(crate) struct Row<'a> {
    pub(crate) metric: Metric,
    pub(crate) figures: &'a MetricSummary,
    /// Whether it is the same metric as the row above, on the other clock.
    pub(crate) other_clock: bool,
    /// Whether its values are upper bounds.
    pub(crate) upper_bound: bool,
    /// How many independent values there are: of gaps, the answers they are of.
    independent: u64,
}

impl Row<'_> {
    /// The percentiles in the order of [`PERCENTILES`].
    pub(crate) fn percentiles(&self) -> [Option<f64>; 5] {
        let f = self.figures;
        [f.p50, f.p90, f.p95, f.p99, f.p999]
    }

    /// The interval of each percentile, in milliseconds.
    pub(crate) fn intervals(&self) -> [(Option<f64>, Option<f64>); 5] {
        PERCENTILES.map(|(key, _)| self.figures.interval.get(key).copied().unwrap_or_default())
    }

    /// Whether the intervals say something that the percentiles alone would hide.
    pub(crate) fn wants_intervals(&self) -> bool {
        let open = self.intervals().iter().any(|(low, high)| low.is_none() || high.is_none());
        self.figures.count > 0 && (self.independent < FEW || open)
    }

    /// What it is, in one sentence.
    pub(crate) fn meaning(&self) -> &'static str {
        meaning(self.metric)
    }

    /// Its name as people read it.
    pub(crate) fn label(&self) -> String {
        if self.other_clock { "  from schedule".into() } else { self.metric.name().replace('_', " ") }
    }
}

/// Both ends in the unit of the value they are about; where one is open, a bound; where both are, nothing is known.
pub(crate) fn interval(value_ms: f64, ends: (Option<f64>, Option<f64>)) -> String {
    let unit = Unit::of(value_ms);
    let digits = |ms: f64| three_digits(unit.scale(ms)).replace(',', "");
    match ends {
        (Some(low), Some(high)) => format!("{}–{}", digits(low), digits(high)),
        (Some(low), None) => format!("≥{}", digits(low)),
        (None, Some(high)) => format!("≤{}", digits(high)),
        (None, None) => "too few".into(),
    }
}

/// What a metric measures, in one sentence.
fn meaning(metric: Metric) -> &'static str {
    match metric {
        Metric::Ttft => "From sending to the first token.",
        Metric::TtftFromSchedule => {
            "From the planned instant to the first token, waits and retries included."
        }
        Metric::FirstContent => "From sending to the first token that is not reasoning.",
        Metric::Gap => "Between neighbouring token arrivals of one answer, over all answers.",
        Metric::MaxGap => "The longest gap of each answer.",
        Metric::Tpot => "Time per output token after the first, per ok answer.",
        Metric::Latency => "From sending to the last byte, ok answers only.",
        Metric::LatencyFromSchedule => "From the planned instant to the last byte, ok answers only.",
        Metric::Connect => "Resolving, connecting and TLS, where a request opened a connection.",
        Metric::Held => "Waiting that the plan ordered before sending, of the requests that had to wait.",
        Metric::Hook => "In the user's own programs; no part of any other time.",
        Metric::Late => "How late the generator sent, against the plan.",
        Metric::Lag => "From the kernel's arrival stamp to the generator reading it.",
    }
}

/// The metrics of the target, both clocks. The generator's own (late, lag) belong to its health.
///
/// `first_content` is shown only where it differs from `ttft`, `connect` only where connections were opened, `held`
/// only where requests had to wait, `hook` only where there were such programs, and
/// what only streams have only where streams were asked for.
pub(crate) fn rows<'a>(plan: &Plan, summary: &'a RunSummary) -> Vec<Row<'a>> {
    let upper_bound = is_upper_bound(summary);
    let answers_with_gaps = summary.metrics.get(Metric::MaxGap.name()).map_or(0, |figures| figures.count);
    Metric::ALL
        .into_iter()
        .filter(|metric| !matches!(metric, Metric::Late | Metric::Lag))
        .filter_map(|metric| Some((metric, figures(summary, metric)?)))
        .filter(|(metric, figures)| match metric {
            Metric::FirstContent => {
                figures.count > 0 && !same(figures, summary.metrics.get(Metric::Ttft.name()))
            }
            Metric::Connect | Metric::Held | Metric::Hook => figures.count > 0,
            Metric::Latency | Metric::LatencyFromSchedule => true,
            _ => plan.target.stream || figures.count > 0,
        })
        .map(|(metric, figures)| Row {
            metric,
            figures,
            other_clock: matches!(metric, Metric::TtftFromSchedule | Metric::LatencyFromSchedule),
            upper_bound: upper_bound
                && matches!(metric, Metric::Ttft | Metric::TtftFromSchedule | Metric::FirstContent),
            independent: if metric == Metric::Gap { answers_with_gaps } else { figures.count },
        })
        .collect()
}

fn figures(summary: &RunSummary, metric: Metric) -> Option<&MetricSummary> {
    match metric {
        Metric::Hook => summary.hooks.as_ref(),
        other => summary.metrics.get(other.name()),
    }
}

/// Whether more than 1 % of first tokens shared a read with later ones, so that TTFT is an upper bound.
pub(crate) fn is_upper_bound(summary: &RunSummary) -> bool {
    summary.generator.coalesced_first.is_some_and(|share| share > 0.01)
}

fn same(a: &MetricSummary, b: Option<&MetricSummary>) -> bool {
    b.is_some_and(|b| (a.count, a.mean, a.p50, a.p99, a.max) == (b.count, b.mean, b.p50, b.p99, b.max))
}
