//! Trying again: when, how often, and when not.
//!
//! [`Policy`] is data of the plan; [`Retry`] decides by it. What belongs to one request is in a [`Trying`], what all requests
//! to one target share (budget, throttle, breaker) in a [`Shared`]; whoever sends the attempts keeps both. Nothing here
//! reads a clock or has random numbers of its own, and no decision allocates.
//!
//! The life of a request: [`Retry::begin`]; then [`Retry::before`] every attempt, until it says to go; and after each that
//! went out exactly one of [`Retry::after`], [`Retry::answered`] and [`Retry::called_off`].

mod breaker;
mod budget;
mod by_target;
#[cfg(test)]
mod crowd;
mod figures;
mod policy;
mod recent;
mod refusal;
mod sdk;
mod throttle;
mod waits;

pub use by_target::{AtTarget, TriesByTarget};
pub use figures::Tries;
pub use policy::{
    Backoff, BreakerRule, BudgetRule, Fallback, Honour, Jitter, Policy, ThrottleRule, Waits, WhileOpen,
};
pub use refusal::{Dimension, Failure, Refusal, Why, Whys};

use crate::random::Stream;
use crate::time::{Moment, Span};

use breaker::{Breaker, End, Pass, Said};
use budget::Budget;
use sdk::{Answer, Stainless};
use throttle::Throttle;

/// Decides about attempts by one policy.
#[derive(Clone, Debug)]
pub struct Retry {
    waits: Waits,
    attempts: u32,
    max_time: Option<Span>,
    on: Whys,
    honour: Option<Honour>,
    budget: Option<BudgetRule>,
    throttle: Option<ThrottleRule>,
    breaker: Option<BreakerRule>,
    /// After which refusals there is another target, and whether it is asked at once.
    fallback: Option<(Whys, bool)>,
}

/// What all requests to one target share.
#[derive(Clone, Debug)]
pub struct Shared {
    budget: Option<Budget>,
    throttle: Option<Throttle>,
    breaker: Option<Breaker>,
}

/// One request and its attempts so far.
#[derive(Clone, Copy, Debug)]
pub struct Trying {
    /// When the first attempt wanted to go out.
    began: Moment,
    /// Whether the target that is asked now knows of the request.
    counted: bool,
    /// Attempts that went out to it.
    attempts: u32,
    /// The wait before the last of them, if it was not the first.
    waited: Option<Span>,
    /// What the last retry cost.
    paid: u32,
    /// How the attempt that is out came through the breaker.
    pass: Option<Pass>,
    /// Whether there is another target that it can still go to.
    spare: bool,
    /// Whether it is at the fallback already.
    fallen: bool,
}

/// Whether an attempt goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Now.
    Go,
    /// Not before then, when it is to be asked again.
    Hold(Moment),
    /// Not at all: the request has ended.
    Reject(Rejection),
    /// Not to this target: the fallback is asked next, with its own [`Shared`].
    Fallback,
}

/// Why an attempt was not let out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The throttle thinks that the target would refuse it.
    Throttled,
    /// The breaker is open.
    BreakerOpen,
    /// The policy's time for one request is up.
    TimeUp,
}

/// What comes after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the request has ended.
    GiveUp(GiveUp),
    /// Another attempt after this wait.
    Wait(Span),
    /// An attempt at the fallback at once, with its own [`Shared`].
    Fallback,
}

/// Why it is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// The policy does not retry such failures.
    NotRetried,
    /// All attempts are used up.
    Attempts,
    /// The provider says to wait for longer than the policy would.
    ToldToWaitLonger,
    /// The policy's time for one request would be up.
    TimeUp,
    /// The budget of all requests is used up.
    Budget,
}

