//! Plain text: a prompt a line, or a paragraph each.

use crate::corpus::Corpus;
use crate::messages::write_user_message;
use crate::problem::Findings;

/// A prompt a line; blank lines mean nothing.
pub(super) fn lines(corpus: &mut Corpus, findings: &mut Findings<'_>) -> &'static str {
    for line in findings.text.lines().filter(|line| !line.trim().is_empty()) {
        corpus.push(None, |out| write_user_message(out, line));
    }
    "write a prompt a line"
}

/// A prompt a paragraph: one or more blank lines stand between them.
pub(super) fn paragraphs(corpus: &mut Corpus, findings: &mut Findings<'_>) -> &'static str {
    let text = findings.text;
    let mut paragraph: Option<(usize, usize)> = None;
    let mut at = 0;
    // The blank line behind the end ends the last paragraph.
    for line in text.split_inclusive('\n').chain([""]) {
        match (paragraph, line.trim().is_empty()) {
            (None, true) => {}
            (None, false) => paragraph = Some((at, at + line.len())),
            (Some((start, _)), false) => paragraph = Some((start, at + line.len())),
            (Some((start, end)), true) => {
                let prompt = text[start..end].trim_end_matches(['\r', '\n']);
                corpus.push(None, |out| write_user_message(out, prompt));
                paragraph = None;
            }
        }
        at += line.len();
    }
    "write prompts with a blank line between them"
}
