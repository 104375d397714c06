//! Anthropic's Messages: what is sent, and what a stream or a whole answer says.

mod block;
pub(crate) mod request;
pub(crate) mod server;
pub(crate) mod stream;
mod usage;
pub(crate) mod whole;

use std::borrow::Cow;

use floodline_core::Finish;
use serde_json::value::RawValue;

use crate::json::value::text;

/// What a `stop_reason` means; `None` if it says nothing.
fn finish(reason: &RawValue) -> Option<Finish> {
    Some(match text(reason)?.as_ref() {
        "" => return None,
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::ContentFilter,
        // Such as `pause_turn`: the model wants to go on in another request.
        _ => Finish::Other,
    })
}

/// The text of a member, empty if it has none.
fn text_of(member: Option<&RawValue>) -> Cow<'_, str> {
    member.and_then(text).unwrap_or_default()
}
