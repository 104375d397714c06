//! Objectives as shares: what part of the values may miss, and how many of one request's values do.
//!
//! A percentile at or below its bound says that so large a share of the values lies within it: `ttft p95 < 500ms` is met
//! where at most 5 % of all TTFTs are 500 ms or more. Rates and goodput are shares as they stand. So all of them can be
//! decided by one test of a proportion, as requests end. Means, ends, sums, flows and windows are no shares.

use super::gather::each;
use super::{Bound, Goodput, Measure, Objective, Op, Statistic, Tally};
use crate::record::Record;

/// Objectives, as far as they are shares.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    each: Vec<(Objective, Option<f64>)>,
    goodput: Goodput,
}

/// Values of one request, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Misses {
    /// How many values there are.
    pub values: u64,
    /// Those of them that miss.
    pub missed: u64,
}

impl Shares {
    /// These objectives, in this order.
    pub fn of(objectives: &[Objective]) -> Shares {
        let each = objectives.iter().map(|objective| (objective.clone(), objective.may_miss()));
        Shares { each: each.collect(), goodput: Goodput::of(objectives) }
    }

    /// The share of values that may miss each objective; none for one that is no share.
    pub fn allowed(&self) -> impl Iterator<Item = Option<f64>> + '_ {
        self.each.iter().map(|(_, allowed)| *allowed)
    }

    /// The values that a request has for each objective: none of one that is no share, or about others.
    pub fn misses<'a>(&'a self, record: &'a Record) -> impl Iterator<Item = Misses> + 'a {
        let good = self.goodput.is_good(record);
        self.each.iter().map(move |(objective, allowed)| {
            let mut misses = Misses::default();
            if allowed.is_none() || objective.phase() != record.phase || !objective.is_about(record) {
                return misses;
            }
            each(objective.measure, record, good, |_, atoms| {
                misses.values += 1;
                misses.missed += u64::from(objective.is_missed_by(atoms));
            });
            misses
        })
    }

    /// Whether a request is good, where some objective says what that is.
    pub fn is_good(&self, record: &Record) -> Option<bool> {
        self.goodput.is_good(record)
    }
}

impl Objective {
    /// The share of its values that may miss it, where it is that kind of objective.
    fn may_miss(&self) -> Option<f64> {
        if self.over.is_some() || self.op == Op::Equal {
            return None;
        }
        // Where the value is to be small, and where it is to be large.
        let (small, large) = match (self.measure, self.bound) {
            (
                Measure::Errors(Tally::Rate) | Measure::Outcome(_, Tally::Rate) | Measure::Goodput,
                Bound::Share(share),
            ) => (share.fraction(), 1.0 - share.fraction()),
            (
                Measure::Time(_, Statistic::Percentile(q))
                | Measure::Cost(Statistic::Percentile(q))
                | Measure::InputTokens(Statistic::Percentile(q))
                | Measure::OutputTokens(Statistic::Percentile(q)),
                _,
            ) => (1.0 - q.fraction(), q.fraction()),
            _ => return None,
        };
        Some(if self.op.wants_small() { small } else { large })
    }

    /// Whether a value, in atoms, is one of those of which there may be only so many.
    fn is_missed_by(&self, atoms: u128) -> bool {
        match self.measure {
            // Yes or no: with `<` it is the yes that is to be rare.
            Measure::Errors(_) | Measure::Outcome(..) | Measure::Goodput => {
                (atoms > 0) == self.op.wants_small()
            }
            Measure::Time(..)
            | Measure::Cost(_)
            | Measure::InputTokens(_)
            | Measure::OutputTokens(_)
            | Measure::Throughput(_)
            | Measure::Journeys(..)
            | Measure::Journey(_) => !self.op.holds(atoms, self.bound.atoms()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::tests_of_records::{answer, objective};
    use crate::outcome::Outcome;

    fn shares(texts: &[&str]) -> Shares {
        Shares::of(&texts.iter().map(|text| objective(text)).collect::<Vec<_>>())
    }

    #[test]
    fn percentiles_rates_and_goodput_are_shares_and_the_rest_is_not() {
        for (text, allowed) in [
            ("ttft p95 < 500ms", Some(0.05)),
            ("gap p99 <= 80ms", Some(0.01)),
            ("errors rate < 1%", Some(0.01)),
            ("rate_limited rate <= 0%", Some(0.0)),
            ("goodput > 95%", Some(0.05)),
            ("ttft p50 > 1ms", Some(0.5)),
            ("ttft mean < 1s", None),
            ("ttft max < 1s", None),
            ("errors count < 5", None),
            ("requests_per_s > 5", None),
            ("ttft p95 < 1s over 10s", None),
        ] {
            let found = shares(&[text]).allowed().next().unwrap();
            let near = |a: f64| found.is_some_and(|found| (found - a).abs() < 1e-9);
            assert!(allowed.map_or(found.is_none(), near), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_request_misses_with_the_values_that_it_has() {
        // Sent at 10 ms, tokens at 60, 70, 110: TTFT 50 ms, gaps 10 and 40 ms.
        let mut record = answer(0, &[60, 70, 110]);
        let them = shares(&["ttft p95 < 50ms", "gap p99 < 20ms", "errors rate < 1%", "goodput > 90%"]);
        let of = |record: &Record| them.misses(record).map(|m| (m.values, m.missed)).collect::<Vec<_>>();
        assert_eq!(of(&record), [(1, 1), (2, 1), (1, 0), (1, 1)]);
        record.outcome = Outcome::RateLimited;
        record.first_token = None;
        record.arrivals = Default::default();
        assert_eq!(of(&record), [(0, 0), (0, 0), (1, 1), (1, 1)]);
        record.phase = crate::Phase::Warmup;
        assert_eq!(of(&record), [(0, 0); 4]);
    }
}
