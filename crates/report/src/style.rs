//! What a screen can show, and text fitted to it.

use crate::format::GLUE;

/// What the screen can show. Whoever owns the terminal fills it in; nothing here asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colours and weights are wanted. The text says the same without.
    pub colour: bool,
    /// Columns there are. Fewer than 60 are treated as 60.
    pub width: u16,
    /// Whether anything beyond ASCII can be shown.
    pub unicode: bool,
}

/// How a piece of text is set. Colour says nothing that the words do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    Warn,
}

impl Style {
    /// Columns to write in.
    pub(crate) fn columns(self) -> usize {
        usize::from(self.width.clamp(60, 120))
    }

    /// Sets one line of text.
    pub(crate) fn ink(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Plain => return text.to_owned(),
            _ if !self.colour || text.is_empty() => return text.to_owned(),
            Ink::Strong => "1",
            Ink::Faint => "2",
            Ink::Good => "1;32",
            Ink::Bad => "1;31",
            Ink::Warn => "1;33",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// The text in the characters that the screen has.
    pub(crate) fn spell(self, text: &str) -> String {
        if self.unicode {
            return text.to_owned();
        }
        let mut plain = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '–' | '—' => plain.push('-'),
                '≥' => plain.push_str(">="),
                '≤' => plain.push_str("<="),
                'µ' => plain.push('u'),
                '×' => plain.push('x'),
                '…' => plain.push_str("..."),
                '→' => plain.push_str("->"),
                '✓' => plain.push('+'),
                '✗' => plain.push('x'),
                '·' => plain.push('|'),
                GLUE => plain.push(GLUE),
                c if c.is_ascii() => plain.push(c),
                _ => plain.push('?'),
            }
        }
        plain
    }
}

/// How many columns a plain text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Breaks a text between words into lines of at most `width` columns; words that are longer are cut.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let line = lines.last().map_or(0, |l| columns(l));
        let needed = columns(word) + usize::from(line > 0);
        if line > 0 && line + needed > width {
            lines.push(String::new());
        }
        put_word(&mut lines, word, width);
    }
    lines
}

/// Puts a word at the end of the last line, over as many lines as it takes.
fn put_word(lines: &mut Vec<String>, word: &str, width: usize) {
    let Some(line) = lines.last_mut() else { return };
    if !line.is_empty() {
        line.push(' ');
    }
    for c in word.chars() {
        let full = lines.last().is_some_and(|l| columns(l) >= width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn a_screen_without_unicode_gets_ascii() {
        let style = Style { colour: false, width: 80, unicode: false };
        assert_eq!(style.spell("≥51.2 µs – 3× →"), ">=51.2 us - 3x ->");
    }
}
