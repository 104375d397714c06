//! The run's budget as the workers share it: who wants to send reserves the worst case first, and waits where requests
//! in flight may leave room for it.
//!
//! Rules and guarantees are `core::budget`'s; here is only who waits for whom. The first to ask is the first to be
//! let through, so that no large request starves behind small ones.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use floodline_core::budget::{
    Admission, Books, Budget, Ceilings, Ended, Exhausted, Reservation, Settled, Worst, charge,
};
use floodline_core::money::Usd;
use floodline_core::plan::Plan;
use floodline_core::prices::{Prices, Usage};
use floodline_core::record::{Record, TokenSource};
use floodline_core::workload::Rendered;
use floodline_core::{Outcome, Span};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::worker::lock;

/// The budget of a run, and the prices it is kept in.
pub(crate) struct Ledger {
    prices: Option<Prices>,
    /// Answers to one request that the model is asked for (`n`), each of which is paid.
    choices: u32,
    /// None where nothing is limited.
    limited: Option<Limited>,
}

/// The room that a request has found.
pub(crate) struct Funds {
    /// None where nothing is limited.
    pub(crate) reservation: Option<Reservation>,
    /// How long it had to wait for it, if it had to.
    pub(crate) waited: Option<Span>,
}

/// What a request owes: to be settled when it has ended.
pub(crate) struct Tab {
    /// The most that one sending of it can cost.
    pub(crate) worst: Worst,
    /// The room that is kept for the sending under way.
    pub(crate) reservation: Option<Reservation>,
    /// What a sending was charged that the server never answered, where it had room of its own.
    pub(crate) unanswered: Option<Usd>,
}

struct Limited {
    budget: Mutex<Budget>,
    /// Whether it is a limit on money or tokens.
    counts_answers: bool,
    /// Held by the one who is first in the queue.
    turn: tokio::sync::Mutex<()>,
    settled: Notify,
    /// Whether the first in the queue waits for room.
    held_up: AtomicBool,
    /// Why nothing more may be sent, once that is so.
    exhausted: Mutex<Option<Exhausted>>,
}

/// Says that the queue moves again, also where the first in it gives up waiting.
struct Moving<'a>(&'a AtomicBool);

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

impl Ledger {
    pub(crate) fn new(plan: &Plan) -> Ledger {
        let ceilings =
            Ceilings { usd: plan.limits.spend, tokens: plan.limits.tokens, requests: plan.limits.requests };
        let limited = (ceilings != Ceilings::default()).then(|| Limited {
            budget: Mutex::new(Budget::new(ceilings)),
            counts_answers: plan.limits.spend.is_some() || plan.limits.tokens.is_some(),
            turn: tokio::sync::Mutex::new(()),
            settled: Notify::new(),
            held_up: AtomicBool::new(false),
            exhausted: Mutex::new(None),
        });
        Ledger { prices: plan.prices.clone(), choices: plan.target.choices(), limited }
    }

    /// The most that a rendered request can cost. Of a prompt whose bound is not known, every byte of the body may be
    /// a token; of an answer without a bound, the model's own is taken, and where that is unknown nothing: whoever
    /// limits what answers cost has been asked for a bound.
    pub(crate) fn worst(&self, rendered: &Rendered, body: &[u8]) -> Worst {
        let bytes = || u32::try_from(body.len()).unwrap_or(u32::MAX);
        let input = rendered.input_bound.unwrap_or_else(bytes);
        let output = rendered.max_tokens.or_else(|| self.models_bound()).unwrap_or(0);
        Worst::new(self.prices.as_ref(), input, output.saturating_mul(self.choices))
    }

    /// The same for a body that the user's own program wrote, in which `bound` was found for each answer, and how many are
    /// asked for: what the plan asks for is not in it. None if the answers have no bound although a limit counts them.
    pub(crate) fn worst_of(&self, body: &[u8], bound: Option<u32>, choices: u32) -> Option<Worst> {
        let bound = bound.or_else(|| self.models_bound());
        if bound.is_none() && self.limited.as_ref().is_some_and(|limited| limited.counts_answers) {
            return None;
        }
        let input = u32::try_from(body.len()).unwrap_or(u32::MAX);
        Some(Worst::new(self.prices.as_ref(), input, bound.unwrap_or(0).saturating_mul(choices)))
    }

    /// The most tokens that the model answers with, where that is known.
    fn models_bound(&self) -> Option<u32> {
        self.prices.as_ref().and_then(|prices| prices.max_output_tokens)
    }

    /// Waits for room.
    pub(crate) async fn reserve(&self, worst: Worst, clock: Clock) -> Result<Funds, Exhausted> {
        let Some(limited) = &self.limited else { return Ok(Funds { reservation: None, waited: None }) };
        let asked = clock.now();
        // A lock that is held for a moment is no wait that the plan ordered; a queue behind one who waits is.
        let mut waited = limited.held_up.load(Relaxed);
        let _turn = limited.turn.lock().await;
        loop {
            // Who settles between the look and the wait must be heard.
            let mut settled = std::pin::pin!(limited.settled.notified());
            settled.as_mut().enable();
            match lock(&limited.budget).try_reserve(worst) {
                Admission::Granted(reservation) => {
                    let waited = waited.then(|| clock.now().since(asked));
                    return Ok(Funds { reservation: Some(reservation), waited });
                }
                Admission::Exhausted(why) => {
                    lock(&limited.exhausted).get_or_insert(why);
                    return Err(why);
                }
                Admission::Wait => {}
            }
            waited = true;
            limited.held_up.store(true, Relaxed);
            let _moving = Moving(&limited.held_up);
            settled.await;
        }
    }

