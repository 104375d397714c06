//! Users of a closed loop and sessions: who is there when, how long each thinks, and when each leaves.
//!
//! Pure functions of the plan, the seed and a user's number, so that it makes no difference which worker
//! a user lives on. When a request really leaves depends on when answers come, and is the business of
//! whoever plays the users.

mod law;
mod sessions;

use serde::{Deserialize, Serialize};

use crate::rate::Rate;
use crate::schedule::Phase;
use crate::time::Span;

pub use law::{Asks, TimeLaw};
pub use sessions::{SessionStage, Visit, Visitor, stage_at};

/// A stretch of a number of users, the same all the way or changing along a straight line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserStage {
    /// How many users are at work; of a ramp, at its end.
    pub users: u32,
    /// Of a ramp, how many users are at work at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u32>,
    /// How long it lasts; none is "until the run ends otherwise".
    #[serde(rename = "length_ns")]
    pub length: Option<Span>,
    /// Whether it is measured.
    pub phase: Phase,
    /// How long a user thinks after an answer, before it asks again; none is "not at all".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<TimeLaw>,
    /// How often each user asks in this stage; none is "as long as it lasts".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u32>,
    /// The reasoning that led to this number of users, if it was not simply given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub little: Option<Little>,
}

/// A number of users from a wanted rate: L = λ · W (Little, Operations Research 9, 1961), where a user's
/// round is its answer and its thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Little {
    /// The wanted rate of requests.
    pub rate: Rate,
    /// The expected latency of an answer.
    #[serde(rename = "latency_ns")]
    pub latency: Span,
    /// The mean time of thinking.
    #[serde(rename = "think_ns")]
    pub think: Span,
}

impl Little {
    /// ⌈rate × (latency + thinking)⌉ users; none if they are more than can be counted.
    pub fn users(&self) -> Option<u32> {
        let round = u128::from(self.latency.0) + u128::from(self.think.0);
        let users = (u128::from(self.rate.count) * round).div_ceil(u128::from(self.rate.per.0.max(1)));
        u32::try_from(users).ok()
    }
}

/// What a user does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Asks, in the stage of this number.
    Ask(usize),
    /// Waits for a place, until this time since the start of the first stage.
    Wait {
        /// When its place comes.
        until: Span,
        /// Whether that is a point of a ramp, where users come one by one, and not the start of a stage.
        on_ramp: bool,
    },
    /// Leaves: there is no place for it any more.
    Leave,
}

impl UserStage {
    /// A stage of so many users who do not think.
    pub fn new(users: u32, length: Option<Span>, phase: Phase) -> UserStage {
        UserStage { users, from: None, length, phase, think: None, iterations: None, little: None }
    }

    /// The most users that it has at once.
    pub fn most(&self) -> u32 {
        self.users.max(self.from.unwrap_or(0))
    }

    /// From when to when, within the stage, it has a place for `user` (from 0): as long as the line of users is
    /// at or above user + 1. Both are rounded down to the nanosecond, and the end is not included.
    fn place(&self, user: u32) -> Option<(Span, Option<Span>)> {
        let (from, to) = (u128::from(self.from.unwrap_or(self.users)), u128::from(self.users));
        let (number, whole) = (u128::from(user) + 1, self.length.map(|length| u128::from(length.0)));
        let part = |n: u128, of: u128| whole.map(|whole| Span((whole * n / of) as u64));
        match (number <= from, number <= to) {
            (true, true) => Some((Span::ZERO, self.length)),
            (false, true) => Some((part(number - from, to - from)?, self.length)),
            (true, false) => Some((Span::ZERO, Some(part(from - number, from - to)?))),
            (false, false) => None,
        }
    }
}

/// The most users that these stages have at once.
pub fn most(stages: &[UserStage]) -> u32 {
    stages.iter().map(UserStage::most).max().unwrap_or(0)
}

