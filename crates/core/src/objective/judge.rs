//! What a run says to its objectives: the value, what it is worth, and whether the objective is met.
//!
//! The verdict is on the target, not on the sample: a percentile, a mean, a share or a throughput meets its bound when the
//! whole 95 % interval does, misses it when none of the interval does, and is undecided between. `max`, `min`, `count`,
//! `total`, `==`, bounds of 0 % and 100 %, and shares of windows are facts of the run and are never undecided.

mod over_time;

use serde::{Deserialize, Serialize};

use super::gather::{Gathered, Source, Values};
use super::value::{ONE, WHOLE};
use super::{Dimension, Measure, Objective, Op, Scope, Statistic, Tally};
use crate::distribution::Distribution;
use crate::fold::Fold;
use crate::metric::{Metric, Sections};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::schedule::Phase;
use crate::stats::{Quantile, Z_975, binomial_at_most, normal_cdf, student_cdf, t_975, wilson};
use crate::time::Span;
use over_time::{by_windows, of_flows};

/// An objective and what a run says to it: an entry of `objectives` in `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The objective as it is written.
    pub text: String,
    /// What was measured; absent if nothing was.
    pub value: Option<f64>,
    /// What was asked.
    pub asked: f64,
    /// Of both: `ms`, `share`, `usd`, or nothing for plain numbers.
    pub unit: String,
    /// How many values it is of: times, requests, or windows.
    pub samples: u64,
    /// The 95 % confidence interval; an absent end could not be bounded, an absent interval is that of a fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(Option<f64>, Option<f64>)>,
    /// Met, missed or undecided.
    pub verdict: Finding,
    /// The probability that the true value meets the bound, one-sided; absent for facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// About how many samples would decide it if the rest were like these; absent where it is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples_needed: Option<u64>,
    /// The windows, if it is looked at window by window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowShare>,
    /// What else there is to say, such as `no sample`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a run says to an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It is met.
    Met,
    /// It is not met.
    Missed,
    /// The data cannot tell.
    Undecided,
}

impl Finding {
    /// The name used in every file and on every screen.
    pub const fn name(self) -> &'static str {
        match self {
            Finding::Met => "met",
            Finding::Missed => "missed",
            Finding::Undecided => "undecided",
        }
    }
}

/// The windows of an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowShare {
    /// How long each is.
    #[serde(rename = "length_ns")]
    pub length: Span,
    /// Windows in which something was due.
    pub judged: u64,
    /// Those of them that met it.
    pub met: u64,
    /// Those of them in which nothing was measured though something was due: they are missed.
    pub without_sample: u64,
}

/// More samples than this are not advised.
const MOST_ADVISED: f64 = 1e7;

/// A figure and what it is worth, in atoms.
#[derive(Clone, Debug, Default)]
struct Figure {
    value: Option<f64>,
    /// The same without rounding, where it is a fact.
    exact: Option<u128>,
    samples: u64,
    interval: Option<(Option<f64>, Option<f64>)>,
    confidence: Option<f64>,
    needed: Option<f64>,
}

/// Judges every objective of a plan, in its order.
pub fn judge(plan: &Plan, fold: &Fold) -> Vec<Judged> {
    fold.objectives.each.iter().map(|gathered| one(gathered, plan, fold)).collect()
}

fn one(Gathered { objective, source }: &Gathered, plan: &Plan, fold: &Fold) -> Judged {
    let figure = match source {
        Source::Windows(windows) => return by_windows(objective, windows),
        Source::Fold => match objective.measure {
            Measure::Time(metric, statistic) => {
                let pooled = fold.metrics.distribution(metric);
                let sections = (metric == Metric::Gap).then(|| fold.metrics.gap_sections());
                of_distribution(objective, statistic, pooled, sections, None)
            }
            // Only times are taken from the fold's own figures.
            _ => Figure::default(),
        },
        Source::Values(values) => of_values(objective, values),
        Source::Tally { n, hits } => {
            let unsent = match (objective.phase(), objective.scope.as_ref()) {
                (Phase::Warmup | Phase::Cooldown, _) => 0,
                (Phase::Main, None) => fold.unsent(plan),
                (Phase::Main, Some(Scope { dimension, name })) => match dimension {
                    Dimension::Scenario => fold.unsent_of(plan, name),
                    // Which prompt, key or target they would have had, nobody asked.
                    Dimension::Mix
                    | Dimension::Step
                    | Dimension::Key
                    | Dimension::Turn
                    | Dimension::Target => 0,
                },
            };
            of_tally(objective, *n, *hits, unsent)
        }
        Source::Flow(flows) => of_flows(objective, flows),
    };
    let mut judged = empty(objective);
    let kind = objective.measure.kind();
    let unit = |atoms: f64| kind.of_atoms(atoms);
    judged.samples = figure.samples;
    judged.value = figure.value.map(unit);
    judged.interval = figure.interval.map(|(low, high)| (low.map(unit), high.map(unit)));
    judged.confidence = figure.confidence;
    judged.verdict = finding(objective, &figure);
    if figure.value.is_none() {
        judged.reason = Some("no sample".into());
    }
    if judged.verdict == Finding::Undecided {
        let needed = figure.needed.filter(|n| n.is_finite() && *n <= MOST_ADVISED);
        judged.samples_needed = needed.map(|n| (n.ceil() as u64).max(figure.samples + 1));
    }
    judged
}

