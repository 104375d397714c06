//! Text as it streams: one token an event.
//!
//! Every token has its number, id and probability, so none looks like the one before: each is parsed in full.

use super::response::Response;
use crate::answer::{Said, Signal};
use crate::sse::Event;

/// Takes the next token.
pub(crate) fn event(event: Event<'_>, said: &mut Said) -> Signal {
    if event.name == b"error" {
        said.fail(event.data);
        return Signal::default();
    }
    let text = String::from_utf8_lossy(event.data);
    match Response::parse(&text) {
        Some(response) if response.is_error() => said.fail(event.data),
        Some(response) => return response.take_token(said),
        None => said.note_no_object(event.name, event.data),
    }
    Signal::default()
}
