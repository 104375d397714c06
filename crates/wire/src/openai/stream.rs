//! Chat completions as they stream: what each event adds.

use super::choice;
use super::chunk::Chunk;
use crate::answer::{Said, Signal};
use crate::json::shape::{Literals, Shape};
use crate::sse::Event;

/// Takes the next event, and lets `shape` learn what the next one may look like.
pub(crate) fn event(event: Event<'_>, said: &mut Said, shape: &mut Shape) -> Signal {
    if event.data.starts_with(b"[DONE]") {
        said.done = true;
        return Signal::default();
    }
    if event.name == b"error" {
        said.fail(event.data);
        return Signal::default();
    }
    let text = String::from_utf8_lossy(event.data);
    match Chunk::parse(&text) {
        Some(chunk) if chunk.is_error() => said.fail(event.data),
        Some(chunk) => return take(&chunk, &text, said, shape),
        None => said.note_no_object(event.name, event.data),
    }
    Signal::default()
}

fn take(chunk: &Chunk<'_>, text: &str, said: &mut Said, shape: &mut Shape) -> Signal {
    if let Some(usage) = chunk.usage() {
        said.add_usage(usage);
    }
    let mut signal = Signal::default();
    let mut literals = Literals::default();
    for choice in chunk.choices() {
        signal.note(choice::take(choice, said, &mut literals));
    }
    if let Some((literal, part)) = literals.only()
        && chunk.is_plain()
    {
        shape.learn(text, literal, part);
    }
    signal
}

#[cfg(test)]
mod tests;
