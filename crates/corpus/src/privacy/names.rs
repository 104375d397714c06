//! Names from a list.

use std::collections::HashMap;
use std::ops::Range;

/// A list of names to be taken out: whole words, whatever their letters' case.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The words of each name by the first of them, the names of most words first.
    by_word: HashMap<String, Vec<Vec<String>>>,
    /// Names of scripts that put no space between words, by their first character, the longest first.
    by_sign: HashMap<char, Vec<String>>,
}

impl Names {
    /// The names of a file, one a line; empty lines and lines that begin with `#` are none.
    pub fn of_lines(text: &str) -> Names {
        let mut names = Names::default();
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let words: Vec<String> = words(line).map(|(_, word)| word).collect();
            match (line.chars().next().filter(|&c| is_sign(c)), words.first()) {
                (Some(sign), _) => names.by_sign.entry(sign).or_default().push(line.to_owned()),
                (None, Some(first)) => names.by_word.entry(first.clone()).or_default().push(words),
                (None, None) => {}
            }
        }
        for list in names.by_word.values_mut() {
            list.sort_by_key(|name| std::cmp::Reverse(name.len()));
            list.dedup();
        }
        for list in names.by_sign.values_mut() {
            list.sort_by_key(|name| std::cmp::Reverse(name.len()));
        }
        names
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_word.is_empty() && self.by_sign.is_empty()
    }

    /// Every name in a text, the longest where several begin.
    pub(super) fn find(&self, text: &str, mut found: impl FnMut(Range<usize>)) {
        if !self.by_word.is_empty() {
            self.find_words(text, &mut found);
        }
        if !self.by_sign.is_empty() {
            self.find_signs(text, &mut found);
        }
    }

    fn find_words(&self, text: &str, found: &mut impl FnMut(Range<usize>)) {
        let words: Vec<(Range<usize>, String)> = words(text).collect();
        let mut i = 0;
        while let Some((first, word)) = words.get(i) {
            let fits = |name: &&Vec<String>| {
                let there = words.get(i..i + name.len()).unwrap_or_default();
                there.len() == name.len()
                    && there.iter().zip(name.iter()).all(|((_, word), wanted)| word == wanted)
                    && there.windows(2).all(|pair| joins(&text[pair[0].0.end..pair[1].0.start]))
            };
            match self.by_word.get(word).and_then(|names| names.iter().find(fits)) {
                Some(name) => {
                    let last = words.get(i + name.len() - 1).map_or(first.end, |(place, _)| place.end);
                    found(first.start..last);
                    i += name.len();
                }
                None => i += 1,
            }
        }
    }

    fn find_signs(&self, text: &str, found: &mut impl FnMut(Range<usize>)) {
        for (at, sign) in text.char_indices().filter(|&(_, c)| is_sign(c)) {
            let fits = |name: &&String| text[at..].starts_with(name.as_str());
            if let Some(name) = self.by_sign.get(&sign).and_then(|names| names.iter().find(fits)) {
                found(at..at + name.len());
            }
        }
    }
}

/// What may stand between the words of one name.
fn joins(gap: &str) -> bool {
    gap.chars().count() <= 3 && gap.chars().all(|c| c.is_whitespace() || "-.'’_".contains(c))
}

/// The words of a text, in lower case, and their places.
fn words(text: &str) -> impl Iterator<Item = (Range<usize>, String)> {
    let belongs = |c: char| c.is_alphanumeric() || ('\u{300}'..'\u{370}').contains(&c);
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + text[rest..].find(belongs)?;
        let end = text[start..].find(|c| !belongs(c)).map_or(text.len(), |n| start + n);
        rest = end;
        Some((start..end, text[start..end].to_lowercase()))
    })
}

/// Chinese and Japanese characters.
fn is_sign(c: char) -> bool {
    ('\u{2e80}'..'\u{a000}').contains(&c) || ('\u{f900}'..'\u{fb00}').contains(&c)
}
