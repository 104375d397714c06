//! The one door to the APIs from the client's side: how the answers of each are framed, read and judged.
//!
//! Whoever sends requests knows a [`Codec`] and no API. What all APIs have in common is here: framing, the
//! fast path of tokens, and the end of a stream; what differs is in the folder of each API.

mod array;
mod frames;
mod lines;
mod mixed;
mod pending;
mod write;

use std::sync::Arc;

use floodline_core::Outcome;
use floodline_core::plan::Api;

pub use array::Array;
pub use frames::{Frames, Framing};
pub use lines::Lines;
pub use mixed::Mixed;

use crate::answer::{Said, Signal};
use crate::http1::ContentType;
use crate::json::lenient::is_object;
use crate::json::shape::Shape;
use crate::own::{self, Format, Kind};
use crate::sse::{Event, EventTooLarge};
use crate::{anthropic, gemini, ollama, openai, tgi};

/// How the answers of a target are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codec {
    /// OpenAI's chat completions, Azure's too.
    Chat,
    /// OpenAI's completions of a text.
    Completions,
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's embeddings, which are never streamed.
    Embeddings,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's generateContent and streamGenerateContent.
    Gemini,
    /// Ollama's chat.
    Ollama,
    /// Ollama's completion of a text.
    OllamaGenerate,
    /// Text Generation Inference.
    Tgi,
    /// What an application speaks.
    Own(Arc<Format>),
}

impl Codec {
    /// The codec of an API; of an application's own the one that takes every answer for plain text.
    pub fn of(api: Api) -> Codec {
        match api {
            Api::OpenAiChat | Api::AzureOpenAi => Codec::Chat,
            Api::OpenAiCompletions => Codec::Completions,
            Api::OpenAiResponses => Codec::Responses,
            Api::OpenAiEmbeddings => Codec::Embeddings,
            Api::Anthropic => Codec::Anthropic,
            Api::Gemini => Codec::Gemini,
            Api::Ollama => Codec::Ollama,
            Api::OllamaGenerate => Codec::OllamaGenerate,
            Api::Tgi => Codec::Tgi,
            Api::Http => Codec::Own(Arc::default()),
        }
    }

    /// What a request accepts.
    pub fn accept(&self, streamed: bool) -> &'static str {
        match (self, streamed) {
            (Codec::Own(format), _) => match format.kind {
                None => "text/event-stream, application/x-ndjson, application/json, text/plain, */*;q=0.5",
                Some(Kind::Sse) => "text/event-stream",
                Some(Kind::Ndjson) => "application/x-ndjson, application/json",
                Some(Kind::Text) => "text/plain, */*;q=0.5",
                Some(Kind::Json) => "application/json",
            },
            (Codec::Ollama | Codec::OllamaGenerate, true) => "application/x-ndjson, application/json",
            (Codec::Gemini, true) => "text/event-stream, application/json",
            (_, true) => "text/event-stream",
            (_, false) => "application/json",
        }
    }

    /// How a stream of this content type is framed; none if it is no stream of this API.
    pub fn framing(&self, content_type: &ContentType) -> Option<Framing> {
        match (self, content_type) {
            (Codec::Embeddings, _) => None,
            (Codec::Own(format), _) => format.framing(content_type),
            (Codec::Gemini, ContentType::EventStream | ContentType::Missing) => Some(Framing::Mixed),
            (Codec::Gemini, ContentType::Json) => Some(Framing::Array),
            (Codec::Ollama | Codec::OllamaGenerate, ContentType::Missing) => Some(Framing::Lines),
            (Codec::Ollama | Codec::OllamaGenerate, other) => other.names_lines().then_some(Framing::Lines),
            (_, ContentType::EventStream | ContentType::Missing) => Some(Framing::Events),
            (_, ContentType::Json | ContentType::Other(_)) => None,
        }
    }

    /// Whether an answer of this content type comes whole, where streams were asked for or not.
    pub fn is_whole(&self, content_type: &ContentType, streamed: bool) -> bool {
        match self {
            Codec::Own(format) => format.framing(content_type).is_none(),
            _ => !streamed && matches!(content_type, ContentType::Json | ContentType::Missing),
        }
    }

    /// Reads the body of an answer that came whole, with a status of success.
    ///
    /// # Errors
    /// What the body is instead of an answer of this API, in a short sentence: it is malformed.
    pub fn whole(&self, body: &[u8]) -> Result<Said, String> {
        match self {
            Codec::Chat | Codec::Completions => openai::whole::parse(body),
            Codec::Responses => openai::responses::parse(body),
            Codec::Embeddings => openai::embeddings::parse(body),
            Codec::Own(format) => own::read::whole(format, body),
            Codec::Anthropic => anthropic::whole::parse(body),
            Codec::Gemini => gemini::whole::parse(body),
            Codec::Ollama | Codec::OllamaGenerate => ollama::whole::parse(body),
            Codec::Tgi => tgi::whole::parse(body),
        }
    }
}

/// One streamed answer, as a client reads it.
#[derive(Clone, Debug)]
pub struct Stream {
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
        let codec = match (framing, codec) {
            // Of plain text nothing is looked for.
            (Framing::Plain, Codec::Own(_)) => Codec::Own(Arc::default()),
            (_, codec) => codec,
        };
        let answer = Answer { codec, shape: Shape::default(), said: Said::default() };
        Stream { frames: Frames::new(framing), answer }
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

    /// Notes that the body has come to its proper end. Where an answer does not say itself that it is over, this is
    /// what does.
    pub fn framed(&mut self) {
        if let Codec::Own(format) = &self.answer.codec
            && !format.has_end()
        {
            self.answer.said.ended = true;
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
        match &self.answer.codec {
            Codec::Chat | Codec::Completions => "the stream ended with neither a finish reason nor [DONE]",
            Codec::Responses => "the stream ended without response.completed, incomplete or failed",
            Codec::Own(format) => match (&format.done, &format.finish) {
                (None, None) => "the connection was closed before the answer was complete",
                (Some(_), _) => "the stream ended without its end mark (`done`)",
                (None, Some(_)) => "the stream ended without a reason why (`finish`)",
            },
            Codec::Anthropic => "the stream ended with neither a stop reason nor message_stop",
            Codec::Gemini => "the stream ended without a finishReason",
            Codec::Ollama | Codec::OllamaGenerate => "the stream ended without a line that says done",
            Codec::Tgi => "the stream ended with neither generated_text nor details",
            Codec::Embeddings => "the stream ended without saying that it is complete",
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
            Codec::Chat | Codec::Completions => openai::stream::event(event, said, shape),
            Codec::Responses => openai::responses::event(event, said),
            Codec::Own(format) => own::read::event(format, event, said, shape),
            Codec::Anthropic => anthropic::stream::event(event, said, shape),
            Codec::Gemini => gemini::stream::event(event, said),
            Codec::Ollama | Codec::OllamaGenerate => ollama::stream::event(event, said),
            Codec::Tgi => tgi::stream::event(event, said),
            Codec::Embeddings => {
                said.note_malformed(event.data);
                Signal::default()
            }
        }
    }

    fn tail(&mut self, event: Event<'_>) -> Signal {
        let is_whole = match &self.codec {
            Codec::Own(format) => own::read::is_whole(format, event.data),
            _ => event.data.starts_with(b"[DONE]") || is_object(event.data),
        };
        if is_whole { self.event(event) } else { Signal::default() }
    }
}

#[cfg(test)]
mod tests;
