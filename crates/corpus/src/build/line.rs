//! One line of a corpus: a masked conversation and its figures.

use std::collections::HashMap;

use floodline_wire::tokens::Vocabulary;
use serde::Serialize;
use serde_json::Value;

use crate::category::{Bounds, Category};
use crate::logs::{LeftOut, Logged, Message, Role};
use crate::privacy::{Cleaner, Counts, Kind, Masking};

/// A line as it is written, and what the report needs of it.
#[derive(Debug)]
pub(super) struct Line {
    /// The line without its end.
    pub(super) json: String,
    pub(super) tokens: u32,
    pub(super) output_tokens: Option<u32>,
    pub(super) category: Category,
    pub(super) removed: Counts,
    pub(super) left_out: LeftOut,
}

#[derive(Serialize)]
struct Written<'a> {
    messages: &'a [Message],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u32>,
    tokens: u32,
    category: Category,
}

impl Line {
    pub(super) fn of(logged: Logged, cleaner: &Cleaner, vocabulary: Vocabulary) -> Line {
        let Logged { mut messages, max_tokens, output_tokens, left_out, format: _ } = logged;
        let removed = mask(&mut messages, cleaner);
        let tokens = texts(&messages).map(|text| vocabulary.count(text)).fold(0, u32::saturating_add);
        let category = Bounds::default().category(tokens);
        let written = Written { messages: &messages, max_tokens, output_tokens, tokens, category };
        // Every key is a string, so nothing can fail.
        let json = serde_json::to_string(&written).expect("a line has only string keys");
        Line { json, tokens, output_tokens, category, removed, left_out }
    }

    /// What is still found in the line as it is written: in every string of it, read back.
    pub(super) fn still_holds(&self, cleaner: &Cleaner) -> Option<Kind> {
        // A line that cannot be read back is not known to be clean.
        serde_json::from_str(&self.json).map_or(Some(Kind::Key), |value| in_strings(&value, cleaner))
    }

    /// The texts of its messages, read back.
    pub(super) fn texts(&self) -> Vec<String> {
        let value: Value = serde_json::from_str(&self.json).unwrap_or_default();
        let messages = value.get("messages").and_then(Value::as_array).into_iter().flatten();
        messages.filter_map(|message| message.get("content")?.as_str().map(str::to_owned)).collect()
    }
}

fn in_strings(value: &Value, cleaner: &Cleaner) -> Option<Kind> {
    match value {
        Value::String(text) => cleaner.still_in(text),
        Value::Array(list) => list.iter().find_map(|one| in_strings(one, cleaner)),
        Value::Object(object) => object
            .iter()
            .find_map(|(name, value)| cleaner.still_in(name).or_else(|| in_strings(value, cleaner))),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Masks every string of a conversation.
fn mask(messages: &mut [Message], cleaner: &Cleaner) -> Counts {
    let mut masking = cleaner.prompt();
    texts(messages).for_each(|text| masking.expect(text));
    let mut calls: HashMap<String, String> = HashMap::new();
    // What ties a tool's answer to its call is a random string, and some APIs allow no brackets in it.
    let mut renamed = |id: &str| {
        let next = calls.len() + 1;
        calls.entry(id.to_owned()).or_insert_with(|| format!("call_{next}")).clone()
    };
    for message in messages {
        message.content = masking.mask(&message.content);
        for call in &mut message.tool_calls {
            call.id = renamed(&call.id);
            call.function.name = identifier(&mut masking, &call.function.name);
            call.function.arguments = masking.mask(&call.function.arguments);
        }
        message.tool_call_id = message.tool_call_id.as_deref().map(&mut renamed);
        message.name = message.name.take().map(|name| match message.role {
            Role::Tool => identifier(&mut masking, &name),
            // Who takes part in a conversation has a name, whether it is in a list or not.
            Role::System | Role::Developer | Role::User | Role::Assistant
                if cleaner.kinds().has(Kind::Name) =>
            {
                masking.participant(&name)
            }
            Role::System | Role::Developer | Role::User | Role::Assistant => identifier(&mut masking, &name),
        });
    }
    masking.counts()
}

/// A masked name of a function; APIs allow no brackets in it.
fn identifier(masking: &mut Masking<'_>, name: &str) -> String {
    let masked = masking.mask(name);
    if masked == name { masked } else { masked.replace(['<', '>'], "") }
}

/// All that the model reads.
fn texts(messages: &[Message]) -> impl Iterator<Item = &str> {
    messages.iter().flat_map(|message| {
        let calls = message
            .tool_calls
            .iter()
            .flat_map(|call| [call.function.name.as_str(), call.function.arguments.as_str()]);
        std::iter::once(message.content.as_str()).chain(calls)
    })
}
