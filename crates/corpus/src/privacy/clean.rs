//! Putting placeholders in place of what was found.

use std::collections::HashMap;

use super::find::{find, placeholders};
use super::{Counts, Kind, Kinds, Names};

/// How often a text is looked through: what goes may lay bare what stood beside it.
const ROUNDS: usize = 4;

/// What is taken out of prompts.
#[derive(Clone, Debug)]
pub struct Cleaner {
    kinds: Kinds,
    names: Names,
}

impl Cleaner {
    /// Takes out these kinds. Names are those of the list, and the names of those who take part in a conversation.
    pub fn new(kinds: Kinds, names: Names) -> Cleaner {
        Cleaner { kinds, names }
    }

    /// What it takes out.
    pub fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// Whether it has a list of names.
    pub fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// Begins a prompt: its numbers start anew.
    pub fn prompt(&self) -> Masking<'_> {
        Masking {
            cleaner: self,
            numbers: HashMap::new(),
            taken: [0; Kind::ALL.len()],
            counts: Counts::default(),
        }
    }

    /// The first kind that is still in a text.
    pub fn still_in(&self, text: &str) -> Option<Kind> {
        find(text, self.kinds, &self.names).first().map(|found| found.kind)
    }
}

/// The masks of one prompt: the same value has the same placeholder in all its texts.
#[derive(Debug)]
pub struct Masking<'a> {
    cleaner: &'a Cleaner,
    numbers: HashMap<(Kind, String), u32>,
    /// The highest number of each kind.
    taken: [u32; Kind::ALL.len()],
    counts: Counts,
}

impl Masking<'_> {
    /// Looks for placeholders that a text has already, so that none gets a second meaning. To be called with every
    /// text of the prompt before the first is masked.
    pub fn expect(&mut self, text: &str) {
        for (kind, place) in placeholders(text) {
            let number = &text[place.start + kind.label().len() + 2..place.end - 1];
            if let Ok(number) = number.parse::<u32>() {
                let taken = &mut self.taken[kind as usize];
                *taken = (*taken).max(number.min(u32::MAX / 2));
            }
        }
    }

    /// The text with everything that was found replaced. Masking it again changes nothing.
    pub fn mask(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..ROUNDS {
            let found = find(&text, self.cleaner.kinds, &self.cleaner.names);
            if found.is_empty() {
                break;
            }
            let mut masked = String::with_capacity(text.len());
            let mut after = 0;
            for one in found {
                masked.push_str(&text[after..one.place.start]);
                masked.push_str(&format!("<{}_{}>", one.kind.label(), self.number(one.kind, one.value)));
                self.counts.add(one.kind);
                after = one.place.end;
            }
            masked.push_str(&text[after..]);
            text = masked;
        }
        text
    }

    /// A member of a message that holds one name, in which APIs allow no brackets: `user_1`.
    pub(crate) fn participant(&mut self, name: &str) -> String {
        self.counts.add(Kind::Name);
        format!("user_{}", self.number(Kind::Name, format!("participant {name}")))
    }

    /// What was replaced so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn number(&mut self, kind: Kind, value: String) -> u32 {
        let taken = &mut self.taken[kind as usize];
        *self.numbers.entry((kind, value)).or_insert_with(|| {
            *taken += 1;
            *taken
        })
    }
}
