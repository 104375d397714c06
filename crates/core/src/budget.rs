//! Hard limits on money, tokens and requests: the ledger that every request passes before it is sent.
//!
//! A request reserves its worst case ([`Budget::try_reserve`]) and, once it has ended, settles for what it is charged
//! ([`charge()`], [`Budget::settle`]). A reservation covers one sending: a retry, and a request that is sent again on a new
//! connection, need one of their own. The ledger knows neither time nor threads; it is meant to stand behind a lock.
//!
//! What is guaranteed, for every limited amount:
//! 1. Spent and reserved together never exceed the limit, as long as no answer has been billed above its worst case.
//!    So the total never does either, whatever the concurrency and however requests end.
//! 2. A provider that answers with more than it was asked for, from its first whole answer on, is stopped at the first
//!    answer that is billed above its worst case. If no bill is above [`FACTOR`] worst cases, and the limit is at least
//!    [`FACTOR`] of the largest one, the total never exceeds the limit either.
//!
//! The second is the work of the guard: until [`PROOFS`] whole answers have kept to their bounds, [`FACTOR`] times
//! everything in flight must fit into what is left. A request alone may go if it fits once, provided that an answer has
//! kept to its bounds before, or that the limit never had room for [`FACTOR`] of it.
//!
//! What is not guaranteed:
//! - A provider that keeps to its bounds at first and breaks them later, by up to a factor k, can bring the total to the
//!   limit plus k − 1 times what was in flight when the first such bill came in. Then nothing more is sent.
//! - With a limit below [`FACTOR`] worst cases, the first answers can exceed it if they are billed above their worst case.
//! - The worst case must be one: its input tokens an upper bound of what the provider counts (chat templates add to the
//!   text), its output tokens all that can be billed (every choice, reasoning included), and the prices true.
//! - An answer that was cut is charged its whole reserve. What a provider that breaks its bounds bills for it is unknown.

mod charge;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::Reached;
use crate::money::Usd;
use crate::prices::Prices;

pub use charge::{Ended, charge};

/// How many times its worst case an answer may be billed before its provider has proved itself.
pub const FACTOR: u64 = 4;

/// Whole answers within their bounds that prove that a provider keeps to what it is asked for.
pub const PROOFS: u32 = 8;

/// The most tokens that a provider can be expected to count of a prompt of which we counted `tokens`: its tokenizer
/// may be another one, and the template that makes a chat of messages adds a few tokens to each.
pub const fn input_bound(tokens: u32) -> u32 {
    tokens.saturating_add(tokens / 4).saturating_add(32)
}

/// The limits. What is missing is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ceilings {
    /// Money.
    pub usd: Option<Usd>,
    /// Input and output tokens together.
    pub tokens: Option<u64>,
    /// Requests sent.
    pub requests: Option<u64>,
}

/// Amounts of what can be limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// Money.
    pub usd: Usd,
    /// Input and output tokens together.
    pub tokens: u64,
    /// Requests.
    pub requests: u64,
}

/// The most that one request can cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worst {
    /// In money; nothing where there are no prices.
    pub usd: Usd,
    /// The most tokens of its prompt.
    pub input: u32,
    /// The most tokens of its answer.
    pub output: u32,
}

/// What a request that ended is charged; made by [`charge()`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// In money.
    pub usd: Usd,
    /// Input and output tokens together.
    pub tokens: u64,
    /// Whether it was sent, and counts as a request.
    pub sent: bool,
    /// Whether it shows that the provider keeps to what it is asked for: a whole answer, counted, within its bounds.
    pub proof: bool,
}

/// The room that is kept for one request. It is settled exactly once: by being handed back.
///
/// One that is dropped keeps its room for good, which is on the safe side of the limit.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "its room is kept until it is settled"]
pub struct Reservation {
    worst: Worst,
}

/// The answer to a request that wants to be sent.
#[derive(Debug, PartialEq)]
pub enum Admission {
    /// It may be sent.
    Granted(Reservation),
    /// Not now: requests in flight may leave room for it when they have ended. There always is one.
    Wait,
    /// Not any more, whatever the requests in flight come to.
    Exhausted(Exhausted),
}

