//! Files of prompts: JSONL, every line read and checked before the start.
//!
//! A line is `{"prompt": "..."}` or `{"messages": [...]}`, optionally with `max_tokens` (or
//! `output_tokens`). Other members are ignored, so that data sets can be used as they are; blank lines too.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{check_raw_messages, said, user_message};
use crate::error::Problem;
use crate::excerpt::{Excerpt, Show};
use crate::workload::Line;

/// Problems that are shown; a file of another kind has one on every line.
const MOST_PROBLEMS: usize = 5;

const EXAMPLE: &str = r#"a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}"#;

/// Reads and checks every line.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Vec<Line>, Vec<Problem>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(why) => {
            let line = bytes[..why.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
            let problem = Problem::new(format!("line {line} is not text in UTF-8"));
            return Err(vec![problem.in_file(file).help("save the file as UTF-8")]);
        }
    };
    let mut lines = Vec::new();
    let mut problems = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match one(line) {
            Ok(line) => lines.push(line),
            Err(Wrong { message, column, help }) => {
                let excerpt = Excerpt::new(file, text, (i + 1, column), 1, Show::Line);
                problems.push(Problem::new(message).help(help).at(excerpt));
                if problems.len() == MOST_PROBLEMS {
                    break;
                }
            }
        }
    }
    if problems.is_empty() && lines.is_empty() {
        problems.push(Problem::new("this file has no prompts").in_file(file).help(EXAMPLE));
    }
    if problems.is_empty() { Ok(lines) } else { Err(problems) }
}

#[derive(Deserialize)]
struct Written<'a> {
    prompt: Option<String>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    max_tokens: Option<u32>,
    output_tokens: Option<u32>,
}

struct Wrong {
    message: String,
    column: usize,
    help: &'static str,
}

fn one(line: &str) -> Result<Line, Wrong> {
    let wrong = |message: String| Wrong { message, column: 1, help: EXAMPLE };
    let written: Written<'_> = serde_json::from_str(line).map_err(|why| {
        let said = said(&why);
        let kind = if why.is_data() { "this is not a prompt" } else { "this is not valid JSON" };
        let column = line.get(..why.column()).map_or(why.column(), |before| before.chars().count());
        Wrong { message: format!("{kind}: {said}"), column: column.max(1), help: EXAMPLE }
    })?;
    let messages = match (written.prompt, written.messages) {
        (Some(prompt), None) if prompt.is_empty() => return Err(wrong("this prompt is empty".into())),
        (Some(prompt), None) => user_message(&prompt),
        (None, Some(messages)) => {
            check_raw_messages(messages).map_err(wrong)?;
            messages.get().to_owned()
        }
        (Some(_), Some(_)) => return Err(wrong("this line has both `prompt` and `messages`".into())),
        (None, None) => return Err(wrong("this line has neither `prompt` nor `messages`".into())),
    };
    let max_tokens = written.max_tokens.or(written.output_tokens);
    if max_tokens == Some(0) {
        return Err(wrong("an answer of zero tokens: `max_tokens` must be above zero".into()));
    }
    Ok(Line { messages: messages.into_bytes().into(), max_tokens })
}
