//! Reading logs of production traffic: what was asked, and how long the answers were.
//!
//! A record is recognised by what is in it. What cannot be used is handed on with its reason, never passed over.
//! Of a request only the conversation is kept: roles, texts, calls of tools. Whatever else a log holds (users,
//! headers, addresses, metadata) is not even looked at, so it cannot get into a corpus.

mod content;
mod litellm;
mod message;
mod otel;
mod request;

use serde_json::{Map, Value};

pub use message::{LeftOut, Message, Role, ToolCall};

/// Who wrote a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Bodies of OpenAI requests (chat, responses, completions), alone, in batches, or with their answers.
    OpenAi,
    /// Bodies of Anthropic requests, likewise.
    Anthropic,
    /// LiteLLM: the standard logging payload, and rows of the spend log.
    LiteLlm,
    /// OpenTelemetry: spans of GenAI calls, as OTLP/JSON or one by one.
    Otel,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 4] = [Format::OpenAi, Format::Anthropic, Format::LiteLlm, Format::Otel];

    /// The word by which options and reports call it.
    pub const fn word(self) -> &'static str {
        match self {
            Format::OpenAi => "openai",
            Format::Anthropic => "anthropic",
            Format::LiteLlm => "litellm",
            Format::Otel => "otel",
        }
    }

    /// The format of this word.
    pub fn of_word(word: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.word() == word)
    }
}

/// One request that was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// How it was recognised.
    pub format: Format,
    /// The conversation, as OpenAI's chat API writes one. Never empty.
    pub messages: Vec<Message>,
    /// The most tokens of the answer that were asked for.
    pub max_tokens: Option<u32>,
    /// The tokens that the answer had, as the provider counted them.
    pub output_tokens: Option<u32>,
    /// What of the request was left out.
    pub left_out: LeftOut,
}

/// Why a line or a record cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unusable {
    /// The line is no JSON.
    NotJson,
    /// It holds no prompt where any known log has one.
    NoPrompt,
    /// It is a record of a known log, but prompts were not logged.
    NotRecorded,
    /// The log has taken the prompt out already.
    Redacted,
    /// The prompt holds no text.
    Empty,
    /// The prompt was logged as numbers of tokens.
    TokenIds,
    /// A call of something else than text generation: embeddings, images, tools, agents.
    NotGeneration,
    /// A span of something else than a GenAI call.
    OtherSpan,
    /// Of another format than was asked for.
    OtherFormat,
}

impl Unusable {
    /// All reasons, in the order in which they are reported.
    pub const ALL: [Unusable; 9] = [
        Unusable::NotJson,
        Unusable::NoPrompt,
        Unusable::NotRecorded,
        Unusable::Redacted,
        Unusable::Empty,
        Unusable::TokenIds,
        Unusable::NotGeneration,
        Unusable::OtherSpan,
        Unusable::OtherFormat,
    ];

    /// The word by which a report for programs calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Unusable::NotJson => "not_json",
            Unusable::NoPrompt => "no_prompt",
            Unusable::NotRecorded => "not_recorded",
            Unusable::Redacted => "redacted",
            Unusable::Empty => "empty",
            Unusable::TokenIds => "token_ids",
            Unusable::NotGeneration => "not_generation",
            Unusable::OtherSpan => "other_span",
            Unusable::OtherFormat => "other_format",
        }
    }

    /// What it says to people, after a count.
    pub const fn words(self) -> &'static str {
        match self {
            Unusable::NotJson => "no JSON",
            Unusable::NoPrompt => "without messages, input or prompt",
            Unusable::NotRecorded => "whose prompt was not logged",
            Unusable::Redacted => "whose prompt the log had redacted",
            Unusable::Empty => "whose prompt holds no text",
            Unusable::TokenIds => "whose prompt is numbers of tokens",
            Unusable::NotGeneration => "of other calls than text generation",
            Unusable::OtherSpan => "spans of other things than GenAI calls",
            Unusable::OtherFormat => "of another format",
        }
    }
}

/// Members under which whole documents hold their records.
const LISTS: [&str; 8] = ["data", "logs", "requests", "records", "rows", "items", "results", "spans"];

/// Hands on every request in one JSON value, and every record that is none.
pub fn read(value: &Value, wanted: Option<Format>, each: &mut dyn FnMut(Result<Logged, Unusable>)) {
    match value {
        Value::Array(records) => records.iter().for_each(|record| read(record, wanted, each)),
        Value::Object(record) => {
            let mut of_format = |logged: Result<Logged, Unusable>| {
                let other = |l: &Logged| wanted.is_some_and(|wanted| !l.format.is_kin(wanted));
                each(logged.and_then(|l| if other(&l) { Err(Unusable::OtherFormat) } else { Ok(l) }));
            };
            if otel::is_export(record) {
                otel::export(record, &mut of_format);
            } else if otel::is_span(record) {
                of_format(otel::span(record));
            } else if litellm::is_record(record) {
                of_format(litellm::record(record));
            } else if let Some(list) = list(record) {
                list.iter().for_each(|record| read(record, wanted, each));
            } else {
                request::record(record, &mut of_format);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => each(Err(Unusable::NoPrompt)),
    }
}

impl Format {
    /// Bodies of the two vendors' chats may be the same to the letter.
    fn is_kin(self, wanted: Format) -> bool {
        self == wanted || self == Format::OpenAi && wanted == Format::Anthropic
    }
}

fn list(record: &Map<String, Value>) -> Option<&Vec<Value>> {
    let known = ["messages", "input", "prompt", "body", "request"];
    if known.iter().any(|name| record.contains_key(*name)) {
        return None;
    }
    LISTS
        .iter()
        .find_map(|name| record.get(*name)?.as_array().filter(|list| list.iter().any(Value::is_object)))
}

/// A member that is an object, or the JSON text of one.
fn object(record: &Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    match record.get(name)? {
        Value::Object(object) => Some(object.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// The first of these members that is a whole number, or the text of one.
fn number(record: &Map<String, Value>, names: &[&str]) -> Option<u32> {
    names.iter().find_map(|name| match record.get(*name)? {
        Value::Number(number) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

/// The first of these members that is a text.
fn text<'a>(record: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| record.get(*name)?.as_str())
}

#[cfg(test)]
mod tests;