/// Why a request can never be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Exhausted {
    /// What is left of the money is less than it can cost.
    Spend {
        /// The limit.
        limit: Usd,
        /// What is left of it.
        left: Usd,
        /// What the request can cost.
        next: Usd,
    },
    /// What is left of the tokens is less than it can take.
    Tokens {
        /// The limit.
        limit: u64,
        /// What is left of it.
        left: u64,
        /// What the request can take.
        next: u64,
    },
    /// As many requests were sent as may be.
    Requests {
        /// The limit.
        limit: u64,
    },
    /// There is room for it, but not for [`FACTOR`] of it, and no answer yet that shows that this is not needed.
    Unproved,
    /// The provider bills more than it was asked for.
    Overrun(Overrun),
}

/// Answers that were billed above their worst case.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overrun {
    /// How many they are.
    pub answers: u64,
    /// The largest bill, in worst cases of its request; missing where the worst case was nothing.
    pub factor: Option<f64>,
}

/// What a budget tells of a run when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Books {
    /// What ended requests were charged.
    pub spent: Amounts,
    /// The most that was kept at once, of each amount by itself.
    pub reserved_max: Amounts,
    /// What was billed above its worst case, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrun: Option<Overrun>,
}

/// The ledger.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    ceilings: Ceilings,
    spent: Amounts,
    reserved: Amounts,
    reserved_max: Amounts,
    proofs: u32,
    overrun: Option<Overrun>,
}

impl Budget {
    /// An untouched budget.
    pub fn new(ceilings: Ceilings) -> Budget {
        Budget { ceilings, ..Budget::default() }
    }

    /// Asks for the room of one request.
    pub fn try_reserve(&mut self, worst: Worst) -> Admission {
        let one = worst.amounts();
        if let Some(why) = self.never(one) {
            return Admission::Exhausted(why);
        }
        let wanted = self.reserved.plus(one);
        if self.ceilings.exceeded(self.spent.plus(wanted)) {
            return Admission::Wait;
        }
        let guarded = self.proofs < PROOFS && self.ceilings.exceeded(self.spent.plus(wanted.at_factor()));
        if guarded && self.reserved.requests > 0 {
            return Admission::Wait;
        }
        let never_had_room = self.ceilings.exceeded(one.at_factor());
        if guarded && self.proofs == 0 && !never_had_room {
            return Admission::Exhausted(Exhausted::Unproved);
        }
        self.reserved = wanted;
        self.reserved_max = self.reserved_max.larger(wanted);
        Admission::Granted(Reservation { worst })
    }

    /// Takes back a reservation, and charges what its request came to.
    pub fn settle(&mut self, reservation: Reservation, settled: Settled) {
        let worst = reservation.worst.amounts();
        self.reserved = self.reserved.less(worst);
        if !settled.sent {
            return;
        }
        let bill = Amounts { usd: settled.usd, tokens: settled.tokens, requests: 1 };
        self.spent = self.spent.plus(bill);
        let over_usd = self.ceilings.usd.is_some() && bill.usd > worst.usd;
        let over_tokens = self.ceilings.tokens.is_some() && bill.tokens > worst.tokens;
        if over_usd || over_tokens {
            let by_usd = if over_usd { bill.usd.ratio(worst.usd) } else { None };
            let by_tokens =
                (over_tokens && worst.tokens > 0).then(|| bill.tokens as f64 / worst.tokens as f64);
            let overrun = self.overrun.get_or_insert(Overrun { answers: 0, factor: None });
            overrun.answers += 1;
            overrun.factor = [overrun.factor, by_usd, by_tokens].into_iter().flatten().reduce(f64::max);
        } else if settled.proof {
            self.proofs = PROOFS.min(self.proofs + 1);
        }
    }

    /// What ended requests were charged.
    pub fn spent(&self) -> Amounts {
        self.spent
    }

    /// What is kept for requests in flight.
    pub fn reserved(&self) -> Amounts {
        self.reserved
    }

    /// The most that was ever kept at once, of each amount by itself.
    pub fn reserved_max(&self) -> Amounts {
        self.reserved_max
    }

    /// What was billed above its worst case, if anything was.
    pub fn overrun(&self) -> Option<Overrun> {
        self.overrun
    }

    /// What there is to tell at the end.
    pub fn books(&self) -> Books {
        Books { spent: self.spent, reserved_max: self.reserved_max, overrun: self.overrun }
    }

