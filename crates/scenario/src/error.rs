//! What is wrong with a scenario, said so that it can be put right.

use std::fmt;

use crate::excerpt::{Excerpt, mask_words};

pub(crate) use floodline_core::spelling::did_you_mean;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_neither_keys_nor_control_characters() {
        let problem = Problem::new(format!("`sk-canary` is not \u{1b}[31m {}", "x".repeat(1000)));
        assert!(problem.message.starts_with("`*********` is not  [31m xxx"), "{problem}");
        assert!(problem.message.chars().count() < 410);
    }
}
