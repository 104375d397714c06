//! What became of each attempt: when it came, by whom, which limit refused it with what wait, and which fault struck it.
//!
//! The newest attempts are kept, as many as asked for; the counts are of all. Keys are told by their hash, and by a name
//! where one was given. Between the attempts stands when nobody was let in: of those who came then the system has told nothing.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::io;
use std::sync::Arc;

use floodline_core::limits::{MAX_LIMITS, Reason, Refusal};
use floodline_core::{Moment, Span};
use serde::{Serialize, Serializer};

use super::{KeyId, ModelId};

/// The most names of keys and of models that are kept; beyond them there are hashes only.
const MOST_NAMES: usize = 10_000;
/// Bytes of a name that are kept: what is asked for may be of any length.
const LONGEST_NAME: usize = 200;

/// A bounded record of attempts.
#[derive(Clone, Debug)]
pub struct Ledger {
    attempts: VecDeque<Attempt>,
    capacity: usize,
    /// How many of the newest have not been taken yet.
    fresh: usize,
    /// How many were dropped before anybody took them.
    missed: u64,
    counts: Counts,
    provider: Option<Arc<str>>,
    key_names: HashMap<KeyId, Arc<str>>,
    model_names: HashMap<ModelId, Arc<str>>,
}

/// One attempt. As JSON it is a flat object that leaves out what there is nothing to say of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it arrived.
    pub at: Moment,
    /// Which provider it was made at, where there are several.
    pub provider: Option<Arc<str>>,
    /// Whose key; none of a connection of which no more is known.
    pub key: Option<KeyId>,
    /// What the key is called, where it has a name.
    pub key_name: Option<Arc<str>>,
    /// Which model.
    pub model: Option<Arc<str>>,
    /// What became of it.
    pub met: Met,
}

/// What became of an attempt, and what went wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// Whether it was let in.
    pub fate: Fate,
    /// The kind of the fault that struck it.
    pub fault: Option<&'static str>,
    /// Whether a fault made it slow, be it beside another.
    pub slowed: bool,
}

impl From<Fate> for Met {
    fn from(fate: Fate) -> Met {
        Met { fate, fault: None, slowed: false }
    }
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    Admitted,
    /// A limit refused it.
    Refused(Refusal),
    /// There was no room in the queue.
    Overloaded,
    /// A fault let nobody in, and no limit was asked.
    ShutOut,
    /// No attempt: from here on the system refuses whoever comes.
    Closed,
    /// No attempt: from here on connections are let in again.
    Opened,
}

/// How many attempts there were, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All.
    pub attempts: u64,
    /// Those that were answered.
    pub admitted: u64,
    /// Those that a limit refused.
    pub refused: u64,
    /// Of the refused, those for which waiting does not help.
    pub permanent: u64,
    /// Of the refused, those of each limit, in the order of the limits.
    pub refused_by_limit: [u64; MAX_LIMITS],
    /// Those for which there was no room in the queue.
    pub overloaded: u64,
    /// Those that a fault did not let in.
    pub shut_out: u64,
    /// Those that a fault struck, be they answered or shut out.
    pub struck: u64,
    /// Attempts that are no longer kept.
    pub dropped: u64,
}

impl Ledger {
    /// A ledger that keeps the newest `capacity` attempts.
    pub fn new(capacity: usize) -> Ledger {
        Ledger {
            attempts: VecDeque::new(),
            capacity,
            fresh: 0,
            missed: 0,
            counts: Counts::default(),
            provider: None,
            key_names: HashMap::new(),
            model_names: HashMap::new(),
        }
    }

    /// Says of all attempts to come at which provider they were made.
    pub fn name_provider(&mut self, name: &str) {
        self.provider = Some(name.into());
    }

    /// Gives a key a name to be told by. It must not be the key.
    pub fn name_key(&mut self, key: KeyId, name: &str) {
        let _ = name_once(&mut self.key_names, key, name);
    }

    /// What a key is called, if it has a name.
    pub fn key_name(&self, key: KeyId) -> Option<&str> {
        self.key_names.get(&key).map(AsRef::as_ref)
    }

