//! The files of prompts that a scenario names, each read and counted once, however many prompts draw on it.

use std::sync::Arc;

use floodline_core::plan;
use floodline_corpus::{Corpus, Format, Place, Reading, Turns};
use floodline_wire::tokens::Tokenizer;

use super::count;
use crate::error::Problem;
use crate::excerpt::{Excerpt, Show};
use crate::resolve::findings::Findings;
use crate::written::At;

/// What was read so far; nothing where a file was found to be wrong, which was said then.
#[derive(Default)]
pub(crate) struct Corpora(Vec<(How, Option<Read>)>);

/// A file, and how it is read.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct How {
    /// Its path, as written in the scenario.
    pub(super) file: String,
    pub(super) format: Option<Format>,
    pub(super) column: Option<String>,
    pub(super) turns: Turns,
    /// Whether recorded answers bound those to come.
    pub(super) answers: bool,
}

/// What a file holds.
#[derive(Clone)]
pub(super) struct Read {
    pub(super) corpus: Arc<Corpus>,
    pub(super) file: plan::File,
}

impl Corpora {
    /// The prompts of a file, counted if there is a tokenizer.
    pub(super) fn read(
        &mut self,
        how: At<How>,
        tokenizer: Option<&Tokenizer>,
        findings: &mut Findings<'_>,
    ) -> Option<Read> {
        if let Some((_, read)) = self.0.iter().find(|(known, _)| *known == how.value) {
            return read.clone();
        }
        let found = read(&how, tokenizer, findings);
        self.0.push((how.value, found.clone()));
        found
    }
}

fn read(how: &At<How>, tokenizer: Option<&Tokenizer>, findings: &mut Findings<'_>) -> Option<Read> {
    let How { file, format, column, turns, answers } = &how.value;
    let (path, bytes) = findings.file(&At { value: file.clone(), place: how.place })?;
    let reading = Reading { format: *format, column: column.as_deref(), turns: *turns };
    match floodline_corpus::read(&path, &bytes, reading) {
        Ok(mut corpus) => {
            let file = plan::File::of(file, &bytes);
            // The corpus has a copy of all that it needs, which may be large.
            drop(bytes);
            if !answers {
                corpus.forget_answers();
            }
            if let Some(tokenizer) = tokenizer {
                count::corpus(&mut corpus, tokenizer, findings.outside);
            }
            Some(Read { corpus: Arc::new(corpus), file })
        }
        Err(problems) => {
            let text = String::from_utf8_lossy(&bytes);
            problems.into_iter().for_each(|problem| findings.push(problem_of(problem, &text)));
            None
        }
    }
}

/// A problem of a file, with the line that is at fault.
fn problem_of(problem: floodline_corpus::Problem, text: &str) -> Problem {
    let floodline_corpus::Problem { file, place, message, help } = problem;
    let problem = Problem::new(message).help(help);
    match place {
        Some(Place { line, column }) => problem.at(Excerpt::new(&file, text, (line, column), 1, Show::Line)),
        None => problem.in_file(file),
    }
}
