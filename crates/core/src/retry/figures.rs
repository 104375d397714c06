//! What trying again costs: attempts beside requests, tokens for nothing, time spent waiting.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;
use crate::record::{Attempt, AttemptEnd, Record};
use crate::retry::refusal::{Dimension, Refusal, Why};
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
    /// Attempts that our own throttle or breaker did not let out; they are none of the above.
    #[serde(default)]
    pub rejected: u64,
    /// How attempts ended.
    #[serde(default)]
    pub by_outcome: BTreeMap<Outcome, u64>,
    /// Why attempts failed, and how many of them.
    pub refusals: BTreeMap<Why, u64>,
    /// Which limit refused them, of those that said so.
    #[serde(default)]
    pub dimensions: BTreeMap<Dimension, u64>,
    /// Tokens of prompts that were sent for nothing, as far as they are known.
    pub wasted_input: u64,
    /// Tokens of answers that were received for nothing, as far as they are known.
    pub wasted_output: u64,
    /// Time that requests spent waiting for their next attempt, whether it came or not.
    #[serde(rename = "waited_ns")]
    pub waited: Span,
    /// Requests that did, for any time at all.
    #[serde(default)]
    pub put_off: u64,
    /// Those whose wait was cut: by the end of the run, by a user who left, or by a budget without room.
    #[serde(default)]
    pub cut: u64,
}

impl Tries {
    /// Adds a request.
    pub fn add(&mut self, record: &Record) {
        self.add_those(record, |_| true);
    }

    /// Adds what of a request went to this target.
    pub(super) fn add_at(&mut self, record: &Record, target: &str) {
        self.add_those(record, |attempt| attempt.target.as_deref() == Some(target));
    }

    fn add_those(&mut self, record: &Record, counts: impl Fn(&Attempt) -> bool) {
        let last = record.attempts.iter().rposition(Attempt::is_try);
        let first = record.attempts.iter().find(|attempt| attempt.is_try());
        let (mut attempts, mut has_last) = (0u64, false);
        let (mut waited, mut cut) = (Span::ZERO, false);
        for (k, attempt) in record.attempts.iter().enumerate().filter(|(_, attempt)| counts(attempt)) {
            waited += attempt.wait.unwrap_or_default();
            let outcome = match attempt.end {
                AttemptEnd::Reconnect => continue,
                AttemptEnd::Outcome(Outcome::NotSent) => {
                    let kept_back = attempt.refusal == Some(Refusal::new(Why::RejectedLocally));
                    self.rejected += u64::from(kept_back);
                    cut |= !kept_back && attempt.wait > Some(Span::ZERO);
                    continue;
                }
                AttemptEnd::Outcome(outcome) => outcome,
            };
            attempts += 1;
            has_last |= Some(k) == last;
            self.fallbacks += u64::from(first.is_some_and(|first| first.target != attempt.target));
            self.end(attempt, outcome);
            if outcome != Outcome::Ok {
                // Every attempt sends the same prompt; the record's answer is that of the last one.
                let output = attempt.output_tokens.or(record.output_tokens.filter(|_| Some(k) == last));
                // What found no connection has sent none of it.
                let input = attempt.input_tokens.or(record.input_tokens).filter(|_| attempt.sent.is_some());
                self.wasted_input += u64::from(input.unwrap_or(0));
                self.wasted_output += u64::from(output.unwrap_or(0));
            }
        }
        self.waited += waited;
        self.put_off += u64::from(waited > Span::ZERO);
        self.cut += u64::from(cut);
        self.requests += u64::from(attempts > 0);
        self.attempts += attempts;
        self.retried += u64::from(attempts > 1);
        self.recovered += u64::from(attempts > 1 && has_last && record.outcome == Outcome::Ok);
    }

    /// Adds the end of an attempt.
    fn end(&mut self, attempt: &Attempt, outcome: Outcome) {
        *self.by_outcome.entry(outcome).or_default() += 1;
        if let Some(Refusal { why, dimension }) = attempt.refusal.or(Refusal::by_outcome(outcome)) {
            *self.refusals.entry(why).or_default() += 1;
            if let Some(dimension) = dimension {
                *self.dimensions.entry(dimension).or_default() += 1;
            }
        }
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Tries) {
        let Tries {
            requests,
            attempts,
            retried,
            recovered,
            fallbacks,
            rejected,
            by_outcome,
            refusals,
            dimensions,
            wasted_input,
            wasted_output,
            waited,
            put_off,
            cut,
        } = other;
        self.requests += requests;
        self.attempts += attempts;
        self.retried += retried;
        self.recovered += recovered;
        self.fallbacks += fallbacks;
        self.rejected += rejected;
        add(&mut self.by_outcome, by_outcome);
        add(&mut self.refusals, refusals);
        add(&mut self.dimensions, dimensions);
        self.wasted_input += wasted_input;
        self.wasted_output += wasted_output;
        self.waited += *waited;
        self.put_off += put_off;
        self.cut += cut;
    }