    /// Records what became of an attempt.
    pub fn record(&mut self, at: Moment, key: KeyId, model: &str, met: impl Into<Met>) {
        // Of what is not kept no name is needed.
        let named = || name_once(&mut self.model_names, ModelId::of(model), model);
        let model = (self.capacity > 0).then(named).flatten();
        let key_name = self.key_names.get(&key).cloned();
        self.push(at, (Some(key), key_name), model, met.into());
    }

    /// Records what became of a connection of which no more is known, or of all that may come.
    pub fn record_connection(&mut self, at: Moment, met: impl Into<Met>) {
        self.push(at, (None, None), None, met.into());
    }

    fn push(
        &mut self,
        at: Moment,
        (key, key_name): (Option<KeyId>, Option<Arc<str>>),
        model: Option<Arc<str>>,
        met: Met,
    ) {
        self.counts.add(&met);
        if self.capacity == 0 {
            self.counts.dropped += 1;
            return;
        }
        while self.attempts.len() >= self.capacity {
            // The oldest goes: if none has been taken, it never will be.
            self.missed += u64::from(self.fresh >= self.attempts.len());
            self.attempts.pop_front();
            self.counts.dropped += 1;
        }
        let provider = self.provider.clone();
        self.attempts.push_back(Attempt { at, provider, key, key_name, model, met });
        self.fresh = (self.fresh + 1).min(self.attempts.len());
    }

    /// What was counted of all attempts.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The newest attempts, oldest first.
    pub fn attempts(&self) -> impl ExactSizeIterator<Item = &Attempt> {
        self.attempts.iter()
    }

    /// Those of them that have come since the last call, and how many more came and are no longer kept.
    pub fn take_fresh(&mut self) -> (impl ExactSizeIterator<Item = &Attempt>, u64) {
        let fresh = std::mem::take(&mut self.fresh).min(self.attempts.len());
        let missed = std::mem::take(&mut self.missed);
        (self.attempts.range(self.attempts.len() - fresh..), missed)
    }

    /// Writes the attempts that are kept, each as a line of JSON, oldest first.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write_lines(&self, to: &mut impl io::Write) -> io::Result<()> {
        self.attempts().try_for_each(|attempt| attempt.write_line(to))
    }
}

impl Attempt {
    /// Writes it as a line of JSON.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write_line(&self, to: &mut impl io::Write) -> io::Result<()> {
        serde_json::to_writer(&mut *to, self)?;
        to.write_all(b"\n")
    }
}

impl Serialize for Attempt {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Met { fate, fault, slowed } = self.met;
        let refusal = match &fate {
            Fate::Refused(refusal) => Some(refusal),
            Fate::Admitted | Fate::Overloaded | Fate::ShutOut | Fate::Closed | Fate::Opened => None,
        };
        Line {
            at_ns: self.at,
            provider: self.provider.as_deref(),
            key: self.key.map(|key| key.to_string()),
            key_name: self.key_name.as_deref(),
            model: self.model.as_deref(),
            verdict: fate.name(),
            fault,
            slowed,
            limit: refusal.map(|refusal| refusal.dimension.per(refusal.per)),
            limit_index: refusal.map(|refusal| refusal.limit),
            reason: refusal.map(|refusal| Reason::name(refusal.reason)),
            wait_ns: refusal.and_then(|refusal| refusal.wait),
            used: refusal.map(|refusal| refusal.used),
            requested: refusal.map(|refusal| refusal.requested),
            limit_value: refusal.map(|refusal| refusal.limit_value),
        }
        .serialize(to)
    }
}

impl Fate {
    /// The word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Fate::Admitted => "admitted",
            Fate::Refused(_) => "refused",
            Fate::Overloaded => "overloaded",
            Fate::ShutOut => "shut_out",
            Fate::Closed => "closed",
            Fate::Opened => "opened",
        }
    }
}

