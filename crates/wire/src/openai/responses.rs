//! OpenAI's Responses: streams of named events, and whole answers.
//!
//! Every event says in its data which it is, so that its name is not needed. A stream has no `[DONE]`, though some
//! servers send one: it ends with `response.completed`, `.incomplete` or `.failed`, or with an `error`.

pub(crate) mod request;

use floodline_core::Finish;
use serde_json::value::RawValue;

use super::usage::read_usage;
use crate::answer::{Part, Said, Signal};
use crate::excerpt::excerpt;
use crate::json::lenient::{List, Object, members};
use crate::json::value::{count, is_truthy, text, written};
use crate::sse::Event;

/// One event of a stream.
#[derive(Default)]
struct Piece<'a> {
    kind: Option<&'a RawValue>,
    delta: Option<&'a RawValue>,
    output_index: Option<&'a RawValue>,
    item: Object<Item<'a>>,
    response: Object<Response<'a>>,
    error: Option<&'a RawValue>,
}

/// A whole answer, or what a stream says of it at its end.
#[derive(Default)]
struct Response<'a> {
    status: Option<&'a RawValue>,
    output: Option<List<Object<Item<'a>>>>,
    usage: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    incomplete: Object<Incomplete<'a>>,
}

#[derive(Default)]
struct Incomplete<'a> {
    reason: Option<&'a RawValue>,
}

/// A message, some reasoning, or a call of a tool.
#[derive(Default)]
struct Item<'a> {
    kind: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    call_id: Option<&'a RawValue>,
    name: Option<&'a RawValue>,
    arguments: Option<&'a RawValue>,
    input: Option<&'a RawValue>,
    content: List<Object<Content<'a>>>,
    summary: List<Object<Content<'a>>>,
}

#[derive(Default)]
struct Content<'a> {
    text: Option<&'a RawValue>,
    refusal: Option<&'a RawValue>,
}

members! {
    Piece {
        b"type" => kind,
        b"delta" => delta,
        b"output_index" => output_index,
        b"item" => item,
        b"response" => response,
        b"error" => error,
    }
    Response {
        b"status" => status,
        b"output" => output,
        b"usage" => usage,
        b"error" => error,
        b"incomplete_details" => incomplete,
    }
    Incomplete { b"reason" => reason }
    Item {
        b"type" => kind,
        b"id" => id,
        b"call_id" => call_id,
        b"name" => name,
        b"arguments" => arguments,
        b"input" => input,
        b"content" => content,
        b"summary" => summary,
    }
    Content { b"text" => text, b"refusal" => refusal }
}

/// Takes the next event of a stream.
pub(crate) fn event(event: Event<'_>, said: &mut Said) -> Signal {
    if event.data.starts_with(b"[DONE]") {
        said.done = true;
        return Signal::default();
    }
    let json = String::from_utf8_lossy(event.data);
    let piece = serde_json::from_str::<Object<Piece<'_>>>(&json).ok().and_then(|object| object.0);
    let Some(piece) = piece else {
        match event.name {
            b"error" => said.fail(event.data),
            _ => said.note_malformed(event.data),
        }
        return Signal::default();
    };
    let kind = piece.kind.and_then(text).unwrap_or_default();
    let kind = if kind.is_empty() { String::from_utf8_lossy(event.name) } else { kind };
    let delta = || piece.delta.and_then(text).unwrap_or_default();
    let slot = piece.output_index.and_then(count).unwrap_or(0);
    match kind.strip_prefix("response.").unwrap_or(&kind) {
        "output_text.delta" => return said.add(Part::Content, &delta()),
        "reasoning_text.delta" | "reasoning_summary_text.delta" => {
            return said.add(Part::Reasoning, &delta());
        }
        "refusal.delta" => return said.add(Part::Refusal, &delta()),
        "function_call_arguments.delta" | "custom_tool_call_input.delta" | "mcp_call_arguments.delta" => {
            return said.add_tool(slot, "", "", &delta());
        }
        "output_item.added" => {
            if let Some(item) = piece.item.0.filter(Item::is_call) {
                return item.call(slot, said);
            }
        }
        // Servers that do not stream arguments say them here.
        "output_item.done" => {
            let silent = !said.tools.iter().any(|tool| tool.slot == slot && !tool.arguments.is_empty());
            if let Some(item) = piece.item.0.filter(|item| item.is_call() && silent) {
                return item.call(slot, said);
            }
        }
        "completed" | "incomplete" | "failed" | "cancelled" => {
            end(piece.response.0.unwrap_or_default(), &kind, event.data, said);
        }
        "error" => said.fail(event.data),
        _ if piece.error.is_some_and(is_truthy) => said.fail(event.data),
        _ => {}
    }
    Signal::default()
}

