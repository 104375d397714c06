//! The simulated provider: a pure model of how an LLM server hands out tokens, and an HTTP front
//! that plays it on real sockets.
//!
//! [`model`] decides *when* each token of each answer is due. It reads no clock and opens no socket:
//! time is handed in, so the same model serves live traffic and runs in virtual time. [`front`] speaks
//! the API: it hands requests to the model and writes the tokens when they are due. The two never mix.
//! [`limits`] decides whether a request is answered at all, and [`faults`] what goes wrong with it; both are pure too.
//! [`provider`] joins them with the model; [`rehearsal`] plays whole runs against a pace behind a limiter, in virtual time.

#![forbid(unsafe_code)]

mod clock;
pub mod faults;
pub mod front;
pub mod limits;
pub mod model;
pub mod provider;
pub mod rehearsal;

pub use front::{Config, Provides, Server, Stats};
pub use model::{Pace, Profile};
