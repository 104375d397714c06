//! A text as it is meant: with escapes undone and typography made plain, and each place of it traced back.

use std::ops::Range;

/// How many layers of escaping are undone: a tool's arguments are JSON in JSON, and what they hold may be again.
pub(super) const LAYERS: usize = 4;

/// A text, and where in the original each of its bytes comes from.
pub(super) struct View {
    pub(super) text: String,
    /// For each byte the place of what it stands for, and at the end the original's length; ascending. Empty if
    /// the text is the original.
    places: Vec<usize>,
}

impl View {
    /// The original with wide letters, foreign digits, and typographic spaces and hyphens as in ASCII, and without
    /// characters that have no width.
    pub(super) fn plain(original: &str) -> View {
        if !original.chars().any(|c| plain(c) != Some(c)) {
            return View { text: original.to_owned(), places: Vec::new() };
        }
        let mut view = Writer::default();
        for (at, c) in original.char_indices() {
            if let Some(c) = plain(c) {
                view.put(c, at);
            }
        }
        view.done(original.len())
    }

    /// One layer of escapes undone: those of JSON and those of URLs. `None` if there are none.
    pub(super) fn unescaped(&self) -> Option<View> {
        let text = self.text.as_str();
        let mut view = Writer::default();
        let mut changed = false;
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let (meant, length) = match c {
                '\\' => json_escape(&text[at..]),
                '%' => percent_escape(&text[at..]),
                _ => None,
            }
            .unwrap_or((c, c.len_utf8()));
            changed |= meant != c || length != c.len_utf8();
            if let Some(meant) = plain(meant) {
                view.put(meant, self.place(at));
            }
            at += length;
        }
        changed.then(|| view.done(self.place(text.len())))
    }

    /// The part of the original that a part of this text stands for.
    pub(super) fn original(&self, part: &Range<usize>) -> Range<usize> {
        self.place(part.start)..self.place(part.end)
    }

    /// The next place of the original that is not inside an escape.
    pub(super) fn outside_an_escape(&self, place: usize) -> usize {
        let next = self.places.partition_point(|&p| p < place);
        self.places.get(next).copied().unwrap_or(place)
    }

    fn place(&self, at: usize) -> usize {
        if self.places.is_empty() { at } else { self.places.get(at).copied().unwrap_or(at) }
    }
}

#[derive(Default)]
struct Writer {
    text: String,
    places: Vec<usize>,
}

impl Writer {
    fn put(&mut self, c: char, place: usize) {
        self.text.push(c);
        self.places.resize(self.text.len(), place);
    }

    fn done(mut self, length: usize) -> View {
        self.places.push(length);
        View { text: self.text, places: self.places }
    }
}

/// The character in ASCII if it is only another shape of one; `None` if it shows nothing.
fn plain(c: char) -> Option<char> {
    let digit = |zero: char| char::from_digit(c as u32 - zero as u32, 10);
    match c {
        '\0'..='\u{9f}' => Some(c),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}' => None,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(' '),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0),
        '\u{660}'..='\u{669}' => digit('\u{660}'),
        '\u{6f0}'..='\u{6f9}' => digit('\u{6f0}'),
        '\u{966}'..='\u{96f}' => digit('\u{966}'),
        _ => Some(c),
    }
}

/// What an escape of JSON at the beginning of a text means, and its length.
fn json_escape(text: &str) -> Option<(char, usize)> {
    let meant = match text.as_bytes().get(1)? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'u' => return unicode_escape(text),
        _ => return None,
    };
    Some((meant, 2))
}

fn unicode_escape(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
        plain.then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let first = unit(0)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, 6));
    }
    let second = unit(6)?;
    let pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
    let c = pair.then(|| char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)))??;
    Some((c, 12))
}

/// The same for an escape of a URL, where it means a character of ASCII that can be seen, or a space.
fn percent_escape(text: &str) -> Option<(char, usize)> {
    let digits = text.get(1..3)?;
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = plain.then(|| u8::from_str_radix(digits, 16).ok())??;
    (0x20..0x7f).contains(&byte).then_some((char::from(byte), 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_places_traced_back() {
        let text = r"a\n\u0040\ud83d\ude00%40b\q";
        let view = View::plain(text).unescaped().expect("it has escapes");
        assert_eq!(view.text, "a\n@😀@b\\q");
        assert_eq!(view.original(&(2..3)), 3..9);
        assert_eq!(&text[view.original(&(8..9))], "b");
        assert_eq!(view.outside_an_escape(2), 3);
        assert_eq!(view.original(&(0..view.text.len())), 0..text.len());
        assert!(View::plain("100 % of C:\\q").unescaped().is_none());
    }

    #[test]
    fn shapes_of_ascii_are_made_plain() {
        let text = "b\u{200b}ob＠x\u{a0}１٢\u{2011}";
        let view = View::plain(text);
        assert_eq!(view.text, "bob@x 12-");
        assert_eq!(&text[view.original(&(0..3))], "b\u{200b}ob");
    }
}
