//! What is wrong with a file of prompts, said so that it can be put right.

use std::fmt;

/// One thing that is wrong, where, and what to do about it.
///
/// Messages quote what the file says; whoever shows them hides what looks like a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the caller called it.
    pub file: String,
    /// Where in the file; `None` when the file as a whole is at fault.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to do about it, or what was expected.
    pub help: String,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl Place {
    /// The place of the byte at `offset`.
    pub(crate) fn of(text: &str, offset: usize) -> Place {
        // An offset within a character belongs to it.
        let offset = (0..=offset.min(text.len())).rev().find(|&o| text.is_char_boundary(o)).unwrap_or(0);
        let before = &text[..offset];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        Place { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1 }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { file, place, message, help } = self;
        match place {
            Some(Place { line, column }) => write!(f, "{file}:{line}:{column}: {message}; {help}"),
            None => write!(f, "{file}: {message}; {help}"),
        }
    }
}

/// Problems that are shown; a file of another kind has one on every line.
const MOST_PROBLEMS: usize = 5;

/// The problems of one file, as they are found.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    file: &'a str,
    pub(crate) text: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Findings<'a> {
        Findings { file, text, problems: Vec::new() }
    }

    /// Notes what is wrong at a byte of the text.
    pub(crate) fn at(&mut self, offset: usize, message: impl Into<String>, help: impl Into<String>) {
        self.push(Some(Place::of(self.text, offset)), message.into(), help.into());
    }

    /// Notes what is wrong with the file as a whole.
    pub(crate) fn whole(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.push(None, message.into(), help.into());
    }

    fn push(&mut self, place: Option<Place>, message: String, help: String) {
        self.problems.push(Problem { file: self.file.into(), place, message, help });
    }

    /// Whether enough was found to stop looking.
    pub(crate) fn are_many(&self) -> bool {
        self.problems.len() >= MOST_PROBLEMS
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters() {
        let text = "aé\nbc\r\n\nd";
        let place = |offset| {
            let Place { line, column } = Place::of(text, offset);
            (line, column)
        };
        assert_eq!(place(0), (1, 1));
        // Within the two bytes of é.
        assert_eq!((place(1), place(2)), ((1, 2), (1, 2)));
        assert_eq!((place(4), place(5)), ((2, 1), (2, 2)));
        assert_eq!((place(8), place(9)), ((3, 1), (4, 1)));
        assert_eq!(place(1000), (4, 2));
    }
}