/// Reads the body of a response with a status of success.
///
/// # Errors
/// What the body is instead of an answer of this API, in a short sentence.
pub(crate) fn parse(body: &[u8]) -> Result<Said, String> {
    let shown = |what: &str| format!("{what}: {}", excerpt(body, 120));
    if body.trim_ascii().is_empty() {
        return Err("the answer is empty".into());
    }
    let json = String::from_utf8_lossy(body);
    let response = serde_json::from_str::<Object<Response<'_>>>(&json).ok().and_then(|object| object.0);
    let Some(mut response) = response else { return Err(shown("the answer is not a JSON object")) };
    let mut said = Said::default();
    let output = response.output.take();
    if output.is_none() && !response.error.is_some_and(is_truthy) {
        return Err(shown("the answer has no `output`"));
    }
    for (slot, item) in (0..).zip(output.iter().flat_map(List::objects)) {
        item.whole(slot, &mut said);
    }
    let status = response.status.and_then(text).unwrap_or_default().into_owned();
    end(response, &status, body, &mut said);
    Ok(said)
}

/// Takes in how an answer ended: with `status`, which may be the name of an event.
fn end(response: Response<'_>, status: &str, data: &[u8], said: &mut Said) {
    if let Some(usage) = response.usage.and_then(read_usage) {
        said.add_usage(usage);
    }
    let reason = response.incomplete.0.and_then(|incomplete| text(incomplete.reason?));
    match (response.error.filter(|error| is_truthy(error)), status.trim_start_matches("response.")) {
        (Some(error), _) => said.fail(error.get().as_bytes()),
        (None, "failed" | "cancelled") => said.fail(data),
        (None, "incomplete") => said.end(Some(match reason.as_deref() {
            Some("max_output_tokens" | "max_tokens") => Finish::Length,
            Some("content_filter") => Finish::ContentFilter,
            _ => Finish::Other,
        })),
        (None, _) if said.tools.is_empty() => said.end(Some(Finish::Stop)),
        (None, _) => said.end(Some(Finish::ToolCalls)),
    }
    // Nothing follows the last event.
    said.done = true;
}

impl Item<'_> {
    fn is_call(&self) -> bool {
        let kind = self.kind.and_then(text).unwrap_or_default();
        matches!(kind.as_ref(), "function_call" | "custom_tool_call" | "mcp_call")
    }

    fn call(&self, slot: u64, said: &mut Said) -> Signal {
        let id = self.call_id.or(self.id).and_then(text).unwrap_or_default();
        let name = self.name.and_then(text).unwrap_or_default();
        let arguments = self.arguments.or(self.input).map(written).unwrap_or_default();
        // The name was counted when the call was added.
        let known = said.tools.iter().any(|tool| tool.slot == slot && !tool.name.is_empty());
        said.add_tool(slot, &id, if known { "" } else { &name }, &arguments)
    }

    fn whole(&self, slot: u64, said: &mut Said) {
        if self.is_call() {
            self.call(slot, said);
            return;
        }
        let is_reasoning = self.kind.and_then(text).is_some_and(|kind| kind == "reasoning");
        let part = if is_reasoning { Part::Reasoning } else { Part::Content };
        for content in self.summary.objects().chain(self.content.objects()) {
            said.add(part, &content.text.and_then(text).unwrap_or_default());
            said.add(Part::Refusal, &content.refusal.and_then(text).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests;
