//! What an attempt ended with, as far as trying again depends on it.
//!
//! Which refusal an answer is belongs to `wire`, which reads what providers write; here is the closed list.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::outcome::Outcome;
use crate::stated::StatedLimits;
use crate::time::Span;

/// Why an attempt led to no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refusal {
    /// The reason.
    pub why: Why,
    /// Which limit it was, where the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<Dimension>,
}

/// The reasons, told apart by what a next try could do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A rate limiter refused it; waiting helps.
    RateLimited,
    /// A quota or a budget is used up; nothing helps within a run.
    QuotaExhausted,
    /// The provider has too much to do.
    Overloaded,
    /// It asks for more than the limit admits at any time; only a smaller request helps.
    TooLarge,
    /// The server failed.
    ServerError,
    /// It took longer than the plan waits.
    Timeout,
    /// There was no connection, or it broke before the answer.
    Connection,
    /// The answer began and came to no end, or was none.
    Broken,
    /// The request itself is wrong.
    ClientError,
    /// Our own throttle or breaker did not let it out.
    RejectedLocally,
}

/// What a limiter counts, and over which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Requests per minute, or over a shorter time that stands for it.
    Rpm,
    /// Tokens per minute, of prompts and answers together.
    Tpm,
    /// Tokens of prompts per minute.
    InputTpm,
    /// Tokens of answers per minute.
    OutputTpm,
    /// Requests per day.
    Rpd,
    /// Tokens per day.
    Tpd,
    /// Requests at the same time.
    Concurrency,
    /// How fast the load grows.
    Acceleration,
    /// Money.
    Spend,
}

/// A set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whys(u16);

/// An attempt that led to no answer, with all that a policy may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub refusal: Refusal,
    /// The HTTP status, if an answer began.
    pub status: Option<u16>,
    /// How long to wait, by the head of the answer.
    pub retry_after: Option<Span>,
    /// The same by its body, where no field of the head says it.
    pub hint: Option<Span>,
    /// What the server wants clients to do (`x-should-retry`).
    pub should_retry: Option<bool>,
}

impl Refusal {
    /// A refusal that names no limit.
    pub const fn new(why: Why) -> Refusal {
        Refusal { why, dimension: None }
    }

    /// A refusal by this limit.
    pub const fn of(why: Why, dimension: Dimension) -> Refusal {
        Refusal { why, dimension: Some(dimension) }
    }

    /// What an outcome says on its own; none where the attempt was answered, or nothing was refused.
    pub const fn by_outcome(outcome: Outcome) -> Option<Refusal> {
        Some(Refusal::new(match outcome {
            Outcome::Ok | Outcome::CheckFailed | Outcome::Cancelled | Outcome::NotSent => return None,
            Outcome::RateLimited => Why::RateLimited,
            Outcome::QuotaExceeded => Why::QuotaExhausted,
            Outcome::Overloaded => Why::Overloaded,
            Outcome::ServerError => Why::ServerError,
            Outcome::ClientError => Why::ClientError,
            Outcome::Timeout => Why::Timeout,
            Outcome::Connection => Why::Connection,
            Outcome::Truncated | Outcome::Malformed => Why::Broken,
        }))
    }
}

impl Why {
    /// Every reason.
    pub const ALL: [Why; 10] = [
        Why::RateLimited,
        Why::QuotaExhausted,
        Why::Overloaded,
        Why::TooLarge,
        Why::ServerError,
        Why::Timeout,
        Why::Connection,
        Why::Broken,
        Why::ClientError,
        Why::RejectedLocally,
    ];

