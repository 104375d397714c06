//! One streamed answer, as a client reads it.

use floodline_core::{Finish, Outcome};
use serde_json::value::RawValue;

use super::chunk::{self, Choice, Chunk, Usage};
use super::error::{ApiError, classify, parse_error};
use super::shape::{Part, Shape};
use crate::excerpt::excerpt;
use crate::sse::Event;

/// The most characters of a malformed event that are kept.
const MAX_EXCERPT: usize = 120;

/// What one event meant for timing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signal {
    /// It carried text, reasoning, a refusal or arguments of a tool call, and not empty ones.
    pub token: bool,
    /// It carried more than reasoning.
    pub content: bool,
}

/// Reads one streamed answer, event by event.
///
/// Several alternatives (`n` > 1) may come in one stream: a token of any of them is a token, the text
/// is that of the first.
#[derive(Clone, Debug, Default)]
pub struct ChatStream {
    shape: Shape,
    text: String,
    reasoning: String,
    other: String,
    finish: Option<Finish>,
    usage: Option<Usage>,
    error: Option<Box<ApiError>>,
    malformed: Option<Box<str>>,
    done: bool,
}

impl ChatStream {
    /// A reader at the start of an answer.
    pub fn new() -> ChatStream {
        ChatStream::default()
    }

    /// Takes the next event. Events after the end mark are ignored.
    #[inline]
    pub fn event(&mut self, event: Event<'_>) -> Signal {
        if event.name != b"error"
            && !self.done
            && let Some((part, text)) = self.shape.matches(event.data)
        {
            return add(&mut self.text, &mut self.reasoning, &mut self.other, part, &text);
        }
        self.parse(event)
    }

    /// Takes an event that the stream's end left without its blank line: it counts if it is whole,
    /// and is no fault if it is not.
    pub fn tail(&mut self, event: Event<'_>) -> Signal {
        let text = String::from_utf8_lossy(event.data);
        if text.starts_with("[DONE]") || Chunk::parse(&text).is_some() {
            self.event(event)
        } else {
            Signal::default()
        }
    }

    /// The answer: the content of the first alternative, without reasoning, refusals and tool calls.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The reasoning that was shown.
    pub fn reasoning(&self) -> &str {
        &self.reasoning
    }

    /// What else was written: refusals, tool calls (names and arguments), other alternatives. Together with
    /// text and reasoning it is what to count when the server gives no usage.
    pub fn other(&self) -> &str {
        &self.other
    }

    /// Why the model stopped, if it said so; the last reason given.
    pub fn finish(&self) -> Option<Finish> {
        self.finish
    }

    /// What the server says the answer cost; the last figures given.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// The first error that the stream reported.
    pub fn error(&self) -> Option<&ApiError> {
        self.error.as_deref()
    }

    /// An excerpt of the first event that was no JSON object.
    pub fn malformed(&self) -> Option<&str> {
        self.malformed.as_deref()
    }

    /// Whether the end mark (`[DONE]`) was seen.
    pub fn done(&self) -> bool {
        self.done
    }

    /// How the answer ended, asked once the stream has ended.
    pub fn verdict(&self) -> Outcome {
        match (&self.error, &self.malformed) {
            (Some(error), _) => classify(200, error),
            (None, Some(_)) => Outcome::Malformed,
            (None, None) if self.finish.is_none() && !self.done => Outcome::Truncated,
            (None, None) => Outcome::Ok,
        }
    }

    #[cold]
    fn parse(&mut self, event: Event<'_>) -> Signal {
        if self.done {
            return Signal::default();
        }
        if event.data.starts_with(b"[DONE]") {
            self.done = true;
            return Signal::default();
        }
        if event.name == b"error" {
            self.fail(event.data);
            return Signal::default();
        }
        let text = String::from_utf8_lossy(event.data);
        match Chunk::parse(&text) {
            Some(chunk) if chunk.is_error() => {
                self.fail(event.data);
                Signal::default()
            }
            Some(chunk) => self.chunk(&chunk, &text),
            None => {
                self.no_chunk(event);
                Signal::default()
            }
        }
    }

