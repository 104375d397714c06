//! Leaving a target alone that fails: closed, open, half-open.

use crate::retry::policy::{BreakerRule, WhileOpen};
use crate::retry::recent::Recent;
use crate::time::{Moment, Span};

/// A breaker in front of one target.
#[derive(Clone, Debug)]
pub(super) struct Breaker {
    rule: BreakerRule,
    recent: Recent,
    state: State,
    /// How often it was half-open, by which the probes of one time are told from those of another.
    times: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Everything goes through.
    Closed,
    /// Nothing does until then.
    Open(Moment),
    /// A few probes do.
    HalfOpen { out: u32, succeeded: u32 },
}

/// Lets an attempt through, and is given back with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    /// Of a probe: which time of being half-open it is of.
    probe: Option<u32>,
}

/// What a breaker says to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Go(Pass),
    Hold(Moment),
    Reject,
}

/// How an attempt ended, to a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The target works.
    Well,
    /// It does not.
    Ill,
    /// Nobody knows: the attempt was called off.
    Unknown,
}

impl Breaker {
    pub(super) fn new(rule: BreakerRule) -> Breaker {
        Breaker { rule, recent: Recent::over(rule.over), state: State::Closed, times: 0 }
    }

    /// Whether an attempt may go through now.
    pub(super) fn admit(&mut self, now: Moment) -> Said {
        if let State::Open(until) = self.state {
            if now < until {
                return self.closed_to(until);
            }
            self.state = State::HalfOpen { out: 0, succeeded: 0 };
            self.times = self.times.wrapping_add(1);
        }
        match &mut self.state {
            State::Closed | State::Open(_) => Said::Go(Pass { probe: None }),
            State::HalfOpen { out, succeeded } if *out + *succeeded < self.rule.probes.max(1) => {
                *out += 1;
                Said::Go(Pass { probe: Some(self.times) })
            }
            // When the probes will be back, nobody knows: it is asked again in a while.
            State::HalfOpen { .. } => self.closed_to(now + Span((self.rule.cool_down.0 / 10).max(1_000_000))),
        }
    }

    /// An attempt that went through has ended.
    pub(super) fn ended(&mut self, pass: Pass, end: End, now: Moment) {
        match (&mut self.state, pass.probe) {
            (State::Closed, None) => self.count(end, now),
            (State::HalfOpen { out, succeeded }, Some(times)) if times == self.times => {
                *out = out.saturating_sub(1);
                match end {
                    End::Ill => self.open(now),
                    End::Well => {
                        *succeeded += 1;
                        if *succeeded >= self.rule.probes.max(1) {
                            self.state = State::Closed;
                            self.recent.clear();
                        }
                    }
                    End::Unknown => {}
                }
            }
            // It began before the breaker opened, or is a probe of an earlier time: it says nothing about now.
            (State::Closed | State::Open(_) | State::HalfOpen { .. }, _) => {}
        }
    }

    /// Only a failure opens it, though a success may be what makes the attempts enough.
    fn count(&mut self, end: End, now: Moment) {
        match end {
            End::Well => return self.recent.count::<0>(now),
            End::Ill => self.recent.count::<1>(now),
            End::Unknown => return,
        }
        let [well, ill] = self.recent.at(now);
        let enough = well + ill >= u64::from(self.rule.at_least.max(1));
        if enough && ill * 1_000_000 >= (well + ill) * u64::from(self.rule.millionths) {
            self.open(now);
        }
    }

    fn open(&mut self, now: Moment) {
        self.state = State::Open(now + self.rule.cool_down);
    }

