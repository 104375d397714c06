//! The charts of a report: the run second by second, and the distributions as percentile curves.

mod percentiles;

use std::collections::BTreeSet;

use floodline_core::Span;
use floodline_core::event::Sample;
use floodline_core::plan::{Plan, Scenario};
use floodline_core::schedule::Phase;
use floodline_core::timeline::Bucket;
use minijinja::Value;
use serde::Serialize;

use crate::format::{Unit, count, fraction, maybe_time, one_line, planned, stopwatch};
use crate::svg::{Axis, Chart, Series, Shape, nice_ticks};

pub(super) use percentiles::percentiles;

/// More points than this on a time axis are drawn together.
const POINTS: usize = 600;
/// Up to so many points each has a hint of its own.
const HINTS: usize = 240;

/// A chart with what belongs around it.
#[derive(Serialize)]
pub(super) struct Figure {
    title: &'static str,
    caption: String,
    legend: Vec<Legend>,
    svg: Value,
}

#[derive(Serialize)]
struct Legend {
    class: &'static str,
    dashed: bool,
    name: String,
}

impl Figure {
    pub(super) fn new(title: &'static str, caption: String, names: &[&str], chart: Chart) -> Figure {
        Figure::named(title, caption, names.iter().map(|&name| name.to_owned()).collect(), chart)
    }

    fn named(title: &'static str, caption: String, names: Vec<String>, mut chart: Chart) -> Figure {
        chart.label = format!("{title}. {caption}");
        let legend = chart.series.iter().zip(names).map(|(series, name)| Legend {
            class: series.class,
            dashed: series.shape == Shape::Dashed,
            name,
        });
        Figure { title, caption, legend: legend.collect(), svg: Value::from_safe_string(chart.render()) }
    }
}

/// The run over time. Of fewer than three seconds there is nothing to draw.
pub(super) fn over_time(plan: &Plan, buckets: &[Bucket], samples: &[Sample]) -> Vec<Figure> {
    if buckets.len() < 3 {
        return Vec::new();
    }
    let time = TimeAxis::new(plan, buckets);
    let any_token = buckets.iter().any(|b| b.events > 0);
    let charts = [
        any_token.then(|| ttft(&time)),
        Some(requests(&time)),
        any_token.then(|| events(&time)),
        (!samples.is_empty()).then(|| in_flight(&time, samples)),
    ];
    charts.into_iter().flatten().chain(stated(&time)).collect()
}

/// Neighbouring seconds drawn as one point: several only in a long run.
struct TimeAxis<'a> {
    stretches: Vec<&'a [Bucket]>,
    /// Seconds in a stretch.
    seconds: usize,
    length: f64,
    warmup: Option<Span>,
    /// From where on the plan cools down.
    cooldown: Option<Span>,
}

