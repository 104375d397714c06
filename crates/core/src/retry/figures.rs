//! What trying again costs: attempts beside requests, tokens for nothing, time spent waiting.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;
use crate::record::{Attempt, AttemptEnd, Record};
use crate::retry::refusal::{Refusal, Why};
use crate::time::Span;

/// Attempts and what became of them, over any number of requests; merging two is adding them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// Requests of which at least one attempt was made.
    pub requests: u64,
    /// Attempts. Replacing a kept connection that the server had closed is none.
    pub attempts: u64,
    /// Requests with more than one attempt.
    pub retried: u64,
    /// Those of them that were answered in the end.
    pub recovered: u64,
    /// Attempts at another target than the first.
    pub fallbacks: u64,
    /// Why attempts failed, and how many of them.
    pub refusals: BTreeMap<Why, u64>,
    /// Tokens of prompts that were sent for nothing, as far as they are known.
    pub wasted_input: u64,
    /// Tokens of answers that were received for nothing, as far as they are known.
    pub wasted_output: u64,
    /// Time that requests spent waiting for their next attempt.
    #[serde(rename = "waited_ns")]
    pub waited: Span,
}

impl Tries {
    /// Adds a request.
    pub fn add(&mut self, record: &Record) {
        let last = record.attempts.len().wrapping_sub(1);
        let mut attempts = 0u64;
        let mut first: Option<&Attempt> = None;
        for (k, attempt) in record.attempts.iter().enumerate() {
            let outcome = match attempt.end {
                AttemptEnd::Reconnect | AttemptEnd::Outcome(Outcome::NotSent) => continue,
                AttemptEnd::Outcome(outcome) => outcome,
            };
            attempts += 1;
            self.waited += attempt.wait.unwrap_or_default();
            self.fallbacks += u64::from(first.is_some_and(|first| first.target != attempt.target));
            first = first.or(Some(attempt));
            if let Some(refusal) = attempt.refusal.or(Refusal::by_outcome(outcome)) {
                *self.refusals.entry(refusal.why).or_default() += 1;
            }
            if outcome != Outcome::Ok {
                // Every attempt sends the same prompt; the record's answer is that of the last one.
                let output = attempt.output_tokens.or(record.output_tokens.filter(|_| k == last));
                self.wasted_input += u64::from(attempt.input_tokens.or(record.input_tokens).unwrap_or(0));
                self.wasted_output += u64::from(output.unwrap_or(0));
            }
        }
        self.requests += u64::from(attempts > 0);
        self.attempts += attempts;
        self.retried += u64::from(attempts > 1);
        self.recovered += u64::from(attempts > 1 && record.outcome == Outcome::Ok);
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Tries) {
        let Tries {
            requests,
            attempts,
            retried,
            recovered,
            fallbacks,
            refusals,
            wasted_input,
            wasted_output,
            waited,
        } = other;
        self.requests += requests;
        self.attempts += attempts;
        self.retried += retried;
        self.recovered += recovered;
        self.fallbacks += fallbacks;
        for (why, count) in refusals {
            *self.refusals.entry(*why).or_default() += count;
        }
        self.wasted_input += wasted_input;
        self.wasted_output += wasted_output;
        self.waited += *waited;
    }

    /// Attempts for one request: how much more load the target gets than was meant for it.
    pub fn amplification(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.attempts as f64 / self.requests as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Phase;
    use crate::time::Moment;

    fn attempt(outcome: Outcome) -> Attempt {
        Attempt::new(Some(Moment(1)), Moment(2), AttemptEnd::Outcome(outcome), None)
    }

    fn record(outcome: Outcome, attempts: Vec<Attempt>) -> Record {
        let mut record = Record::planned(0, Phase::Main, "p".into(), Moment(0));
        (record.outcome, record.attempts) = (outcome, attempts);
        (record.input_tokens, record.output_tokens) = (Some(100), Some(20));
        record
    }

    #[test]
    fn attempts_are_counted_beside_requests() {
        let limited = attempt(Outcome::RateLimited);
        let cut = Attempt {
            output_tokens: Some(7),
            wait: Some(Span::from_secs(2)),
            target: Some("a".into()),
            ..attempt(Outcome::Truncated)
        };
        let ok = Attempt { wait: Some(Span::from_secs(1)), target: Some("b".into()), ..attempt(Outcome::Ok) };
        let too_large =
            Attempt { refusal: Some(Refusal::new(Why::TooLarge)), ..attempt(Outcome::RateLimited) };
        let reconnect = Attempt { end: AttemptEnd::Reconnect, ..attempt(Outcome::Ok) };
        let (mut one, mut two) = (Tries::default(), Tries::default());
        one.add(&record(Outcome::Ok, vec![Attempt { target: Some("a".into()), ..limited }, cut, ok]));
        one.add(&record(Outcome::RateLimited, vec![too_large]));
        two.add(&record(Outcome::Ok, vec![reconnect, attempt(Outcome::Ok)]));
        two.add(&record(Outcome::NotSent, vec![]));
        let mut all = one.clone();
        all.merge(&two);
        let expected = Tries {
            requests: 3,
            attempts: 5,
            retried: 1,
            recovered: 1,
            fallbacks: 1,
            refusals: [(Why::RateLimited, 1), (Why::TooLarge, 1), (Why::Broken, 1)].into(),
            wasted_input: 300,
            wasted_output: 27,
            waited: Span::from_secs(3),
        };
        assert_eq!(all, expected);
        assert_eq!(all.amplification(), Some(5.0 / 3.0));
        two.merge(&one);
        assert_eq!(two, all);
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Tries>(&json).unwrap(), all);
        assert_eq!(Tries::default().amplification(), None);
    }
}