fn empty(objective: &Objective) -> Judged {
    let kind = objective.measure.kind();
    Judged {
        text: objective.to_string(),
        value: None,
        asked: kind.of_atoms(objective.bound.atoms() as f64),
        unit: kind.unit().into(),
        samples: 0,
        interval: None,
        verdict: Finding::Missed,
        confidence: None,
        samples_needed: None,
        windows: None,
        reason: None,
    }
}

fn finding(objective: &Objective, figure: &Figure) -> Finding {
    let (op, bound) = (objective.op, objective.bound.atoms());
    let decided = |met: bool| if met { Finding::Met } else { Finding::Missed };
    let Some(value) = figure.value else { return Finding::Missed };
    let Some((low, high)) = figure.interval.filter(|_| op != Op::Equal) else {
        return decided(figure.exact.map_or(op.holds(value, bound as f64), |exact| op.holds(exact, bound)));
    };
    let holds = |end: Option<f64>| end.map(|end| op.holds(end, bound as f64));
    let (worst, best) = if op.wants_small() { (high, low) } else { (low, high) };
    match (holds(worst), holds(best)) {
        (Some(true), _) => Finding::Met,
        (_, Some(false)) => Finding::Missed,
        (Some(false) | None, Some(true) | None) => Finding::Undecided,
    }
}

fn of_values(objective: &Objective, values: &Values) -> Figure {
    let statistic = match objective.measure {
        Measure::Time(_, statistic)
        | Measure::Journey(statistic)
        | Measure::Cost(statistic)
        | Measure::InputTokens(statistic)
        | Measure::OutputTokens(statistic) => statistic,
        Measure::Errors(_)
        | Measure::Outcome(..)
        | Measure::Goodput
        | Measure::Throughput(_)
        | Measure::Journeys(..) => return Figure::default(),
    };
    let sections = matches!(objective.measure, Measure::Time(Metric::Gap, _)).then_some(&values.sections);
    of_distribution(objective, statistic, &values.steps, sections, Some(values))
}

/// A statistic of a distribution; `values` are the same, exact, where there are such.
fn of_distribution(
    objective: &Objective,
    statistic: Statistic,
    pooled: &Distribution,
    sections: Option<&Sections>,
    values: Option<&Values>,
) -> Figure {
    let step = objective.measure.kind().atoms_per_step();
    // A count is a number, whatever it is a count of.
    let step = if statistic == Statistic::Count { 1 } else { step };
    let n = pooled.count();
    if n == 0 {
        return Figure::default();
    }
    let atoms = |span: Span| u128::from(span.0) * step;
    let fact = |exact: Option<u128>| Figure {
        value: exact.map(|atoms| atoms as f64),
        exact,
        samples: n,
        ..Figure::default()
    };
    match statistic {
        Statistic::Percentile(q) => percentile(objective, q, pooled, sections, step),
        Statistic::Mean => mean(objective, pooled, sections, values, step),
        Statistic::Min => fact(values.map_or(pooled.min().map(atoms), |v| Some(v.exact.low))),
        Statistic::Max => fact(values.map_or(pooled.max().map(atoms), |v| Some(v.exact.high))),
        Statistic::Count => fact(Some(u128::from(n) * u128::from(ONE))),
        Statistic::Total => fact(Some(values.map_or(pooled.sum() * step, |v| v.exact.sum))),
    }
}

