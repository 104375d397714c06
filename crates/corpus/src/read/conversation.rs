//! Recorded conversations, as ShareGPT data sets have them: `[{"from": "human", "value": "..."}, ...]`.
//!
//! Such sets hold conversations that begin with an answer, or that are empty. Those ask nothing: they are left
//! out, and counted.

use std::borrow::Cow;
use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Turns;
use super::item::Text;
use crate::corpus::Corpus;
use crate::messages::{write_message, write_user_message};

/// A turn of a conversation.
#[derive(Deserialize)]
struct Turn<'a> {
    #[serde(borrow, alias = "role")]
    from: Cow<'a, str>,
    /// Only the texts that are kept are unescaped.
    #[serde(borrow, alias = "content")]
    value: &'a RawValue,
}

/// Who speaks, by any of the names that data sets have for them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Person,
    Model,
    System,
    /// Tools and the like.
    Other,
}

impl Turn<'_> {
    fn speaker(&self) -> Speaker {
        match &*self.from {
            "human" | "user" => Speaker::Person,
            "gpt" | "assistant" | "chatgpt" | "model" | "bing" | "bard" => Speaker::Model,
            "system" => Speaker::System,
            _ => Speaker::Other,
        }
    }

    /// What was said; nothing if it is no text.
    fn text(&self) -> serde_json::Result<Option<Cow<'_, str>>> {
        match self.value.get().starts_with('"') {
            true => serde_json::from_str(self.value.get()).map(|Text(text)| Some(text)),
            false => Ok(None),
        }
    }
}

/// Reads a conversation into the corpus; the model's answer to what is asked gives the answer's length.
pub(super) fn read(
    turns: &RawValue,
    which: Turns,
    max_tokens: Option<NonZeroU32>,
    corpus: &mut Corpus,
) -> serde_json::Result<()> {
    let turns: Vec<Turn<'_>> = serde_json::from_str(turns.get())?;
    let is_person = |turn: &Turn<'_>| turn.speaker() == Speaker::Person;
    let asked = match which {
        Turns::First => turns.iter().position(is_person),
        Turns::All => turns.iter().rposition(is_person),
    };
    let Some((asked, question)) = asked.and_then(|at| Some((at, turns.get(at)?))) else {
        corpus.leave_one_out();
        return Ok(());
    };
    let Some(text) = question.text()?.filter(|text| !text.trim().is_empty()) else {
        corpus.leave_one_out();
        return Ok(());
    };
    match which {
        Turns::First => corpus.push(max_tokens, |out| write_user_message(out, &text)),
        Turns::All => {
            let mut said = Vec::with_capacity(asked + 1);
            for turn in turns.iter().take(asked) {
                let role = match turn.speaker() {
                    Speaker::Person => "user",
                    Speaker::Model => "assistant",
                    Speaker::System => "system",
                    Speaker::Other => continue,
                };
                said.extend(turn.text()?.map(|text| (role, text)));
            }
            said.push(("user", text));
            corpus.push(max_tokens, |out| {
                out.push(b'[');
                for (i, (role, text)) in said.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    write_message(out, role, text);
                }
                out.push(b']');
            });
        }
    }
    if let Some(answer) = turns.get(asked + 1).filter(|turn| turn.speaker() == Speaker::Model)
        && let Some(text) = answer.text()?
    {
        corpus.push_answer(&text);
    }
    Ok(())
}