impl Retry {
    /// Decisions by this policy.
    pub fn new(policy: &Policy) -> Retry {
        Retry {
            waits: policy.waits,
            attempts: policy.attempts.max(1),
            max_time: policy.max_time,
            on: policy.on.unwrap_or(Whys::PASSING),
            honour: policy.honour,
            budget: policy.budget,
            throttle: policy.throttle,
            breaker: policy.breaker,
            fallback: policy.fallback.as_ref().map(|fallback| (fallback.after, fallback.at_once)),
        }
    }

    /// What the requests to one target will share.
    pub fn shared(&self) -> Shared {
        Shared {
            budget: self.budget.map(Budget::new),
            throttle: self.throttle.map(Throttle::new),
            breaker: self.breaker.map(Breaker::new),
        }
    }

    /// A new request; `spare` is whether there is another target for it than its own, where the policy names one.
    pub fn begin(&self, now: Moment, spare: bool) -> Trying {
        Trying::new(now, spare)
    }

    /// Whether the next attempt goes out, the first one or a later one.
    pub fn before(
        &self,
        trying: &mut Trying,
        shared: &mut Shared,
        now: Moment,
        stream: &mut Stream,
    ) -> Start {
        if !trying.counted {
            trying.counted = true;
            if let Some(budget) = &mut shared.budget {
                budget.begun(now);
            }
        }
        let pass = match shared.breaker.as_mut().map(|breaker| breaker.admit(now)) {
            None => None,
            Some(Said::Go(pass)) => Some(pass),
            Some(Said::Hold(until)) if self.is_up(trying, until) => {
                return self.rejected(trying, Rejection::TimeUp);
            }
            Some(Said::Hold(until)) => return Start::Hold(until),
            Some(Said::Reject) => return self.rejected(trying, Rejection::BreakerOpen),
        };
        if let Some(throttle) = &mut shared.throttle
            && !throttle.admits(now, stream)
        {
            if let (Some(breaker), Some(pass)) = (&mut shared.breaker, pass) {
                breaker.ended(pass, End::Unknown, now);
            }
            return self.rejected(trying, Rejection::Throttled);
        }
        trying.pass = pass;
        trying.attempts += 1;
        Start::Go
    }

    /// What comes after an attempt that led to no answer.
    pub fn after(
        &self,
        trying: &mut Trying,
        shared: &mut Shared,
        failure: &Failure,
        now: Moment,
        stream: &mut Stream,
    ) -> Next {
        let why = failure.refusal.why;
        shared.failed(trying, why, now);
        let falls = trying.spare && self.fallback.is_some_and(|(after, _)| after.has(why));
        if falls && self.fallback.is_some_and(|(_, at_once)| at_once) {
            trying.fall();
            return Next::Fallback;
        }
        match self.again(trying, shared, failure, now, stream) {
            Ok(wait) => Next::Wait(wait),
            Err(_) if falls => {
                trying.fall();
                Next::Fallback
            }
            Err(reason) => Next::GiveUp(reason),
        }
    }

    /// An attempt was answered.
    pub fn answered(&self, trying: &mut Trying, shared: &mut Shared, now: Moment) {
        if let Some(budget) = &mut shared.budget {
            budget.succeeded(trying.paid);
        }
        if let Some(throttle) = &mut shared.throttle {
            throttle.accepted(now);
        }
        shared.pass_back(trying, End::Well, now);
    }

    /// An attempt was called off before anybody knew how it would end.
    pub fn called_off(&self, trying: &mut Trying, shared: &mut Shared, now: Moment) {
        shared.pass_back(trying, End::Unknown, now);
    }

    /// The wait before the next attempt, which is thereby decided and paid for.
    fn again(
        &self,
        trying: &mut Trying,
        shared: &mut Shared,
        failure: &Failure,
        now: Moment,
        stream: &mut Stream,
    ) -> Result<Span, GiveUp> {
        let wait = self.wait(trying, failure, stream);
        if let (Some(budget), false) = (&mut shared.budget, wait == Err(GiveUp::NotRetried)) {
            budget.failed();
        }
        let wait = wait?;
        if trying.attempts >= self.attempts {
            return Err(GiveUp::Attempts);
        }
        if self.is_up(trying, now + wait) {
            return Err(GiveUp::TimeUp);
        }
        if let Some(budget) = &mut shared.budget {
            trying.paid = budget.take(failure.refusal.why, now).ok_or(GiveUp::Budget)?;
        }
        trying.waited = Some(wait);
        Ok(wait)
    }