    fn closed_to(&self, until: Moment) -> Said {
        match self.rule.open {
            WhileOpen::Reject => Said::Reject,
            WhileOpen::Hold => Said::Hold(until),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: BreakerRule = BreakerRule { at_least: 4, probes: 2, ..BreakerRule::USUAL };

    fn at(ms: u64) -> Moment {
        Moment::START + Span::from_millis(ms)
    }

    fn go(breaker: &mut Breaker, now: Moment) -> Pass {
        match breaker.admit(now) {
            Said::Go(pass) => pass,
            other => panic!("{other:?}"),
        }
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::new(RULE);
        for (ms, end) in [(0, End::Well), (1, End::Well), (2, End::Ill)] {
            let pass = go(&mut breaker, at(ms));
            breaker.ended(pass, end, at(ms));
        }
        let pass = go(&mut breaker, at(3));
        breaker.ended(pass, End::Ill, at(3));
        breaker
    }

    #[test]
    fn it_opens_at_its_share_of_enough_attempts_and_not_before() {
        let mut few = Breaker::new(RULE);
        for ms in 0..3 {
            let pass = go(&mut few, at(ms));
            few.ended(pass, End::Ill, at(ms));
        }
        assert_eq!(few.state, State::Closed);
        let mut breaker = opened();
        assert_eq!(breaker.state, State::Open(at(5_003)));
        assert_eq!(breaker.admit(at(4_000)), Said::Reject);
        // What happened long ago does not count.
        let mut old = Breaker::new(RULE);
        for ms in [0, 1, 2, 20_000] {
            let pass = go(&mut old, at(ms));
            old.ended(pass, End::Ill, at(ms));
        }
        assert_eq!(old.state, State::Closed);
    }

    #[test]
    fn probes_that_all_succeed_close_it() {
        let mut breaker = opened();
        let (one, two) = (go(&mut breaker, at(5_003)), go(&mut breaker, at(5_004)));
        assert_eq!(breaker.admit(at(5_005)), Said::Reject);
        breaker.ended(one, End::Well, at(5_010));
        assert_eq!(breaker.admit(at(5_011)), Said::Reject);
        breaker.ended(two, End::Well, at(5_020));
        assert_eq!(breaker.state, State::Closed);
        let pass = go(&mut breaker, at(5_021));
        breaker.ended(pass, End::Ill, at(5_022));
        assert_eq!(breaker.state, State::Closed, "it begins to count anew");
    }

    #[test]
    fn a_probe_that_fails_opens_it_again_and_the_other_one_is_too_late() {
        let mut breaker = opened();
        let (one, two) = (go(&mut breaker, at(6_000)), go(&mut breaker, at(6_000)));
        breaker.ended(one, End::Ill, at(6_100));
        assert_eq!(breaker.state, State::Open(at(11_100)));
        let three = go(&mut breaker, at(11_100));
        breaker.ended(two, End::Ill, at(11_101));
        assert_eq!(breaker.state, State::HalfOpen { out: 1, succeeded: 0 });
        breaker.ended(three, End::Unknown, at(11_102));
        assert_eq!(breaker.state, State::HalfOpen { out: 0, succeeded: 0 });
    }

    #[test]
    fn requests_can_wait_instead_of_being_rejected() {
        let rule = BreakerRule { at_least: 1, open: WhileOpen::Hold, ..BreakerRule::USUAL };
        let mut breaker = Breaker::new(rule);
        let pass = go(&mut breaker, at(0));
        breaker.ended(pass, End::Ill, at(0));
        assert_eq!(breaker.admit(at(1)), Said::Hold(at(5_000)));
        go(&mut breaker, at(5_000));
        assert_eq!(breaker.admit(at(5_000)), Said::Hold(at(5_500)));
    }

    proptest! {
        /// Whatever happens: closed lets everything through, open nothing before its time, half-open as many as probes.
        #[test]
        fn only_the_known_transitions_happen(
            steps in proptest::collection::vec((0u64..3_000, 0u8..4, 0usize..8), 1..300),
        ) {
            let mut breaker = Breaker::new(RULE);
            let mut now = Moment::START;
            let mut passes = Vec::new();
            for (ms, what, which) in steps {
                now = now + Span::from_millis(ms);
                let before = breaker.state;
                if what == 0 || passes.is_empty() {
                    let said = breaker.admit(now);
                    match (before, breaker.state) {
                        (State::Closed, State::Closed) => prop_assert!(matches!(said, Said::Go(_))),
                        (State::Open(until), State::Open(_)) => prop_assert!(said == Said::Reject && now < until),
                        (State::Open(until), State::HalfOpen { out: 1, succeeded: 0 }) => {
                            prop_assert!(matches!(said, Said::Go(_)) && now >= until);
                        }
                        (State::HalfOpen { .. }, State::HalfOpen { out, succeeded }) => {
                            prop_assert!(out + succeeded <= RULE.probes);
                        }
                        other => prop_assert!(false, "{:?}", other),
                    }
                    if let Said::Go(pass) = said {
                        passes.push(pass);
                    }
                } else {
                    let pass = passes.swap_remove(which % passes.len());
                    let end = [End::Well, End::Ill, End::Unknown][usize::from(what - 1)];
                    breaker.ended(pass, end, now);
                    let allowed = match (before, breaker.state) {
                        (State::Closed, State::Open(_)) => end == End::Ill && pass.probe.is_none(),
                        (State::HalfOpen { .. }, State::Open(_)) => end == End::Ill && pass.probe.is_some(),
                        (State::HalfOpen { succeeded, .. }, State::Closed) => {
                            end == End::Well && succeeded + 1 == RULE.probes
                        }
                        (State::HalfOpen { .. }, State::HalfOpen { .. }) => true,
                        (before, after) => before == after,
                    };
                    prop_assert!(allowed, "{:?} {:?}", before, breaker.state);
                }
            }
        }
    }
}
