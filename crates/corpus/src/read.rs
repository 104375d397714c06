//! Reading files of prompts: every prompt is read and checked before the first one is sent.

mod conversation;
pub(crate) mod item;
mod json;
mod plain;
pub(crate) mod table;

use crate::corpus::Corpus;
use crate::format::Format;
use crate::problem::{Findings, Place, Problem};

/// How a file is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading<'a> {
    /// The file's format; recognised by its ending and its beginning when it is not said.
    pub format: Option<Format>,
    /// The member or the column that has the prompt; otherwise the one of `prompt`, `messages`, `text` and `input`
    /// that the file has.
    pub column: Option<&'a str>,
    /// What of a recorded conversation is asked.
    pub turns: Turns,
}

/// What of a recorded conversation is asked, and which answer says how long the answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turns {
    /// The person's first turn alone.
    #[default]
    First,
    /// Everything up to the person's last turn, as messages.
    All,
}

/// Reads a file; `file` is what problems call it, and its ending hints at its format.
///
/// # Errors
/// What is wrong with it, five problems at most. A file without prompts is a problem too.
pub fn read(file: &str, bytes: &[u8], how: Reading<'_>) -> Result<Corpus, Vec<Problem>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = text_of(file, bytes).map_err(|problem| vec![problem])?;
    let mut findings = Findings::new(file, text);
    let mut corpus = Corpus::with_room_for(bytes.len());
    let format = how.format.unwrap_or_else(|| Format::recognise(file, text, how.column));
    let example = match format {
        Format::Jsonl => json::read(json::Kind::Any, how, &mut corpus, &mut findings),
        Format::ShareGpt => json::read(json::Kind::Conversation, how, &mut corpus, &mut findings),
        Format::OpenAiBatch => json::read(json::Kind::Batch, how, &mut corpus, &mut findings),
        Format::Csv => table::read(how.column, &mut corpus, &mut findings),
        Format::Lines => plain::lines(&mut corpus, &mut findings),
        Format::Paragraphs => plain::paragraphs(&mut corpus, &mut findings),
    };
    if findings.is_empty() && corpus.is_empty() {
        match corpus.left_out() {
            0 => findings.whole("this file has no prompts", example),
            _ => findings.whole("no conversation of this file has a turn of a person", example),
        }
    }
    if !findings.is_empty() {
        return Err(findings.into_problems());
    }
    corpus.shrink();
    Ok(corpus)
}

/// The text of a file, or why it is none.
fn text_of<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, Problem> {
    let not_text = |place, message: String, help: &str| {
        Err(Problem { file: file.into(), place, message, help: help.into() })
    };
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return not_text(None, "this file is text in UTF-16".into(), "save the file as UTF-8");
        }
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [b'P', b'K', 3, 4, ..] => {
            return not_text(None, "this file is compressed".into(), "unpack it first");
        }
        _ => {}
    }
    std::str::from_utf8(bytes).or_else(|why| {
        let valid = std::str::from_utf8(&bytes[..why.valid_up_to()]).unwrap_or_default();
        let place = Place::of(valid, valid.len());
        match why.error_len() {
            Some(_) => {
                let message = format!("line {} is not text in UTF-8", place.line);
                not_text(Some(place), message, "save the file as UTF-8")
            }
            None => not_text(
                Some(place),
                format!("the file ends within a character, on line {}", place.line),
                "it was cut short, or is not UTF-8: copy it again",
            ),
        }
    })
}

#[cfg(test)]
mod tests;
