//! The fast path of a token: recognises a chunk that differs from the last one only in its text.
//!
//! The chunks of one stream are the same bytes but for one string literal. Once a chunk has been
//! parsed, its bytes before and after that literal's body are remembered. A JSON reader that has come
//! through the same prefix is inside the same string; a body of a string, without bare quotes and
//! control characters and with whole escapes, keeps it there; and the suffix, which begins with the
//! closing quote, leaves it where it was before. So the next chunk says the same with another text, and
//! need not be parsed.
//!
//! Padding defeats this: OpenAI adds an `obfuscation` member of varying length to every streamed chunk
//! unless the request says `"stream_options":{"include_obfuscation":false}`, which is the user's to add.
//! Padded chunks are read as rightly, but each is parsed in full, at some twenty times the cost.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::string::{is_body, unescape};
use crate::answer::Part;

/// The bytes around the text of the last pure text chunk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// The prefix up to and including the opening quote, then the suffix from the closing one on.
    around: Vec<u8>,
    prefix: usize,
    part: Part,
}

impl Shape {
    /// The text of `data`, if it has this shape.
    #[inline]
    pub(crate) fn matches<'d>(&self, data: &'d [u8]) -> Option<(Part, Cow<'d, str>)> {
        let (prefix, suffix) = self.around.split_at_checked(self.prefix)?;
        if suffix.is_empty() {
            return None;
        }
        let rest = data.strip_prefix(prefix)?;
        let body = rest.strip_suffix(suffix)?;
        let plain = body.iter().fold(true, |plain, &b| plain & (b >= 0x20) & (b != b'"') & (b != b'\\'));
        if plain {
            return Some((self.part, Cow::Borrowed(std::str::from_utf8(body).ok()?)));
        }
        let body = std::str::from_utf8(body).ok().filter(|body| is_body(body))?;
        Some((self.part, Cow::Owned(unescape(body))))
    }

    /// Remembers the bytes of `data` around `literal`, a string literal that borrows from it.
    pub(crate) fn learn(&mut self, data: &str, literal: &RawValue, part: Part) {
        self.around.clear();
        let literal = literal.get();
        let Some(start) = (literal.as_ptr() as usize).checked_sub(data.as_ptr() as usize) else { return };
        let (open, close) = (start + 1, (start + literal.len()).wrapping_sub(1));
        let (Some(prefix), Some(suffix)) = (data.get(..open), data.get(close..)) else { return };
        if literal.len() < 2 || !prefix.ends_with('"') || !suffix.starts_with('"') {
            return;
        }
        self.around.reserve_exact(prefix.len() + suffix.len());
        self.around.extend_from_slice(prefix.as_bytes());
        self.around.extend_from_slice(suffix.as_bytes());
        self.prefix = prefix.len();
        self.part = part;
    }
}

/// The string literals of a chunk that could be its only text.
#[derive(Default)]
pub(crate) struct Literals<'a> {
    /// The one that is not empty.
    said: Option<(&'a RawValue, Part)>,
    /// If none is: an empty one.
    empty: Option<(&'a RawValue, Part)>,
    /// The chunk says more than one text, or more than a text.
    spoiled: bool,
}

impl<'a> Literals<'a> {
    /// Notes a text that the chunk has, and whether it is empty.
    pub(crate) fn saw(&mut self, raw: &'a RawValue, part: Part, empty: bool) {
        if empty {
            self.empty = Some((raw, part));
        } else {
            self.spoiled |= self.said.is_some();
            self.said = Some((raw, part));
        }
    }

    /// Notes that the chunk says more than a text.
    pub(crate) fn spoil(&mut self) {
        self.spoiled = true;
    }

    /// The literal that alone makes the chunk differ from another.
    pub(crate) fn only(&self) -> Option<(&'a RawValue, Part)> {
        if self.spoiled { None } else { self.said.or(self.empty) }
    }
}
