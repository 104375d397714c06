//! What one JSON chunk of a streamed answer says.
//!
//! Lenient on purpose: a member of an unexpected type counts as absent, because servers differ and a
//! load test must not call a working server broken. Only what is no JSON object at all is malformed.

use std::borrow::Cow;

use floodline_core::Finish;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::lenient::{List, Object, members};
use super::string::unescape;
use super::usage::Usage;

/// One chunk, or a whole answer, which has the same members.
#[derive(Default)]
pub(super) struct Chunk<'a> {
    choices: List<Object<Choice<'a>>>,
    usage: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    object: Option<&'a RawValue>,
}

/// One alternative of the answer.
#[derive(Default)]
pub(super) struct Choice<'a> {
    index: Option<&'a RawValue>,
    delta: Object<Delta<'a>>,
    /// Of a whole answer, what a delta is of a streamed one.
    message: Object<Delta<'a>>,
    finish_reason: Option<&'a RawValue>,
}

/// What a delta adds, or a whole message says.
#[derive(Default)]
pub(super) struct Delta<'a> {
    pub(super) content: Option<&'a RawValue>,
    pub(super) reasoning_content: Option<&'a RawValue>,
    pub(super) reasoning: Option<&'a RawValue>,
    pub(super) thinking: Option<&'a RawValue>,
    pub(super) refusal: Option<&'a RawValue>,
    tool_calls: Option<&'a RawValue>,
    function_call: Option<&'a RawValue>,
}

/// One tool call: of a function, or of a tool that takes free text.
#[derive(Default)]
struct Call<'a> {
    function: Object<Function<'a>>,
    custom: Object<Function<'a>>,
}

#[derive(Default)]
struct Function<'a> {
    name: Option<&'a RawValue>,
    arguments: Option<&'a RawValue>,
    input: Option<&'a RawValue>,
}

/// One part of a content that is a list.
#[derive(Default)]
struct Piece<'a> {
    text: Option<&'a RawValue>,
    thinking: Option<&'a RawValue>,
}

impl<'a> Chunk<'a> {
    /// Reads a JSON object; `None` if `text` is none.
    pub(super) fn parse(text: &'a str) -> Option<Chunk<'a>> {
        serde_json::from_str::<Object<Chunk<'a>>>(text).ok()?.0
    }

    pub(super) fn choices(&self) -> impl Iterator<Item = &Choice<'a>> {
        self.choices.objects()
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        Usage::read(self.usage?)
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

impl<'a> Delta<'a> {
    /// The names and arguments of tool calls, in order: (name, arguments).
    pub(super) fn tools(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        let calls: List<Object<Call<'a>>> = self.tool_calls.map(lenient).unwrap_or_default();
        let legacy: Object<Function<'a>> = self.function_call.map(lenient).unwrap_or_default();
        calls
            .0
            .into_iter()
            .filter_map(|call| call.0.and_then(|call| call.function.0.or(call.custom.0)))
            .chain(legacy.0)
            .map(|function| {
                let arguments = function.arguments.map(written).filter(|arguments| !arguments.is_empty());
                let name = function.name.map(written).unwrap_or_default();
                (name, arguments.or(function.input.map(written)).unwrap_or_default())
            })
    }

    /// Whether it has any tool call to look at.
    pub(super) fn has_tools(&self) -> bool {
        self.tool_calls.is_some_and(|calls| calls.get() != "[]") || self.function_call.is_some()
    }
}

/// The text of a JSON string; `None` for any other value.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let body = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    Some(if body.contains('\\') { Cow::Owned(unescape(body)) } else { Cow::Borrowed(body) })
}

/// The text of a JSON string, or the JSON of an object or array that some servers put in its place.
fn written(raw: &RawValue) -> Cow<'_, str> {
    match raw.get().as_bytes() {
        [b'{' | b'[', ..] => Cow::Borrowed(raw.get()),
        _ => text(raw).unwrap_or_default(),
    }
}

/// The texts in a `content` that is a list of parts: (answer, reasoning).
pub(super) fn parts(raw: &RawValue) -> (String, String) {
    let (mut answer, mut reasoning) = (String::new(), String::new());
    for piece in pieces(raw).objects() {
        answer.extend(piece.text.and_then(text));
        let Some(thinking) = piece.thinking else { continue };
        match text(thinking) {
            Some(thinking) => reasoning.push_str(&thinking),
            None => reasoning.extend(pieces(thinking).objects().filter_map(|step| text(step.text?))),
        }
    }
    (answer, reasoning)
}

fn pieces(raw: &RawValue) -> List<Object<Piece<'_>>> {
    lenient(raw)
}

/// Reads a value that is seldom there, and so is not read together with the rest.
fn lenient<'a, T: Deserialize<'a> + Default>(raw: &'a RawValue) -> T {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

members! {
    Chunk { b"choices" => choices, b"usage" => usage, b"error" => error, b"object" => object }
    Choice { b"index" => index, b"delta" => delta, b"message" => message, b"finish_reason" => finish_reason }
    Delta {
        b"content" => content,
        b"reasoning_content" => reasoning_content,
        b"reasoning" => reasoning,
        b"thinking" => thinking,
        b"refusal" => refusal,
        b"tool_calls" => tool_calls,
        b"function_call" => function_call,
    }
    Call { b"function" => function, b"custom" => custom }
    Function { b"name" => name, b"arguments" => arguments, b"input" => input }
    Piece { b"text" => text, b"thinking" => thinking }
}
