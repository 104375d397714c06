//! Messages as they stream: what each event adds.
//!
//! Every event has its type both as its name and inside its data; the data's counts. Types that are not known
//! are passed over, as Anthropic asks for: more are added without notice.

use serde_json::value::RawValue;

use super::block::Block;
use super::usage::read_usage;
use super::{finish, text_of};
use crate::answer::{Part, Said, Signal};
use crate::json::lenient::{Object, members, object};
use crate::json::shape::Shape;
use crate::json::value::{count, is_truthy, text};
use crate::sse::Event;

/// Takes the next event, and lets `shape` learn what the next one may look like.
pub(crate) fn event(event: Event<'_>, said: &mut Said, shape: &mut Shape) -> Signal {
    if event.name == b"error" {
        said.fail(event.data);
        return Signal::default();
    }
    let data = String::from_utf8_lossy(event.data);
    let Some(read) = object::<Message<'_>>(&data) else {
        if is_known(event.name) {
            said.note_malformed(event.data);
        } else {
            said.note_no_object(event.name, event.data);
        }
        return Signal::default();
    };
    match text_of(read.kind).as_ref() {
        "content_block_delta" => return delta(&read, &data, said, shape),
        "content_block_start" => {
            return read
                .block
                .0
                .as_ref()
                .map_or_else(Signal::default, |block| block.begin(read.index(), said));
        }
        "content_block_stop" => said.close_tool(read.index()),
        "message_start" => usage(read.message.0.and_then(|message| message.usage), said),
        "message_delta" => {
            let reason = read.delta.0.and_then(|delta| delta.stop_reason);
            if let Some(finish) = reason.and_then(finish) {
                said.end(Some(finish));
            }
            usage(read.usage, said);
        }
        "message_stop" => said.done = true,
        "error" => said.fail(event.data),
        // Not every gateway gives its errors a type.
        _ if read.error.is_some_and(is_truthy) => said.fail(event.data),
        _ => {}
    }
    Signal::default()
}

/// The names of events whose data is an object.
fn is_known(name: &[u8]) -> bool {
    name.starts_with(b"message_") || name.starts_with(b"content_block_")
}

/// More of a block.
fn delta(read: &Message<'_>, data: &str, said: &mut Said, shape: &mut Shape) -> Signal {
    let Some(delta) = &read.delta.0 else { return Signal::default() };
    let (literal, part) = match text_of(delta.kind).as_ref() {
        "text_delta" => (delta.text, Part::Content),
        "thinking_delta" => (delta.thinking, Part::Reasoning),
        "input_json_delta" => return said.add_arguments(read.index(), &text_of(delta.partial_json)),
        // Signatures, citations and what is to come are nothing that the model writes for people.
        _ => return Signal::default(),
    };
    let Some((literal, text)) = literal.and_then(|literal| Some((literal, text(literal)?))) else {
        return Signal::default();
    };
    shape.learn(data, literal, part);
    said.add(part, &text)
}

fn usage(raw: Option<&RawValue>, said: &mut Said) {
    if let Some(usage) = raw.and_then(|raw| read_usage(raw, said.usage)) {
        said.add_usage(usage);
    }
}

/// One event, of whatever type.
#[derive(Default)]
struct Message<'a> {
    kind: Option<&'a RawValue>,
    index: Option<&'a RawValue>,
    delta: Object<Delta<'a>>,
    block: Object<Block<'a>>,
    message: Object<Start<'a>>,
    usage: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

/// What is added to a block, or to the message.
#[derive(Default)]
struct Delta<'a> {
    kind: Option<&'a RawValue>,
    text: Option<&'a RawValue>,
    thinking: Option<&'a RawValue>,
    partial_json: Option<&'a RawValue>,
    stop_reason: Option<&'a RawValue>,
}

/// The message as it begins.
#[derive(Default)]
struct Start<'a> {
    usage: Option<&'a RawValue>,
}

impl Message<'_> {
    /// Which block it is about.
    fn index(&self) -> u64 {
        self.index.and_then(count).unwrap_or_default()
    }
}

members! {
    Message {
        b"type" => kind,
        b"index" => index,
        b"delta" => delta,
        b"content_block" => block,
        b"message" => message,
        b"usage" => usage,
        b"error" => error,
    }
    Delta {
        b"type" => kind,
        b"text" => text,
        b"thinking" => thinking,
        b"partial_json" => partial_json,
        b"stop_reason" => stop_reason,
    }
    Start { b"usage" => usage }
}

#[cfg(test)]
mod tests;
