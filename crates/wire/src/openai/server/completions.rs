//! The completions of old: a prompt and its continuation, without roles or tools.

use std::io::Write;

use floodline_core::Finish;
use serde_json::value::RawValue;

use super::azure;
use super::chat_answer::write_usage;
use super::chat_call::MOST_CHOICES;
use super::member::{self, missing, wrong_type};
use crate::server::ask::{Ask, Prompt, Shape};
use crate::server::bytes::{Frame, Json, chunk, last_chunk};
use crate::server::fault::Fault;
use crate::server::read::{self, Kind};
use crate::server::script::{Script, Words};
use crate::server::writer::{Identity, Part, Tell, Times};

/// The limit of an answer that says none.
const USUAL_LIMIT: u32 = 16;

/// Reads the body of a request; with a `deployment` it is Azure's.
///
/// # Errors
/// The fault (status 400) that the real API would report, in about its words.
pub(crate) fn parse_completions(body: &[u8], deployment: Option<&str>, azure: bool) -> Result<Ask, Fault> {
    let body = member::body(body)?;
    let model = member::model(&body, deployment)?;
    let (prompt, prompts) = read_prompts(body.get("prompt"))?;
    let stream = member::boolean(&body, "stream")?;
    let shape = Shape::Completions { include_usage: member::include_usage(&body, stream)?, azure };
    // Each of several prompts has its own choices.
    let n = member::count(&body, "n", MOST_CHOICES)?.unwrap_or(1).saturating_mul(prompts);
    if n > MOST_CHOICES {
        let message =
            format!("Several prompts and 'n' come to {n} choices: at most {MOST_CHOICES} are possible.");
        return Err(member::invalid(message).with_param("n"));
    }
    let max_tokens = member::count(&body, "max_tokens", u32::MAX)?;
    Ok(Ask {
        stream,
        max_tokens: Some(max_tokens.unwrap_or(USUAL_LIMIT)),
        n,
        ..Ask::new(model, shape, prompt)
    })
}

/// A text, a list of texts, a list of tokens, or a list of such lists: what it comes to, and how many prompts.
fn read_prompts(raw: Option<&RawValue>) -> Result<(Prompt, u32), Fault> {
    let Some(raw) = raw else { return Err(missing("prompt")) };
    let wrong = || wrong_type("prompt", "a string, or an array of strings or tokens", raw);
    let mut prompt = Prompt::default();
    let prompts = match Kind::of(raw) {
        Kind::String => {
            prompt.add(&read::text(raw).ok_or_else(wrong)?);
            1
        }
        Kind::Array => {
            let items = read::items(raw).ok_or_else(wrong)?;
            let mut tokens = 0;
            for item in &items {
                match Kind::of(item) {
                    Kind::String => prompt.add(&read::text(item).ok_or_else(wrong)?),
                    Kind::Integer => tokens += 1,
                    Kind::Array => tokens += read::items(item).ok_or_else(wrong)?.len(),
                    _ => return Err(wrong()),
                }
            }
            prompt.tokens = prompt.tokens.saturating_add(u32::try_from(tokens).unwrap_or(u32::MAX));
            match items.first().map(|item| Kind::of(item)) {
                None => return Err(member::invalid("Invalid 'prompt': empty array.").with_param("prompt")),
                Some(Kind::Integer) => 1,
                Some(_) => u32::try_from(items.len()).unwrap_or(u32::MAX),
            }
        }
        _ => return Err(wrong()),
    };
    prompt.mark(raw.get().as_bytes());
    Ok((prompt, prompts))
}

/// Writes the events of one streamed answer.
#[derive(Debug)]
pub(crate) struct CompletionsStream {
    /// `data: {...,"choices":[`, common to all events.
    start: Box<[u8]>,
    choices: Box<[Frame]>,
    include_usage: bool,
    azure: bool,
}

impl CompletionsStream {
    /// A writer for one answer.
    pub(crate) fn new(
        identity: &Identity,
        choices: u32,
        include_usage: bool,
        azure: bool,
    ) -> CompletionsStream {
        let start = format!("data: {},\"choices\":[", opening(identity));
        let tail = if include_usage { ",\"usage\":null}\n\n" } else { "}\n\n" };
        let frame = |choice: u32| {
            Frame::new(
                format!("{start}{{\"index\":{choice},\"text\":\""),
                format!("\",\"logprobs\":null,\"finish_reason\":null}}]{tail}"),
            )
        };
        let choices = (0..choices).map(frame).collect();
        CompletionsStream { start: start.into_bytes().into(), choices, include_usage, azure }
    }
}

