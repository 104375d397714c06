//! Answers on their way out: one writer for each API, driven token by token or all at once.

use super::ask::Shape;
use super::bytes::chunk;
use super::fault::Fault;
use super::script::{Body, Call, Script, Words};
use crate::{anthropic, gemini, ollama, openai, tgi};

/// What an answer is called, and what it repeats of its request.
#[derive(Clone, Debug)]
pub struct Identity {
    /// What tells this answer from others: identifiers are made of it.
    pub number: u64,
    /// When it was asked for, in Unix seconds.
    pub created: u64,
    /// The model's name.
    pub model: Box<str>,
    /// [`Ask::echo`](super::Ask::echo).
    pub echo: Box<str>,
}

/// How long an answer took, in nanoseconds since its request had arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Until its first token.
    pub first: u64,
    /// Until its last token.
    pub last: u64,
}

/// What follows what in a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'s> {
    /// What the model thinks.
    Reasoning,
    /// What it says.
    Text,
    /// What it calls.
    Call(&'s Call),
}

/// The events of one API's stream, each in an HTTP chunk of its own.
pub(crate) trait Tell {
    /// What comes before everything else.
    fn begin(&mut self, out: &mut Vec<u8>);
    /// A part begins.
    fn open(&mut self, out: &mut Vec<u8>, part: Part<'_>);
    /// A token of reasoning.
    fn thought(&mut self, out: &mut Vec<u8>, choice: u32, text: &str);
    /// A token of text.
    fn text(&mut self, out: &mut Vec<u8>, choice: u32, text: &str);
    /// A token of a call's arguments.
    fn arguments(&mut self, out: &mut Vec<u8>, choice: u32, fragment: &str);
    /// A part ends.
    fn close(&mut self, out: &mut Vec<u8>, part: Part<'_>, script: &Script, words: &Words);
    /// The answer ends, and with it the body.
    fn end(&mut self, out: &mut Vec<u8>, script: &Script, words: &Words, times: Times);

    /// An error ends the answer before that.
    fn fail(&mut self, out: &mut Vec<u8>, fault: &Fault) {
        chunk(out, &[b"data: ", &fault.body(""), b"\n\n"]);
    }

    /// An event that was cut in its middle, and is no JSON.
    fn garble(&mut self, out: &mut Vec<u8>) {
        chunk(out, &[b"data: {\"id\":\"chatcmpl-\n\n"]);
    }
}

/// A streamed answer under way.
#[derive(Debug)]
pub struct Stream {
    script: Script,
    writer: Writer,
    progress: Progress,
}

/// How far a stream has come.
#[derive(Debug, Default)]
struct Progress {
    /// Steps told: each is a token of every choice.
    told: u32,
    begun: bool,
    /// Whether the body is open.
    open: bool,
    ended: bool,
}

/// A writer for each API.
#[derive(Debug)]
enum Writer {
    Chat(openai::server::ChatStream),
    Completions(openai::server::CompletionsStream),
    Responses(Box<openai::server::ResponsesStream>),
    Messages(anthropic::server::MessagesStream),
    Gemini(gemini::server::ContentsStream),
    Ollama(ollama::server::LinesStream),
    Tgi(tgi::server::TokensStream),
}

impl Stream {
    /// A stream that tells `script`.
    pub fn new(shape: Shape, identity: &Identity, script: Script) -> Stream {
        let writer = match shape {
            Shape::Chat { include_usage, azure } => {
                Writer::Chat(openai::server::ChatStream::new(identity, script.choices, include_usage, azure))
            }
            Shape::Completions { include_usage, azure } => Writer::Completions(
                openai::server::CompletionsStream::new(identity, script.choices, include_usage, azure),
            ),
            Shape::Responses => Writer::Responses(Box::new(openai::server::ResponsesStream::new(identity))),
            Shape::Messages => {
                Writer::Messages(anthropic::server::MessagesStream::new(identity, script.prompt_tokens))
            }
            Shape::Gemini { array } => {
                Writer::Gemini(gemini::server::ContentsStream::new(identity, &script, array))
            }
            Shape::OllamaChat => Writer::Ollama(ollama::server::LinesStream::new(identity, true)),
            Shape::OllamaGenerate => Writer::Ollama(ollama::server::LinesStream::new(identity, false)),
            Shape::Tgi { .. } => Writer::Tgi(tgi::server::TokensStream::new(script.steps())),
        };
        Stream { script, writer, progress: Progress::default() }
    }

    /// What it tells.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// The media type of the body.
    pub fn content_type(&self) -> &'static str {
        match &self.writer {
            Writer::Gemini(writer) if writer.is_array() => "application/json; charset=UTF-8",
            Writer::Ollama(_) => "application/x-ndjson",
            Writer::Gemini(_) | Writer::Tgi(_) => "text/event-stream",
            _ => "text/event-stream; charset=utf-8",
        }
    }

    /// How many steps have been told.
    pub fn told(&self) -> u32 {
        self.progress.told
    }

    /// Whether everything has been told.
    pub fn has_ended(&self) -> bool {
        self.progress.ended
    }

    /// Nothing follows any more.
    pub(crate) fn give_up(&mut self) {
        self.progress.ended = true;
    }

    pub(crate) fn writer(&mut self) -> &mut dyn Tell {
        match &mut self.writer {
            Writer::Chat(writer) => writer,
            Writer::Completions(writer) => writer,
            Writer::Responses(writer) => &mut **writer,
            Writer::Messages(writer) => writer,
            Writer::Gemini(writer) => writer,
            Writer::Ollama(writer) => writer,
            Writer::Tgi(writer) => writer,
        }
    }

    /// Appends the steps up to the one before `until`, until `out` is longer than `limit`; how many tokens that was.
    pub fn tell(&mut self, words: &Words, out: &mut Vec<u8>, until: u32, limit: usize, times: Times) -> u32 {
        let Stream { script, writer, progress } = self;
        let asked = Asked { words, until, limit, times };
        match writer {
            Writer::Chat(writer) => progress.tell(writer, script, out, asked),
            Writer::Completions(writer) => progress.tell(writer, script, out, asked),
            Writer::Responses(writer) => progress.tell(&mut **writer, script, out, asked),
            Writer::Messages(writer) => progress.tell(writer, script, out, asked),
            Writer::Gemini(writer) => progress.tell(writer, script, out, asked),
            Writer::Ollama(writer) => progress.tell(writer, script, out, asked),
            Writer::Tgi(writer) => progress.tell(writer, script, out, asked),
        }
    }
}

/// What is wanted of a stream at once.
#[derive(Clone, Copy)]
struct Asked<'w> {
    words: &'w Words,
    until: u32,
    limit: usize,
    times: Times,
}