impl Counts {
    fn add(&mut self, met: &Met) {
        if matches!(met.fate, Fate::Closed | Fate::Opened) {
            return;
        }
        self.attempts += 1;
        self.struck += u64::from(met.fault.is_some() || met.slowed);
        match met.fate {
            Fate::Admitted => self.admitted += 1,
            Fate::Overloaded => self.overloaded += 1,
            Fate::ShutOut => self.shut_out += 1,
            Fate::Closed | Fate::Opened => {}
            Fate::Refused(refusal) => {
                self.refused += 1;
                self.permanent += u64::from(refusal.permanent());
                if let Some(count) = self.refused_by_limit.get_mut(usize::from(refusal.limit)) {
                    *count += 1;
                }
            }
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    at_ns: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    #[serde(skip_serializing_if = "is_false")]
    slowed: bool,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to the field")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The name of `id`, cut at [`LONGEST_NAME`]; none beyond [`MOST_NAMES`].
fn name_once<Id: Hash + Eq>(names: &mut HashMap<Id, Arc<str>>, id: Id, name: &str) -> Option<Arc<str>> {
    if let Some(known) = names.get(&id) {
        return Some(known.clone());
    }
    let end = name.floor_char_boundary(LONGEST_NAME);
    let name: Arc<str> = (names.len() < MOST_NAMES).then(|| name[..end].into())?;
    names.insert(id, name.clone());
    Some(name)
}

#[cfg(test)]
mod tests {
    use floodline_core::limits::{Figure, Figures};

    use super::*;
    use crate::limits::{Limiter, Request, Verdict};

    fn recorded(capacity: usize) -> Ledger {
        let limits = Figures { rpm: Some(Figure::Of(2)), ..Figures::default() }.limits().unwrap();
        let mut limiter = Limiter::new(&limits).unwrap();
        let mut ledger = Ledger::new(capacity);
        let key = KeyId::of("sk-secret");
        ledger.name_key(key, "first");
        for second in 0..3 {
            let at = Moment(second * 1_000_000_000);
            let fate = match limiter.admit(at, &Request::new(key, ModelId::of("m"), 10, None)) {
                Verdict::Admitted(..) => Fate::Admitted,
                Verdict::Refused(refusal) => Fate::Refused(refusal),
            };
            ledger.record(at, key, "m", fate);
        }
        ledger
    }

    #[test]
    fn the_newest_attempts_are_kept_and_all_are_counted() {
        let mut ledger = recorded(2);
        let counts = ledger.counts();
        assert_eq!((counts.attempts, counts.admitted, counts.refused, counts.dropped), (3, 2, 1, 1));
        assert_eq!((counts.refused_by_limit[0], counts.permanent), (1, 0));
        let mut lines = Vec::new();
        ledger.write_lines(&mut lines).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        let id = KeyId::of("sk-secret").to_string();
        let expected = format!(
            "{{\"at_ns\":1000000000,\"key\":\"{id}\",\"key_name\":\"first\",\"model\":\"m\",\"verdict\":\"admitted\"}}\n\
             {{\"at_ns\":2000000000,\"key\":\"{id}\",\"key_name\":\"first\",\"model\":\"m\",\"verdict\":\"refused\",\
             \"limit\":\"rpm\",\"limit_index\":0,\"reason\":\"rate\",\"wait_ns\":28000000000,\"used\":2,\
             \"requested\":1,\"limit_value\":2}}\n"
        );
        assert_eq!(lines, expected);
        assert!(!lines.contains("secret"));
        let mut taken = || {
            let (fresh, missed) = ledger.take_fresh();
            (fresh.len(), missed)
        };
        assert_eq!((taken(), taken()), ((2, 1), (0, 0)));
        ledger.record(Moment(9), KeyId::of(""), "m", Fate::Overloaded);
        assert_eq!(
            ledger.take_fresh().0.map(|attempt| attempt.met.fate.name()).collect::<Vec<_>>(),
            ["overloaded"]
        );
    }

    #[test]
    fn a_ledger_of_no_length_counts_only() {
        let mut ledger = recorded(0);
        assert_eq!((ledger.counts().attempts, ledger.attempts().len()), (3, 0));
        assert_eq!(ledger.take_fresh().0.len(), 0);
    }
}
