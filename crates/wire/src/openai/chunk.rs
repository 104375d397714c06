//! What one JSON chunk of a streamed answer says.
//!
//! Lenient on purpose: a member of an unexpected type counts as absent, because servers differ and a
//! load test must not call a working server broken. Only what is no JSON object at all is malformed.

use std::borrow::Cow;

use floodline_core::Finish;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::lenient::{List, Object};
use super::string::unescape;

/// What the server says an answer cost. What it does not say is missing, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, reasoning included.
    pub completion_tokens: Option<u64>,
    /// Of the prompt's tokens, those that came from a cache.
    pub cached_tokens: Option<u64>,
    /// Of the answer's tokens, those spent on reasoning.
    pub reasoning_tokens: Option<u64>,
}

/// One chunk, or a whole answer, which has the same members.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    choices: List<Object<Choice<'a>>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}

/// One alternative of the answer.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Choice<'a> {
    #[serde(borrow)]
    index: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Object<Delta<'a>>,
    /// Of a whole answer, what a delta is of a streamed one.
    #[serde(borrow)]
    message: Object<Delta<'a>>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
}

/// What a delta adds, or a whole message says.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
}

impl<'a> Chunk<'a> {
    /// Reads a JSON object; `None` if `text` is none.
    pub(super) fn parse(text: &'a str) -> Option<Chunk<'a>> {
        serde_json::from_str::<Object<Chunk<'a>>>(text).ok()?.0
    }

    pub(super) fn choices(&self) -> impl Iterator<Item = &Choice<'a>> {
        self.choices.0.iter().filter_map(|choice| choice.0.as_ref())
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        usage(self.usage?)
    }

    /// Whether it has one alternative and nothing else that changes what is known of the answer.
    pub(super) fn is_plain(&self) -> bool {
        self.choices.0.len() == 1 && self.usage.is_none()
    }

    /// Whether it reports an error: a truthy `error`, or the whole chunk is one.
    pub(super) fn is_error(&self) -> bool {
        let truthy = |raw: &RawValue| !matches!(raw.get(), "null" | "false" | "0" | "\"\"" | "{}" | "[]");
        self.error.is_some_and(truthy) || self.object.is_some_and(|object| object.get() == "\"error\"")
    }
}

impl<'a> Choice<'a> {
    pub(super) fn delta(&self) -> Option<&Delta<'a>> {
        self.delta.0.as_ref().or(self.message.0.as_ref())
    }

    pub(super) fn is_first(&self) -> bool {
        self.index.is_none_or(|index| index.get() == "0")
    }

    pub(super) fn finish(&self) -> Option<Finish> {
        let reason = text(self.finish_reason?)?;
        Some(match reason.as_ref() {
            "" => return None,
            "stop" | "eos_token" | "stop_sequence" | "end_turn" => Finish::Stop,
            "length" | "max_tokens" => Finish::Length,
            "tool_calls" | "function_call" => Finish::ToolCalls,
            "content_filter" => Finish::ContentFilter,
            _ => Finish::Other,
        })
    }
}

impl Delta<'_> {
    /// The names and arguments of tool calls, in order: (name, arguments).
    pub(super) fn tools(&self) -> Vec<(String, String)> {
        let part = |value: &Value, name: &str| match value.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(other @ (Value::Object(_) | Value::Array(_))) => other.to_string(),
            _ => String::new(),
        };
        let value = |raw: &RawValue| serde_json::from_str::<Value>(raw.get()).ok();
        let calls = self.tool_calls.and_then(value);
        let legacy = self.function_call.and_then(value);
        calls
            .iter()
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(|call| call.get("function").or_else(|| call.get("custom")))
            .chain(&legacy)
            .map(|call| {
                let arguments = part(call, "arguments");
                (part(call, "name"), if arguments.is_empty() { part(call, "input") } else { arguments })
            })
            .collect()
    }

    /// Whether it has any tool call to look at.
    pub(super) fn has_tools(&self) -> bool {
        self.tool_calls.is_some_and(|calls| calls.get() != "[]") || self.function_call.is_some()
    }
}

/// The counts of a `usage` object, if it has any.
fn usage(raw: &RawValue) -> Option<Usage> {
    let usage: Value = serde_json::from_str(raw.get()).ok()?;
    let detail = |details: &str, name: &str| usage.get(details)?.get(name)?.as_u64();
    let usage = Usage {
        prompt_tokens: usage.get("prompt_tokens").and_then(Value::as_u64),
        completion_tokens: usage.get("completion_tokens").and_then(Value::as_u64),
        cached_tokens: detail("prompt_tokens_details", "cached_tokens"),
        reasoning_tokens: detail("completion_tokens_details", "reasoning_tokens"),
    };
    (usage.prompt_tokens.is_some() || usage.completion_tokens.is_some()).then_some(usage)
}

/// The text of a JSON string; `None` for any other value.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let body = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    Some(if body.contains('\\') { Cow::Owned(unescape(body)) } else { Cow::Borrowed(body) })
}

/// The texts in a `content` that is a list of parts: (answer, reasoning).
pub(super) fn parts(raw: &RawValue) -> (String, String) {
    let (mut answer, mut reasoning) = (String::new(), String::new());
    let items: Vec<Value> = serde_json::from_str(raw.get()).unwrap_or_default();
    for item in &items {
        if let Some(Value::String(text)) = item.get("text") {
            answer.push_str(text);
        }
        match item.get("thinking") {
            Some(Value::String(text)) => reasoning.push_str(text),
            Some(Value::Array(steps)) => {
                reasoning.extend(steps.iter().filter_map(|step| step.get("text").and_then(Value::as_str)));
            }
            _ => {}
        }
    }
    (answer, reasoning)
}
