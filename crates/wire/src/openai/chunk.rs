//! What one JSON chunk of a streamed answer says.
//!
//! Lenient on purpose: a member of an unexpected type counts as absent, because servers differ and a
//! load test must not call a working server broken. Only what is no JSON object at all is malformed.

use std::borrow::Cow;

use floodline_core::Finish;
use serde_json::value::RawValue;

use super::usage::read_usage;
use crate::json::lenient::{List, Object, inner, members, object};
use crate::json::value::{count, is_truthy, text, written};
use crate::usage::Usage;

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
    /// Of a completion of a text, what its piece or the whole of it is.
    pub(super) text: Option<&'a RawValue>,
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
    index: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    function: Object<Function<'a>>,
    custom: Object<Function<'a>>,
}

#[derive(Default)]
struct Function<'a> {
    name: Option<&'a RawValue>,
    arguments: Option<&'a RawValue>,
    input: Option<&'a RawValue>,
}

/// A tool call, or a fragment of one.
pub(super) struct ToolPiece<'a> {
    /// Which call of the answer it is of, where that is said.
    pub(super) index: Option<u64>,
    pub(super) id: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    pub(super) arguments: Cow<'a, str>,
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
        object(text)
    }

    pub(super) fn choices(&self) -> impl Iterator<Item = &Choice<'a>> {
        self.choices.objects()
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        read_usage(self.usage?)
    }

    /// Whether it has one alternative and nothing else that changes what is known of the answer.
    pub(super) fn is_plain(&self) -> bool {
        self.choices.0.len() == 1 && self.usage.is_none()
    }

    /// Whether it reports an error: a truthy `error`, or the whole chunk is one.
    pub(super) fn is_error(&self) -> bool {
        self.error.is_some_and(is_truthy) || self.object.is_some_and(|object| object.get() == "\"error\"")
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
    /// Its tool calls, in order.
    pub(super) fn tools(&self) -> impl Iterator<Item = ToolPiece<'a>> {
        let calls: List<Object<Call<'a>>> = self.tool_calls.map(inner).unwrap_or_default();
        let legacy: Object<Function<'a>> = self.function_call.map(inner).unwrap_or_default();
        let of_call = |call: Call<'a>| {
            let function = call.function.0.or(call.custom.0)?;
            Some(function.piece(call.index.and_then(count), call.id.and_then(text).unwrap_or_default()))
        };
        // The old way of calling knows one function an answer.
        let of_legacy = |function: Function<'a>| function.piece(Some(0), Cow::Borrowed(""));
        calls.0.into_iter().filter_map(move |call| of_call(call.0?)).chain(legacy.0.map(of_legacy))
    }

    /// Whether it has any tool call to look at.
    pub(super) fn has_tools(&self) -> bool {
        self.tool_calls.is_some_and(|calls| calls.get() != "[]") || self.function_call.is_some()
    }
}

impl<'a> Function<'a> {
    fn piece(self, index: Option<u64>, id: Cow<'a, str>) -> ToolPiece<'a> {
        let arguments = self.arguments.map(written).filter(|arguments| !arguments.is_empty());
        ToolPiece {
            index,
            id,
            name: self.name.map(written).unwrap_or_default(),
            arguments: arguments.or(self.input.map(written)).unwrap_or_default(),
        }
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
    inner(raw)
}

members! {
    Chunk { b"choices" => choices, b"usage" => usage, b"error" => error, b"object" => object }
    Choice { b"index" => index, b"delta" => delta, b"message" => message, b"text" => text, b"finish_reason" => finish_reason }
    Delta {
        b"content" => content,
        b"reasoning_content" => reasoning_content,
        b"reasoning" => reasoning,
        b"thinking" => thinking,
        b"refusal" => refusal,
        b"tool_calls" => tool_calls,
        b"function_call" => function_call,
    }
    Call { b"index" => index, b"id" => id, b"function" => function, b"custom" => custom }
    Function { b"name" => name, b"arguments" => arguments, b"input" => input }
    Piece { b"text" => text, b"thinking" => thinking }
}
