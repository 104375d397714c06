//! What the limiter decided: each attempt, when, by whom, and which limit refused it with what wait.
//!
//! The newest attempts are kept, as many as asked for; the counts are of all. Keys are told by their hash, and by a name
//! where one was given.

use std::collections::{HashMap, VecDeque};
use std::io;

use floodline_core::limits::{Limits, MAX_LIMITS, Reason, Refusal};
use floodline_core::{Moment, Span};
use serde::Serialize;

use super::{KeyId, ModelId, Verdict};

/// The most names of keys and of models that are kept; beyond them there are hashes only.
const MOST_NAMES: usize = 10_000;

/// A bounded record of attempts.
#[derive(Clone, Debug)]
pub struct Ledger {
    attempts: VecDeque<Attempt>,
    capacity: usize,
    counts: Counts,
    key_names: HashMap<KeyId, Box<str>>,
    model_names: HashMap<ModelId, Box<str>>,
    limit_names: Vec<&'static str>,
}

/// One attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it arrived.
    pub at: Moment,
    /// Whose key.
    pub key: KeyId,
    /// Which model.
    pub model: ModelId,
    /// Why it was refused, unless it was admitted.
    pub refusal: Option<Refusal>,
}

/// How many attempts there were, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All.
    pub attempts: u64,
    /// Those that were answered.
    pub admitted: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Of the refused, those for which waiting does not help.
    pub permanent: u64,
    /// Of the refused, those of each limit, in the order of the limits.
    pub refused_by_limit: [u64; MAX_LIMITS],
    /// Attempts that are no longer kept.
    pub dropped: u64,
}

impl Ledger {
    /// A ledger that keeps the newest `capacity` attempts.
    pub fn new(limits: &Limits, capacity: usize) -> Ledger {
        Ledger {
            attempts: VecDeque::new(),
            capacity,
            counts: Counts::default(),
            key_names: HashMap::new(),
            model_names: HashMap::new(),
            limit_names: limits.limits.iter().map(|limit| limit.short_name()).collect(),
        }
    }

    /// Gives a key a name to be told by. It must not be the key.
    pub fn name_key(&mut self, key: KeyId, name: &str) {
        name_once(&mut self.key_names, key, name);
    }

    /// Gives a model its name.
    pub fn name_model(&mut self, model: ModelId, name: &str) {
        name_once(&mut self.model_names, model, name);
    }

    /// Records what became of an attempt.
    pub fn record(&mut self, at: Moment, key: KeyId, model: ModelId, verdict: &Verdict) {
        let refusal = match verdict {
            Verdict::Admitted(..) => None,
            Verdict::Refused(refusal) => Some(*refusal),
        };
        self.counts.attempts += 1;
        match refusal {
            None => self.counts.admitted += 1,
            Some(refusal) => {
                self.counts.refused += 1;
                self.counts.permanent += u64::from(refusal.permanent());
                if let Some(count) = self.counts.refused_by_limit.get_mut(usize::from(refusal.limit)) {
                    *count += 1;
                }
            }
        }
        while self.attempts.len() >= self.capacity.max(1) {
            self.attempts.pop_front();
            self.counts.dropped += 1;
        }
        if self.capacity > 0 {
            self.attempts.push_back(Attempt { at, key, model, refusal });
        } else {
            self.counts.dropped += 1;
        }
    }

    /// What was counted of all attempts.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The newest attempts, oldest first.
    pub fn attempts(&self) -> impl ExactSizeIterator<Item = &Attempt> {
        self.attempts.iter()
    }

    /// Writes the attempts that are kept, each as a line of JSON, oldest first.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write_lines(&self, to: &mut impl io::Write) -> io::Result<()> {
        for attempt in &self.attempts {
            serde_json::to_writer(&mut *to, &self.line(attempt))?;
            to.write_all(b"\n")?;
        }
        Ok(())
    }

    fn line(&self, attempt: &Attempt) -> Line<'_> {
        let refusal = attempt.refusal.as_ref();
        Line {
            at_ns: attempt.at,
            key: attempt.key.to_string(),
            key_name: self.key_names.get(&attempt.key).map(AsRef::as_ref),
            model: self.model_names.get(&attempt.model).map(AsRef::as_ref),
            verdict: if refusal.is_some() { "refused" } else { "admitted" },
            limit: refusal.and_then(|refusal| self.limit_names.get(usize::from(refusal.limit)).copied()),
            limit_index: refusal.map(|refusal| refusal.limit),
            reason: refusal.map(|refusal| Reason::name(refusal.reason)),
            wait_ns: refusal.and_then(|refusal| refusal.wait),
            used: refusal.map(|refusal| refusal.used),
            requested: refusal.map(|refusal| refusal.requested),
            limit_value: refusal.map(|refusal| refusal.limit_value),
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    at_ns: Moment,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_index: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_ns: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_value: Option<u64>,
}

fn name_once<Id: std::hash::Hash + Eq>(names: &mut HashMap<Id, Box<str>>, id: Id, name: &str) {
    if names.len() < MOST_NAMES {
        names.entry(id).or_insert_with(|| name.into());
    }
}

#[cfg(test)]
mod tests {
    use floodline_core::limits::{Figure, Figures};

    use super::*;
    use crate::limits::{Limiter, Request};

    #[test]
    fn the_newest_attempts_are_kept_and_all_are_counted() {
        let limits = Figures { rpm: Some(Figure::Of(2)), ..Figures::default() }.limits().unwrap();
        let mut limiter = Limiter::new(&limits).unwrap();
        let mut ledger = Ledger::new(&limits, 2);
        let (key, model) = (KeyId::of("sk-secret"), ModelId::of("m"));
        ledger.name_key(key, "first");
        ledger.name_model(model, "m");
        for second in 0..3 {
            let at = Moment(second * 1_000_000_000);
            let verdict = limiter.admit(at, &Request::new(key, model, 10, None));
            ledger.record(at, key, model, &verdict);
        }
        let counts = ledger.counts();
        assert_eq!((counts.attempts, counts.admitted, counts.refused, counts.dropped), (3, 2, 1, 1));
        assert_eq!((counts.refused_by_limit[0], counts.permanent), (1, 0));
        let mut lines = Vec::new();
        ledger.write_lines(&mut lines).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        let id = key.to_string();
        let expected = format!(
            "{{\"at_ns\":1000000000,\"key\":\"{id}\",\"key_name\":\"first\",\"model\":\"m\",\"verdict\":\"admitted\"}}\n\
             {{\"at_ns\":2000000000,\"key\":\"{id}\",\"key_name\":\"first\",\"model\":\"m\",\"verdict\":\"refused\",\
             \"limit\":\"rpm\",\"limit_index\":0,\"reason\":\"rate\",\"wait_ns\":30000000000,\"used\":2,\
             \"requested\":1,\"limit_value\":2}}\n"
        );
        assert_eq!(lines, expected);
        assert!(!lines.contains("secret"));
    }

    #[test]
    fn a_ledger_of_no_length_counts_only() {
        let limits = Figures { rpm: Some(Figure::Of(2)), ..Figures::default() }.limits().unwrap();
        let mut limiter = Limiter::new(&limits).unwrap();
        let mut ledger = Ledger::new(&limits, 0);
        let (key, model) = (KeyId::of(""), ModelId::of("m"));
        let verdict = limiter.admit(Moment::START, &Request::new(key, model, 10, None));
        ledger.record(Moment::START, key, model, &verdict);
        assert_eq!((ledger.counts().attempts, ledger.attempts().len()), (1, 0));
    }
}
