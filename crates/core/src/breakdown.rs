//! The figures of a run again, by phase, scenario, prompt, step, key, turn and target.
//!
//! A reduced set and a thrifty one: four metrics at two digits, in histograms that grow as they must, and nothing at all
//! in a dimension of a single name, whose figures are those of the run: they are taken over when a second name appears.
//! The number of names is bounded; what comes later is counted together.

mod coarse;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fold::Counts;
use crate::metric::{Metric, Metrics};
use crate::money::Usd;
use crate::objective::Dimension;
use crate::outcome::Outcome;
use crate::record::Record;
use crate::schedule::Phase;
use crate::summary::{self, Cost, MetricSummary, Retries, Throughput, Tokens};
use coarse::Coarse;

/// More names than this in one dimension are counted under one heading.
const NAMES_KEPT: usize = 200;
/// That heading.
const OTHERS: &str = "(others)";
/// The heading of what has no name in a dimension where others have.
const NONE: &str = "(none)";

/// The metrics that are kept.
pub const KEPT: [Metric; 4] = [Metric::Ttft, Metric::Gap, Metric::Tpot, Metric::Latency];

/// The figures of the main phase by name, and those of the phases around it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Breakdowns {
    by_name: [Names; Dimension::ALL.len()],
    around: [Option<Box<Figures>>; 2],
}

/// The figures of one dimension.
#[derive(Clone, Debug, Default, PartialEq)]
enum Names {
    #[default]
    Nothing,
    /// All requests so far have this name.
    One(String),
    Several(BTreeMap<String, Figures>),
}

/// What is kept of some requests.
#[derive(Clone, Debug, Default, PartialEq)]
struct Figures {
    counts: Counts,
    times: [Coarse; KEPT.len()],
}

/// The figures of a part of a run, such as one prompt's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its requests.
    pub requests: PartRequests,
    /// Distributions by name, to two digits.
    pub metrics: BTreeMap<String, MetricSummary>,
    /// Its tokens.
    pub tokens: Tokens,
    /// From its first sending to its last byte.
    pub throughput: Throughput,
    /// What it cost.
    pub cost: Cost,
    /// Attempts and what trying again came to.
    #[serde(default)]
    pub retries: Retries,
    /// Share of its requests that met every latency objective; absent without such objectives.
    pub goodput: Option<f64>,
}

/// Requests of a part of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartRequests {
    /// Ended one way or another.
    pub ended: u64,
    /// Put on the wire.
    pub sent: u64,
    /// Answered well.
    pub ok: u64,
    /// Ended in an error.
    pub failed: u64,
    /// Each once.
    pub by_outcome: BTreeMap<String, u64>,
}

impl Breakdowns {
    /// Counts a request. `counts` and `metrics` are those of the main phase so far, without it.
    pub(crate) fn record(&mut self, r: &Record, good: Option<bool>, counts: &Counts, metrics: &Metrics) {
        let around = match r.phase {
            Phase::Warmup => Some(0),
            Phase::Cooldown => Some(1),
            Phase::Main => None,
        };
        if let Some(around) = around {
            self.around[around].get_or_insert_default().record(r, good);
            return;
        }
        for (names, dimension) in self.by_name.iter_mut().zip(Dimension::ALL) {
            let name = dimension.of(r).unwrap_or(Cow::Borrowed(NONE));
            let name = name.as_ref();
            match names {
                Names::Nothing => *names = Names::One(name.to_owned()),
                Names::One(only) if only == name => {}
                Names::One(only) => {
                    let so_far = (std::mem::take(only), Figures::of(counts, metrics));
                    *names = Names::Several([so_far].into());
                }
                Names::Several(_) => {}
            }
            if let Names::Several(figures) = names {
                let known = figures.contains_key(name) || figures.len() < NAMES_KEPT;
                let name = if known { name } else { OTHERS };
                match figures.get_mut(name) {
                    Some(figures) => figures.record(r, good),
                    None => figures.entry(name.to_owned()).or_default().record(r, good),
                }
            }
        }
    }

    /// The figures by the names of one dimension; none where there are not two of them.
    pub fn by_name(&self, dimension: Dimension) -> BTreeMap<String, Part> {
        match &self.by_name[dimension as usize] {
            Names::Nothing | Names::One(_) => BTreeMap::new(),
            Names::Several(figures) => figures.iter().map(|(name, f)| (name.clone(), f.part())).collect(),
        }
    }