impl Progress {
    fn tell(&mut self, writer: &mut impl Tell, script: &Script, out: &mut Vec<u8>, asked: Asked<'_>) -> u32 {
        let Asked { words, limit, times, .. } = asked;
        if self.ended {
            return 0;
        }
        let steps = script.steps();
        let (from, until) = (self.told, asked.until.min(steps));
        let body = match &script.body {
            Body::Call(call) => Part::Call(call),
            Body::Words | Body::Json(_) => Part::Text,
        };
        if !self.begun {
            self.begun = true;
            writer.begin(out);
            if script.reasoning > 0 {
                writer.open(out, Part::Reasoning);
            }
        }
        while self.told < until.min(script.reasoning) && out.len() < limit {
            for choice in 0..script.choices {
                writer.thought(out, choice, script.thought(words, choice, self.told));
            }
            self.told += 1;
        }
        // The body opens with its first token, and the reasoning closes when that comes.
        if !self.open && self.told == script.reasoning && self.told < until && out.len() < limit {
            self.open = true;
            if script.reasoning > 0 {
                writer.close(out, Part::Reasoning, script, words);
            }
            writer.open(out, body);
        }
        while self.told >= script.reasoning && self.told < until && out.len() < limit {
            let index = self.told - script.reasoning;
            for choice in 0..script.choices {
                let token = script.token(words, choice, index);
                match body {
                    Part::Call(_) => writer.arguments(out, choice, token),
                    _ => writer.text(out, choice, token),
                }
            }
            self.told += 1;
        }
        if self.told == steps {
            let last = if script.body_tokens > 0 { body } else { Part::Reasoning };
            writer.close(out, last, script, words);
            writer.end(out, script, words, times);
            self.ended = true;
        }
        (self.told - from).saturating_mul(script.choices)
    }
}

/// The body of a response that carries a whole answer.
pub fn whole(shape: Shape, identity: &Identity, script: &Script, words: &Words, times: Times) -> Vec<u8> {
    match shape {
        Shape::Chat { azure, .. } => openai::server::chat_body(identity, script, words, azure),
        Shape::Completions { azure, .. } => openai::server::completions_body(identity, script, words, azure),
        Shape::Responses => openai::server::responses_body(identity, script, words),
        Shape::Messages => anthropic::server::message_body(identity, script, words),
        Shape::Gemini { .. } => gemini::server::contents_body(identity, script, words),
        Shape::OllamaChat => ollama::server::answer_body(identity, true, script, words, times),
        Shape::OllamaGenerate => ollama::server::answer_body(identity, false, script, words, times),
        Shape::Tgi { details, listed } => tgi::server::generated_body(script, words, details, listed),
    }
}
