//! Live load: puts a plan's requests on the wire when the plan wants them there, and measures what
//! comes back.
//!
//! The shape: a pacer thread (open loop) or users on the workers (closed loop) decide when;
//! worker threads, each with its own event loop, connections and buffers, carry the exchanges; the
//! dispatcher collects what ended ten times a second and turns it into the one stream of
//! [`RunEvent`](floodline_core::RunEvent)s. Nothing is shared per token.

#![forbid(unsafe_code)]

mod admission;
mod alarm;
mod answer;
pub mod clock;
mod connect;
mod counter;
mod dispatcher;
mod error;
mod flight;
pub mod health;
mod hook;
mod http2;
mod inflate;
mod journey;
mod lab;
mod ledger;
mod pacer;
mod proxy;
mod retrying;
mod route;
mod socket;
pub mod stamp;
mod target;
mod tls;
mod users;
mod worker;

pub use dispatcher::{Provider, Ready, Run, Running, Stop};
pub use error::EngineError;
pub use lab::{Lab, Shot};
pub use target::{Endpoint, Header};