impl Tell for CompletionsStream {
    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.azure {
            chunk(out, &[b"data: ", azure::FIRST_CHUNK.as_bytes(), b"\n\n"]);
        }
    }

    fn open(&mut self, _: &mut Vec<u8>, _: Part<'_>) {}

    /// This API knows no reasoning: it is a part of the text that is not shown.
    fn thought(&mut self, _: &mut Vec<u8>, _: u32, _: &str) {}

    #[inline]
    fn text(&mut self, out: &mut Vec<u8>, choice: u32, text: &str) {
        if let Some(frame) = self.choices.get(choice as usize) {
            frame.write(out, text);
        }
    }

    fn arguments(&mut self, _: &mut Vec<u8>, _: u32, _: &str) {}

    fn close(&mut self, _: &mut Vec<u8>, _: Part<'_>, _: &Script, _: &Words) {}

    fn end(&mut self, out: &mut Vec<u8>, script: &Script, _: &Words, _: Times) {
        for choice in 0..script.choices {
            let mut event = self.start.to_vec();
            let tail = if self.include_usage { ",\"usage\":null" } else { "" };
            let finish = finish_name(script.finish);
            let _ = write!(
                event,
                "{{\"index\":{choice},\"text\":\"\",\"logprobs\":null,\"finish_reason\":\"{finish}\"}}]{tail}}}\n\n"
            );
            chunk(out, &[&event]);
        }
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
pub(crate) fn completions_body(identity: &Identity, script: &Script, words: &Words, azure: bool) -> Vec<u8> {
    let mut out = opening(identity).into_bytes();
    if azure {
        let _ = write!(out, ",\"prompt_filter_results\":{}", azure::PROMPT_RESULTS);
    }
    out.extend_from_slice(b",\"choices\":[");
    for choice in 0..script.choices {
        let comma = if choice > 0 { "," } else { "" };
        let (text, finish) = (Json(script.text(words, choice)), finish_name(script.finish));
        let _ = write!(
            out,
            "{comma}{{\"index\":{choice},\"text\":{text},\"logprobs\":null,\"finish_reason\":\"{finish}\"}}"
        );
    }
    out.extend_from_slice(b"],\"usage\":");
    write_usage(&mut out, script);
    out.push(b'}');
    out
}

/// An object with what all have in common, not closed.
fn opening(identity: &Identity) -> String {
    let Identity { number, created, model, .. } = identity;
    format!(
        "{{\"id\":\"cmpl-{number:016x}\",\"object\":\"text_completion\",\"created\":{created},\"model\":{}",
        Json(model)
    )
}

/// There are no tools here.
fn finish_name(finish: Finish) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::ContentFilter => "content_filter",
        Finish::Stop | Finish::ToolCalls | Finish::Other => "stop",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Ask, Fault> {
        parse_completions(body.as_bytes(), None, false)
    }

    #[test]
    fn prompts_of_every_kind() {
        let read = |prompt: &str| {
            let ask = parse(&format!(r#"{{"model":"m","prompt":{prompt},"n":2}}"#)).unwrap();
            (ask.prompt.tokens, ask.n)
        };
        assert_eq!(read("\"one two\""), (2, 2));
        assert_eq!(read("[\"one two\",\"three\"]"), (3, 4));
        assert_eq!(read("[1,2,3]"), (3, 2));
        assert_eq!(read("[[1,2],[3]]"), (3, 4));
        assert_eq!(parse(r#"{"model":"m","prompt":"a"}"#).unwrap().max_tokens, Some(16));
        for wrong in ["{}", "[]", "7", "[{}]"] {
            let body = format!(r#"{{"model":"m","prompt":{wrong}}}"#);
            assert_eq!(parse(&body).unwrap_err().param.as_deref(), Some("prompt"), "{wrong}");
        }
        assert_eq!(parse(r#"{"model":"m"}"#).unwrap_err().code, Some("missing_required_parameter"));
    }
}
