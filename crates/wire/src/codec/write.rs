//! How requests are written in each API.

use serde_json::Value;

use super::Codec;
use crate::openai::{ChatRequest, Messages, completions, embeddings, responses};
use crate::request::{Request, write_members};
use crate::{anthropic, gemini, ollama, tgi};

impl Codec {
    /// Appends the members that carry a prompt, without braces. `messages` is a JSON array of messages in the form of
    /// OpenAI's chat, whatever the API.
    pub fn write_prompt(&self, messages: &[u8], out: &mut Vec<u8>) {
        match self {
            Codec::Chat | Codec::Own(_) => {
                out.extend_from_slice(b"\"messages\":");
                out.extend_from_slice(messages);
            }
            Codec::Completions => completions::write_prompt(messages, out),
            Codec::Responses => responses::request::write_prompt(messages, out),
            Codec::Embeddings => embeddings::write_prompt(messages, out),
            Codec::Anthropic => anthropic::request::write_prompt(messages, out),
            Codec::Gemini => gemini::request::write_prompt(messages, out),
            Codec::Ollama => ollama::request::write_chat_prompt(messages, out),
            Codec::OllamaGenerate => ollama::request::write_generate_prompt(messages, out),
            Codec::Tgi => tgi::request::write_prompt(messages, out),
        }
    }

    /// At least as many bytes as [`write_prompt`](Self::write_prompt) appends, found without writing them.
    pub fn prompt_bound(&self, messages: &[u8]) -> usize {
        /// More than any API adds to a message, a part of one or a call.
        const AROUND: usize = 96;
        match self.takes_messages() {
            true => messages.len() + b"\"messages\":".len(),
            false => messages.len() + AROUND * (1 + memchr::memchr_iter(b'{', messages).count()),
        }
    }

    /// Whether messages are sent as they are given.
    pub fn takes_messages(&self) -> bool {
        matches!(self, Codec::Chat | Codec::Own(_))
    }

    /// Appends the member that offers tools, without braces; nothing where the API has none. `tools` are in the form of
    /// OpenAI's chat.
    pub fn write_tools(&self, tools: &[Value], out: &mut Vec<u8>) {
        match self {
            Codec::Chat | Codec::Own(_) | Codec::Ollama => {
                write_members(out, &[("tools", tools.iter().cloned().collect())]);
            }
            Codec::Responses => responses::request::write_tools(tools, out),
            Codec::Anthropic => anthropic::request::write_tools(tools, out),
            Codec::Gemini => gemini::request::write_tools(tools, out),
            Codec::Completions | Codec::Embeddings | Codec::OllamaGenerate | Codec::Tgi => {}
        }
    }

    /// Appends the body of a request.
    pub fn write_body(&self, request: &Request<'_>, out: &mut Vec<u8>) {
        match self {
            Codec::Chat | Codec::Own(_) => chat(request, out),
            Codec::Completions => completions::write_body(request, out),
            Codec::Responses => responses::request::write_body(request, out),
            Codec::Embeddings => embeddings::write_body(request, out),
            Codec::Anthropic => anthropic::request::write_body(request, out),
            Codec::Gemini => gemini::request::write_body(request, out),
            Codec::Ollama => ollama::request::write_body(request, ollama::request::CHAT_PROMPT, out),
            Codec::OllamaGenerate => {
                ollama::request::write_body(request, ollama::request::GENERATE_PROMPT, out)
            }
            Codec::Tgi => tgi::request::write_body(request, out),
        }
    }

    /// The members of a body that its prompt has, which can be given in no other way.
    pub fn prompt_members(&self) -> &'static [&'static str] {
        match self {
            Codec::Chat | Codec::Own(_) => &["messages"],
            Codec::Completions => completions::PROMPT,
            Codec::Responses => responses::request::PROMPT,
            Codec::Embeddings => embeddings::PROMPT,
            Codec::Anthropic => anthropic::request::PROMPT,
            Codec::Gemini => gemini::request::PROMPT,
            Codec::Ollama => ollama::request::CHAT_PROMPT,
            Codec::OllamaGenerate => ollama::request::GENERATE_PROMPT,
            Codec::Tgi => tgi::request::PROMPT,
        }
    }
}

fn chat(request: &Request<'_>, out: &mut Vec<u8>) {
    let Request { model, prompt, stream, max_tokens, max_tokens_field, extra } = *request;
    ChatRequest {
        model,
        messages: Messages::Member(prompt),
        stream,
        include_usage: true,
        max_tokens,
        max_tokens_field,
        extra: Some(extra),
    }
    .write_body(out);
}
