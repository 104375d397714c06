//! What is wrong with one answer, and when it shows. No socket and no clock here.
//!
//! The tokens of a flawed answer do not go out when the model says, but pass through here: they can be held back for a
//! while, and before one of them the answer can break. What a break looks like on the wire is left to the answer.
//!
//! What holds:
//! - A token is never released before the model says, and tokens keep their order and their gaps: what is slow or
//!   has stalled is later as a whole.
//! - A break shows before the token it is meant for, and before the last one if there are fewer: an answer that is
//!   struck never ends as if nothing had happened.

use std::collections::VecDeque;

use floodline_core::faults::{Cut, Harm, Kind};
use floodline_core::time::{Moment, Span};
use floodline_wire::server::{Dialect, Fault};

use crate::faults::Slowed;

/// Something that is wrong with an answer.
#[derive(Debug)]
pub(super) struct Flaw {
    /// What tells this answer from others on the same connection.
    number: u64,
    arrived: Moment,
    slowed: Slowed,
    /// How much later than the model says; unknown before the first token where it depends on that.
    shift: Option<Span>,
    /// When tokens up to the one before the number are due.
    held: VecDeque<(Moment, u32)>,
    /// Up to which token they have gone out.
    released: u32,
    /// Before which step it breaks, and how.
    breaks: Option<(u32, Break)>,
    /// Whether somebody will come back at [`Flaw::next_due`].
    is_awaited: bool,
    /// Whether it has stopped for ever.
    has_stopped: bool,
}

/// How an answer breaks.
#[derive(Debug)]
pub(super) enum Break {
    /// It stops, and goes on after so long if at all.
    Stall(Option<Span>),
    /// The connection ends.
    Disconnect(Cut),
    /// The body ends.
    EndEarly,
    /// It is damaged.
    Malformed(Harm),
    /// It fails.
    Error(Fault),
}

/// What happens next to a flawed answer.
#[derive(Debug)]
pub(super) enum Next {
    /// Tokens up to the one before `until` may go out.
    Release { until: u32, at: Moment },
    /// It breaks.
    Break { broken: Break, at: Moment },
}

impl Flaw {
    /// The flaw that these faults are to an answer of so many steps to request `number`; none if they are none.
    /// Answers that come in one piece break before their last step.
    pub(super) fn new(
        (slowed, fault): (Slowed, Option<&Kind>),
        dialect: Dialect,
        (number, arrived): (u64, Moment),
        (steps, is_stream): (u32, bool),
    ) -> Option<Flaw> {
        let last = steps.saturating_sub(1);
        let before = |after: u32| if is_stream { after.min(last) } else { last };
        let breaks = fault.and_then(|kind| match kind {
            Kind::Stall { after_tokens, lasting } => Some((before(*after_tokens), Break::Stall(*lasting))),
            Kind::Disconnect { after_tokens, how } => Some((before(*after_tokens), Break::Disconnect(*how))),
            Kind::EndEarly { after_tokens } => Some((before(*after_tokens), Break::EndEarly)),
            Kind::Malformed { after_tokens, what } => Some((before(*after_tokens), Break::Malformed(*what))),
            Kind::Error { after_tokens, error } => {
                Some((before(*after_tokens), Break::Error(Fault::of_failure(dialect, *error))))
            }
            Kind::Status { .. }
            | Kind::Timeout
            | Kind::Slow(_)
            | Kind::Length { .. }
            | Kind::ContentType { .. }
            | Kind::Refuse
            | Kind::Outage => None,
        });
        (slowed.is_any() || breaks.is_some()).then(|| Flaw {
            number,
            arrived,
            slowed,
            shift: None,
            held: VecDeque::new(),
            released: 0,
            breaks,
            is_awaited: false,
            has_stopped: false,
        })
    }

    /// How many of `steps` the model has to make: one that breaks off for good is not finished.
    pub(super) fn steps(&self, steps: u32) -> u32 {
        match &self.breaks {
            None | Some((_, Break::Stall(Some(_)) | Break::Malformed(Harm::Event))) => steps,
            Some((before, _)) => steps.min(before.saturating_add(1)),
        }
    }

    /// The answer that it belongs to.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Holds tokens back up to the one before `until`, which the model lets go at `at`. When somebody has to come for
    /// them, unless somebody will.
    pub(super) fn hold(&mut self, until: u32, at: Moment) -> Option<Moment> {
        let Flaw { shift, slowed, arrived, held, .. } = self;
        let shift = *shift.get_or_insert_with(|| slowed.delay(at.since(*arrived)));
        held.push_back((at + shift, until));
        self.await_next()
    }

    /// Somebody has come.
    pub(super) fn wake(&mut self) {
        self.is_awaited = false;
    }

    /// When somebody has to come back, unless somebody will.
    pub(super) fn await_next(&mut self) -> Option<Moment> {
        let (due, _) = self.held.front()?;
        (!std::mem::replace(&mut self.is_awaited, true)).then_some(*due)
    }

    /// Whether it is over, as far as the model has made it. One that has stopped for ever is not.
    pub(super) fn is_over(&self) -> bool {
        self.held.is_empty() && !self.has_stopped
    }

    /// What happens by `now`, one thing after another.
    pub(super) fn next(&mut self, now: Moment) -> Option<Next> {
        let (at, until) = *self.held.front()?;
        if at > now {
            return None;
        }
        let Some((before, _)) = self.breaks.as_ref().filter(|(before, _)| until > *before) else {
            self.held.pop_front();
            self.released = until;
            return Some(Next::Release { until, at });
        };
        if self.released < *before {
            self.released = *before;
            return Some(Next::Release { until: *before, at });
        }
        let (_, broken) = self.breaks.take()?;
        match &broken {
            Break::Stall(Some(lasting)) => {
                self.shift = self.shift.map(|shift| shift + *lasting);
                self.held.iter_mut().for_each(|(due, _)| *due = *due + *lasting);
            }
            Break::Malformed(Harm::Event) => {}
            Break::Stall(None) => {
                self.held.clear();
                self.has_stopped = true;
            }
            Break::Disconnect(_) | Break::EndEarly | Break::Malformed(Harm::Framing) | Break::Error(_) => {
                self.held.clear()
            }
        }
        Some(Next::Break { broken, at })
    }
}

#[cfg(test)]
mod tests;
