//! Generations: whole, and token by token.

use floodline_core::Finish;

use crate::server::ask::hash;
use crate::server::bytes::{Frame, Json, chunk, decimal, last_chunk};
use crate::server::fault::Fault;
use crate::server::script::{Script, Words};
use crate::server::writer::{Part, Tell, Times};

/// Writes the events of one streamed answer. The last token's event carries the whole text besides.
///
/// This API knows no reasoning: it is told as text.
#[derive(Debug)]
pub(crate) struct TokensStream {
    frame: Frame,
    told: u64,
    tokens: u64,
    last: Box<str>,
}

impl TokensStream {
    /// A writer for an answer of so many tokens.
    pub(crate) fn new(tokens: u32) -> TokensStream {
        let frame = Frame::new("data:{\"token\":{\"text\":\"", "\",\"id\":");
        TokensStream { frame, told: 0, tokens: u64::from(tokens), last: Box::default() }
    }

    #[inline]
    fn token(&mut self, out: &mut Vec<u8>, text: &str) {
        self.told += 1;
        if self.told == self.tokens {
            self.last = text.into();
            return;
        }
        let (mut id, mut index) = ([0; 20], [0; 20]);
        let parts = [
            decimal(token_id(text), &mut id),
            b",\"logprob\":-0.5,\"special\":false},\"generated_text\":null,\"details\":null,\"index\":",
            decimal(self.told, &mut index),
            b"}\n\n",
        ];
        self.frame.write_with(out, text, &parts);
    }
}

impl Tell for TokensStream {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn open(&mut self, _: &mut Vec<u8>, _: Part<'_>) {}

    #[inline]
    fn thought(&mut self, out: &mut Vec<u8>, _: u32, text: &str) {
        self.token(out, text);
    }

    #[inline]
    fn text(&mut self, out: &mut Vec<u8>, _: u32, text: &str) {
        self.token(out, text);
    }

    #[inline]
    fn arguments(&mut self, out: &mut Vec<u8>, _: u32, fragment: &str) {
        self.token(out, fragment);
    }

    fn close(&mut self, _: &mut Vec<u8>, _: Part<'_>, _: &Script, _: &Words) {}

    fn end(&mut self, out: &mut Vec<u8>, script: &Script, words: &Words, _: Times) {
        let event = format!(
            "data:{{\"token\":{},\"generated_text\":{},\"details\":{{{},\"input_length\":{}}},\"index\":{}}}\n\n",
            token(&self.last),
            Json(said(script, words)),
            details(script),
            script.prompt_tokens,
            self.told
        );
        chunk(out, &[event.as_bytes()]);
        last_chunk(out);
    }

    fn fail(&mut self, out: &mut Vec<u8>, fault: &Fault) {
        chunk(out, &[b"data:", &fault.body(""), b"\n\n"]);
    }

    fn garble(&mut self, out: &mut Vec<u8>) {
        chunk(out, &[b"data:{\"token\":{\"id\":\n\n"]);
    }
}

/// The body of a response that carries a whole answer: with `details` on its tokens, with `listed` in a list.
pub(crate) fn generated_body(script: &Script, words: &Words, details: bool, listed: bool) -> Vec<u8> {
    let mut body = format!("{{\"generated_text\":{}", Json(said(script, words)));
    if details {
        let tokens: Vec<String> = pieces(script, words).map(token).collect();
        let about = self::details(script);
        body += &format!(",\"details\":{{{about},\"prefill\":[],\"tokens\":[{}]}}", tokens.join(","));
    }
    body.push('}');
    if listed { format!("[{body}]") } else { body }.into_bytes()
}

fn pieces<'s>(script: &'s Script, words: &'s Words) -> impl Iterator<Item = &'s str> {
    let thoughts = (0..script.reasoning).map(|index| script.thought(words, 0, index));
    thoughts.chain((0..script.body_tokens).map(|index| script.token(words, 0, index)))
}

fn said(script: &Script, words: &Words) -> String {
    pieces(script, words).collect()
}

fn token(text: &str) -> String {
    format!("{{\"text\":{},\"id\":{},\"logprob\":-0.5,\"special\":false}}", Json(text), token_id(text))
}

/// The number of a token in the vocabulary that nobody has.
fn token_id(text: &str) -> u64 {
    hash(text.as_bytes()) % 32_000
}

fn details(script: &Script) -> String {
    let reason = if script.finish == Finish::Length { "length" } else { "eos_token" };
    format!("\"finish_reason\":\"{reason}\",\"generated_tokens\":{},\"seed\":null", script.output_tokens())
}
