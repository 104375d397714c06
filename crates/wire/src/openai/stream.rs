//! One streamed answer, as a client reads it.

use floodline_core::{Finish, Outcome};

use super::chunk::Chunk;
use super::error::{ApiError, classify, parse_error};
use super::shape::Shape;
use super::usage::Usage;
use super::written::{Literals, Signal, Written};
use crate::excerpt::excerpt;
use crate::sse::Event;

/// The most characters of a malformed event that are kept.
const MAX_EXCERPT: usize = 120;

/// Reads one streamed answer, event by event.
///
/// Several alternatives (`n` > 1) may come in one stream: a token of any of them is a token, the text
/// is that of the first.
#[derive(Clone, Debug, Default)]
pub struct ChatStream {
    shape: Shape,
    written: Written,
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
            return self.written.add(part, &text);
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
        &self.written.text
    }

    /// The reasoning that was shown, of the first alternative.
    pub fn reasoning(&self) -> &str {
        &self.written.reasoning
    }

    /// What else was written: refusals, tool calls (names and arguments), other alternatives. Together with
    /// text and reasoning it is what to count when the server gives no usage.
    pub fn other(&self) -> &str {
        &self.written.other
    }

    /// Why the model stopped, if it said so, of the first alternative; the last reason given.
    pub fn finish(&self) -> Option<Finish> {
        self.written.finish
    }

    /// What the server says the answer cost; of each figure the last one given.
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
            (None, None) if !self.written.ended && !self.done => Outcome::Truncated,
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
            self.usage = Some(usage.after(self.usage));
        }
        let mut signal = Signal::default();
        let mut literals = Literals::default();
        for choice in chunk.choices() {
            signal.note(self.written.choice(choice, &mut literals));
        }
        if let Some((literal, part)) = literals.only()
            && chunk.is_plain()
        {
            self.shape.learn(text, literal, part);
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

#[cfg(test)]
mod tests;
