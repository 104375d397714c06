//! What is counted of journeys: how they ended and where, how long the whole ones took, and of how many requests they were.

use std::collections::BTreeMap;

use crate::distribution::Distribution;
use crate::journey::{Journey, JourneyEnd};
use crate::schedule::Phase;
use crate::time::Span;

/// Journeys of the main phase; of the others only how many there were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journeys {
    /// By how they ended, in the order of [`JourneyEnd::ALL`].
    by_end: [u64; JourneyEnd::ALL.len()],
    /// Journeys of warm-up and cool-down.
    pub around: u64,
    /// Requests of those that were completed.
    requests: u64,
    times: Option<Box<Times>>,
    failed_at: BTreeMap<String, u64>,
}

/// Of completed journeys: what was cut short would look fast.
#[derive(Clone, Debug, Default, PartialEq)]
struct Times {
    duration: Distribution,
    active: Distribution,
}

/// More steps than this are counted under one heading.
const STEPS_KEPT: usize = 200;
/// That heading.
const OTHERS: &str = "(others)";
/// The heading of what failed at no step.
const NONE: &str = "(none)";

impl Journeys {
    /// Counts a journey that ended.
    pub(crate) fn record(&mut self, journey: &Journey) {
        if journey.phase != Phase::Main {
            self.around += 1;
            return;
        }
        self.by_end[journey.end as usize] += 1;
        match journey.end {
            JourneyEnd::Completed => {
                let took = journey.ended.since(journey.scheduled);
                let times = self.times.get_or_insert_default();
                times.duration.record(took);
                times.active.record(Span(took.0.saturating_sub(journey.thought.0)));
                self.requests += u64::from(journey.requests);
            }
            JourneyEnd::Failed => {
                let step = journey.at_step.as_deref().unwrap_or(NONE);
                let known = self.failed_at.contains_key(step) || self.failed_at.len() < STEPS_KEPT;
                *self.failed_at.entry(if known { step } else { OTHERS }.to_owned()).or_default() += 1;
            }
            JourneyEnd::Abandoned | JourneyEnd::Cut => {}
        }
    }

    /// Those that began and have ended, one way or another.
    pub fn ended(&self) -> u64 {
        self.by_end.iter().sum()
    }

    /// Those that ended so.
    pub fn of(&self, end: JourneyEnd) -> u64 {
        self.by_end[end as usize]
    }

    /// Requests of a completed journey, on average.
    pub fn requests_each(&self) -> Option<f64> {
        let completed = self.of(JourneyEnd::Completed);
        (completed > 0).then(|| self.requests as f64 / completed as f64)
    }

    /// How long completed ones took, from when they were to begin to their end.
    pub fn duration(&self) -> Option<&Distribution> {
        self.times.as_ref().map(|times| &times.duration)
    }

    /// The same without the time in which their users thought.
    pub fn active(&self) -> Option<&Distribution> {
        self.times.as_ref().map(|times| &times.active)
    }

    /// Those that failed, by the step at which they did.
    pub fn failed_at(&self) -> &BTreeMap<String, u64> {
        &self.failed_at
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::stats::Quantile;
    use crate::time::Moment;

    /// A journey of `requests` requests that began at `from` and ended at `to`, in milliseconds, half of it in thought.
    pub(crate) fn journey(end: JourneyEnd, from: u64, to: u64, requests: u32) -> Journey {
        let ms = |ms: u64| ms * 1_000_000;
        Journey {
            scenario: None,
            user: 0,
            iteration: 0,
            phase: Phase::Main,
            scheduled: Moment(ms(from)),
            ended: Moment(ms(to)),
            thought: Span(ms(to - from) / 2),
            requests,
            end,
            at_step: (end == JourneyEnd::Failed).then(|| "ask".into()),
            error: None,
        }
    }

    #[test]
    fn only_completed_journeys_are_timed_and_all_are_counted() {
        let mut journeys = Journeys::default();
        for (end, to, requests) in [
            (JourneyEnd::Completed, 100, 4),
            (JourneyEnd::Completed, 300, 5),
            (JourneyEnd::Failed, 10, 1),
            (JourneyEnd::Abandoned, 20, 2),
            (JourneyEnd::Cut, 5, 0),
        ] {
            journeys.record(&journey(end, 0, to, requests));
        }
        let nowhere = Journey { at_step: None, ..journey(JourneyEnd::Failed, 0, 1, 0) };
        journeys.record(&nowhere);
        journeys.record(&Journey { phase: Phase::Warmup, ..nowhere });
        assert_eq!(JourneyEnd::ALL.map(|end| journeys.of(end)), [2, 2, 1, 1]);
        assert_eq!((journeys.ended(), journeys.around), (6, 1));
        assert_eq!(journeys.requests_each(), Some(4.5));
        let p50 =
            |d: Option<&Distribution>| d.unwrap().quantile(Quantile::P50).unwrap().as_millis_f64().round();
        assert_eq!((p50(journeys.duration()), p50(journeys.active())), (100.0, 50.0));
        assert_eq!(journeys.duration().unwrap().count(), 2);
        assert_eq!(journeys.failed_at(), &[("(none)".into(), 1), ("ask".into(), 1)].into());
    }

    #[test]
    fn the_number_of_steps_is_bounded() {
        let mut journeys = Journeys::default();
        for n in 0..1_000 {
            let at_step = Some(format!("step {n}"));
            journeys.record(&Journey { at_step, ..journey(JourneyEnd::Failed, 0, 1, 1) });
        }
        assert_eq!(journeys.failed_at().len(), STEPS_KEPT + 1);
        assert_eq!(journeys.failed_at()[OTHERS], 800);
    }
}
