//! Attempts: whether one goes out, what is kept of one that failed, and what comes after it.
//!
//! An attempt that is followed by another is set aside: it has been paid for and is on record, and stands as the end of the
//! request until the next one goes out. Whatever keeps that from happening (the end of the run, a user who has had enough, an
//! empty budget, the breaker), the request has ended as the attempt did.

use floodline_core::record::{Attempt, AttemptEnd};
use floodline_core::retry::{Failure, GiveUp, Next, Refusal, Rejection, Start, Why};
use floodline_core::{Moment, Outcome, Record, Span};

use super::Flight;
use crate::counter::ToCount;
use crate::ledger::Funds;
use crate::retrying::Tries;

/// How trying again stands.
#[derive(Default)]
pub(super) struct Again {
    /// None where nothing is ever tried again.
    pub(super) tries: Option<Tries>,
    /// What comes after the attempt that has just been set aside.
    pub(super) next: Option<Next>,
    /// How that one ended, as long as no other is out.
    pub(super) standing: Option<Standing>,
    /// Since when the next one is waited for, and for how long it has been put off.
    waiting_since: Option<Moment>,
    waited: Option<Span>,
    /// Why the attempt that ended last was refused.
    pub(super) refusal: Option<Refusal>,
    /// The texts of attempts before the last whose tokens nobody stated, by the places of the attempts.
    pub(super) earlier: Vec<(usize, String)>,
    /// Sendings that are known to be over.
    over: u64,
}

impl Again {
    /// How many more of a request's sendings are over than were known to be.
    pub(super) fn newly_over(&mut self, record: &Record) -> u64 {
        let before = std::mem::replace(&mut self.over, record.times_sent());
        self.over.saturating_sub(before)
    }
}

/// The end of an attempt that another one was to follow.
pub(super) struct Standing {
    outcome: Outcome,
    error: Option<String>,
    to_count: Option<ToCount>,
}

/// Whether an attempt goes out.
pub(super) enum Leave {
    Go,
    /// To the target that stands in.
    Elsewhere,
    /// No more: the request has ended.
    Over(Outcome),
}

/// Why a wait was cut short.
enum Cut {
    /// Nothing new is to be sent.
    Drained,
    /// The user has had enough.
    Left,
}

impl Flight {
    /// Asks throttle and breaker for the next attempt, and waits where they say so; `funds` is the room that has been found
    /// for it.
    pub(super) async fn let_out(&mut self, funds: &mut Option<Funds>) -> Leave {
        let worker = self.worker.clone();
        let Some(retrying) = &worker.common.retrying else { return Leave::Go };
        loop {
            let now = worker.clock.now();
            let Some(tries) = &mut self.again.tries else { return Leave::Go };
            let why = match retrying.before(tries, self.target, now) {
                Start::Go => return Leave::Go,
                Start::Hold(until) => match self.held_back(now, until).await {
                    Ok(()) => continue,
                    Err(cut) => {
                        self.give_back(funds);
                        return Leave::Over(self.cut_short(cut, "the run ended while the breaker held it"));
                    }
                },
                Start::Fallback => {
                    self.note_rejection();
                    self.give_back(funds);
                    return Leave::Elsewhere;
                }
                Start::Reject(Rejection::Throttled) => {
                    "not let out: the throttle expects the target to refuse it"
                }
                Start::Reject(Rejection::BreakerOpen) => "not let out: the breaker is open",
                Start::Reject(Rejection::TimeUp) => "the policy's time for one request is up",
            };
            self.note_rejection();
            self.give_back(funds);
            return Leave::Over(match self.again.standing.is_some() {
                true => self.end_as_it_stands(why),
                false => self.end(Outcome::NotSent, Some(why.into())),
            });
        }
    }

    /// Waits as the policy says before the next attempt.
    pub(super) async fn put_off(&mut self, wait: Span) -> Result<(), Outcome> {
        let now = self.worker.clock.now();
        self.again.waiting_since = Some(now);
        if wait > Span::ZERO
            && let Err(cut) = self.pause(now + wait).await
        {
            return Err(self.cut_short(cut, "the run ended before it was tried again"));
        }
        self.again.waiting_since = None;
        self.again.waited = Some(wait);
        Ok(())
    }

    /// Makes the record that of the next attempt, which is now sure to go out.
    pub(super) fn renew(&mut self) {
        if let Some(standing) = self.again.standing.take() {
            if let (Some(ToCount::Unstated(text)), Some(record)) = (standing.to_count, &self.record)
                && let Some(place) = record.attempts.iter().rposition(Attempt::is_try)
            {
                self.again.earlier.push((place, text));
            }
            self.record = self.record.take().map(|record| Box::new(record.renewed()));
        }
        if let Some(record) = &mut self.record {
            record.target = self.worker.common.target_names.get(self.target).cloned();
        }
        (self.again.refusal, self.refused, self.stale) = (None, None, false);
    }

    /// What comes after an attempt that ended so; none if that is the end of the request.
    pub(super) fn decide(&mut self, outcome: Outcome, error: &mut Option<String>) -> Option<Next> {
        let worker = self.worker.clone();
        let (Some(retrying), Some(tries)) = (&worker.common.retrying, &mut self.again.tries) else {
            return None;
        };
        let record = self.record.as_deref()?;
        let refusal = self.again.refusal.or(Refusal::by_outcome(outcome));
        let failure = refusal.map(|refusal| Failure::new(refusal, record.status, record.limits.as_deref()));
        // What is halted sends nothing new, and uses nothing up.
        let failure = failure.filter(|_| !worker.is_halted());
        match retrying.after(tries, self.target, outcome, failure.as_ref(), worker.clock.now())? {
            Next::GiveUp(reason) => {
                let said = match reason {
                    GiveUp::NotRetried | GiveUp::Attempts => return None,
                    GiveUp::ToldToWaitLonger => "told to wait for longer than the policy does",
                    GiveUp::TimeUp => "the policy's time for one request is up",
                    GiveUp::Budget => "the retry budget is used up",
                };
                *error = Some(with(error.take(), said));
                None
            }
            next @ (Next::Wait(_) | Next::Fallback) => Some(next),
        }
    }