impl<'a> TimeAxis<'a> {
    fn new(plan: &Plan, buckets: &'a [Bucket]) -> TimeAxis<'a> {
        let seconds = buckets.len().div_ceil(POINTS).max(1);
        TimeAxis {
            stretches: buckets.chunks(seconds).collect(),
            seconds,
            length: buckets.len() as f64,
            warmup: warmup(plan).filter(|w| *w > Span::ZERO),
            cooldown: cooldown(plan).filter(|c| c.as_secs_f64() < buckets.len() as f64),
        }
    }

    /// A value for each stretch, in the middle of it.
    fn points(&self, value: impl Fn(&[Bucket]) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
        self.stretches.iter().map(|&stretch| (middle(stretch), value(stretch))).collect()
    }

    /// The mean of a count over the seconds of each stretch.
    fn rate(&self, of: impl Fn(&Bucket) -> u64) -> Vec<(f64, Option<f64>)> {
        self.points(|stretch| {
            let sum: u64 = stretch.iter().map(&of).sum();
            Some(sum as f64 / stretch.len().max(1) as f64)
        })
    }

    /// The highest value in each stretch: percentiles are never averaged.
    fn highest(&self, of: impl Fn(&Bucket) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
        self.points(|stretch| stretch.iter().filter_map(&of).max_by(f64::total_cmp))
    }

    fn chart(&self, y: Axis, series: Vec<Series>, hint: impl Fn(&[Bucket]) -> String) -> Chart {
        let hints = match self.stretches.len() {
            0..=HINTS => {
                self.stretches.iter().map(|&stretch| (middle(stretch), self.hint(stretch, &hint))).collect()
            }
            _ => Vec::new(),
        };
        let warmup = self.warmup.map(|w| (0.0, w.as_secs_f64(), "warm-up, not in the figures".into()));
        let cooldown =
            self.cooldown.map(|c| (c.as_secs_f64(), self.length, "cool-down, not in the figures".into()));
        let shaded = warmup.into_iter().chain(cooldown).collect();
        Chart { label: String::new(), x: self.axis(), y, series, shaded, hints }
    }

    fn hint(&self, stretch: &[Bucket], hint: impl Fn(&[Bucket]) -> String) -> String {
        let start = stretch.first().map_or(0, |b| b.t);
        format!("{}: {}", stopwatch(Span::from_secs(start)), hint(stretch))
    }

    fn axis(&self) -> Axis {
        const STEPS: [u64; 16] =
            [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200];
        let step = STEPS.into_iter().find(|&s| self.length / s as f64 <= 6.0).unwrap_or(86_400);
        let label =
            |s: u64| if self.length <= 90.0 { format!("{s} s") } else { stopwatch(Span::from_secs(s)) };
        let ticks = (0..=self.length as u64 / step).map(|k| ((k * step) as f64, label(k * step)));
        Axis { end: self.length, ticks: ticks.collect() }
    }

    /// What must be said about the drawing of a long run or a warm-up.
    fn remarks(&self, long: &str) -> String {
        let mut text = String::new();
        if self.seconds > 1 {
            text.push_str(&format!(" Each point is {long} of {} seconds.", self.seconds));
        }
        match (self.warmup, self.cooldown) {
            (Some(_), None) => text.push_str(" Shaded: warm-up, not in the figures."),
            (None, Some(_)) => text.push_str(" Shaded: cool-down, not in the figures."),
            (Some(_), Some(_)) => text.push_str(" Shaded: warm-up and cool-down, not in the figures."),
            (None, None) => {}
        }
        text
    }
}

fn middle(stretch: &[Bucket]) -> f64 {
    stretch.first().map_or(0.0, |b| b.t as f64) + stretch.len() as f64 / 2.0
}

/// How long the plan warms up before it measures: where scenarios differ, until the first of them does.
fn warmup(plan: &Plan) -> Option<Span> {
    let warms = |scenario: &Scenario| scenario.stretches().iter().any(|(phase, _)| *phase == Phase::Warmup);
    let measured_from = |scenario: &Scenario| Some(scenario.start + warmup_of(scenario)?);
    plan.scenarios
        .iter()
        .any(warms)
        .then(|| plan.scenarios.iter().map(measured_from).min().flatten())
        .flatten()
}

fn warmup_of(scenario: &Scenario) -> Option<Span> {
    let stretches = scenario.stretches();
    let before = stretches.iter().take_while(|(phase, _)| *phase == Phase::Warmup);
    before.map(|(_, length)| *length).try_fold(Span::ZERO, |sum, length| Some(sum + length?))
}

/// From where on the plan only cools down: where scenarios differ, when the last of them is no longer measured.
fn cooldown(plan: &Plan) -> Option<Span> {
    let stretches = |scenario: &Scenario| scenario.stretches().into_iter();
    let cools = |scenario| stretches(scenario).any(|(phase, _)| phase == Phase::Cooldown);
    let measured_until = |scenario: &Scenario| {
        let measured = stretches(scenario).take_while(|(phase, _)| *phase != Phase::Cooldown);
        measured.map(|(_, length)| length).try_fold(scenario.start, |sum, length| Some(sum + length?))
    };
    let ends: Option<Vec<Span>> = plan.scenarios.iter().map(measured_until).collect();
    ends.filter(|_| plan.scenarios.iter().any(cools)).and_then(|ends| ends.into_iter().max())
}

fn ttft(axis: &TimeAxis<'_>) -> Figure {
    let p99 = line("p99", axis.highest(|b| b.ttft_p99));
    let p50 = line("p50", axis.highest(|b| b.ttft_p50));
    let y = time_axis(most(&[&p99, &p50]));
    let of = |stretch: &[Bucket], value: fn(&Bucket) -> Option<f64>| {
        maybe_time(stretch.iter().filter_map(value).max_by(f64::total_cmp))
    };
    let chart = axis.chart(y, vec![p99, p50], |s| {
        format!("p50 {}, p99 {}", of(s, |b| b.ttft_p50), of(s, |b| b.ttft_p99))
    });
    let caption = format!(
        "Time from sending to the first token, of the first tokens that arrived in each second.{}",
        axis.remarks("the highest")
    );
    Figure::new("Time to first token", caption, &["p99", "p50"], chart)
}

fn requests(axis: &TimeAxis<'_>) -> Figure {
    let ok = Series { shape: Shape::Area, ..line("ok", axis.rate(|b| b.ok)) };
    let sent = Series { shape: Shape::Dashed, ..line("sent", axis.rate(|b| b.sent)) };
    let errors = line("bad", axis.rate(|b| b.errors));
    let again = axis
        .stretches
        .iter()
        .any(|s| s.iter().map(|b| b.attempts).sum::<u64>() > s.iter().map(|b| b.sent).sum());
    if again {
        return attempts(axis, ok, errors);
    }
    let y = number_axis(most(&[&ok, &sent, &errors]));
    let sum = |s: &[Bucket], of: fn(&Bucket) -> u64| count(s.iter().map(of).sum());
    let chart = axis.chart(y, vec![ok, sent, errors], |s| {
        format!("{} ok, {} sent, {} errors", sum(s, |b| b.ok), sum(s, |b| b.sent), sum(s, |b| b.errors))
    });
    let caption = format!(
        "Requests per second: sent, ended ok, ended in an error. Where sent stays above ok, work piles up.{}",
        axis.remarks("the mean")
    );
    Figure::new("Requests per second", caption, &["ok", "sent", "errors"], chart)
}

/// The same of a run in which requests were sent more than once.
fn attempts(axis: &TimeAxis<'_>, ok: Series, errors: Series) -> Figure {
    let attempts = Series { shape: Shape::Dashed, ..line("p99", axis.rate(|b| b.attempts)) };
    let y = number_axis(most(&[&ok, &attempts, &errors]));
    let sum = |s: &[Bucket], of: fn(&Bucket) -> u64| count(s.iter().map(of).sum());
    let chart = axis.chart(y, vec![ok, attempts, errors], |s| {
        format!(
            "{} ok, {} attempts, {} errors",
            sum(s, |b| b.ok),
            sum(s, |b| b.attempts),
            sum(s, |b| b.errors)
        )
    });
    let caption = format!(
        "Requests that ended ok or in an error, and attempts, per second. What attempts have more is what trying again adds \
         to the load.{}",
        axis.remarks("the mean")
    );
    Figure::new("Requests and attempts per second", caption, &["ok", "attempts", "errors"], chart)
}

fn events(axis: &TimeAxis<'_>) -> Figure {
    let events = Series { shape: Shape::Area, ..line("events", axis.rate(|b| b.events)) };
    let y = number_axis(most(&[&events]));
    let chart =
        axis.chart(y, vec![events], |s| format!("{} events", count(s.iter().map(|b| b.events).sum())));
    let caption = format!(
        "Stream events that carried tokens, per second. An event may hold more than one token.{}",
        axis.remarks("the mean")
    );
    Figure::new("Token events per second", caption, &["events"], chart)
}

/// How much of each stated limit was used; more limits than there are colours are drawn on charts of their own.
fn stated(axis: &TimeAxis<'_>) -> Vec<Figure> {
    const COLOURS: [&str; 4] = ["events", "p99", "ok", "sent"];
    const CHARTS: usize = 3;
    let labels: BTreeSet<&str> = axis
        .stretches
        .iter()
        .flat_map(|s| s.iter())
        .flat_map(|b| b.stated_used.keys())
        .map(String::as_str)
        .collect();
    let labels: Vec<&str> = labels.into_iter().collect();
    let chart = |labels: &[&str]| {
        let used = |label: &str| {
            let label = label.to_owned();
            axis.highest(move |b| b.stated_used.get(&label).map(|used| used * 100.0))
        };
        let series: Vec<Series> =
            labels.iter().zip(COLOURS).map(|(label, colour)| line(colour, used(label))).collect();
        let y = percent_axis(most(&series.iter().collect::<Vec<_>>()));
        let hint = |stretch: &[Bucket]| {
            let of = |label: &&str| {
                let most =
                    stretch.iter().filter_map(|b| b.stated_used.get(*label).copied()).max_by(f64::total_cmp);
                Some(format!("{} {}", one_line(label, 40), fraction(most?)))
            };
            let told: Vec<String> = labels.iter().filter_map(of).collect();
            if told.is_empty() { "nothing stated".into() } else { told.join(", ") }
        };
        let caption = format!(
            "The share of each limit that answers stated to be used, the highest of each second. At 100 % the next \
             request is refused.{}",
            axis.remarks("the highest")
        );
        let names: Vec<String> = labels.iter().map(|label| one_line(label, 40)).collect();
        let drawn = axis.chart(y, series, hint);
        Figure::named("Stated limits", caption, names, drawn)
    };
    labels.chunks(COLOURS.len()).take(CHARTS).map(chart).collect()
}

/// Drawn from samples, not from seconds: a sample is a look at one instant.
fn in_flight(axis: &TimeAxis<'_>, samples: &[Sample]) -> Figure {
    let highest = |of: fn(&Sample) -> u64| {
        let point = |stretch: &[Sample]| {
            let at = stretch.last().map_or(0.0, |s| s.at.as_secs_f64());
            (at, stretch.iter().map(of).max().map(|n| n as f64))
        };
        samples.chunks(axis.seconds).map(point).collect()
    };
    let in_flight = Series { shape: Shape::Area, ..line("events", highest(|s| s.in_flight)) };
    let waiting = line("p99", highest(|s| s.waiting));
    let y = number_axis(most(&[&in_flight, &waiting]));
    let chart = Chart { hints: Vec::new(), ..axis.chart(y, vec![in_flight, waiting], |_| String::new()) };
    let caption = format!(
        "Requests sent and not yet ended, and requests that were due and could not leave yet, once a second.{}",
        axis.remarks("the highest")
    );
    Figure::new("Requests in flight", caption, &["in flight", "waiting to leave"], chart)
}

pub(super) fn line(class: &'static str, points: Vec<(f64, Option<f64>)>) -> Series {
    Series { class, shape: Shape::Line, points, marks: Vec::new() }
}

pub(super) fn most(series: &[&Series]) -> f64 {
    series.iter().flat_map(|s| &s.points).filter_map(|(_, y)| *y).fold(0.0, f64::max)
}

/// An axis of times, labelled in the unit that fits its end.
pub(super) fn time_axis(most_ms: f64) -> Axis {
    let unit = Unit::of(most_ms);
    let ticks = nice_ticks(unit.scale(most_ms));
    let per = unit.scale(1.0);
    let end = ticks.last().copied().unwrap_or(1.0) / per;
    let label = |value: f64| format!("{} {}", tick(value), unit.name());
    Axis { end, ticks: ticks.into_iter().map(|value| (value / per, label(value))).collect() }
}

/// An axis of shares, up to a hundred per cent at least.
fn percent_axis(most: f64) -> Axis {
    let ticks = nice_ticks(most.max(100.0));
    let end = ticks.last().copied().unwrap_or(100.0);
    let label = |value: f64| format!("{} %", tick(value));
    Axis { end, ticks: ticks.into_iter().map(|value| (value, label(value))).collect() }
}

pub(super) fn number_axis(most: f64) -> Axis {
    let ticks = nice_ticks(most);
    let end = ticks.last().copied().unwrap_or(1.0);
    // One unit for the whole axis.
    let (per, unit) = match end {
        e if e >= 10_000_000.0 => (1e6, "M"),
        e if e >= 100_000.0 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let label = |value: f64| if value == 0.0 { "0".into() } else { format!("{}{unit}", tick(value / per)) };
    Axis { end, ticks: ticks.into_iter().map(|value| (value, label(value))).collect() }
}

/// A round number without needless decimals.
fn tick(value: f64) -> String {
    match value {
        v if v.fract() == 0.0 => count(v as u64),
        v => format!("{}", (v * 1e6).round() / 1e6),
    }
}

/// How much time the charts cover, for the heading above them.
pub(super) fn covered(buckets: &[Bucket]) -> String {
    planned(Span::from_secs(buckets.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_one_unit() {
        let labels = |axis: Axis| axis.ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(number_axis(8_000.0)), ["0", "2,000", "4,000", "6,000", "8,000"]);
        assert_eq!(labels(number_axis(1_200_000.0)), ["0", "500k", "1,000k", "1,500k"]);
        assert_eq!(labels(time_axis(1_900.0)), ["0 s", "0.5 s", "1 s", "1.5 s", "2 s"]);
    }
}
