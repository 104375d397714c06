//! The one door to the APIs from the client's side: how the answers of each are framed, read and judged.
//!
//! Whoever sends requests knows a [`Codec`] and no API. What all APIs have in common is here: framing, the
//! fast path of tokens, and the end of a stream; what differs is in the folder of each API.

mod frames;

use floodline_core::Outcome;
use floodline_core::plan::Api;

pub use frames::{Frames, Framing};

use crate::answer::{Said, Signal};
use crate::http1::ContentType;
use crate::json::lenient::is_object;
use crate::json::shape::Shape;
use crate::openai;
use crate::sse::{Event, EventTooLarge};

/// How the answers of a target are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// OpenAI's chat completions.
    Chat,
}

impl Codec {
    /// The codec of an API.
    pub fn of(api: Api) -> Codec {
        match api {
            Api::OpenAiChat => Codec::Chat,
        }
    }

    /// What a request accepts.
    pub fn accept(&self, streamed: bool) -> &'static str {
        match (self, streamed) {
            (Codec::Chat, true) => "text/event-stream",
            (Codec::Chat, false) => "application/json",
        }
    }

    /// How a stream of this content type is framed; none if it is no stream of this API.
    pub fn framing(&self, content_type: &ContentType) -> Option<Framing> {
        match (self, content_type) {
            (Codec::Chat, ContentType::EventStream | ContentType::Missing) => Some(Framing::Events),
            (Codec::Chat, ContentType::Json | ContentType::Other(_)) => None,
        }
    }

    /// Reads the body of an answer that came whole, with a status of success.
    ///
    /// # Errors
    /// What the body is instead of an answer of this API, in a short sentence: it is malformed.
    pub fn whole(&self, body: &[u8]) -> Result<Said, String> {
        match self {
            Codec::Chat => openai::whole::parse(body),
        }
    }
}

/// One streamed answer, as a client reads it.
#[derive(Clone, Debug)]
pub struct Stream {
    codec: Codec,
    frames: Frames,
    answer: Answer,
}

/// What reads events; apart from what finds them, so that both can be borrowed at once.
#[derive(Clone, Debug)]
struct Answer {
    codec: Codec,
    shape: Shape,
    said: Said,
}

/// What some bytes of a stream brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Events that carried a token.
    pub tokens: u32,
    /// Those of them that carried more than reasoning.
    pub contents: u32,
}

impl Brought {
    fn note(&mut self, signal: Signal) {
        self.tokens += u32::from(signal.token);
        self.contents += u32::from(signal.content);
    }
}

impl Stream {
    /// A reader at the start of an answer.
    pub fn new(codec: Codec, framing: Framing) -> Stream {
        let answer = Answer { codec, shape: Shape::default(), said: Said::default() };
        Stream { codec, frames: Frames::new(framing), answer }
    }

    /// Takes the next bytes, cut anywhere, and adds what they brought to `brought`.
    ///
    /// # Errors
    /// [`EventTooLarge`], now and on every later call: the stream cannot be followed further.
    #[inline]
    pub fn feed(&mut self, bytes: &[u8], brought: &mut Brought) -> Result<(), EventTooLarge> {
        let answer = &mut self.answer;
        self.frames.feed(bytes, &mut |event| brought.note(answer.event(event)))
    }

    /// Takes a whole event, for those who have found it themselves.
    #[inline]
    pub fn event(&mut self, event: Event<'_>) -> Signal {
        self.answer.event(event)
    }

    /// Takes an event that the end of the bytes left without its own end, for those who have found it themselves: it
    /// counts if it is whole, and is no fault if it is not.
    pub fn tail(&mut self, event: Event<'_>) -> Signal {
        self.answer.tail(event)
    }

    /// Takes the end of the bytes. An event that lacks its end counts if it is whole, and is no fault if it is not.
    pub fn finish(&mut self) -> Signal {
        match self.frames.finish() {
            Some(tail) => self.answer.tail(tail.event()),
            None => Signal::default(),
        }
    }

    /// What has been said so far.
    pub fn said(&self) -> &Said {
        &self.answer.said
    }

    /// What has been said in all.
    pub fn into_said(self) -> Said {
        self.answer.said
    }

    /// What the next event may look like.
    #[cfg(test)]
    pub(crate) fn shape(&self) -> &Shape {
        &self.answer.shape
    }

    /// How the answer ended, asked once the stream has.
    pub fn verdict(&self) -> Outcome {
        self.answer.said.verdict()
    }

    /// What an answer of this API lacks that ended without saying so, in words.
    pub fn missing_end(&self) -> &'static str {
        match self.codec {
            Codec::Chat => "the stream ended with neither a finish reason nor [DONE]",
        }
    }
}

impl Answer {
    /// Events after the end mark are ignored.
    #[inline]
    fn event(&mut self, event: Event<'_>) -> Signal {
        if self.said.done {
            return Signal::default();
        }
        if event.name != b"error"
            && let Some((part, text)) = self.shape.matches(event.data)
        {
            return self.said.add(part, &text);
        }
        self.parse(event)
    }

    #[cold]
    fn parse(&mut self, event: Event<'_>) -> Signal {
        let Answer { codec, shape, said } = self;
        match codec {
            Codec::Chat => openai::stream::event(event, said, shape),
        }
    }

    fn tail(&mut self, event: Event<'_>) -> Signal {
        let is_whole = event.data.starts_with(b"[DONE]") || is_object(event.data);
        if is_whole { self.event(event) } else { Signal::default() }
    }
}