    /// Keeps what has failed as an attempt, so that another one can follow.
    pub(super) fn set_aside(
        &mut self,
        outcome: Outcome,
        error: Option<String>,
        to_count: Option<ToCount>,
        next: Next,
    ) -> Outcome {
        let now = self.worker.clock.now();
        self.let_go(now);
        if let (Some(record), Some(tab)) = (&mut self.record, &mut self.tab) {
            record.outcome = outcome;
            record.last.get_or_insert(now);
            self.worker.common.ledger.set_aside(record, tab, self.sent.is_some());
            self.worker.set_aside(self.again.newly_over(record));
        }
        (self.sent, self.answer) = (None, None);
        self.again.standing = Some(Standing { outcome, error, to_count });
        self.again.next = Some(next);
        outcome
    }

    /// Ends the request as the attempt that was set aside did, since no other can follow.
    pub(super) fn end_as_it_stands(&mut self, why: &str) -> Outcome {
        let Some(Standing { outcome, error, to_count }) = self.again.standing.take() else {
            return self.end(Outcome::NotSent, Some(why.into()));
        };
        self.note_wait();
        self.call_off();
        self.conclude(outcome, Some(with(error, why)), to_count)
    }

    /// An attempt that may have been let out goes nowhere: what it held of the breaker is given back.
    fn call_off(&mut self) {
        let worker = &self.worker;
        if let (Some(retrying), Some(tries)) = (&worker.common.retrying, &mut self.again.tries) {
            retrying.after(tries, self.target, Outcome::Cancelled, None, worker.clock.now());
        }
    }

    /// How long the attempt that ends now had been put off.
    pub(super) fn waited(&mut self) -> Option<Span> {
        self.again.waited.take()
    }

    /// Waits until then, unless the run sends nothing new or the user leaves before.
    async fn pause(&self, until: Moment) -> Result<(), Cut> {
        let worker = &self.worker;
        let leaves = self.leaves_at().filter(|&leaves| leaves < until);
        tokio::select! {
            biased;
            () = worker.drains() => Err(Cut::Drained),
            () = worker.alarm.until(leaves.unwrap_or(until)) => leaves.map_or(Ok(()), |_| Err(Cut::Left)),
        }
    }

    /// Waits because the breaker says so: before the first attempt that is a wait of the plan's, like that for a place.
    async fn held_back(&mut self, now: Moment, until: Moment) -> Result<(), Cut> {
        let is_first = self.again.standing.is_none();
        match is_first {
            true => self.held_since = Some(now),
            false => self.again.waiting_since = Some(now),
        }
        self.pause(until).await?;
        let over = self.worker.clock.now();
        self.let_go(over);
        if self.again.waiting_since.take().is_some() {
            self.again.waited = Some(self.again.waited.unwrap_or_default() + over.since(now));
        }
        Ok(())
    }

    fn cut_short(&mut self, cut: Cut, drained: &str) -> Outcome {
        match cut {
            Cut::Drained => self.end_as_it_stands(drained),
            Cut::Left => {
                self.note_wait();
                self.again.standing = None;
                self.left = true;
                let why = "the user left while it waited to be tried again";
                self.conclude(Outcome::Cancelled, Some(why.into()), None)
            }
        }
    }

    /// Keeps that the throttle or the breaker did not let an attempt out.
    fn note_rejection(&mut self) {
        let now = self.worker.clock.now();
        let (waited, target) = (self.waited(), self.worker.common.target_names.get(self.target).cloned());
        if let Some(record) = &mut self.record {
            record.attempts.push(Attempt {
                refusal: Some(Refusal::new(Why::RejectedLocally)),
                wait: waited,
                target,
                ..Attempt::new(None, now, AttemptEnd::Outcome(Outcome::NotSent), None)
            });
        }
    }

    /// Keeps a wait after which nothing came.
    fn note_wait(&mut self) {
        let now = self.worker.clock.now();
        let under_way = self.again.waiting_since.take().map(|since| now.since(since));
        let waited = match (self.waited(), under_way) {
            (None, None) => return,
            (before, under_way) => before.unwrap_or_default() + under_way.unwrap_or_default(),
        };
        let target = self.worker.common.target_names.get(self.target).cloned();
        if let Some(record) = &mut self.record {
            let nothing = Attempt::new(None, now, AttemptEnd::Outcome(Outcome::NotSent), None);
            record.attempts.push(Attempt { wait: Some(waited), target, ..nothing });
        }
    }

    /// Gives room back that was found for an attempt that does not go out.
    fn give_back(&mut self, funds: &mut Option<Funds>) {
        if let (Some(funds), Some(record), Some(tab)) = (funds.take(), &mut self.record, &mut self.tab) {
            tab.reservation = funds.reservation;
            self.worker.common.ledger.set_aside(record, tab, false);
        }
    }
}

fn with(error: Option<String>, why: &str) -> String {
    match error {
        Some(error) => format!("{error} ({why})"),
        None => why.to_owned(),
    }
}
