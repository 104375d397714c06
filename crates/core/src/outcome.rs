//! How a request can end. Every planned request ends in exactly one [`Outcome`].
//!
//! Which outcome a provider's refusal is belongs to its codec (`wire`); which one a broken
//! connection is belongs to `engine`. Here is only the closed list and what may be counted how.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The one way in which a planned request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A whole answer arrived, also one that stopped at its token limit.
    Ok,
    /// Refused by a rate limiter; waiting helps (429).
    RateLimited,
    /// Refused for good until somebody pays or a quota resets (`insufficient_quota`, 403 with a budget message).
    QuotaExceeded,
    /// The provider said it is overloaded (529, 503 with such a message).
    Overloaded,
    /// Any other 5xx, or an answer that says the server failed.
    ServerError,
    /// The request itself was refused (4xx).
    ClientError,
    /// No answer, or no further byte of it, within the time allowed.
    Timeout,
    /// Name resolution, connecting, TLS or the transport failed.
    Connection,
    /// A stream that was cut: neither a finish reason nor an end mark.
    Truncated,
    /// An answer that is not what the API promises.
    Malformed,
    /// A whole answer that failed the scenario's own check.
    CheckFailed,
    /// Sent, then given up by us: the run was ended, or the user left.
    Cancelled,
    /// Planned but never sent.
    NotSent,
}

impl Outcome {
    /// Every outcome, in the order in which people want to read them.
    pub const ALL: [Outcome; 13] = [
        Outcome::Ok,
        Outcome::RateLimited,
        Outcome::QuotaExceeded,
        Outcome::Overloaded,
        Outcome::ServerError,
        Outcome::ClientError,
        Outcome::Timeout,
        Outcome::Connection,
        Outcome::Truncated,
        Outcome::Malformed,
        Outcome::CheckFailed,
        Outcome::Cancelled,
        Outcome::NotSent,
    ];

    /// The name used in every file and on every screen.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::RateLimited => "rate_limited",
            Outcome::QuotaExceeded => "quota_exceeded",
            Outcome::Overloaded => "overloaded",
            Outcome::ServerError => "server_error",
            Outcome::ClientError => "client_error",
            Outcome::Timeout => "timeout",
            Outcome::Connection => "connection",
            Outcome::Truncated => "truncated",
            Outcome::Malformed => "malformed",
            Outcome::CheckFailed => "check_failed",
            Outcome::Cancelled => "cancelled",
            Outcome::NotSent => "not_sent",
        }
    }

    /// Whether it counts in the numerator of the error rate: all but ok, cancelled and not sent.
    pub const fn is_error(self) -> bool {
        !matches!(self, Outcome::Ok | Outcome::Cancelled | Outcome::NotSent)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why the model stopped writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The answer was complete.
    Stop,
    /// The token limit was reached.
    Length,
    /// The model asks for tools.
    ToolCalls,
    /// The provider's filter intervened.
    ContentFilter,
    /// A reason this version does not know.
    Other,
}

impl Finish {
    /// Every reason, in the order in which people want to read them.
    pub const ALL: [Finish; 5] =
        [Finish::Stop, Finish::Length, Finish::ToolCalls, Finish::ContentFilter, Finish::Other];

    /// The name used in every file and on every screen.
    pub const fn name(self) -> &'static str {
        match self {
            Finish::Stop => "stop",
            Finish::Length => "length",
            Finish::ToolCalls => "tool_calls",
            Finish::ContentFilter => "content_filter",
            Finish::Other => "other",
        }
    }
}

impl fmt::Display for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