    /// Charges a request that is to be sent again because the server closed the connection without a word: what it
    /// makes of that on its bill nobody knows, and the next sending needs room of its own. False if it was given no
    /// room, since nothing is limited.
    pub(crate) fn unanswered(&self, record: &mut Record, tab: &mut Tab) -> bool {
        let (Some(limited), Some(reservation)) = (&self.limited, tab.reservation.take()) else {
            return false;
        };
        let nothing = Ended {
            outcome: Outcome::Connection,
            sent: true,
            status: None,
            answered: false,
            usage: None,
            counted: None,
        };
        let settled = charge(&nothing, tab.worst, self.prices.as_ref());
        limited.settle(reservation, settled);
        tab.unanswered = Some(tab.unanswered.unwrap_or(Usd::ZERO) + settled.usd);
        self.note(record, settled);
        true
    }

    /// Charges an attempt that failed, and gives its room back: another one is to follow, with room of its own.
    pub(crate) fn set_aside(&self, record: &mut Record, tab: &mut Tab, sent: bool) {
        let ended = Ended { sent, ..ended(record, tab.worst) };
        let settled = charge(&ended, tab.worst, self.prices.as_ref());
        if let (Some(limited), Some(reservation)) = (&self.limited, tab.reservation.take()) {
            limited.settle(reservation, settled);
        }
        tab.unanswered = Some(tab.unanswered.unwrap_or(Usd::ZERO) + settled.usd);
        if sent {
            self.note(record, settled);
        }
    }

    /// Keeps with the attempt on record last what it was charged.
    fn note(&self, record: &mut Record, settled: Settled) {
        if let (Some(_), Some(attempt)) = (&self.prices, record.attempts.last_mut()) {
            attempt.cost = Some(settled.usd);
        }
    }

    /// Charges a request that ended, and gives its room back. Its cost is noted, unless its tokens are still to be
    /// counted and nothing is limited by them. `sent` is whether the last sending came about.
    pub(crate) fn settle(&self, record: &mut Record, tab: Tab, sent: bool, uncounted: bool) {
        let Tab { worst, reservation, unanswered } = tab;
        let ended = ended(record, worst);
        // Once an earlier sending has been charged, only the last one is left to be.
        let sent = if unanswered.is_some() { sent } else { ended.sent };
        let settled = charge(&Ended { sent, ..ended }, worst, self.prices.as_ref());
        // What earlier sendings were charged stands beside what this one can have cost at most.
        let before = unanswered.is_some_and(|before| !before.is_zero());
        if self.prices.is_some() && (self.limited.is_some() || !uncounted || before) {
            record.cost = Some(settled.usd + unanswered.unwrap_or(Usd::ZERO));
        }
        if let (Some(limited), Some(reservation)) = (&self.limited, reservation) {
            limited.settle(reservation, settled);
        }
    }

    /// Notes the cost of a request whose tokens have been counted since it ended.
    pub(crate) fn price(&self, record: &mut Record) {
        if let (None, Some(prices), Some(counted)) = (record.cost, &self.prices, record.counted_usage()) {
            record.cost = Some(prices.cost(&counted));
        }
    }

    /// Why nothing more may be sent, in words, if that is so.
    pub(crate) fn exhausted(&self) -> Option<Exhausted> {
        *lock(&self.limited.as_ref()?.exhausted)
    }

    /// What there is to tell when the run is over; none where nothing was limited.
    pub(crate) fn books(&self) -> Option<Books> {
        Some(lock(&self.limited.as_ref()?.budget).books())
    }
}

impl Limited {
    fn settle(&self, reservation: Reservation, settled: Settled) {
        lock(&self.budget).settle(reservation, settled);
        self.settled.notify_waiters();
    }
}

fn ended(record: &Record, worst: Worst) -> Ended {
    let counted = record.counted_usage();
    let by_server = record.token_source == Some(TokenSource::Usage);
    // Nobody has counted an answer yet that came without usage. But it has at least as many tokens as events that
    // carried some, and where those are more than were asked for, that must be known before anything more is sent.
    let events = record.arrivals.events();
    let at_least = (events > worst.output.into()).then(|| Usage {
        input: worst.input.into(),
        output: events,
        ..Usage::default()
    });
    Ended {
        outcome: record.outcome,
        sent: record.sent.is_some(),
        status: record.status,
        answered: record.first_token.is_some() || record.outcome == Outcome::Ok,
        usage: counted.filter(|_| by_server),
        counted: counted.filter(|_| !by_server).or(at_least),
    }
}
