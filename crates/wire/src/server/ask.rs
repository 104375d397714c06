//! What a request asks for, whichever API it came in by.

use serde_json::Value;

use crate::tokens;

/// A request for an answer, as far as a simulated provider cares.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The model's name.
    pub model: String,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// How the answer is to look on the wire.
    pub shape: Shape,
    /// The most tokens of the answer, reasoning included. Never zero.
    pub max_tokens: Option<u32>,
    /// How many alternatives are wanted; at least one.
    pub n: u32,
    /// The prompt.
    pub prompt: Prompt,
    /// Whether the last thing said is the user's, and not the result of a tool.
    pub users_turn: bool,
    /// The tools that are offered, in their order.
    pub tools: Vec<Tool>,
    /// Whether they are to be used.
    pub choice: ToolChoice,
    /// What the text of the answer has to be.
    pub form: Form,
    /// Members of the request that the answer repeats, as JSON with a comma before each.
    pub echo: Box<str>,
}

impl Ask {
    /// A request for plain text, not streamed and without a limit.
    pub fn new(model: String, shape: Shape, prompt: Prompt) -> Ask {
        Ask {
            model,
            stream: false,
            shape,
            max_tokens: None,
            n: 1,
            prompt,
            users_turn: true,
            tools: Vec::new(),
            choice: ToolChoice::Auto,
            form: Form::Text,
            echo: Box::default(),
        }
    }

    /// The tool that the answer calls, if it is to be a call: the one that is named, or else the first.
    pub(crate) fn called_tool(&self) -> Option<&Tool> {
        match &self.choice {
            ToolChoice::None => None,
            ToolChoice::Auto if !self.users_turn => None,
            ToolChoice::Auto | ToolChoice::Required => self.tools.first(),
            ToolChoice::Named(name) => self.tools.iter().find(|tool| tool.name == *name),
        }
    }
}

/// How an answer looks on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// OpenAI's chat completions.
    Chat {
        /// Whether a stream is to end with a chunk that carries the usage.
        include_usage: bool,
        /// Whether it is Azure's, with results of its content filter.
        azure: bool,
    },
    /// OpenAI's completions of old.
    Completions {
        /// As for chat.
        include_usage: bool,
        /// As for chat.
        azure: bool,
    },
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's messages.
    Messages,
    /// Gemini's contents.
    Gemini {
        /// Whether a stream is a JSON array instead of an event stream.
        array: bool,
    },
    /// Ollama's chat.
    OllamaChat,
    /// Ollama's generation.
    OllamaGenerate,
    /// Text generation inference.
    Tgi {
        /// Whether a whole answer tells about its tokens.
        details: bool,
        /// Whether a whole answer is a list of one.
        listed: bool,
    },
}

/// The length of a prompt, and what identifies it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// The tokens of its texts, by [`tokens::estimate`].
    pub tokens: u32,
    /// A hash of what was sent, the same on every machine.
    pub hash: u64,
}

impl Prompt {
    /// Adds the tokens of `text`.
    pub(crate) fn add(&mut self, text: &str) {
        self.tokens = self.tokens.saturating_add(tokens::estimate(text));
    }

    /// Makes `bytes` part of what identifies it. A prompt of one part has the part's own hash.
    pub(crate) fn mark(&mut self, bytes: &[u8]) {
        let part = hash(bytes);
        self.hash = if self.hash == 0 { part } else { super::mix(self.hash) ^ part };
    }
}

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The JSON schema of its arguments.
    pub parameters: Value,
}

/// Whether tools are to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// Not at all.
    None,
    /// As the model sees fit.
    Auto,
    /// One of them at least.
    Required,
    /// This one.
    Named(String),
}

/// What the text of an answer has to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// Anything.
    Text,
    /// A JSON object.
    Object,
    /// JSON that satisfies this schema.
    Schema(Value),
}

/// FNV-1a over words of eight bytes (little-endian, the last one filled up with zeros), then over the length.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let step = |hash: u64, word: u64| {
        let mixed = (hash ^ word).wrapping_mul(PRIME);
        // The product carries upwards only: bring the high bits down so that every byte counts everywhere.
        mixed ^ (mixed >> 32)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(OFFSET, |hash, word| step(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    step(step(hash, u64::from_le_bytes(last)), bytes.len() as u64)
}
