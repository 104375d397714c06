//! What a provider states of its rate limits beside an answer: how much was allowed and how much of it is left.

mod utilisation;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Span;

pub use utilisation::{StatedUse, Utilisation};

/// The limits that one answer stated. What it did not state is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedLimits {
    /// Requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Quota>,
    /// Tokens, of prompts and answers together; where there are several limits, the one nearest to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Quota>,
    /// Tokens of prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Quota>,
    /// Tokens of answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Quota>,
    /// Further ones, by what the fields call them, such as `requests-day`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub also: BTreeMap<Box<str>, Quota>,
    /// How long to wait before the next try, from the moment of the answer.
    #[serde(rename = "retry_after_ns", default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Span>,
    /// The same by the body of a refusal, where no field of the head says it: clients seldom read it.
    #[serde(rename = "hint_ns", default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Span>,
    /// Whether the server wants to be asked again (`x-should-retry`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub should_retry: Option<bool>,
}

/// One limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// How much is allowed in a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// How much is left of it; below zero where a provider let more through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<i64>,
    /// Until all of it is there again, from the moment of the answer.
    #[serde(rename = "reset_ns", default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<Span>,
}

impl StatedLimits {
    /// Each limit with its name.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Quota)> {
        let own = [
            ("requests", &self.requests),
            ("tokens", &self.tokens),
            ("input", &self.input),
            ("output", &self.output),
        ];
        let own = own.into_iter().filter_map(|(name, quota)| Some((name, quota.as_ref()?)));
        own.chain(self.also.iter().map(|(name, quota)| (&**name, quota)))
    }

    /// These limits, unless none is stated.
    pub fn if_any(self) -> Option<StatedLimits> {
        (self != StatedLimits::default()).then_some(self)
    }
}

impl Quota {
    /// The share of it that is used; above 1 where more is used than is allowed. None where either is not stated.
    pub fn used(&self) -> Option<f64> {
        let limit = self.limit.filter(|&limit| limit > 0)? as f64;
        Some(((limit - self.remaining? as f64) / limit).max(0.0))
    }

    /// This limit, unless nothing is said of it.
    pub fn if_any(self) -> Option<Quota> {
        (self != Quota::default()).then_some(self)
    }
}