    fn chunk(&mut self, chunk: &Chunk<'_>, text: &str) -> Signal {
        if let Some(usage) = chunk.usage() {
            self.usage = Some(usage);
        }
        let mut signal = Signal::default();
        let mut literals = Literals::default();
        for choice in chunk.choices() {
            let this = self.choice(choice, &mut literals);
            signal = Signal { token: signal.token | this.token, content: signal.content | this.content };
        }
        if let Some((literal, part)) = literals.only()
            && chunk.is_plain()
        {
            self.shape.learn(text, literal, part);
        }
        signal
    }

    fn choice<'a>(&mut self, choice: &Choice<'a>, literals: &mut Literals<'a>) -> Signal {
        if let Some(finish) = choice.finish() {
            self.finish = Some(finish);
            literals.spoiled = true;
        }
        let Some(delta) = choice.delta() else { return Signal::default() };
        let answer = if choice.is_first() { Part::Content } else { Part::Other };
        let mut signal = Signal::default();
        let mut say = |part, text: &str| {
            let this = add(&mut self.text, &mut self.reasoning, &mut self.other, part, text);
            signal = Signal { token: signal.token | this.token, content: signal.content | this.content };
        };
        // Servers in transition send the same reasoning under two names: the first that is not empty counts.
        let mut reasoned = false;
        for raw in [delta.reasoning_content, delta.reasoning, delta.thinking].into_iter().flatten() {
            let Some(text) = chunk::text(raw) else { continue };
            literals.saw(raw, Part::Reasoning, text.is_empty());
            if !reasoned {
                say(Part::Reasoning, &text);
                reasoned = !text.is_empty();
            }
        }
        for (raw, part) in [(delta.content, answer), (delta.refusal, Part::Other)] {
            let Some(raw) = raw else { continue };
            if let Some(text) = chunk::text(raw) {
                literals.saw(raw, part, text.is_empty());
                say(part, &text);
            } else {
                literals.spoiled = true;
                let (text, reasoning) = chunk::parts(raw);
                say(Part::Reasoning, &reasoning);
                say(part, &text);
            }
        }
        if !delta.has_tools() {
            return signal;
        }
        literals.spoiled = true;
        for (name, arguments) in delta.tools() {
            self.other.push_str(&name);
            self.other.push_str(&arguments);
            let said = !arguments.is_empty();
            signal = Signal { token: signal.token | said, content: signal.content | said };
        }
        signal
    }

    fn fail(&mut self, data: &[u8]) {
        if self.error.is_none() {
            self.error = Some(Box::new(parse_error(data)));
        }
    }

    /// An event whose data is no JSON object.
    fn no_chunk(&mut self, event: Event<'_>) {
        let data = event.data.trim_ascii();
        // Gemini's way of reporting an error, passed on by some gateways: an array around the object.
        if data.starts_with(b"[{") && memchr::memmem::find(data, b"\"error\"").is_some() {
            self.fail(data);
        // Nothing said, or an event of a name that belongs to another protocol, is harmless.
        } else if !data.is_empty()
            && (event.name.is_empty() || event.name == b"message")
            && self.malformed.is_none()
        {
            self.malformed = Some(excerpt(data, MAX_EXCERPT).into());
        }
    }
}

/// The string literals of a chunk that could be its only text.
#[derive(Default)]
struct Literals<'a> {
    /// The one that is not empty.
    said: Option<(&'a RawValue, Part)>,
    /// If none is: an empty one.
    empty: Option<(&'a RawValue, Part)>,
    /// The chunk says more than one text.
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

    fn only(&self) -> Option<(&'a RawValue, Part)> {
        if self.spoiled { None } else { self.said.or(self.empty) }
    }
}

#[inline]
fn add(content: &mut String, reasoning: &mut String, other: &mut String, part: Part, text: &str) -> Signal {
    match part {
        Part::Content => content.push_str(text),
        Part::Reasoning => reasoning.push_str(text),
        Part::Other => other.push_str(text),
    }
    let token = !text.is_empty();
    Signal { token, content: token && part != Part::Reasoning }
}

#[cfg(test)]
mod tests;
