//! Faults of a provider as data: what goes wrong, with which requests and when.
//!
//! [`Faults`] stand in scenarios (`stub: {faults: [...]}`), in files of their own and on the command line. This module
//! says what they mean; the simulated provider commits them. In a file:
//!
//! ```yaml
//! faults:                       # at most 100; the first one that strikes a request is the one it meets
//!   - kind: status              # an HTTP error, in the words of the API that was called
//!     status: 529               # 400 to 599
//!     message: Overloaded       # instead of the API's own words
//!     retry_after: 5s           # stated in the answer's head; not unless given
//!   - kind: timeout             # the request is read and never answered
//!   - kind: slow                # the answer comes later; faults further down the list may strike it too
//!     delay: 2s                 # by so much, or
//!     factor: 4                 # its first token takes so many times as long
//!   - kind: stall               # the answer stops, and goes on
//!     after_tokens: 20          # 1 unless given; an answer with fewer tokens stops before its last one
//!     for: 10s                  # after so long; never unless given
//!   - kind: disconnect          # the connection ends
//!     after_tokens: 20          # 0: before anything was answered
//!     how: reset                # reset | close (in good order, with the answer cut)
//!   - kind: end_early           # the body ends as it should, without a finish reason or an end mark
//!     after_tokens: 20
//!   - kind: malformed           # the answer is damaged, and goes on
//!     after_tokens: 20
//!     what: event               # event (no JSON) | framing (no HTTP; it cannot go on then)
//!   - kind: error               # an error inside an answer with status 200, which ends it
//!     error: overloaded         # overloaded | rate_limited | server_error
//!     after_tokens: 20
//!   - kind: length              # the answer stops as at a limit on its tokens: its finish is `length`
//!     after_tokens: 20
//!   - kind: content_type        # a page of this type in place of the answer, with status 200
//!     content_type: text/html
//!   - kind: refuse              # connections are refused; those that are open stay
//!   - kind: outage              # the same, and all that are open are reset
//! ```
//!
//! Each can say whom it strikes; what it says has to hold all at once. Without any of it, it strikes every request:
//!
//! ```yaml
//!     rate: 5%                  # a share, drawn by the seed and the request's number alone
//!     nth: [3, 7, 10..20]       # these of the requests that are meant, from 1
//!     every_nth: 10             # the 10th, the 20th, ...
//!     model: gpt-4o             # requests for this model; with a star at its end, for all whose names begin so
//!     key: ${env:KEY_A}         # requests with this key; or its hash, as the ledger tells it
//!     from: 10s                 # from this moment on, the start of the provider being 0
//!     until: 40s                # up to, and not including, this moment
//!     for: 30s                  # or for so long (of a stall `for` is its own length)
//!     every: 5m                 # and so again and again, each time so long after the last time began
//! ```
//!
//! "The requests that are meant" are those of the fault's model and key within its times. For answers that are not
//! streamed, `after_tokens` says only whether anything is sent: damage sits in their middle. Refusals and outages know
//! no model and no key, since a connection is refused before anything is asked.
//!
//! The same on one line, as on the command line (`--fault 'status 529 rate 5% from 10s until 40s'`) and instead of a
//! mapping in any list: the kind, then its figure where it has one (`slow 2s`, `slow 4x`, `error overloaded`,
//! `length 20`, `content_type text/html`), then fields and their values. `after 20 tokens` is `after_tokens: 20`, and
//! `message` takes the rest of the line.

mod fields;
mod form;
mod kind;
mod line;
mod value;
mod when;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use fields::Fields;
pub use kind::{Cut, Failure, Harm, Kind, Slow};
pub use when::{Door, Key, Nth, Rate, Times, When};

/// The most faults that are kept at once.
pub const MAX_FAULTS: usize = 100;

/// All faults of a provider, in the order in which they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Fault>", into = "Vec<Fault>")]
pub struct Faults(Vec<Fault>);

/// Something that goes wrong, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: Kind,
    /// With which requests.
    pub when: When,
}

/// A fault that makes no sense, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError {
    /// The field that is wrong, if it is one.
    pub field: Option<Box<str>>,
    /// What is wrong. It never shows the value of `key`.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Faults {
    /// These faults, the first first.
    ///
    /// # Errors
    /// There are too many.
    pub fn new(faults: Vec<Fault>) -> Result<Faults, FaultError> {
        match faults.len() {
            0..=MAX_FAULTS => Ok(Faults(faults)),
            many => Err(FaultError::new(format!(
                "{many} faults are too many: at most {MAX_FAULTS} are kept at once"
            ))),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The fault at this place, from 0.
    pub fn get(&self, place: usize) -> Option<&Fault> {
        self.0.get(place)
    }

    /// The faults in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }

    /// Puts hashes in place of the keys that are references to the environment.
    ///
    /// # Errors
    /// The name of the first variable of which `hash` knows none.
    pub fn resolve_keys(&mut self, hash: impl Fn(&str) -> Option<u64>) -> Result<(), String> {
        for fault in &mut self.0 {
            if let Some(Key::Env(name)) = &fault.when.key {
                fault.when.key = Some(Key::Hash(hash(name).ok_or_else(|| name.to_string())?));
            }
        }
        Ok(())
    }
}

impl Fault {
    /// Whether it keeps all connections out while it lasts, and not only some of them.
    pub fn shuts(&self) -> bool {
        self.kind.is_of_connections() && self.when.nth.is_none() && self.when.rate == Rate::ALL
    }
}

impl TryFrom<Vec<Fault>> for Faults {
    type Error = FaultError;

    fn try_from(faults: Vec<Fault>) -> Result<Faults, FaultError> {
        Faults::new(faults)
    }
}

impl From<Faults> for Vec<Fault> {
    fn from(faults: Faults) -> Vec<Fault> {
        faults.0
    }
}

impl FaultError {
    pub(crate) fn new(message: impl Into<String>) -> FaultError {
        FaultError { field: None, message: message.into(), help: None }
    }

    fn of(field: &str, message: impl Into<String>) -> FaultError {
        FaultError { field: Some(field.into()), ..FaultError::new(message) }
    }

    fn help(self, help: impl Into<String>) -> FaultError {
        FaultError { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, ": {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FaultError {}

#[cfg(test)]
mod tests;
