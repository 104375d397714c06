//! Answers of the Responses API: a list of items, whole or told by named and numbered events.

use std::io::Write;

use floodline_core::Finish;

use crate::server::bytes::{Frame, Json, chunk, decimal, last_chunk};
use crate::server::fault::Fault;
use crate::server::script::{Call, Script, Words};
use crate::server::writer::{Identity, Part, Tell, Times};

/// Writes the events of one streamed answer.
#[derive(Debug)]
pub(crate) struct ResponsesStream {
    identity: Identity,
    /// The number of the next event.
    sequence: u64,
    /// The place of the item under way, and so the number of those before it.
    item: u32,
    /// Around the tokens of the part under way, up to the number of their event.
    frame: Frame,
}

impl ResponsesStream {
    /// A writer for one answer.
    pub(crate) fn new(identity: &Identity) -> ResponsesStream {
        ResponsesStream { identity: identity.clone(), sequence: 0, item: 0, frame: Frame::default() }
    }

    /// An event with `members`, which stand between its type and its number.
    fn event(&mut self, out: &mut Vec<u8>, name: &str, members: &str) {
        let mut event = Vec::with_capacity(members.len() + 120);
        let number = self.sequence;
        let _ = write!(
            event,
            "event: response.{name}\ndata: {{\"type\":\"response.{name}\",\"sequence_number\":{number},{members}}}\n\n"
        );
        self.sequence += 1;
        chunk(out, &[&event]);
    }

    /// Prepares the events of tokens.
    fn prepare(&mut self, name: &str, members: &str, after: &str) {
        self.frame = Frame::new(
            format!("event: response.{name}\ndata: {{\"type\":\"response.{name}\",{members},\"delta\":\""),
            format!("\"{after},\"sequence_number\":"),
        );
    }

    #[inline]
    fn delta(&mut self, out: &mut Vec<u8>, text: &str) {
        let mut buffer = [0; 20];
        self.frame.write_with(out, text, &[decimal(self.sequence, &mut buffer), b"}\n\n", b"", b""]);
        self.sequence += 1;
    }

    /// `"output_index":..` and `"item_id":..` of the item under way.
    fn place(&self, part: Part<'_>) -> String {
        let id = item_id(&self.identity, part);
        format!("\"item_id\":\"{id}\",\"output_index\":{}", self.item)
    }
}

impl Tell for ResponsesStream {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let response =
            format!("\"response\":{}", response(&self.identity, "in_progress", "null", None, "[]", None));
        self.event(out, "created", &response);
        self.event(out, "in_progress", &response);
    }

    fn open(&mut self, out: &mut Vec<u8>, part: Part<'_>) {
        let item = item(&self.identity, part, "in_progress", None);
        let added = format!("\"output_index\":{},\"item\":{item}", self.item);
        self.event(out, "output_item.added", &added);
        let place = self.place(part);
        match part {
            Part::Reasoning => {
                let added = format!("{place},\"summary_index\":0,\"part\":{}", summary_part(""));
                self.event(out, "reasoning_summary_part.added", &added);
                self.prepare("reasoning_summary_text.delta", &format!("{place},\"summary_index\":0"), "");
            }
            Part::Text => {
                let added = format!("{place},\"content_index\":0,\"part\":{}", text_part(""));
                self.event(out, "content_part.added", &added);
                self.prepare(
                    "output_text.delta",
                    &format!("{place},\"content_index\":0"),
                    ",\"logprobs\":[]",
                );
            }
            Part::Call(_) => self.prepare("function_call_arguments.delta", &place, ""),
        }
    }

    #[inline]
    fn thought(&mut self, out: &mut Vec<u8>, _: u32, text: &str) {
        self.delta(out, text);
    }

    #[inline]
    fn text(&mut self, out: &mut Vec<u8>, _: u32, text: &str) {
        self.delta(out, text);
    }

    #[inline]
    fn arguments(&mut self, out: &mut Vec<u8>, _: u32, fragment: &str) {
        self.delta(out, fragment);
    }

    fn close(&mut self, out: &mut Vec<u8>, part: Part<'_>, script: &Script, words: &Words) {
        let place = self.place(part);
        let told = told(part, script, words);
        match part {
            Part::Reasoning => {
                let done = format!("{place},\"summary_index\":0,\"text\":{}", Json(&told));
                self.event(out, "reasoning_summary_text.done", &done);
                let done = format!("{place},\"summary_index\":0,\"part\":{}", summary_part(&told));
                self.event(out, "reasoning_summary_part.done", &done);
            }
            Part::Text => {
                let done = format!("{place},\"content_index\":0,\"text\":{},\"logprobs\":[]", Json(&told));
                self.event(out, "output_text.done", &done);
                let done = format!("{place},\"content_index\":0,\"part\":{}", text_part(&told));
                self.event(out, "content_part.done", &done);
            }
            Part::Call(call) => {
                let done = format!("{place},\"name\":{},\"arguments\":{}", Json(&call.name), Json(&told));
                self.event(out, "function_call_arguments.done", &done);
            }
        }
        let item = item(&self.identity, part, item_status(part, script), Some(&told));
        let done = format!("\"output_index\":{},\"item\":{item}", self.item);
        self.event(out, "output_item.done", &done);
        self.item += 1;
    }

    fn end(&mut self, out: &mut Vec<u8>, script: &Script, words: &Words, _: Times) {
        let name = status(script);
        let response = finished(&self.identity, script, words);
        self.event(out, name, &format!("\"response\":{response}"));
        last_chunk(out);
    }

    /// The error by itself, and then the response that has failed of it.
    fn fail(&mut self, out: &mut Vec<u8>, fault: &Fault) {
        let limited = if fault.status == 429 { "rate_limit_exceeded" } else { "server_error" };
        let (code, message) = (Json(fault.code.unwrap_or(limited)), Json(&fault.message));
        let number = self.sequence;
        self.sequence += 1;
        let event = format!(
            "event: error\ndata: {{\"type\":\"error\",\"code\":{code},\"message\":{message},\"param\":null,\
             \"sequence_number\":{number}}}\n\n"
        );
        chunk(out, &[event.as_bytes()]);
        let error = format!("{{\"code\":{code},\"message\":{message}}}");
        let failed = response(&self.identity, "failed", &error, None, "[]", None);
        self.event(out, "failed", &format!("\"response\":{failed}"));
    }

    fn garble(&mut self, out: &mut Vec<u8>) {
        chunk(
            out,
            &[b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"del\n\n"],
        );
    }
}