    /// The same, but where all requests have one name, that name with the figures of the run, which are given.
    pub(crate) fn by_any_name(
        &self,
        dimension: Dimension,
        counts: &Counts,
        metrics: &Metrics,
    ) -> BTreeMap<String, Part> {
        match &self.by_name[dimension as usize] {
            Names::One(only) if only != NONE => [(only.clone(), Figures::of(counts, metrics).part())].into(),
            Names::Nothing | Names::One(_) | Names::Several(_) => self.by_name(dimension),
        }
    }

    /// How many requests of this name ended, of `counts` in all; none where it may have been counted with others.
    pub(crate) fn ended(&self, dimension: Dimension, name: &str, counts: &Counts) -> Option<u64> {
        match &self.by_name[dimension as usize] {
            Names::One(only) if only == name => Some(counts.ended()),
            Names::Nothing | Names::One(_) => Some(0),
            Names::Several(figures) => match figures.get(name) {
                Some(figures) => Some(figures.counts.ended()),
                None => (!figures.contains_key(OTHERS)).then_some(0),
            },
        }
    }

    /// The figures by phase; none where there was only the main one, whose `counts` and `metrics` are given.
    pub(crate) fn by_phase(&self, counts: &Counts, metrics: &Metrics) -> BTreeMap<String, Part> {
        let [warmup, cooldown] = &self.around;
        let around = [(Phase::Warmup, warmup), (Phase::Cooldown, cooldown)];
        let mut parts: BTreeMap<String, Part> = around
            .into_iter()
            .filter_map(|(phase, figures)| Some((phase.name().to_owned(), figures.as_ref()?.part())))
            .collect();
        if !parts.is_empty() {
            parts.insert(Phase::Main.name().to_owned(), Figures::of(counts, metrics).part());
        }
        parts
    }
}

impl Part {
    /// That of which no request ended.
    pub(crate) fn of_nothing() -> Part {
        Figures::default().part()
    }
}

/// Parts whose names are numbers, in the order of these; those of other names follow.
pub fn in_order_of_numbers(parts: &BTreeMap<String, Part>) -> Vec<(&String, &Part)> {
    let mut parts: Vec<(&String, &Part)> = parts.iter().collect();
    parts.sort_by_key(|(name, _)| name.parse().unwrap_or(u64::MAX));
    parts
}

impl Figures {
    /// The same of figures that are kept in full.
    fn of(counts: &Counts, metrics: &Metrics) -> Figures {
        let times = KEPT.map(|metric| Coarse::of(metrics.distribution(metric)));
        Figures { counts: counts.clone(), times }
    }

    fn record(&mut self, r: &Record, good: Option<bool>) {
        self.counts.record(r, good);
        for (times, metric) in self.times.iter_mut().zip(KEPT) {
            metric.each(r, |_, time| times.record(time));
        }
    }

