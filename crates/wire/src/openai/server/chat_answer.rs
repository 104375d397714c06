//! Chat completions: whole, and as chunks of a stream that cost next to nothing per token.

use std::io::Write;

use floodline_core::Finish;

use super::azure;
use crate::server::bytes::{Frame, Json, chunk, last_chunk};
use crate::server::script::{Script, Words};
use crate::server::writer::{Identity, Part, Tell, Times};

/// Writes the events of one streamed answer.
///
/// What is the same in every event is prepared once; a token is three copies and a size line.
#[derive(Debug)]
pub(crate) struct ChatStream {
    /// `data: {...,"choices":`, common to all events.
    start: Box<[u8]>,
    /// For each choice, what is around a token of text, of reasoning and of arguments.
    choices: Box<[Frames]>,
    include_usage: bool,
    azure: bool,
}

#[derive(Debug)]
struct Frames {
    text: Frame,
    thought: Frame,
    arguments: Frame,
}

impl ChatStream {
    /// A writer for one answer. With `include_usage` every chunk but that of the usage says `"usage":null`, as
    /// the real API does.
    pub(crate) fn new(identity: &Identity, choices: u32, include_usage: bool, azure: bool) -> ChatStream {
        let Identity { number, created, model, .. } = identity;
        let start = format!(
            "data: {{\"id\":\"chatcmpl-{number:016x}\",\"object\":\"chat.completion.chunk\",\"created\":{created},\
             \"model\":{},\"choices\":[",
            Json(model)
        );
        let mut stream =
            ChatStream { start: start.into_bytes().into(), choices: Box::default(), include_usage, azure };
        let frame = |choice: u32, before: &str, after: &str| {
            let (mut head, mut tail) = (stream.head(choice), after.as_bytes().to_vec());
            head.extend_from_slice(before.as_bytes());
            tail.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":null}]");
            tail.extend_from_slice(stream.tail());
            Frame::new(head, tail)
        };
        let frames = |choice: u32| Frames {
            text: frame(choice, "{\"content\":\"", "\"}"),
            thought: frame(choice, "{\"reasoning_content\":\"", "\"}"),
            arguments: frame(
                choice,
                "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"",
                "\"}}]}",
            ),
        };
        stream.choices = (0..choices).map(frames).collect();
        stream
    }

    /// An event with `delta` for each choice.
    fn for_each_choice(&self, out: &mut Vec<u8>, delta: &str, finish: Option<Finish>) {
        for choice in 0..self.choices.len() {
            let mut event = self.head(choice as u32);
            let finish = Json(finish.map(Finish::name));
            let _ = write!(event, "{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]");
            event.extend_from_slice(self.tail());
            chunk(out, &[&event]);
        }
    }

    /// From `data:` to the delta.
    fn head(&self, choice: u32) -> Vec<u8> {
        let mut head = self.start.to_vec();
        let _ = write!(head, "{{\"index\":{choice},\"delta\":");
        head
    }

    /// From the end of the choices to the blank line.
    fn tail(&self) -> &'static [u8] {
        if self.include_usage { b",\"usage\":null}\n\n" } else { b"}\n\n" }
    }
}

impl Tell for ChatStream {
    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.azure {
            chunk(out, &[b"data: ", azure::FIRST_CHUNK.as_bytes(), b"\n\n"]);
        }
        self.for_each_choice(out, "{\"role\":\"assistant\",\"content\":\"\"}", None);
    }

    fn open(&mut self, out: &mut Vec<u8>, part: Part<'_>) {
        if let Part::Call(call) = part {
            let delta = format!(
                "{{\"tool_calls\":[{{\"index\":0,\"id\":\"call_{:016x}\",\"type\":\"function\",\"function\":\
                 {{\"name\":{},\"arguments\":\"\"}}}}]}}",
                call.id,
                Json(&call.name)
            );
            self.for_each_choice(out, &delta, None);
        }
    }

    #[inline]
    fn thought(&mut self, out: &mut Vec<u8>, choice: u32, text: &str) {
        if let Some(frames) = self.choices.get(choice as usize) {
            frames.thought.write(out, text);
        }
    }

    #[inline]
    fn text(&mut self, out: &mut Vec<u8>, choice: u32, text: &str) {
        if let Some(frames) = self.choices.get(choice as usize) {
            frames.text.write(out, text);
        }
    }

    #[inline]
    fn arguments(&mut self, out: &mut Vec<u8>, choice: u32, fragment: &str) {
        if let Some(frames) = self.choices.get(choice as usize) {
            frames.arguments.write(out, fragment);
        }
    }

    fn close(&mut self, _: &mut Vec<u8>, _: Part<'_>, _: &Script, _: &Words) {}

    fn end(&mut self, out: &mut Vec<u8>, script: &Script, _: &Words, _: Times) {
        self.for_each_choice(out, "{}", Some(script.finish));
        if self.include_usage {
            let mut event = self.start.to_vec();
            event.extend_from_slice(b"],\"usage\":");
            write_usage(&mut event, script);
            event.extend_from_slice(b"}\n\n");
            chunk(out, &[&event]);
        }
        chunk(out, &[b"data: [DONE]\n\n"]);
        last_chunk(out);
    }
}

/// The body of a response that carries a whole answer.
pub(crate) fn chat_body(identity: &Identity, script: &Script, words: &Words, azure: bool) -> Vec<u8> {
    let Identity { number, created, model, .. } = identity;
    let mut out = Vec::with_capacity(480);
    let _ = write!(
        out,
        "{{\"id\":\"chatcmpl-{number:016x}\",\"object\":\"chat.completion\",\"created\":{created},\"model\":{},",
        Json(model)
    );
    if azure {
        let _ = write!(out, "\"prompt_filter_results\":{},", azure::PROMPT_RESULTS);
    }
    out.extend_from_slice(b"\"choices\":[");
    for choice in 0..script.choices {
        if choice > 0 {
            out.push(b',');
        }
        let _ = write!(out, "{{\"index\":{choice},\"message\":{{\"role\":\"assistant\",");
        if script.reasoning > 0 {
            let _ = write!(out, "\"reasoning_content\":{},", Json(script.thoughts(words, choice)));
        }
        let text = script.text(words, choice);
        let _ = match script.call() {
            None => write!(out, "\"content\":{},\"refusal\":null}}", Json(text)),
            Some(call) => write!(
                out,
                "\"content\":null,\"refusal\":null,\"tool_calls\":[{{\"id\":\"call_{:016x}\",\"type\":\"function\",\
                 \"function\":{{\"name\":{},\"arguments\":{}}}}}]}}",
                call.id,
                Json(&call.name),
                Json(text)
            ),
        };
        let _ = write!(out, ",\"logprobs\":null,\"finish_reason\":{}", Json(script.finish.name()));
        if azure {
            let _ = write!(out, ",\"content_filter_results\":{}", azure::RESULTS);
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"usage\":");
    write_usage(&mut out, script);
    out.push(b'}');
    out
}

/// What an answer cost, as chat and completions say it.
pub(super) fn write_usage(out: &mut Vec<u8>, script: &Script) {
    let _ = write!(
        out,
        "{{\"prompt_tokens\":{},\"completion_tokens\":{},\"total_tokens\":{},\
         \"prompt_tokens_details\":{{\"cached_tokens\":0}},\
         \"completion_tokens_details\":{{\"reasoning_tokens\":{}}}}}",
        script.prompt_tokens,
        script.output_tokens(),
        script.total_tokens(),
        script.reasoning_tokens()
    );
}
