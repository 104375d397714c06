//! What is wrong with a scenario, said so that it can be put right.

use std::fmt;

use crate::excerpt::{Excerpt, mask_words};

/// Everything that was found wrong with a scenario. Its display is what the user sees.
#[derive(Debug)]
pub struct Error {
    problems: Vec<Problem>,
}

/// One thing that is wrong, where, and what to do about it.
#[derive(Debug)]
pub struct Problem {
    message: String,
    help: Option<String>,
    place: Site,
}

#[derive(Debug)]
enum Site {
    Nowhere,
    /// A whole file, such as one that is missing.
    File(String),
    Line(Box<Excerpt>),
}

impl Error {
    pub(crate) fn new(problems: Vec<Problem>) -> Error {
        Error { problems }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        Error { problems: vec![problem] }
    }
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Problem {
        Problem { message: presentable(&message.into()), help: None, place: Site::Nowhere }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn in_file(mut self, file: impl Into<String>) -> Problem {
        self.place = Site::File(file.into());
        self
    }

    pub(crate) fn at(mut self, excerpt: Excerpt) -> Problem {
        self.place = Site::Line(Box::new(excerpt));
        self
    }

    /// File, line and column (both from 1), where a line is at fault.
    pub(crate) fn position(&self) -> Option<(&str, usize, usize)> {
        match &self.place {
            Site::Line(excerpt) => Some((&excerpt.file, excerpt.line, excerpt.column)),
            Site::Nowhere | Site::File(_) => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        let gutter = match &self.place {
            Site::Nowhere => 1,
            Site::File(file) => {
                write!(f, "\n --> {file}")?;
                1
            }
            Site::Line(excerpt) => {
                write!(f, "\n{excerpt}")?;
                excerpt.gutter()
            }
        };
        match &self.help {
            Some(help) => write!(f, "\n{:gutter$} = help: {help}", ""),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// A message that quotes what somebody wrote, fit for a terminal: without keys, on one line, not too long.
fn presentable(message: &str) -> String {
    const LONGEST: usize = 400;
    let masked = mask_words(message);
    let mut shown: String =
        masked.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if masked.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// The candidate that `word` was probably meant to be.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    let word = word.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(far, candidate)| *far <= most && *far < candidate.len())
        .min_by_key(|(far, _)| *far)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_neither_keys_nor_control_characters() {
        let problem = Problem::new(format!("`sk-canary` is not \u{1b}[31m {}", "x".repeat(1000)));
        assert!(problem.message.starts_with("`*********` is not  [31m xxx"), "{problem}");
        assert!(problem.message.chars().count() < 410);
    }

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let words = ["requests", "arrivals", "users", "hold", "for"];
        assert_eq!(did_you_mean("reqeusts", words), Some("requests"));
        assert_eq!(did_you_mean("user", words), Some("users"));
        assert_eq!(did_you_mean("FOR", words), Some("for"));
        assert_eq!(did_you_mean("temperature", words), None);
        assert_eq!(did_you_mean("x", words), None);
    }
}
