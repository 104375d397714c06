//! Answers as they stream: what each line adds.
//!
//! Every line has the time at which it was made, so none looks like the one before: each is parsed in full.

use super::response::Response;
use crate::answer::{Said, Signal};
use crate::sse::Event;

/// Takes the next line.
pub(crate) fn event(event: Event<'_>, said: &mut Said) -> Signal {
    let text = String::from_utf8_lossy(event.data);
    match Response::parse(&text) {
        Some(response) if response.is_error() => said.fail(event.data),
        Some(response) => return response.take(said),
        None => said.note_no_object(event.name, event.data),
    }
    Signal::default()
}