    /// Why a request can never be sent, if it cannot: what is spent never becomes less.
    fn never(&self, one: Amounts) -> Option<Exhausted> {
        if let Some(overrun) = self.overrun {
            return Some(Exhausted::Overrun(overrun));
        }
        let Ceilings { usd, tokens, requests } = self.ceilings;
        let after = self.spent.plus(one);
        if let Some(limit) = usd.filter(|&limit| after.usd > limit) {
            let left = limit.saturating_sub(self.spent.usd);
            return Some(Exhausted::Spend { limit, left, next: one.usd });
        }
        if let Some(limit) = tokens.filter(|&limit| after.tokens > limit) {
            let left = limit.saturating_sub(self.spent.tokens);
            return Some(Exhausted::Tokens { limit, left, next: one.tokens });
        }
        let limit = requests.filter(|&limit| after.requests > limit)?;
        Some(Exhausted::Requests { limit })
    }
}

impl Ceilings {
    fn exceeded(&self, by: Amounts) -> bool {
        self.usd.is_some_and(|limit| by.usd > limit)
            || self.tokens.is_some_and(|limit| by.tokens > limit)
            || self.requests.is_some_and(|limit| by.requests > limit)
    }
}

impl Amounts {
    fn plus(self, other: Amounts) -> Amounts {
        Amounts {
            usd: self.usd + other.usd,
            tokens: self.tokens.saturating_add(other.tokens),
            requests: self.requests.saturating_add(other.requests),
        }
    }

    fn less(self, other: Amounts) -> Amounts {
        Amounts {
            usd: self.usd.saturating_sub(other.usd),
            tokens: self.tokens.saturating_sub(other.tokens),
            requests: self.requests.saturating_sub(other.requests),
        }
    }

    fn larger(self, other: Amounts) -> Amounts {
        Amounts {
            usd: self.usd.max(other.usd),
            tokens: self.tokens.max(other.tokens),
            requests: self.requests.max(other.requests),
        }
    }

    /// The amounts if everything is billed [`FACTOR`] times its worst case. A request stays one.
    fn at_factor(self) -> Amounts {
        Amounts { usd: self.usd.times(FACTOR), tokens: self.tokens.saturating_mul(FACTOR), ..self }
    }
}

impl Worst {
    /// The worst case of a prompt of at most `input` tokens and an answer of at most `output`.
    pub fn new(prices: Option<&Prices>, input: u32, output: u32) -> Worst {
        Worst { usd: prices.map_or(Usd::ZERO, |prices| prices.worst(input, output)), input, output }
    }

    /// Input and output tokens together.
    pub fn tokens(&self) -> u64 {
        u64::from(self.input) + u64::from(self.output)
    }

    fn amounts(&self) -> Amounts {
        Amounts { usd: self.usd, tokens: self.tokens(), requests: 1 }
    }
}

impl Reservation {
    /// The worst case that it was made for.
    pub fn worst(&self) -> Worst {
        self.worst
    }
}

impl Exhausted {
    /// Which limit of the scenario that is.
    pub const fn reached(self) -> Reached {
        match self {
            Exhausted::Spend { .. } | Exhausted::Tokens { .. } => Reached::Room,
            Exhausted::Requests { .. } => Reached::Requests,
            Exhausted::Unproved => Reached::Unproved,
            Exhausted::Overrun(_) => Reached::Overrun,
        }
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exhausted::Spend { limit, left, next } => {
                write!(f, "of the spend limit of {limit}, {left} is left: the next request can cost {next}")
            }
            Exhausted::Tokens { limit, left, next } => {
                write!(f, "of the limit of {limit} tokens, {left} are left: the next request can take {next}")
            }
            Exhausted::Requests { limit } => write!(f, "{limit} requests were sent"),
            Exhausted::Unproved => {
                write!(
                    f,
                    "no answer has shown yet that the provider keeps to what it is asked for, and less than {FACTOR} \
                     times what the next request can cost is left"
                )
            }
            Exhausted::Overrun(overrun) => overrun.fmt(f),
        }
    }
}

impl fmt::Display for Overrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers =
            if self.answers == 1 { "1 answer was".into() } else { format!("{} answers were", self.answers) };
        write!(f, "the provider bills more than it was asked for: {answers} above the worst case")?;
        match self.factor {
            Some(factor) => write!(f, ", by up to {factor:.2} times"),
            None => Ok(()),
        }
    }
}
