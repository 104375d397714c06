//! Messages: whole, and as named events.

use std::io::Write;

use floodline_core::Finish;

use crate::server::bytes::{Frame, Json, chunk, last_chunk};
use crate::server::fault::Fault;
use crate::server::mix;
use crate::server::script::{Script, Words};
use crate::server::writer::{Identity, Part, Tell, Times};

/// Writes the events of one streamed answer.
#[derive(Debug)]
pub(crate) struct MessagesStream {
    identity: Identity,
    prompt_tokens: u32,
    /// The place of the block under way.
    block: u32,
    /// Around the tokens of the block under way.
    frame: Frame,
    pinged: bool,
}

impl MessagesStream {
    /// A writer for one answer.
    pub(crate) fn new(identity: &Identity, prompt_tokens: u32) -> MessagesStream {
        let identity = identity.clone();
        MessagesStream { identity, prompt_tokens, block: 0, frame: Frame::default(), pinged: false }
    }

    fn delta(&self, out: &mut Vec<u8>, delta: &str) {
        let delta = format!("\"index\":{},\"delta\":{delta}", self.block);
        event(out, "content_block_delta", &delta);
    }
}

impl Tell for MessagesStream {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let message = opening(&self.identity);
        let usage = usage(self.prompt_tokens, 1, None);
        let begun = format!(
            "\"message\":{message},\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{usage}}}"
        );
        event(out, "message_start", &begun);
    }

    fn open(&mut self, out: &mut Vec<u8>, part: Part<'_>) {
        let (kind, name, block) = match part {
            Part::Reasoning => (
                "thinking_delta",
                "thinking",
                "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}".into(),
            ),
            Part::Text => ("text_delta", "text", "{\"type\":\"text\",\"text\":\"\"}".into()),
            Part::Call(call) => ("input_json_delta", "partial_json", tool_use(call.id, &call.name, "{}")),
        };
        let index = self.block;
        event(out, "content_block_start", &format!("\"index\":{index},\"content_block\":{block}"));
        if !self.pinged {
            self.pinged = true;
            chunk(out, &[b"event: ping\ndata: {\"type\": \"ping\"}\n\n"]);
        }
        if matches!(part, Part::Call(_)) {
            self.delta(out, "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}");
        }
        self.frame = Frame::new(
            format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":\
                 {{\"type\":\"{kind}\",\"{name}\":\""
            ),
            "\"}}\n\n",
        );
    }

    #[inline]
    fn thought(&mut self, out: &mut Vec<u8>, _: u32, text: &str) {
        self.frame.write(out, text);
    }

    #[inline]
    fn text(&mut self, out: &mut Vec<u8>, _: u32, text: &str) {
        self.frame.write(out, text);
    }

    #[inline]
    fn arguments(&mut self, out: &mut Vec<u8>, _: u32, fragment: &str) {
        self.frame.write(out, fragment);
    }

    fn close(&mut self, out: &mut Vec<u8>, part: Part<'_>, _: &Script, _: &Words) {
        if matches!(part, Part::Reasoning) {
            let signature = signature(&self.identity);
            self.delta(out, &format!("{{\"type\":\"signature_delta\",\"signature\":\"{signature}\"}}"));
        }
        event(out, "content_block_stop", &format!("\"index\":{}", self.block));
        self.block += 1;
    }

    fn end(&mut self, out: &mut Vec<u8>, script: &Script, _: &Words, _: Times) {
        let usage = usage(script.prompt_tokens, script.output_tokens(), Some(script.reasoning_tokens()));
        let reason = stop_reason(script.finish);
        let delta =
            format!("\"delta\":{{\"stop_reason\":\"{reason}\",\"stop_sequence\":null}},\"usage\":{usage}");
        event(out, "message_delta", &delta);
        chunk(out, &[b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"]);
        last_chunk(out);
    }

    fn fail(&mut self, out: &mut Vec<u8>, fault: &Fault) {
        let id = format!("req_{:016x}", self.identity.number);
        chunk(out, &[b"event: error\ndata: ", &fault.body(&id), b"\n\n"]);
    }

    fn garble(&mut self, out: &mut Vec<u8>) {
        chunk(out, &[b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"ind\n\n"]);
    }
}

/// The body of a response that carries a whole message.
pub(crate) fn message_body(identity: &Identity, script: &Script, words: &Words) -> Vec<u8> {
    let mut blocks = Vec::new();
    if script.reasoning > 0 {
        let (thoughts, signature) = (Json(script.thoughts(words, 0)), signature(identity));
        blocks
            .push(format!("{{\"type\":\"thinking\",\"thinking\":{thoughts},\"signature\":\"{signature}\"}}"));
    }
    match (script.whole_call(), script.call()) {
        (Some((call, arguments)), _) => blocks.push(tool_use(call.id, &call.name, arguments)),
        // What was cut off is no object yet.
        (None, Some(call)) => blocks.push(tool_use(call.id, &call.name, "{}")),
        (None, None) if script.body_tokens > 0 => {
            blocks.push(format!("{{\"type\":\"text\",\"text\":{}}}", Json(script.text(words, 0))));
        }
        (None, None) => {}
    }
    let mut out = opening(identity).into_bytes();
    let _ = write!(
        out,
        ",\"content\":[{}],\"stop_reason\":\"{}\",\"stop_sequence\":null,\"usage\":{}}}",
        blocks.join(","),
        stop_reason(script.finish),
        usage(script.prompt_tokens, script.output_tokens(), Some(script.reasoning_tokens()))
    );
    out
}

/// The body of a response that says how long a prompt is.
pub(crate) fn count_body(tokens: u32) -> Vec<u8> {
    format!("{{\"input_tokens\":{tokens}}}").into_bytes()
}

/// A message up to its content, not closed.
fn opening(identity: &Identity) -> String {
    let Identity { number, model, .. } = identity;
    format!(
        "{{\"id\":\"msg_{number:016x}\",\"type\":\"message\",\"role\":\"assistant\",\"model\":{}",
        Json(model)
    )
}

fn event(out: &mut Vec<u8>, name: &str, members: &str) {
    let parts = ["event: ", name, "\ndata: {\"type\":\"", name, "\",", members, "}\n\n"];
    chunk(out, &parts.map(str::as_bytes));
}

fn tool_use(id: u64, name: &str, input: &str) -> String {
    format!("{{\"type\":\"tool_use\",\"id\":\"toolu_{id:016x}\",\"name\":{},\"input\":{input}}}", Json(name))
}

fn usage(input: u32, output: u32, thinking: Option<u32>) -> String {
    let details = thinking.filter(|tokens| *tokens > 0);
    let details =
        details.map(|tokens| format!(",\"output_tokens_details\":{{\"thinking_tokens\":{tokens}}}"));
    format!(
        "{{\"input_tokens\":{input},\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\
         \"output_tokens\":{output}{}}}",
        details.unwrap_or_default()
    )
}

/// What a later request would show the thinking's origin with; nobody checks it here.
fn signature(identity: &Identity) -> String {
    format!("{:016x}{:016x}", mix(identity.number), mix(!identity.number))
}

fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
        Finish::ContentFilter => "refusal",
        Finish::Stop | Finish::Other => "end_turn",
    }
}