    fn part(&self) -> Part {
        let counts = &self.counts;
        let by_outcome = Outcome::ALL.into_iter().map(|o| (o.name().to_owned(), counts.of(o)));
        let tokens = summary::tokens(counts);
        Part {
            requests: PartRequests {
                ended: counts.ended(),
                sent: counts.sent,
                ok: counts.of(Outcome::Ok),
                failed: counts.errors(),
                by_outcome: by_outcome.filter(|(_, n)| *n > 0).collect(),
            },
            metrics: KEPT
                .into_iter()
                .zip(&self.times)
                .map(|(metric, times)| (metric.name().to_owned(), times.summary()))
                .collect(),
            throughput: summary::throughput(counts, tokens.output),
            tokens,
            cost: Cost { spent_usd: counts.cost.map(Usd::to_decimal), ..Cost::default() },
            retries: (&counts.tries).into(),
            goodput: counts.good.map(|good| good as f64 / counts.ended().max(1) as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::tests_of_records::answer;

    fn counted(records: &[Record]) -> (Breakdowns, Counts, Metrics) {
        let (mut breakdowns, mut counts, mut metrics) =
            (Breakdowns::default(), Counts::default(), Metrics::default());
        for r in records {
            breakdowns.record(r, Some(r.outcome == Outcome::Ok), &counts, &metrics);
            if r.phase == Phase::Main {
                counts.record(r, Some(r.outcome == Outcome::Ok));
                metrics.record(r);
            }
        }
        (breakdowns, counts, metrics)
    }

    fn named(i: u64, prompt: &str, ttft_ms: u64) -> Record {
        let mut r = answer(i, &[10 + ttft_ms, 20 + ttft_ms, 30 + ttft_ms]);
        r.prompt = prompt.into();
        r
    }

    #[test]
    fn one_name_has_the_figures_of_the_run_and_keeps_none() {
        let records: Vec<Record> = (0..50).map(|i| named(i, "a", 50)).collect();
        let (breakdowns, ..) = counted(&records);
        assert!(Dimension::ALL.iter().all(|d| breakdowns.by_name(*d).is_empty()));
    }

    #[test]
    fn what_came_before_the_second_name_is_the_first_ones() {
        let mut records: Vec<Record> = (0..50).map(|i| named(i, "a", 50)).collect();
        records.extend((50..80).map(|i| named(i, "b", 200)));
        records.extend((80..100).map(|i| named(i, "a", 50)));
        records[70].outcome = Outcome::Timeout;
        let (breakdowns, ..) = counted(&records);
        let parts = breakdowns.by_name(Dimension::Mix);
        assert_eq!(parts.keys().collect::<Vec<_>>(), ["a", "b"]);
        let (a, b) = (&parts["a"], &parts["b"]);
        assert_eq!((a.requests.ended, a.requests.ok, a.goodput), (70, 70, Some(1.0)));
        assert_eq!((b.requests.ended, b.requests.ok, b.requests.failed), (30, 29, 1));
        assert_eq!((a.tokens.output, b.tokens.output), (None, None));
        assert_eq!((a.metrics["gap"].count, b.metrics["gap"].count), (140, 60));
        for (part, ttft) in [(a, 50.0), (b, 200.0)] {
            let metric = &part.metrics["ttft"];
            assert_eq!((metric.mean, metric.max), (Some(ttft), Some(ttft)), "exact");
            assert!((metric.p50.unwrap() / ttft - 1.0).abs() < 0.01, "to two digits");
        }
        assert!(breakdowns.by_name(Dimension::Scenario).is_empty());
    }

    #[test]
    fn the_number_of_names_is_bounded_and_nothing_is_lost() {
        let records: Vec<Record> = (0..1_000).map(|i| named(i, &format!("p{i}"), 50)).collect();
        let (breakdowns, ..) = counted(&records);
        let parts = breakdowns.by_name(Dimension::Mix);
        assert_eq!(parts.len(), NAMES_KEPT + 1);
        assert_eq!(parts.values().map(|part| part.requests.ended).sum::<u64>(), 1_000);
        assert_eq!(parts[OTHERS].requests.ended, 800);
    }

    #[test]
    fn phases_are_apart_and_shown_only_if_there_are_several() {
        let mut records: Vec<Record> = (0..50).map(|i| named(i, "a", 50)).collect();
        let (breakdowns, counts, metrics) = counted(&records);
        assert!(breakdowns.by_phase(&counts, &metrics).is_empty());
        records.iter_mut().take(10).for_each(|r| r.phase = Phase::Warmup);
        let (breakdowns, counts, metrics) = counted(&records);
        let parts = breakdowns.by_phase(&counts, &metrics);
        let ended: Vec<(&str, u64)> = parts.iter().map(|(n, p)| (n.as_str(), p.requests.ended)).collect();
        assert_eq!(ended, [("main", 40), ("warmup", 10)]);
    }

    #[test]
    fn requests_without_a_name_stand_beside_those_with_one() {
        let mut records: Vec<Record> = (0..10).map(|i| named(i, "a", 50)).collect();
        records.iter_mut().skip(6).for_each(|r| r.step = Some("login".into()));
        let parts = counted(&records).0.by_name(Dimension::Step);
        let ended: Vec<(&str, u64)> = parts.iter().map(|(n, p)| (n.as_str(), p.requests.ended)).collect();
        assert_eq!(ended, [("(none)", 6), ("login", 4)]);
    }
}
