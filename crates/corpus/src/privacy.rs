//! Taking personal data and secrets out of prompts.
//!
//! A [`Cleaner`] knows what to look for; each prompt gets a [`Masking`] of its own from it, which puts typed
//! placeholders such as `<EMAIL_1>` in place of what is found, numbered by distinct value within that prompt. So a
//! text keeps its sense (the same person stays the same person) and about its length, and nothing of a value is
//! left: neither a hash, nor a table that leads back.
//!
//! What is looked for are forms, not meanings: a name is found only if it is in a list, an address in a street never.
//! Texts are seen as people wrote them and as programs pass them on: with the escapes of JSON and of URLs undone,
//! several times over, with wide digits and no-break spaces made plain. Every search is a hand-written scanner whose
//! look-back and look-ahead are bounded, so the time is linear in the text, whatever the text.

mod address;
mod assigned;
mod card;
mod clean;
mod email;
mod find;
mod iban;
mod key;
mod key_forms;
mod letters;
mod names;
mod phone;
mod phone_context;
mod view;
mod web;

pub use clean::{Cleaner, Masking};
pub(crate) use find::placeholders;
pub use names::Names;

/// A kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// E-mail addresses.
    Email,
    /// Telephone numbers with a country code, with separators, or after a word such as `tel`.
    Phone,
    /// Numbers of payment cards: 13 to 19 digits with a valid check digit (Luhn).
    Card,
    /// Bank accounts: the country's length and a valid checksum (mod 97).
    Iban,
    /// IPv4 and IPv6 addresses. Loopback and unspecified ones and net masks stay: they point at nobody.
    Ip,
    /// Keys, tokens, passwords, private keys, and long strings that look like nothing else.
    Key,
    /// Names from a list, and of those who take part in a conversation.
    Name,
}

impl Kind {
    /// Every kind, in the order in which they are reported.
    pub const ALL: [Kind; 7] =
        [Kind::Email, Kind::Phone, Kind::Card, Kind::Iban, Kind::Ip, Kind::Key, Kind::Name];

    /// The word by which options and reports call it.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Email => "email",
            Kind::Phone => "phone",
            Kind::Card => "card",
            Kind::Iban => "iban",
            Kind::Ip => "ip",
            Kind::Key => "key",
            Kind::Name => "name",
        }
    }

    /// The kind of this word.
    pub fn of_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Its word in a placeholder.
    const fn label(self) -> &'static str {
        match self {
            Kind::Email => "EMAIL",
            Kind::Phone => "PHONE",
            Kind::Card => "CARD",
            Kind::Iban => "IBAN",
            Kind::Ip => "IP",
            Kind::Key => "KEY",
            Kind::Name => "NAME",
        }
    }

    /// Which of two findings of one length is named: the one that is surer.
    const fn sureness(self) -> u8 {
        match self {
            Kind::Key => 6,
            Kind::Iban => 5,
            Kind::Card => 4,
            Kind::Email => 3,
            Kind::Ip => 2,
            Kind::Phone => 1,
            Kind::Name => 0,
        }
    }
}

/// Where keys, tokens and passwords stand in a text, in its order and without overlaps; in bytes.
pub fn keys(text: &str) -> Vec<std::ops::Range<usize>> {
    let only = [Kind::Key].into_iter().collect();
    find::find(text, only, &Names::default()).into_iter().map(|found| found.place).collect()
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// Every kind.
    pub fn all() -> Kinds {
        Kind::ALL.into_iter().collect()
    }

    /// Whether the kind is in it.
    pub fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// The set without a kind.
    #[must_use]
    pub fn without(self, kind: Kind) -> Kinds {
        Kinds(self.0 & !(1 << kind as u8))
    }

    /// The kinds in it, in the order of [`Kind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |&kind| self.has(kind))
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Kinds {
        Kinds(kinds.into_iter().fold(0, |set, kind| set | (1 << kind as u8)))
    }
}

/// How often each kind was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Kind::ALL.len()]);

impl Counts {
    /// The count of one kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// The count of all kinds.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Counts one more.
    pub(crate) fn add(&mut self, kind: Kind) {
        self.0[kind as usize] += 1;
    }

    /// Adds another's counts.
    pub(crate) fn merge(&mut self, other: &Counts) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

#[cfg(test)]
mod tests;
