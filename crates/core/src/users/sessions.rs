//! Sessions: users that arrive, ask a few times, and leave.

use serde::{Deserialize, Serialize};

use super::law::{Asks, TimeLaw};
use crate::random::{Purpose, Stream};
use crate::schedule::Stage;
use crate::time::{Moment, Span};

/// A stretch in which sessions arrive at one rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionStage {
    /// When they arrive: an open loop, whatever the target does.
    pub arrivals: Stage,
    /// What those that arrive in it do.
    pub visit: Visit,
}

/// What a session does. It asks for the first time when it arrives, and then whenever it has its answer and has
/// thought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// How often it asks before it leaves; none is "as long as it stays".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<Asks>,
    /// How long it stays: who becomes free later than that leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stay: Option<TimeLaw>,
    /// How long it thinks after an answer, before it asks again; none is "not at all".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<TimeLaw>,
}

/// The number of the stage that is on at `elapsed` since the start of the first; none after the last.
pub fn stage_at(stages: &[SessionStage], elapsed: Span) -> Option<usize> {
    let mut end = Span::ZERO;
    stages.iter().position(|stage| match stage.arrivals.length() {
        Some(length) => {
            end += length;
            elapsed < end
        }
        None => true,
    })
}

/// Somebody who asks and thinks: a session, or a user of a closed loop. Its draws are those of its own stream, in
/// the order in which it makes them, wherever it lives.
#[derive(Debug)]
pub struct Visitor {
    stream: Stream,
    /// How often it will still ask.
    left: Option<u32>,
    /// When it leaves.
    leaves: Option<Moment>,
}

impl Visitor {
    /// User or session `number` of a scenario with this seed, which stays until it is told to go.
    pub fn new(seed: u64, number: u64) -> Visitor {
        Visitor { stream: Stream::new(seed, Purpose::Users, number), left: None, leaves: None }
    }

    /// Session `number`, which arrives `at` and draws first how often it asks, then how long it stays.
    pub fn arriving(seed: u64, number: u64, at: Moment, visit: &Visit) -> Visitor {
        let mut visitor = Visitor::new(seed, number);
        visitor.left = visit.iterations.map(|asks| asks.draw(&mut visitor.stream));
        visitor.leaves = visit.stay.map(|stay| at + stay.draw(&mut visitor.stream));
        visitor
    }

    /// It has asked once more, and has its answer: whether it stays to ask again when it has thought.
    pub fn asked(&mut self) -> bool {
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.left != Some(0)
    }

    /// How long it thinks now.
    pub fn thinks(&mut self, think: Option<TimeLaw>) -> Span {
        think.map_or(Span::ZERO, |think| think.draw(&mut self.stream))
    }

    /// Whether it has left by `at`.
    pub fn has_left(&self, at: Moment) -> bool {
        self.leaves.is_some_and(|leaves| at >= leaves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Rate;

    fn stage(seconds: Option<u64>) -> SessionStage {
        let arrivals = Stage::hold(Rate::per_second(2), seconds.map(Span::from_secs));
        SessionStage { arrivals, visit: Visit::default() }
    }

    #[test]
    fn a_moment_belongs_to_the_stage_that_is_on() {
        let stages = [stage(Some(5)), stage(Some(5))];
        let at = |seconds| stage_at(&stages, Span::from_secs(seconds));
        assert_eq!([at(0), at(4), at(5), at(9), at(10)], [Some(0), Some(0), Some(1), Some(1), None]);
        assert_eq!(stage_at(&[stage(None)], Span::from_secs(1 << 30)), Some(0));
    }

    #[test]
    fn a_session_asks_as_often_as_it_drew_and_stays_as_long() {
        let visit =
            Visit { iterations: Some(Asks::Exactly(3)), stay: Some(TimeLaw::Fixed(Span(10))), think: None };
        let mut session = Visitor::arriving(1, 0, Moment(5), &visit);
        assert_eq!([session.asked(), session.asked(), session.asked()], [true, true, false]);
        assert!(!session.has_left(Moment(14)) && session.has_left(Moment(15)));
    }

    /// What each draws depends on its number only, so that it makes no difference how many workers there are.
    #[test]
    fn thoughts_do_not_depend_on_who_else_thinks() {
        let think = Some(TimeLaw::Exponential { mean: Span::from_secs(3) });
        let thoughts = |number| {
            let mut user = Visitor::new(9, number);
            [user.thinks(think), user.thinks(think), user.thinks(think)]
        };
        let alone: Vec<_> = (0..8).map(thoughts).collect();
        let mut users: Vec<Visitor> = (0..8).map(|number| Visitor::new(9, number)).collect();
        let mut together = vec![Vec::new(); 8];
        for _ in 0..3 {
            for (user, thoughts) in users.iter_mut().zip(&mut together).rev() {
                thoughts.push(user.thinks(think));
            }
        }
        assert_eq!(alone.concat(), together.concat());
        assert_ne!(alone[0], alone[1]);
    }
}
