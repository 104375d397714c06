//! What a model wrote, put together from the chunks of a stream or from one whole answer.

use floodline_core::Finish;
use serde_json::value::RawValue;

use super::chunk::{self, Choice};
use super::shape::Part;

/// What one event meant for timing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signal {
    /// It carried text, reasoning, a refusal or arguments of a tool call, and not empty ones.
    pub token: bool,
    /// It carried more than reasoning.
    pub content: bool,
}

impl Signal {
    pub(super) fn note(&mut self, other: Signal) {
        self.token |= other.token;
        self.content |= other.content;
    }
}

/// The texts so far, and how they ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// The content of the first alternative.
    pub(super) text: String,
    /// The reasoning of the first alternative.
    pub(super) reasoning: String,
    /// Refusals, tool calls (names and arguments), all of the other alternatives.
    pub(super) other: String,
    /// Why the first alternative ended; the last reason given.
    pub(super) finish: Option<Finish>,
    /// Whether any alternative has given a reason.
    pub(super) ended: bool,
}

impl Written {
    #[inline]
    pub(super) fn add(&mut self, part: Part, text: &str) -> Signal {
        match part {
            Part::Content => self.text.push_str(text),
            Part::Reasoning => self.reasoning.push_str(text),
            Part::Other => self.other.push_str(text),
        }
        let token = !text.is_empty();
        Signal { token, content: token && part != Part::Reasoning }
    }

    /// Takes in what an alternative says, and notes in `literals` where it stood.
    pub(super) fn choice<'a>(&mut self, choice: &Choice<'a>, literals: &mut Literals<'a>) -> Signal {
        let first = choice.is_first();
        if let Some(finish) = choice.finish() {
            self.ended = true;
            self.finish = if first { Some(finish) } else { self.finish };
            literals.spoiled = true;
        }
        let mut signal = Signal::default();
        let Some(delta) = choice.delta() else { return signal };
        // Servers in transition send the same reasoning under two names: the first that is not empty counts.
        let mut reasoned = false;
        for raw in [delta.reasoning_content, delta.reasoning, delta.thinking].into_iter().flatten() {
            let Some(text) = chunk::text(raw) else { continue };
            literals.saw(raw, Part::Reasoning, text.is_empty());
            if !reasoned {
                signal.note(self.reason(first, &text, literals));
                reasoned = !text.is_empty();
            }
        }
        let answer = if first { Part::Content } else { Part::Other };
        for (raw, part) in [(delta.content, answer), (delta.refusal, Part::Other)] {
            let Some(raw) = raw else { continue };
            if let Some(text) = chunk::text(raw) {
                literals.saw(raw, part, text.is_empty());
                signal.note(self.add(part, &text));
            } else {
                literals.spoiled = true;
                let (text, reasoning) = chunk::parts(raw);
                signal.note(self.reason(first, &reasoning, literals));
                signal.note(self.add(part, &text));
            }
        }
        if !delta.has_tools() {
            return signal;
        }
        literals.spoiled = true;
        for (name, arguments) in delta.tools() {
            self.other.push_str(&name);
            signal.note(self.add(Part::Other, &arguments));
        }
        signal
    }

    /// Reasoning is no content for timing, whichever alternative's it is.
    fn reason(&mut self, first: bool, text: &str, literals: &mut Literals<'_>) -> Signal {
        if first {
            return self.add(Part::Reasoning, text);
        }
        literals.spoiled = true;
        Signal { content: false, ..self.add(Part::Other, text) }
    }
}

/// The string literals of a chunk that could be its only text.
#[derive(Default)]
pub(super) struct Literals<'a> {
    /// The one that is not empty.
    said: Option<(&'a RawValue, Part)>,
    /// If none is: an empty one.
    empty: Option<(&'a RawValue, Part)>,
    /// The chunk says more than one text, or more than a text.
    spoiled: bool,
}

impl<'a> Literals<'a> {
    fn saw(&mut self, raw: &'a RawValue, part: Part, empty: bool) {
        if empty {
            self.empty = Some((raw, part));
        } else {
            self.spoiled |= self.said.is_some();
            self.said = Some((raw, part));
        }
    }

    pub(super) fn only(&self) -> Option<(&'a RawValue, Part)> {
        if self.spoiled { None } else { self.said.or(self.empty) }
    }
}