/// The body of a response that carries a whole answer.
pub(crate) fn responses_body(identity: &Identity, script: &Script, words: &Words) -> Vec<u8> {
    finished(identity, script, words).into_bytes()
}

fn finished(identity: &Identity, script: &Script, words: &Words) -> String {
    let mut parts = Vec::new();
    if script.reasoning > 0 {
        parts.push(Part::Reasoning);
    }
    match script.call() {
        Some(call) => parts.push(Part::Call(call)),
        None if script.body_tokens > 0 => parts.push(Part::Text),
        None => {}
    }
    let items: Vec<String> = parts
        .into_iter()
        .map(|part| item(identity, part, item_status(part, script), Some(&told(part, script, words))))
        .collect();
    let output = format!("[{}]", items.join(","));
    let incomplete = (script.finish == Finish::Length).then_some("max_output_tokens");
    response(identity, status(script), "null", incomplete, &output, Some(script))
}

/// A response as it stands; without `script` it has cost nothing yet.
fn response(
    identity: &Identity,
    status: &str,
    error: &str,
    incomplete: Option<&str>,
    output: &str,
    script: Option<&Script>,
) -> String {
    let Identity { number, created, model, echo } = identity;
    let incomplete = match incomplete {
        None => "null".into(),
        Some(reason) => format!("{{\"reason\":\"{reason}\"}}"),
    };
    let usage = match script {
        None => "null".into(),
        Some(script) => format!(
            "{{\"input_tokens\":{},\"input_tokens_details\":{{\"cached_tokens\":0,\"cache_write_tokens\":0}},\
             \"output_tokens\":{},\"output_tokens_details\":{{\"reasoning_tokens\":{}}},\"total_tokens\":{}}}",
            script.prompt_tokens,
            script.output_tokens(),
            script.reasoning_tokens(),
            script.total_tokens()
        ),
    };
    format!(
        "{{\"id\":\"resp_{number:016x}\",\"object\":\"response\",\"created_at\":{created},\"status\":\"{status}\",\
         \"error\":{error},\"incomplete_details\":{incomplete},\"model\":{}{echo},\"output\":{output},\
         \"service_tier\":\"default\",\"usage\":{usage},\"user\":null}}",
        Json(model)
    )
}

/// An item; without `told` it has only begun.
fn item(identity: &Identity, part: Part<'_>, status: &str, told: Option<&str>) -> String {
    let id = item_id(identity, part);
    match part {
        Part::Reasoning => {
            let summary = told.map(summary_part).unwrap_or_default();
            format!("{{\"id\":\"{id}\",\"type\":\"reasoning\",\"summary\":[{summary}]}}")
        }
        Part::Text => {
            let content = told.map(text_part).unwrap_or_default();
            format!(
                "{{\"id\":\"{id}\",\"type\":\"message\",\"status\":\"{status}\",\"content\":[{content}],\
                 \"role\":\"assistant\"}}"
            )
        }
        Part::Call(Call { id: number, name, .. }) => format!(
            "{{\"id\":\"{id}\",\"type\":\"function_call\",\"status\":\"{status}\",\"arguments\":{},\
             \"call_id\":\"call_{number:016x}\",\"name\":{}}}",
            Json(told.unwrap_or("")),
            Json(name)
        ),
    }
}

fn item_id(identity: &Identity, part: Part<'_>) -> String {
    let kind = match part {
        Part::Reasoning => "rs",
        Part::Text => "msg",
        Part::Call(_) => "fc",
    };
    format!("{kind}_{:016x}", identity.number)
}

fn told(part: Part<'_>, script: &Script, words: &Words) -> String {
    match part {
        Part::Reasoning => script.thoughts(words, 0),
        Part::Text | Part::Call(_) => script.text(words, 0),
    }
}

fn status(script: &Script) -> &'static str {
    if script.finish == Finish::Length { "incomplete" } else { "completed" }
}

/// What was said before the last item is complete.
fn item_status(part: Part<'_>, script: &Script) -> &'static str {
    match part {
        Part::Reasoning if script.body_tokens > 0 => "completed",
        _ => status(script),
    }
}

fn text_part(text: &str) -> String {
    format!("{{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":{}}}", Json(text))
}

fn summary_part(text: &str) -> String {
    format!("{{\"type\":\"summary_text\",\"text\":{}}}", Json(text))
}
