//! With which requests something goes wrong: times, counts, shares, models and keys.

use std::fmt;

use crate::time::{Moment, Span};

/// What has to hold for a fault to strike, all of it at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// Within these times.
    pub times: Times,
    /// These of the requests that are meant; all without it.
    pub nth: Option<Nth>,
    /// This share of them.
    pub rate: Rate,
    /// For this model, or for models whose names begin with what stands before a star; for any without it.
    pub model: Option<Box<str>>,
    /// With this key; with any or none without it.
    pub key: Option<Key>,
}

/// Half-open times: from a moment on up to another, once or again and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When the first begins.
    pub from: Span,
    /// How long each lasts; for ever without it.
    pub lasting: Option<Span>,
    /// From the beginning of one to that of the next, longer than each lasts; there is one without it.
    pub every: Option<Span>,
}

/// Which requests, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nth {
    /// Those in one of these ranges, both ends included.
    Listed(Box<[(u64, u64)]>),
    /// Every so many.
    Every(u64),
}

/// A share above nothing, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(u32);

/// A key, without saying it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// In the environment variable of this name.
    Env(Box<str>),
    /// By its hash, as the ledger tells it.
    Hash(u64),
}

/// Whether connections are let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// They are.
    #[default]
    Open,
    /// New ones are refused.
    Shut,
    /// New ones are refused, and open ones are reset.
    Down,
}

impl Times {
    /// Whether `at`, counted from where the times begin to count, is within them.
    pub fn contain(&self, at: Moment) -> bool {
        let Some(since) = at.0.checked_sub(self.from.0) else { return false };
        let since = self.every.filter(|every| every.0 > 0).map_or(since, |every| since % every.0);
        self.lasting.is_none_or(|lasting| since < lasting.0)
    }

    /// The first moment after `at` at which [`Times::contain`] changes; none if it never does again.
    pub fn next_change(&self, at: Moment) -> Option<Moment> {
        let begins = Moment(self.from.0);
        if at < begins {
            return Some(begins);
        }
        let lasting = self.lasting?;
        let every = self.every.filter(|every| every.0 > 0);
        let round = every.map_or(0, |every| (at.0 - begins.0) / every.0 * every.0);
        let began = begins + Span(round);
        let ends = began + lasting;
        if at < ends {
            return Some(ends);
        }
        every.map(|every| began + every)
    }
}

impl Nth {
    /// Whether the `number`-th is one of them.
    pub fn contains(&self, number: u64) -> bool {
        match self {
            Nth::Listed(ranges) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&number)),
            Nth::Every(every) => number > 0 && number.is_multiple_of((*every).max(1)),
        }
    }
}

impl Rate {
    /// All of them.
    pub const ALL: Rate = Rate(1_000_000);

    /// So many of a million; none for zero and above a million.
    pub const fn of_millionths(millionths: u32) -> Option<Rate> {
        match millionths {
            1..=1_000_000 => Some(Rate(millionths)),
            _ => None,
        }
    }

    /// How many of a million.
    pub const fn millionths(self) -> u32 {
        self.0
    }
}

impl Default for Rate {
    fn default() -> Rate {
        Rate::ALL
    }
}

/// Such as `5%` or `0.25%`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        match rest {
            0 => write!(f, "{whole}%"),
            rest => write!(f, "{whole}.{}%", format!("{rest:04}").trim_end_matches('0')),
        }
    }
}

/// As it is written in a file.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Env(name) => write!(f, "${{env:{name}}}"),
            Key::Hash(hash) => write!(f, "{hash:016x}"),
        }
    }
}

impl When {
    /// Whether a request for `model` with a key of this hash is meant at `at`, whatever its number and share.
    pub fn means(&self, at: Moment, key: u64, model: &str) -> bool {
        self.times.contain(at) && self.means_model(model) && self.means_key(key)
    }

    fn means_model(&self, model: &str) -> bool {
        self.model.as_deref().is_none_or(|meant| match meant.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => model == meant,
        })
    }

    fn means_key(&self, key: u64) -> bool {
        match &self.key {
            None => true,
            Some(Key::Hash(hash)) => *hash == key,
            // A reference that nobody has resolved is no key.
            Some(Key::Env(_)) => false,
        }
    }
}
