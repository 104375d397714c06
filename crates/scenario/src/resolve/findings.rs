//! What is found while a scenario is resolved: problems with their places, and warnings.

use floodline_core::time::Span;
use floodline_core::{Rate, Usd};

use crate::error::{Error, Problem};
use crate::excerpt::{Excerpt, Show};
use crate::written::{At, Given, Place, Scalar, Text, Written, Wrong};
use crate::{Outside, Source};

/// Problems and warnings so far, and what the resolution draws on.
pub(crate) struct Findings<'a> {
    pub(crate) source: Option<Source<'a>>,
    pub(crate) outside: &'a dyn Outside,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

/// The problem that was just added, to say more about it.
pub(crate) struct Added<'a>(&'a mut Vec<Problem>);

impl Added<'_> {
    pub(crate) fn with_help(self, help: impl Into<String>) {
        if let Some(problem) = self.0.pop() {
            self.0.push(problem.help(help));
        }
    }
}

impl<'a> Findings<'a> {
    pub(crate) fn new(source: Option<Source<'a>>, outside: &'a dyn Outside) -> Findings<'a> {
        let source = source.map(|source| Source {
            text: source.text.strip_prefix('\u{feff}').unwrap_or(source.text),
            ..source
        });
        Findings { source, outside, problems: Vec::new(), warnings: Vec::new() }
    }

    /// Findings about another file, with places of its own, which are to be [appended](Findings::append).
    pub(crate) fn of_file<'b>(&self, source: Source<'b>) -> Findings<'b>
    where
        'a: 'b,
    {
        Findings::new(Some(source), self.outside)
    }

    pub(crate) fn append(&mut self, other: Findings<'_>) {
        self.problems.extend(other.problems);
        self.warnings.extend(other.warnings);
    }

    pub(crate) fn problem(&mut self, place: Place, message: impl Into<String>) -> Added<'_> {
        self.add(place, message.into(), Show::Line)
    }

    /// A problem with a value that must not be shown.
    pub(crate) fn secret_problem(&mut self, place: Place, message: impl Into<String>) -> Added<'_> {
        self.add(place, message.into(), Show::UpToColumn)
    }

    /// A problem with a value, as whoever has read it describes it.
    pub(crate) fn wrong(&mut self, place: Place, wrong: Wrong) {
        let added = self.problem(place, wrong.message);
        if let Some(help) = wrong.help {
            added.with_help(help);
        }
    }

    /// A problem that carries its own place, such as one in another file.
    pub(crate) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Adds a warning; one about what several scenarios share is given once.
    pub(crate) fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn add(&mut self, place: Place, message: String, show: Show) -> Added<'_> {
        let problem = match (place, self.source) {
            (Place::Text { line, column, chars }, Some(source)) => {
                Problem::new(message).at(Excerpt::new(source.name, source.text, (line, column), chars, show))
            }
            (Place::Argument(name), _) => Problem::new(format!("{name}: {message}")),
            (_, Some(source)) => Problem::new(message).in_file(source.name),
            (_, None) => Problem::new(message),
        };
        self.problems.push(problem);
        Added(&mut self.problems)
    }

    /// The value of a key, if it is given and right; what is wrong is added to the problems.
    pub(crate) fn read<T: Written>(&mut self, given: &Given<Scalar<T>>) -> Option<T> {
        self.read_one(given.as_ref()?)
    }

    pub(crate) fn read_one<T: Written>(&mut self, scalar: &Scalar<T>) -> Option<T> {
        match scalar.read() {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.wrong(scalar.place, wrong);
                None
            }
        }
    }

    /// The same for a value that must not be zero.
    pub(crate) fn above_zero<T: Written + Amount>(
        &mut self,
        given: &Given<Scalar<T>>,
        what: &str,
    ) -> Option<T> {
        let scalar = given.as_ref()?;
        let value = self.read_one(scalar)?;
        if value.is_zero() {
            match scalar.place {
                Place::Argument(name) => self.problem(Place::Nowhere, format!("{name} must be above zero")),
                place => self.problem(place, format!("{what} must be above zero")),
            };
            return None;
        }
        Some(value)
    }

    /// A text that must not be empty.
    pub(crate) fn text(&mut self, given: &Given<Scalar<Text>>, what: &str) -> Option<String> {
        let scalar = given.as_ref()?;
        let Text(text) = self.read_one(scalar)?;
        if text.trim().is_empty() {
            self.problem(scalar.place, format!("{what} is empty"));
            return None;
        }
        Some(text)
    }

    /// The path of a file that the scenario names, which is relative to the scenario's own folder.
    pub(crate) fn path(&self, written: &str) -> String {
        let folder = self.source.and_then(|source| std::path::Path::new(source.name).parent());
        match folder {
            Some(folder) => folder.join(written).to_string_lossy().into_owned(),
            None => written.to_owned(),
        }
    }

    /// The contents of a file that the scenario names, without a byte order mark.
    pub(crate) fn file(&mut self, at: &At<String>) -> Option<(String, Vec<u8>)> {
        let path = self.path(&at.value);
        match self.outside.read(&path) {
            Ok(bytes) => {
                let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes);
                Some((path, bytes))
            }
            Err(why) => {
                let help = match self.source {
                    Some(_) if path != at.value => {
                        format!("paths are relative to the scenario's folder: looked for {path}")
                    }
                    Some(_) => "paths are relative to the scenario's folder".into(),
                    None => "paths are relative to the current folder".into(),
                };
                self.problem(at.place, format!("cannot read `{}`: {why}", at.value)).with_help(help);
                None
            }
        }
    }

    /// Ends with the problems, if there are any, in the order of the scenario's file.
    pub(crate) fn conclude(&mut self) -> Result<(), Error> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let mut problems = std::mem::take(&mut self.problems);
        let line = |problem: &Problem| match problem.position() {
            Some((file, line, column)) if self.source.is_some_and(|source| source.name == file) => {
                (line, column)
            }
            _ => (usize::MAX, 0),
        };
        problems.sort_by_key(line);
        // A rate of the command line is also that of its warm-up, and would be reported twice.
        problems.dedup_by_key(|problem| problem.to_string());
        Err(Error::new(problems))
    }

    /// How many problems there are so far.
    pub(crate) fn count(&self) -> usize {
        self.problems.len()
    }

    pub(crate) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}

/// Something that can be zero.
pub(crate) trait Amount {
    fn is_zero(&self) -> bool;
}

impl Amount for u32 {
    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl Amount for u64 {
    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl Amount for Span {
    fn is_zero(&self) -> bool {
        *self == Span::ZERO
    }
}

impl Amount for Usd {
    fn is_zero(&self) -> bool {
        (*self).is_zero()
    }
}

impl Amount for Rate {
    fn is_zero(&self) -> bool {
        self.count == 0
    }
}
