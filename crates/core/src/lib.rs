//! Floodline's pure heart: time, plans, schedules, outcomes, metrics and statistics.
//!
//! Nothing here reads a clock, a socket or a file; everything is a function of its arguments, so
//! that the same code serves a live run, a stored run and a run in virtual time.

#![forbid(unsafe_code)]

pub mod arrivals;
pub mod breakdown;
pub mod budget;
pub mod ceiling;
pub mod connection;
pub mod distribution;
pub mod event;
pub mod faults;
pub mod finding;
pub mod flow;
pub mod fold;
pub mod forecast;
mod grouped;
pub mod journey;
pub mod lengths;
pub mod limits;
pub mod metric;
pub mod money;
pub mod objective;
pub mod outcome;
pub mod plan;
mod precise;
pub mod prices;
pub mod random;
pub mod rate;
pub mod record;
pub mod replay;
pub mod retry;
pub mod rivals;
pub mod schedule;
pub mod spelling;
pub mod stated;
pub mod stats;
pub mod summary;
pub mod time;
pub mod timeline;
pub mod traffic;
pub mod users;
pub mod verdict;
pub mod window;
pub mod workload;

pub use event::RunEvent;
pub use grouped::grouped;
pub use money::Usd;
pub use objective::Objective;
pub use outcome::{Finish, Outcome};
pub use plan::Plan;
pub use prices::Prices;
pub use rate::Rate;
pub use record::Record;
pub use schedule::Phase;
pub use time::{Moment, Span};
