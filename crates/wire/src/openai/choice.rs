//! What one alternative of a chat answer, or of a completion, adds to what was said, in a chunk of a stream or whole.

use serde_json::value::RawValue;

use super::chunk::{self, Choice, ToolPiece};
use crate::answer::{Part, Said, Signal};
use crate::json::shape::Literals;
use crate::json::value::text;

/// Takes in what an alternative says, and notes in `literals` where it stood.
pub(super) fn take<'a>(choice: &Choice<'a>, said: &mut Said, literals: &mut Literals<'a>) -> Signal {
    let first = choice.is_first();
    if let Some(finish) = choice.finish() {
        said.end(first.then_some(finish));
        literals.spoil();
    }
    let mut signal = Signal::default();
    let (answer, refusal) = if first { (Part::Content, Part::Refusal) } else { (Part::Other, Part::Other) };
    if let Some(raw) = choice.text {
        signal.note(content(raw, answer, first, said, literals));
    }
    let Some(delta) = choice.delta() else { return signal };
    // Servers in transition send the same reasoning under two names: the first that is not empty counts.
    let mut reasoned = false;
    for raw in [delta.reasoning_content, delta.reasoning, delta.thinking].into_iter().flatten() {
        let Some(text) = text(raw) else { continue };
        literals.saw(raw, Part::Reasoning, text.is_empty());
        if !reasoned {
            signal.note(reason(said, first, &text, literals));
            reasoned = !text.is_empty();
        }
    }
    for (raw, part) in [(delta.content, answer), (delta.refusal, refusal)] {
        let Some(raw) = raw else { continue };
        signal.note(content(raw, part, first, said, literals));
    }
    if delta.has_tools() {
        literals.spoil();
        for (position, piece) in delta.tools().enumerate() {
            signal.note(tool(said, first, position, &piece));
        }
    }
    signal
}

/// A text, or a list of parts some of which may be reasoning.
fn content<'a>(
    raw: &'a RawValue,
    part: Part,
    first: bool,
    said: &mut Said,
    literals: &mut Literals<'a>,
) -> Signal {
    if let Some(text) = text(raw) {
        literals.saw(raw, part, text.is_empty());
        return said.add(part, &text);
    }
    literals.spoil();
    let (text, reasoning) = chunk::parts(raw);
    let mut signal = reason(said, first, &reasoning, literals);
    signal.note(said.add(part, &text));
    signal
}

/// Reasoning is no content for timing, whichever alternative's it is.
fn reason(said: &mut Said, first: bool, text: &str, literals: &mut Literals<'_>) -> Signal {
    if first {
        return said.add(Part::Reasoning, text);
    }
    literals.spoil();
    Signal { content: false, ..said.add(Part::Other, text) }
}

fn tool(said: &mut Said, first: bool, position: usize, piece: &ToolPiece<'_>) -> Signal {
    let ToolPiece { index, id, name, arguments } = piece;
    if !first {
        said.other.push_str(name);
        return said.add(Part::Other, arguments);
    }
    // Where calls are not numbered, one with a name of its own is a call of its own.
    let unnumbered = || {
        let known = said.tools.iter().find(|tool| !id.is_empty() && tool.id == **id);
        match known {
            Some(tool) => tool.slot,
            None if !name.is_empty() => said.tools.len() as u64,
            None => said.tools.len().saturating_sub(1).max(position) as u64,
        }
    };
    let slot = index.unwrap_or_else(unnumbered);
    said.add_tool(slot, id, name, arguments)
}
