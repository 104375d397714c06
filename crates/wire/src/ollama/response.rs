//! One line: what is new in an answer, or all of it.

use floodline_core::Finish;
use serde_json::value::RawValue;

use crate::answer::{Part, Said, Signal};
use crate::json::lenient::{List, Object, inner, members, object};
use crate::json::value::{count, is_truthy, text, written};
use crate::usage::Usage;

/// A response of chat, whose text is in `message`, or of generate.
#[derive(Default)]
pub(super) struct Response<'a> {
    message: Object<Message<'a>>,
    response: Option<&'a RawValue>,
    thinking: Option<&'a RawValue>,
    done: Option<&'a RawValue>,
    done_reason: Option<&'a RawValue>,
    prompt_eval_count: Option<&'a RawValue>,
    eval_count: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

#[derive(Default)]
struct Message<'a> {
    content: Option<&'a RawValue>,
    thinking: Option<&'a RawValue>,
    tool_calls: Option<&'a RawValue>,
}

#[derive(Default)]
struct Call<'a> {
    id: Option<&'a RawValue>,
    function: Object<Function<'a>>,
}

#[derive(Default)]
struct Function<'a> {
    name: Option<&'a RawValue>,
    arguments: Option<&'a RawValue>,
}

impl<'a> Response<'a> {
    /// Reads a JSON object; `None` if `text` is none.
    pub(super) fn parse(text: &'a str) -> Option<Response<'a>> {
        object(text)
    }

    pub(super) fn is_error(&self) -> bool {
        self.error.is_some_and(is_truthy)
    }

    /// Whether it has anywhere for a text to stand.
    pub(super) fn answers(&self) -> bool {
        self.message.0.is_some() || self.response.and_then(text).is_some()
    }

    /// Takes in what it says.
    pub(super) fn take(&self, said: &mut Said) -> Signal {
        let mut signal = Signal::default();
        let mut add = |said: &mut Said, part: Part, raw: Option<&RawValue>| {
            if let Some(text) = raw.and_then(text) {
                signal.note(said.add(part, &text));
            }
        };
        let message = self.message.0.as_ref();
        add(said, Part::Reasoning, message.and_then(|message| message.thinking));
        add(said, Part::Reasoning, self.thinking);
        add(said, Part::Content, message.and_then(|message| message.content));
        add(said, Part::Content, self.response);
        if let Some(calls) = message.and_then(|message| message.tool_calls) {
            signal.note(take_tools(calls, said));
        }
        if self.done.is_some_and(|done| done.get() == "true") {
            said.end(self.done_reason.and_then(|reason| finish(reason, !said.tools.is_empty())));
            said.done = true;
        }
        if let Some(usage) = self.usage() {
            said.add_usage(usage);
        }
        signal
    }

    /// The counts, which the last line has. That of the prompt is left out if all of it was still in memory.
    fn usage(&self) -> Option<Usage> {
        Usage {
            prompt_tokens: self.prompt_eval_count.and_then(count),
            completion_tokens: self.eval_count.and_then(count),
            ..Usage::default()
        }
        .if_any()
    }
}

/// Tool calls come whole, one or several to a line.
fn take_tools(calls: &RawValue, said: &mut Said) -> Signal {
    let calls: List<Object<Call<'_>>> = inner(calls);
    let mut signal = Signal::default();
    for call in calls.objects() {
        let Some(function) = &call.function.0 else { continue };
        let id = call.id.and_then(text).unwrap_or_default();
        let name = function.name.and_then(text).unwrap_or_default();
        let arguments = function.arguments.map(written).unwrap_or_default();
        signal.note(said.add_whole_tool(&id, &name, &arguments));
    }
    signal
}

/// What a `done_reason` means; `None` if it says nothing. A model that asks for tools has simply stopped, by
/// this API's words.
fn finish(reason: &RawValue, calls: bool) -> Option<Finish> {
    Some(match text(reason)?.as_ref() {
        "" => return None,
        "stop" if calls => Finish::ToolCalls,
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        // `load` and `unload`: the request was one to a model, not for an answer.
        _ => Finish::Other,
    })
}

members! {
    Response {
        b"message" => message,
        b"response" => response,
        b"thinking" => thinking,
        b"done" => done,
        b"done_reason" => done_reason,
        b"prompt_eval_count" => prompt_eval_count,
        b"eval_count" => eval_count,
        b"error" => error,
    }
    Message { b"content" => content, b"thinking" => thinking, b"tool_calls" => tool_calls }
    Call { b"id" => id, b"function" => function }
    Function { b"name" => name, b"arguments" => arguments }
}