/// What `user` (from 0) does when it is free at `elapsed` since the start of the first stage and has had enough of
/// the stages before number `first`.
pub fn turn(stages: &[UserStage], user: u32, elapsed: Span, first: usize) -> Turn {
    let mut start = Span::ZERO;
    for (number, stage) in stages.iter().enumerate() {
        if number >= first
            && let Some((comes, goes)) = stage.place(user)
            && goes.is_none_or(|goes| elapsed < start + goes && comes < goes)
        {
            let until = start + comes;
            return match elapsed < until {
                true => Turn::Wait { until, on_ramp: comes > Span::ZERO },
                false => Turn::Ask(number),
            };
        }
        let Some(length) = stage.length else { return Turn::Leave };
        start += length;
    }
    Turn::Leave
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hold(users: u32, seconds: u64, phase: Phase) -> UserStage {
        UserStage::new(users, Some(Span::from_secs(seconds)), phase)
    }

    fn ramp(from: u32, to: u32, seconds: u64) -> UserStage {
        UserStage { from: Some(from), ..hold(to, seconds, Phase::Main) }
    }

    fn wait(seconds: u64, on_ramp: bool) -> Turn {
        Turn::Wait { until: Span::from_secs(seconds), on_ramp }
    }

    #[test]
    fn users_come_and_go_with_the_stages() {
        let stages = [hold(2, 5, Phase::Warmup), hold(4, 10, Phase::Main), hold(1, 5, Phase::Cooldown)];
        assert_eq!(turn(&stages, 0, Span::ZERO, 0), Turn::Ask(0));
        assert_eq!(turn(&stages, 3, Span::ZERO, 0), wait(5, false));
        assert_eq!(turn(&stages, 3, Span::from_secs(5), 0), Turn::Ask(1));
        assert_eq!(turn(&stages, 3, Span::from_secs(15), 0), Turn::Leave);
        assert_eq!(turn(&stages, 0, Span::from_secs(15), 0), Turn::Ask(2));
        assert_eq!(turn(&stages, 0, Span::from_secs(20), 0), Turn::Leave);
    }

    #[test]
    fn a_user_joins_when_the_line_reaches_it_and_leaves_when_it_falls_below() {
        let stages = [ramp(1, 4, 6), hold(4, 2, Phase::Main), ramp(4, 0, 8)];
        assert_eq!(turn(&stages, 0, Span::ZERO, 0), Turn::Ask(0));
        assert_eq!(turn(&stages, 1, Span::ZERO, 0), wait(2, true));
        // The line reaches 4 where the next stage starts.
        assert_eq!(turn(&stages, 3, Span::ZERO, 0), wait(6, false));
        assert_eq!(turn(&stages, 1, Span(10_000_000_000 - 1), 0), Turn::Ask(2));
        // At 2 s into the way down, the line is at 3: user 3 (the fourth) left at once, user 2 leaves now.
        assert_eq!(turn(&stages, 3, Span::from_secs(8), 0), Turn::Leave);
        assert_eq!(turn(&stages, 2, Span(10_000_000_000), 0), Turn::Leave);
        assert_eq!(turn(&stages, 1, Span::from_secs(12), 0), Turn::Leave);
    }

    #[test]
    fn who_has_asked_often_enough_waits_for_the_next_stage() {
        let stages = [hold(2, 5, Phase::Main), hold(2, 5, Phase::Main)];
        assert_eq!(turn(&stages, 0, Span::from_secs(1), 1), wait(5, false));
        assert_eq!(turn(&stages, 0, Span::from_secs(1), 2), Turn::Leave);
    }

    #[test]
    fn little_is_exact_and_rounded_up() {
        let users = |rate, latency, think| {
            let (latency, think) = (Span::parse(latency).unwrap(), Span::parse(think).unwrap());
            Little { rate: Rate::parse(rate).unwrap(), latency, think }.users()
        };
        assert_eq!(users("50/s", "5s", "0s"), Some(250));
        assert_eq!(users("50/s", "5s", "2s"), Some(350));
        assert_eq!(users("1/min", "1s", "0s"), Some(1));
        assert_eq!(users("3/s", "1001ms", "0s"), Some(4));
        assert_eq!(users("1000000/s", "5d", "0s"), None);
    }

    proptest! {
        /// At every instant, those with a place are as many as the line says, and they are the first ones.
        #[test]
        fn as_many_have_a_place_as_the_line_says(from in 0u32..40, to in 0u32..40, length in 1u64..5_000, at in 0u64..5_000) {
            prop_assume!(at < length);
            let stage = UserStage { from: Some(from), ..UserStage::new(to, Some(Span(length)), Phase::Main) };
            let asks = |user| turn(&[stage], user, Span(at), 0) == Turn::Ask(0);
            let inside: Vec<bool> = (0..40).map(asks).collect();
            // Joining is rounded down, so within the nanosecond that has begun; leaving is rounded down too.
            let line = |t: f64| f64::from(from) + (f64::from(to) - f64::from(from)) * t / length as f64;
            let count = inside.iter().filter(|inside| **inside).count() as f64;
            let (low, high) = (line(at as f64).min(line(at as f64 + 1.0)), line(at as f64).max(line(at as f64 + 1.0)));
            prop_assert!(count >= low.floor() - 1.0 && count <= high.floor() + 1e-6, "{count} {low} {high}");
            prop_assert!(inside.windows(2).all(|pair| pair[0] || !pair[1]), "{inside:?}");
        }
    }
}