    fn wait(&self, trying: &Trying, failure: &Failure, stream: &mut Stream) -> Result<Span, GiveUp> {
        let n = trying.attempts.saturating_sub(1);
        let answer = match self.waits {
            Waits::OpenAiSdk => Stainless::OPENAI.answer(n, failure, stream),
            Waits::AnthropicSdk => Stainless::ANTHROPIC.answer(n, failure, stream),
            Waits::GoogleSdk => sdk::google(n, failure, stream),
            Waits::AwsStandard => sdk::aws(n, failure, stream),
            Waits::AtOnce | Waits::Fixed(_) | Waits::Backoff(_) if !self.on.has(failure.refusal.why) => {
                Answer::No
            }
            Waits::AtOnce => self.as_told_or(failure, stream, |_| Span::ZERO),
            Waits::Fixed(wait) => self.as_told_or(failure, stream, |_| wait),
            Waits::Backoff(backoff) => {
                self.as_told_or(failure, stream, |stream| backoff.wait(n, trying.waited, stream))
            }
        };
        match answer {
            Answer::No => Err(GiveUp::NotRetried),
            Answer::TooLong => Err(GiveUp::ToldToWaitLonger),
            Answer::After(wait) => Ok(wait),
        }
    }

    fn as_told_or(
        &self,
        failure: &Failure,
        stream: &mut Stream,
        own: impl FnOnce(&mut Stream) -> Span,
    ) -> Answer {
        let told = failure.retry_after.or(failure.hint).filter(|&told| told > Span::ZERO);
        match (self.honour, told) {
            (Some(honour), Some(told)) => honour.wait(told, stream).map_or(Answer::TooLong, Answer::After),
            (_, _) => Answer::After(own(stream)),
        }
    }

    fn rejected(&self, trying: &mut Trying, why: Rejection) -> Start {
        match self.fallback {
            Some((after, _)) if trying.spare && after.has(Why::RejectedLocally) => {
                trying.fall();
                Start::Fallback
            }
            Some(_) | None => Start::Reject(why),
        }
    }

    /// Whether an attempt at `then` would come too late. The first one never does.
    fn is_up(&self, trying: &Trying, then: Moment) -> bool {
        let is_first = trying.attempts == 0 && !trying.fallen;
        !is_first && self.max_time.is_some_and(|most| then.since(trying.began) > most)
    }
}

impl Shared {
    fn failed(&mut self, trying: &mut Trying, why: Why, now: Moment) {
        if let Some(throttle) = &mut self.throttle
            && !why.is_no_accept()
        {
            throttle.accepted(now);
        }
        let end = if why.is_failure_of_target() { End::Ill } else { End::Well };
        self.pass_back(trying, end, now);
    }

    fn pass_back(&mut self, trying: &mut Trying, end: End, now: Moment) {
        if let (Some(breaker), Some(pass)) = (&mut self.breaker, trying.pass.take()) {
            breaker.ended(pass, end, now);
        }
    }
}

impl Trying {
    /// Attempts that went out to the target that is asked now.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether it has gone to the fallback.
    pub fn is_at_fallback(&self) -> bool {
        self.fallen
    }

    /// The fallback has attempts of its own; the time is that of the whole request.
    fn fall(&mut self) {
        *self = Trying { fallen: true, ..Trying::new(self.began, false) };
    }

    fn new(began: Moment, spare: bool) -> Trying {
        Trying { began, counted: false, attempts: 0, waited: None, paid: 0, pass: None, spare, fallen: false }
    }
}

#[cfg(test)]
mod tests;
