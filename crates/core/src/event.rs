//! The one stream of events of a run. Screen, journal, metrics and verdict are all folds over it,
//! live, from a stored run, or in virtual time.
//!
//! Events are per request and per second, never per token.

use serde::{Deserialize, Serialize};

use crate::budget::Books;
use crate::journey::Journey;
use crate::record::Record;
use crate::time::{Moment, Span};

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEvent {
    /// A planned request ended.
    Ended(Box<Record>),
    /// A journey through a flow ended; its requests have ended before.
    Journey(Box<Journey>),
    /// A look at the generator, once a second.
    Sampled(Box<Sample>),
    /// The run is over; nothing follows.
    Finished(Finished),
}

/// The generator's own state at one instant. Counters count from the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was taken.
    #[serde(rename = "at_ns")]
    pub at: Moment,
    /// Requests sent and not yet ended.
    pub in_flight: u64,
    /// Requests due and not yet sent: connecting, held by a cap, or waiting for a worker.
    pub waiting: u64,
    /// Requests sent.
    pub sent: u64,
    /// Token-bearing events received.
    pub events: u64,
    /// CPU time of the generator, the built-in provider excluded.
    #[serde(rename = "cpu_ns")]
    pub cpu: Span,
    /// CPU time of the busiest worker thread.
    #[serde(rename = "busiest_worker_cpu_ns")]
    pub busiest_worker_cpu: Span,
    /// Open descriptors of the process, and how many it may open.
    pub descriptors: (u64, u64),
    /// TCP sockets of the machine that hold a port or have just given one up, and the local ports that there are
    /// for one target address; where it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<(u64, u64)>,
    /// Requests that could not be sent for lack of descriptors, ports or memory.
    pub starved: u64,
    /// How far the real-time clock has moved against the monotonic one since the start.
    pub clock_drift_ns: i64,
    /// The built-in provider, if the run started one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderSample>,
}

/// The built-in provider's own state at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProviderSample {
    /// CPU time of its threads since the start.
    #[serde(rename = "cpu_ns")]
    pub cpu: Span,
    /// 99th percentile of how late tokens left against their due time; none where nothing is paced.
    #[serde(rename = "late_p99_ns", default, skip_serializing_if = "Option::is_none")]
    pub late_p99: Option<Span>,
}

/// How and when a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// When the last request had ended.
    #[serde(rename = "at_ns")]
    pub at: Moment,
    /// What ended it.
    pub why: Ended,
    /// Where that was a limit of the scenario: which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Reached>,
    /// CPU time of the generator from process start to here, the built-in provider excluded.
    #[serde(rename = "cpu_ns")]
    pub cpu: Span,
    /// The budget's books, where something was limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub books: Option<Books>,
}

/// What ended a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The plan was carried out.
    Plan,
    /// Whoever ordered it had seen enough; an end as good as that of the plan.
    Enough,
    /// A limit of the scenario was reached; which one, in words.
    Limit(String),
    /// Somebody interrupted it; requests in flight were waited for.
    Interrupted,
    /// Somebody interrupted it twice; requests in flight were given up.
    InterruptedNow,
}

/// Which limit of a scenario a run reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// How long it may last.
    Duration,
    /// How many requests may end in an error.
    Errors,
    /// How many requests may be sent.
    Requests,
    /// What it may cost, in money or tokens: what is left is less than the next request can take.
    Room,
    /// The same, where no answer has shown yet that the provider keeps to what it is asked for.
    Unproved,
    /// The provider billed more than it was asked for.
    Overrun,
    /// A rule under `stop_when`.
    Rule,
}
