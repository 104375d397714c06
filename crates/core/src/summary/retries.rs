//! What trying again came to, in numbers.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::retry::Tries;

/// Attempts beside requests, of the main phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Retries {
    /// Requests of which at least one attempt was made.
    pub requests: u64,
    /// Attempts; replacing a kept connection that the server had closed is none.
    pub attempts: u64,
    /// Attempts for one request.
    pub amplification: Option<f64>,
    /// Requests with more than one attempt.
    pub retried: u64,
    /// Those of them that were answered in the end.
    pub recovered: u64,
    /// Attempts at another target than the first.
    pub fallbacks: u64,
    /// Attempts that throttle or breaker did not let out.
    pub rejected: u64,
    /// How attempts ended.
    pub by_outcome: BTreeMap<String, u64>,
    /// Why attempts failed: the same more finely.
    pub refusals: BTreeMap<String, u64>,
    /// Which limit refused, of those that said so.
    pub dimensions: BTreeMap<String, u64>,
    /// Tokens of prompts that were sent for nothing, as far as they are known.
    pub wasted_input_tokens: u64,
    /// Tokens of answers that were received for nothing, as far as they are known.
    pub wasted_output_tokens: u64,
    /// Time that requests spent waiting for their next attempt, in seconds, all added.
    pub waited_s: f64,
    /// Requests that did, for any time at all.
    #[serde(default)]
    pub put_off: u64,
    /// Those whose wait was cut: by the end of the run, by a user who left, or by a budget without room.
    #[serde(default)]
    pub cut: u64,
}

impl From<&Tries> for Retries {
    fn from(tries: &Tries) -> Retries {
        Retries {
            requests: tries.requests,
            attempts: tries.attempts,
            amplification: tries.amplification(),
            retried: tries.retried,
            recovered: tries.recovered,
            fallbacks: tries.fallbacks,
            rejected: tries.rejected,
            by_outcome: named(&tries.by_outcome),
            refusals: named(&tries.refusals),
            dimensions: named(&tries.dimensions),
            wasted_input_tokens: tries.wasted_input,
            wasted_output_tokens: tries.wasted_output,
            waited_s: tries.waited.as_secs_f64(),
            put_off: tries.put_off,
            cut: tries.cut,
        }
    }
}

fn named<K: Display>(counts: &BTreeMap<K, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(name, count)| (name.to_string(), *count)).collect()
}
