//! Which requests are good: ok, and each latency objective met by what they measured themselves (design: "Words").

use super::gather::{Cell, each};
use super::{Measure, Objective, Statistic};
use crate::metric::Metric;
use crate::outcome::Outcome;
use crate::record::Record;

/// The latency objectives of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Goodput {
    demands: Vec<Objective>,
}

impl Goodput {
    pub(crate) fn of(objectives: &[Objective]) -> Goodput {
        Goodput { demands: objectives.iter().filter(|o| is_of_latency(o)).cloned().collect() }
    }

    /// Whether a request is good; missing where nothing is demanded of any.
    pub(crate) fn is_good(&self, record: &Record) -> Option<bool> {
        if self.demands.is_empty() {
            return None;
        }
        let applies =
            |o: &&Objective| o.phase.is_none_or(|phase| phase == record.phase) && o.is_about(record);
        let good = record.outcome == Outcome::Ok
            && self.demands.iter().filter(applies).all(|objective| meets(objective, record));
        Some(good)
    }
}

/// Whether it is about the time that one answer takes, so that each answer meets it or does not.
pub(crate) fn is_of_latency(objective: &Objective) -> bool {
    let Measure::Time(metric, statistic) = objective.measure else { return false };
    statistic != Statistic::Count
        && matches!(metric, Metric::Ttft | Metric::Tpot | Metric::Latency | Metric::MaxGap | Metric::Gap)
}

fn meets(objective: &Objective, record: &Record) -> bool {
    let mut own = Cell::default();
    each(objective.measure, record, None, |_, atoms| own.take(atoms, objective.bound.atoms()));
    match own.meets(objective) {
        Some(meets) => meets,
        // An answer of a single arrival has no gap that could be too long. What was never measured meets nothing.
        None => {
            let between_tokens =
                matches!(objective.measure, Measure::Time(Metric::Gap | Metric::MaxGap | Metric::Tpot, _));
            between_tokens && record.first_token.is_some() && record.arrivals.count() < 2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::gather::tests::{answer, objective};

    fn good(objectives: &[&str], record: &Record) -> Option<bool> {
        Goodput::of(&objectives.iter().map(|text| objective(text)).collect::<Vec<_>>()).is_good(record)
    }

    #[test]
    fn a_request_is_held_to_each_value_itself() {
        // Sent at 10 ms, tokens at 60, 70, 110: TTFT 50 ms, gaps 10 and 40 ms, TPOT 25 ms, latency 100 ms.
        let record = answer(0, &[60, 70, 110]);
        for (objectives, expected) in [
            (vec!["ttft p95 < 51ms"], true),
            (vec!["ttft p95 < 50ms"], false),
            (vec!["ttft p95 <= 50ms"], true),
            (vec!["ttft mean < 51ms"], true),
            (vec!["latency p50 <= 100ms"], true),
            (vec!["latency max < 100ms"], false),
            (vec!["tpot p99 <= 25ms"], true),
            (vec!["max_gap p50 < 41ms"], true),
            (vec!["max_gap p50 < 40ms"], false),
            // Of two gaps the median is the first, the 99th percentile the second.
            (vec!["gap p50 < 11ms"], true),
            (vec!["gap p99 < 11ms"], false),
            (vec!["gap mean < 26ms"], true),
            (vec!["ttft p95 < 51ms", "gap p99 < 11ms"], false),
            (vec!["ttft p95 < 51ms", "gap p99 < 41ms"], true),
            // What is about other requests or another phase does not enter.
            (vec!["ttft p95 < 51ms", "ttft p95 < 1ms for mix other"], true),
            (vec!["ttft p95 < 51ms", "ttft p95 < 1ms in warmup"], true),
            (vec!["ttft p95 < 51ms", "ttft p95 < 1ms for mix p"], false),
        ] {
            assert_eq!(good(&objectives, &record), Some(expected), "{objectives:?}");
        }
    }

    #[test]
    fn without_latency_objectives_it_is_missing() {
        let record = answer(0, &[60, 70]);
        for objectives in [
            vec![],
            vec!["errors rate < 1%", "goodput > 95%", "cost mean < $1", "requests_per_s > 1"],
            vec!["ttft_from_schedule p95 < 1s", "connect p95 < 1s", "latency count > 1"],
        ] {
            assert_eq!(good(&objectives, &record), None, "{objectives:?}");
        }
    }

    #[test]
    fn a_failure_is_a_miss_however_fast() {
        for outcome in Outcome::ALL {
            let mut record = answer(0, &[60, 70]);
            record.outcome = outcome;
            assert_eq!(good(&["ttft p95 < 1s"], &record), Some(outcome == Outcome::Ok), "{outcome}");
        }
    }

    #[test]
    fn what_was_not_measured_meets_nothing_but_one_token_has_no_gap_to_miss() {
        let mut whole = answer(0, &[]);
        whole.last = Some(crate::Moment(500_000_000));
        assert_eq!(good(&["latency p95 < 1s"], &whole), Some(true));
        assert_eq!(good(&["ttft p95 < 1s"], &whole), Some(false));
        assert_eq!(good(&["gap p95 < 1s"], &whole), Some(false));
        let one = answer(0, &[60]);
        assert_eq!(
            good(&["ttft p95 < 1s", "gap p95 < 1s", "tpot p95 < 1s", "max_gap p95 < 1s"], &one),
            Some(true)
        );
        let mut uncounted = answer(0, &[60, 70, 80]);
        uncounted.output_tokens = None;
        assert_eq!(good(&["tpot p95 < 1s"], &uncounted), Some(false));
    }
}
