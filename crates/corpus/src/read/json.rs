//! JSON: a value a line, or one list of all values.

use serde_json::value::RawValue;

use super::Reading;
use super::item::{self, Wrong};
use crate::corpus::Corpus;
use crate::problem::Findings;

/// What the values of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Each may be of another kind.
    Any,
    Conversation,
    Batch,
}

impl Kind {
    /// What a value looks like, for somebody whose values look different.
    pub(super) fn example(self) -> &'static str {
        match self {
            Kind::Any => {
                r#"a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}"#
            }
            Kind::Conversation => r#"expected {"conversations": [{"from": "human", "value": "..."}]}"#,
            Kind::Batch => {
                r#"a line is {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": [...]}}"#
            }
        }
    }
}

/// Reads every value; gives an example of one.
pub(super) fn read(
    kind: Kind,
    how: Reading<'_>,
    corpus: &mut Corpus,
    findings: &mut Findings<'_>,
) -> &'static str {
    if findings.text.trim_start().starts_with('[') {
        list(kind, how, corpus, findings);
    } else {
        lines(kind, how, corpus, findings);
    }
    kind.example()
}

fn lines(kind: Kind, how: Reading<'_>, corpus: &mut Corpus, findings: &mut Findings<'_>) {
    let mut at = 0;
    for whole in findings.text.split_inclusive('\n') {
        let (start, line) = (at, whole.strip_suffix('\n').unwrap_or(whole));
        at += whole.len();
        if line.trim().is_empty() {
            continue;
        }
        if let Err(wrong) = item::read(line, kind, how, corpus) {
            let Wrong { offset, message, help, is_cut } = wrong;
            // Only a line without an end can have lost it.
            let help = match is_cut && whole.len() == line.len() {
                true => "the file ends in the middle of this line: it was cut short, copy it again".into(),
                false => help,
            };
            findings.at(start + offset, message, help);
            if findings.are_many() {
                break;
            }
        }
    }
}

fn list(kind: Kind, how: Reading<'_>, corpus: &mut Corpus, findings: &mut Findings<'_>) {
    let text = findings.text;
    let values: Vec<&RawValue> = match serde_json::from_str(text) {
        Ok(values) => values,
        Err(why) => {
            let offset = item::offset_of(text, &why);
            match why.is_eof() {
                true => findings.at(
                    offset,
                    "the file ends in the middle of its list",
                    "it was cut short: copy it again",
                ),
                false => {
                    let help = match kind {
                        Kind::Any => {
                            "expected a list of values such as [{\"prompt\": \"...\"}, ...], or one on each line"
                        }
                        Kind::Conversation | Kind::Batch => kind.example(),
                    };
                    findings.at(offset, format!("this is not valid JSON: {}", item::said(&why)), help);
                }
            }
            return;
        }
    };
    for value in values {
        if let Err(Wrong { offset, message, help, .. }) = item::read(value.get(), kind, how, corpus) {
            // The value is a part of the text.
            let start = (value.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            findings.at(start + offset, message, help);
            if findings.are_many() {
                break;
            }
        }
    }
}