    /// Attempts for one request: how much more load the target gets than was meant for it.
    pub fn amplification(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.attempts as f64 / self.requests as f64)
    }
}

fn add<K: Copy + Ord>(sums: &mut BTreeMap<K, u64>, others: &BTreeMap<K, u64>) {
    for (name, count) in others {
        *sums.entry(*name).or_default() += count;
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
        let too_large = Attempt {
            refusal: Some(Refusal::of(Why::TooLarge, Dimension::Tpm)),
            ..attempt(Outcome::RateLimited)
        };
        let reconnect = Attempt { end: AttemptEnd::Reconnect, ..attempt(Outcome::Ok) };
        let (mut one, mut two) = (Tries::default(), Tries::default());
        one.add(&record(Outcome::Ok, vec![Attempt { target: Some("a".into()), ..limited }, cut, ok]));
        one.add(&record(Outcome::RateLimited, vec![too_large]));
        two.add(&record(Outcome::Ok, vec![reconnect, attempt(Outcome::Ok)]));
        let kept_back = Attempt {
            refusal: Some(Refusal::new(Why::RejectedLocally)),
            ..Attempt::new(None, Moment(2), AttemptEnd::Outcome(Outcome::NotSent), None)
        };
        two.add(&record(Outcome::NotSent, vec![kept_back]));
        let unconnected = Attempt::new(None, Moment(2), AttemptEnd::Outcome(Outcome::Connection), None);
        two.add(&record(Outcome::Connection, vec![Attempt { output_tokens: Some(0), ..unconnected }]));
        two.add(&record(Outcome::NotSent, vec![]));
        let mut all = one.clone();
        all.merge(&two);
        let expected = Tries {
            requests: 4,
            attempts: 6,
            retried: 1,
            recovered: 1,
            fallbacks: 1,
            rejected: 1,
            by_outcome: [
                (Outcome::Ok, 2),
                (Outcome::RateLimited, 2),
                (Outcome::Truncated, 1),
                (Outcome::Connection, 1),
            ]
            .into(),
            refusals: [(Why::RateLimited, 1), (Why::TooLarge, 1), (Why::Broken, 1), (Why::Connection, 1)]
                .into(),
            dimensions: [(Dimension::Tpm, 1)].into(),
            wasted_input: 300,
            wasted_output: 27,
            waited: Span::from_secs(3),
            put_off: 1,
            cut: 0,
        };
        assert_eq!(all, expected);
        assert_eq!(all.amplification(), Some(6.0 / 4.0));
        two.merge(&one);
        assert_eq!(two, all);
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Tries>(&json).unwrap(), all);
        assert_eq!(Tries::default().amplification(), None);
    }

    #[test]
    fn a_wait_that_was_cut_is_time_spent_and_no_attempt() {
        let after = |wait| Attempt {
            wait: Some(wait),
            ..Attempt::new(None, Moment(2), AttemptEnd::Outcome(Outcome::NotSent), None)
        };
        let kept_back =
            Attempt { refusal: Some(Refusal::new(Why::RejectedLocally)), ..after(Span::from_secs(4)) };
        let limited = attempt(Outcome::RateLimited);
        let at_once = Attempt { wait: Some(Span::ZERO), ..limited.clone() };
        let mut tries = Tries::default();
        tries.add(&record(Outcome::RateLimited, vec![limited.clone(), after(Span::from_secs(2))]));
        tries.add(&record(Outcome::RateLimited, vec![limited.clone(), kept_back]));
        tries.add(&record(Outcome::RateLimited, vec![limited, at_once]));
        assert_eq!((tries.requests, tries.attempts, tries.retried), (3, 4, 1));
        assert_eq!((tries.waited, tries.put_off, tries.cut), (Span::from_secs(6), 2, 1));
    }
}
