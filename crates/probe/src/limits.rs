//! Identifying the rate limiter in front of a target, from outside, by designed probes.
//!
//! [`Experiment`] is a script of questions, written as one (`script`), that runs wherever its probes are sent: it is asked
//! what to do next ([`Experiment::next`]), and told what came of it. All that it knows is its log of probes. Hypotheses
//! are small limiters (`model`), each with a way to charge (`cost`); what stands of them after each
//! answer is what replays of the log do not contradict (`fit`), and the next question is put at the moment about which those
//! that stand disagree. What a provider states is noted, and held against what was measured. Nothing is concluded from it
//! but this: where refusals name what they count, nothing else is looked for behind them, and what they name and was not
//! measured is listed without a value.
//!
//! The moment at which a request reaches the limiter is not known: it lies between sent and answered. Hypotheses
//! are granted that much.

mod ask;
mod bench;
mod chance;
mod claims;
mod conclude;
mod cost;
mod crowd;
mod explain;
mod fit;
mod flood;
mod log;
mod model;
mod rounds;
mod script;
mod waits;

use floodline_core::budget::Ceilings;
use floodline_core::{Prices, Span};
use std::ops::RangeInclusive;

pub use bench::{Command, Experiment, Stop};
pub use log::{Answer, Probe, Reply, Tokens};

/// What an experiment may do, and what it may know beforehand.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Most of what it may spend.
    pub ceilings: Ceilings,
    /// What tokens cost.
    pub prices: Option<Prices>,
    /// When it has to be over, from its start.
    pub max_time: Span,
    /// The window, where it is known.
    pub window: Option<Span>,
    /// How many keys there are.
    pub keys: usize,
    /// How long prompts may be, in tokens.
    pub prompt: RangeInclusive<u32>,
    /// How much output a request may ask for, in tokens.
    pub max_tokens: RangeInclusive<u32>,
    /// The most requests at the same time.
    pub parallel: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            ceilings: Ceilings { requests: Some(3_000), ..Ceilings::default() },
            prices: None,
            max_time: Span::from_secs(300),
            window: None,
            keys: 1,
            prompt: 16..=4_096,
            max_tokens: 1..=1_024,
            parallel: 64,
        }
    }
}
