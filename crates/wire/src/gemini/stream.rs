//! Content as it streams: what each response adds.
//!
//! Responses differ in more than their text (each counts the tokens so far), so every one is parsed in full.

use super::response::Response;
use crate::answer::{Said, Signal};
use crate::sse::Event;

/// Takes the next response.
pub(crate) fn event(event: Event<'_>, said: &mut Said) -> Signal {
    if event.name == b"error" {
        said.fail(event.data);
        return Signal::default();
    }
    let text = String::from_utf8_lossy(event.data);
    match Response::parse(&text) {
        Some(response) if response.is_error() => said.fail(event.data),
        Some(response) => return response.take(said),
        None => said.note_no_object(event.name, event.data),
    }
    Signal::default()
}