    /// The name used in every file and on every screen.
    pub const fn name(self) -> &'static str {
        match self {
            Why::RateLimited => "rate_limited",
            Why::QuotaExhausted => "quota_exhausted",
            Why::Overloaded => "overloaded",
            Why::TooLarge => "too_large",
            Why::ServerError => "server_error",
            Why::Timeout => "timeout",
            Why::Connection => "connection",
            Why::Broken => "broken",
            Why::ClientError => "client_error",
            Why::RejectedLocally => "rejected_locally",
        }
    }

    /// Whether trying again as it is cannot succeed.
    pub const fn is_permanent(self) -> bool {
        matches!(self, Why::QuotaExhausted | Why::TooLarge | Why::ClientError)
    }

    /// Whether the target did not take the request on: it refused for want of room, or was not reached in time.
    pub const fn is_no_accept(self) -> bool {
        matches!(
            self,
            Why::RateLimited | Why::QuotaExhausted | Why::Overloaded | Why::Timeout | Why::Connection
        )
    }

    /// Whether it says that the target is ill, and not that the request is.
    pub const fn is_failure_of_target(self) -> bool {
        !matches!(self, Why::TooLarge | Why::ClientError | Why::RejectedLocally)
    }
}

impl Whys {
    /// What is tried again unless the scenario says otherwise: whatever may pass by itself, of which nothing was received.
    pub const PASSING: Whys =
        Whys::of(&[Why::RateLimited, Why::Overloaded, Why::ServerError, Why::Timeout, Why::Connection]);

    /// After what another target is asked unless the scenario says otherwise: everything but what is wrong or too large
    /// wherever it is sent.
    pub const ELSEWHERE: Whys = Whys::of(&[
        Why::RateLimited,
        Why::QuotaExhausted,
        Why::Overloaded,
        Why::ServerError,
        Why::Timeout,
        Why::Connection,
        Why::Broken,
        Why::RejectedLocally,
    ]);

    /// The set of these.
    pub const fn of(list: &[Why]) -> Whys {
        let mut bits = 0;
        let mut k = 0;
        while k < list.len() {
            bits |= 1 << list[k] as u16;
            k += 1;
        }
        Whys(bits)
    }

    /// Whether it holds this one.
    pub const fn has(self, why: Why) -> bool {
        self.0 & (1 << why as u16) != 0
    }

    /// Its reasons, in the order of [`Why::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Why> {
        Why::ALL.into_iter().filter(move |why| self.has(*why))
    }
}

impl Failure {
    /// A failure and what was stated beside it.
    pub fn new(refusal: Refusal, status: Option<u16>, stated: Option<&StatedLimits>) -> Failure {
        Failure {
            refusal,
            status,
            retry_after: stated.and_then(|stated| stated.retry_after),
            hint: stated.and_then(|stated| stated.hint),
            should_retry: stated.and_then(|stated| stated.should_retry),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Dimension {
    /// The name used in every file and on every screen.
    pub const fn name(self) -> &'static str {
        match self {
            Dimension::Rpm => "rpm",
            Dimension::Tpm => "tpm",
            Dimension::InputTpm => "input_tpm",
            Dimension::OutputTpm => "output_tpm",
            Dimension::Rpd => "rpd",
            Dimension::Tpd => "tpd",
            Dimension::Concurrency => "concurrency",
            Dimension::Acceleration => "acceleration",
            Dimension::Spend => "spend",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A list of names.
impl Serialize for Whys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Whys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whys, D::Error> {
        let list = Vec::<Why>::deserialize(deserializer)?;
        if list.len() > Why::ALL.len() {
            return Err(D::Error::custom("a reason is listed twice"));
        }
        Ok(Whys::of(&list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_they_are_made_of_and_are_lists_of_names() {
        let set = Whys::of(&[Why::Timeout, Why::RateLimited]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Why::RateLimited, Why::Timeout]);
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(json, r#"["rate_limited","timeout"]"#);
        assert_eq!(serde_json::from_str::<Whys>(&json).unwrap(), set);
        for why in Why::ALL {
            assert!(Whys::of(&Why::ALL).has(why) && !Whys::default().has(why));
            assert_eq!(serde_json::to_value(why).unwrap(), why.name());
            assert!(!(why.is_permanent() && Whys::PASSING.has(why)), "{why}");
        }
    }

    #[test]
    fn every_error_is_a_refusal_and_nothing_else_is_but_failed_checks() {
        for outcome in Outcome::ALL {
            let refused = Refusal::by_outcome(outcome).is_some();
            assert_eq!(refused, outcome.is_error() && outcome != Outcome::CheckFailed, "{outcome}");
        }
    }
}