fn percentile(
    objective: &Objective,
    q: Quantile,
    pooled: &Distribution,
    sections: Option<&Sections>,
    step: u128,
) -> Figure {
    let n = pooled.count();
    let (low, high) = match sections {
        Some(sections) => sections.interval(pooled, q),
        None => pooled.interval(q),
    };
    let atoms = |span: Span| span.0 as f64 * step as f64;
    // The bound among the values: those below it, and for `<=` and `>` those that equal it too.
    let bound = Span(u64::try_from(objective.bound.atoms() / step).unwrap_or(u64::MAX));
    let whole_steps = objective.bound.atoms().is_multiple_of(step);
    let under = match objective.op {
        Op::Below | Op::AtLeast if whole_steps => pooled.count_below(bound),
        _ => pooled.count_up_to(bound),
    };
    let share = under as f64 / n as f64;
    let p = q.fraction();
    let (confidence, needed) = match sections {
        None => {
            // The true percentile is below the bound when more than that share of values is.
            let below = match under.checked_sub(1) {
                Some(fewer) => binomial_at_most(fewer, n, p),
                None => 0.0,
            };
            let confidence =
                if objective.op.wants_small() { below } else { 1.0 - binomial_at_most(under, n, p) };
            (Some(confidence), Z_975 * Z_975 * p * (1.0 - p) / (share - p).powi(2))
        }
        Some(sections) => {
            let value = pooled.quantile(q).unwrap_or(bound);
            let error = sections.error_of_share(pooled, bound).max(sections.error_of_share(pooled, value));
            let t = ratio(share - p, error);
            let below = sections.degrees().map(|degrees| student_cdf(t, degrees));
            let confidence = if objective.op.wants_small() { below } else { below.map(|c| 1.0 - c) };
            (confidence, n as f64 * (Z_975 / t).powi(2))
        }
    };
    Figure {
        value: pooled.quantile(q).map(atoms),
        exact: None,
        samples: n,
        interval: Some((low.map(atoms), high.map(atoms))),
        confidence: confidence.filter(|_| objective.op != Op::Equal),
        needed: Some(needed),
    }
}

/// A difference in standard errors; without an error it is nothing or beyond all doubt.
fn ratio(difference: f64, error: f64) -> f64 {
    match (difference, error) {
        (0.0, _) => 0.0,
        (d, 0.0) => d.signum() * f64::INFINITY,
        (d, e) => d / e,
    }
}

/// Student's interval for independent values; for those of sections, that of the ratio of their sums.
fn mean(
    objective: &Objective,
    pooled: &Distribution,
    sections: Option<&Sections>,
    values: Option<&Values>,
    step: u128,
) -> Figure {
    let n = pooled.count();
    let sum = values.map_or((pooled.sum() * step) as f64, |v| v.exact.sum as f64);
    let mean = sum / n as f64;
    let spread = match sections {
        Some(sections) => sections.degrees().map(|degrees| (sections.error_of_mean(pooled), degrees)),
        None => pooled.variance().map(|variance| ((variance / n as f64).sqrt(), n - 1)),
    };
    let spread = spread.map(|(error, degrees)| (error * step as f64, degrees));
    let t = |error: f64| ratio(objective.bound.atoms() as f64 - mean, error);
    let confidence = spread.map(|(error, degrees)| {
        let below = student_cdf(t(error), degrees);
        if objective.op.wants_small() { below } else { 1.0 - below }
    });
    let interval = spread.map(|(error, degrees)| {
        let half = t_975(degrees) * error;
        (Some((mean - half).max(0.0)), Some(mean + half))
    });
    Figure {
        value: Some(mean),
        exact: None,
        samples: n,
        interval: Some(interval.unwrap_or((None, None))),
        confidence: confidence.filter(|_| objective.op != Op::Equal),
        needed: spread.map(|(error, _)| n as f64 * (Z_975 / t(error)).powi(2)),
    }
}

/// `unsent` requests of the plan never came to anything.
fn of_tally(objective: &Objective, n: u64, hits: u64, unsent: u64) -> Figure {
    let (n, hits) = match objective.measure {
        // Planned is planned: what was not sent was no good to anybody.
        Measure::Goodput if n > 0 => (n + unsent, hits),
        Measure::Outcome(Outcome::NotSent, _) => (n + unsent, hits + unsent),
        _ => (n, hits),
    };
    if n == 0 {
        return Figure::default();
    }
    if matches!(
        objective.measure,
        Measure::Errors(Tally::Count)
            | Measure::Outcome(_, Tally::Count)
            | Measure::Journeys(_, Tally::Count)
    ) {
        let exact = u128::from(hits) * u128::from(ONE);
        return Figure { value: Some(exact as f64), exact: Some(exact), samples: n, ..Figure::default() };
    }
    let share = hits as f64 / n as f64;
    let exact = (u128::from(hits) * u128::from(WHOLE)).is_multiple_of(n.into());
    let mut figure = Figure {
        value: Some(share * WHOLE as f64),
        exact: exact.then(|| u128::from(hits) * u128::from(WHOLE) / u128::from(n)),
        samples: n,
        ..Figure::default()
    };
    let bound = objective.bound.atoms() as f64 / WHOLE as f64;
    if bound <= 0.0 || bound >= 1.0 || objective.op == Op::Equal {
        // No sample proves that something never happens.
        return figure;
    }
    let error = (bound * (1.0 - bound) / n as f64).sqrt();
    let z = (bound - share) / error;
    figure.confidence = Some(normal_cdf(if objective.op.wants_small() { z } else { -z }));
    let whole = WHOLE as f64;
    figure.interval = wilson(hits, n).map(|(low, high)| (Some(low * whole), Some(high * whole)));
    figure.needed = Some(n as f64 * (Z_975 / z).powi(2));
    figure
}

#[cfg(test)]
mod tests;
