//! The words of an objective, each with its place.

use std::borrow::Cow;
use std::iter::Peekable;
use std::ops::Range;
use std::vec::IntoIter;

use super::Mistake;

/// A word, a comparison or a quoted name.
#[derive(Clone, Debug)]
pub(super) struct Word<'t> {
    /// As it is written, without its quotes.
    pub(super) text: &'t str,
    /// The bytes it takes, quotes included.
    pub(super) at: Range<usize>,
    /// Whether it stands in quotes.
    pub(super) quoted: bool,
}

/// What is left of an objective.
#[derive(Debug)]
pub(super) struct Words<'t> {
    words: Peekable<IntoIter<Word<'t>>>,
    length: usize,
}

impl Word<'_> {
    /// Whether it is made of the signs of comparisons.
    pub(super) fn is_op(&self) -> bool {
        !self.quoted && self.text.chars().all(is_sign)
    }

    /// The name that it is: what is escaped in quotes, plain.
    pub(super) fn name(&self) -> Cow<'_, str> {
        if !self.quoted || !self.text.contains('\\') {
            return self.text.into();
        }
        let mut name = String::new();
        let mut chars = self.text.chars();
        while let Some(c) = chars.next() {
            name.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
        }
        name.into()
    }
}

fn is_sign(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '≤' | '≥')
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'')
}

impl<'t> Words<'t> {
    pub(super) fn of(text: &'t str) -> Result<Words<'t>, Mistake> {
        let mut words = Vec::new();
        let mut from = 0;
        while let Some(first) = text[from..].chars().next() {
            let rest = &text[from..];
            if first.is_whitespace() {
                from += first.len_utf8();
                continue;
            }
            let word = if is_quote(first) {
                let Some(end) = end_of_quotes(rest, first) else {
                    return Err(Mistake::new(from..text.len(), "this name's quotes are not closed")
                        .help(format!("end it with {first}")));
                };
                Word { text: &rest[1..end], at: from..from + end + 1, quoted: true }
            } else {
                let ends = |c: char| is_sign(c) != is_sign(first) || c.is_whitespace() || is_quote(c);
                let length = rest.find(ends).unwrap_or(rest.len());
                Word { text: &rest[..length], at: from..from + length, quoted: false }
            };
            from = word.at.end;
            words.push(word);
        }
        Ok(Words { words: words.into_iter().peekable(), length: text.len() })
    }

    pub(super) fn next(&mut self) -> Option<Word<'t>> {
        self.words.next()
    }

    pub(super) fn peek(&mut self) -> Option<&Word<'t>> {
        self.words.peek()
    }

    pub(super) fn next_if(&mut self, wanted: impl FnOnce(&Word<'t>) -> bool) -> Option<Word<'t>> {
        self.words.next_if(wanted)
    }

    /// A value; one that is written as two words, such as `500 ms`, `99 %` or `$ 5`, is one.
    pub(super) fn next_value(&mut self) -> Option<(String, Range<usize>)> {
        const UNITS: [&str; 11] = ["ns", "us", "µs", "ms", "s", "m", "min", "h", "d", "%", "/s"];
        let first = self.words.next()?;
        let is_half = first.text == "$" || first.text.ends_with(|c: char| c.is_ascii_digit() || c == '.');
        let completes = |next: &Word<'_>| !next.quoted && (first.text == "$" || UNITS.contains(&next.text));
        match self.words.next_if(|next| is_half && completes(next)) {
            Some(second) => Some((format!("{}{}", first.text, second.text), first.at.start..second.at.end)),
            None => Some((first.text.to_owned(), first.at)),
        }
    }

    /// The end of the text, where something is missing.
    pub(super) fn end(&self) -> Range<usize> {
        self.length..self.length
    }
}

/// The byte at which what starts with `quote` ends with it.
fn end_of_quotes(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(at, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}
