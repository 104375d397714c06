//! Several schedules at once, as one list.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Arrival, Schedule};
use crate::time::{Moment, Span};

/// The arrivals of several scenarios, merged in the order of their times, and numbered over all of them.
///
/// Arrivals of the same nanosecond come in the order of their scenarios.
#[derive(Clone, Debug)]
pub struct Together {
    schedules: Vec<(Schedule, Span)>,
    /// The next arrival of each schedule that has one.
    next: BinaryHeap<Reverse<(Moment, u16)>>,
    waiting: Vec<Option<Arrival>>,
    index: u64,
}

impl Together {
    /// Merges schedules, each with the time at which it starts. A scenario's number is its place in the list.
    ///
    /// # Errors
    /// When there are more than 65,535.
    pub fn new(schedules: Vec<(Schedule, Span)>) -> Result<Together, String> {
        let count = u16::try_from(schedules.len())
            .map_err(|_| format!("{} scenarios are too many: 65535 can run at once", schedules.len()))?;
        let waiting = vec![None; schedules.len()];
        let mut together = Together { schedules, next: BinaryHeap::new(), waiting, index: 0 };
        for scenario in 0..count {
            together.draw(scenario);
        }
        Ok(together)
    }

    /// Takes the next arrival of a scenario in.
    fn draw(&mut self, scenario: u16) {
        let place = usize::from(scenario);
        let Some((schedule, start)) = self.schedules.get_mut(place) else { return };
        let arrival = schedule.next().map(|arrival| Arrival { at: arrival.at + *start, scenario, ..arrival });
        if let Some(arrival) = &arrival {
            self.next.push(Reverse((arrival.at, scenario)));
        }
        self.waiting[place] = arrival;
    }
}

impl Iterator for Together {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let Reverse((_, scenario)) = self.next.pop()?;
        let arrival = self.waiting.get_mut(usize::from(scenario))?.take()?;
        self.draw(scenario);
        let index = self.index;
        self.index += 1;
        Some(Arrival { index, ..arrival })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Rate;
    use crate::schedule::Stage;

    fn every(rate: u64, seconds: u64, seed: u64) -> Schedule {
        let length = Some(Span::from_secs(seconds));
        Schedule::new(vec![Stage::hold(Rate::per_second(rate), length)], seed).unwrap()
    }

    #[test]
    fn scenarios_are_merged_in_the_order_of_their_times_and_numbers() {
        let start = Span::from_millis(500);
        let together = Together::new(vec![(every(2, 2, 1), start), (every(4, 1, 2), Span::ZERO)]).unwrap();
        let seen: Vec<_> = together.map(|a| (a.index, a.at.0 / 1_000_000, a.scenario, a.number)).collect();
        assert_eq!(
            seen,
            [
                (0, 0, 1, 0),
                (1, 250, 1, 1),
                (2, 500, 0, 0),
                (3, 500, 1, 2),
                (4, 750, 1, 3),
                (5, 1000, 0, 1),
                (6, 1500, 0, 2),
                (7, 2000, 0, 3)
            ]
        );
    }

    #[test]
    fn nothing_together_is_nothing() {
        assert_eq!(Together::new(vec![]).unwrap().next(), None);
    }
}
