//! Answers of Ollama: whole, and line by line.

use floodline_core::Finish;

use crate::server::bytes::{Frame, Json, chunk, last_chunk};
use crate::server::dates::Utc;
use crate::server::fault::Fault;
use crate::server::script::{Script, Words};
use crate::server::writer::{Identity, Part, Tell, Times};

/// Writes the lines of one streamed answer.
///
/// A call is an object with all its arguments: its line comes when they are complete.
#[derive(Debug)]
pub(crate) struct LinesStream {
    identity: Identity,
    chat: bool,
    text: Frame,
    thought: Frame,
}

impl LinesStream {
    /// A writer for one answer, of a chat or of a generation.
    pub(crate) fn new(identity: &Identity, chat: bool) -> LinesStream {
        let start = opening(identity);
        let (text, thought, end) = match chat {
            true => (
                "\"message\":{\"role\":\"assistant\",\"content\":\"",
                "\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"",
                "\"},\"done\":false}\n",
            ),
            false => ("\"response\":\"", "\"response\":\"\",\"thinking\":\"", "\",\"done\":false}\n"),
        };
        LinesStream {
            identity: identity.clone(),
            chat,
            text: Frame::new(format!("{start}{text}"), end),
            thought: Frame::new(format!("{start}{thought}"), end),
        }
    }
}

impl Tell for LinesStream {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn open(&mut self, _: &mut Vec<u8>, _: Part<'_>) {}

    #[inline]
    fn thought(&mut self, out: &mut Vec<u8>, _: u32, text: &str) {
        self.thought.write(out, text);
    }

    #[inline]
    fn text(&mut self, out: &mut Vec<u8>, _: u32, text: &str) {
        self.text.write(out, text);
    }

    fn arguments(&mut self, _: &mut Vec<u8>, _: u32, _: &str) {}

    fn close(&mut self, out: &mut Vec<u8>, part: Part<'_>, script: &Script, _: &Words) {
        if let (Part::Call(_), Some(calls)) = (part, calls(script)) {
            let start = opening(&self.identity);
            let line = format!(
                "{start}\"message\":{{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":{calls}}},\"done\":false}}\n"
            );
            chunk(out, &[line.as_bytes()]);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>, script: &Script, _: &Words, times: Times) {
        let said = match self.chat {
            true => "\"message\":{\"role\":\"assistant\",\"content\":\"\"}",
            false => "\"response\":\"\"",
        };
        let line = format!("{}{said},{}}}\n", opening(&self.identity), closing(script, times));
        chunk(out, &[line.as_bytes()]);
        last_chunk(out);
    }

    fn fail(&mut self, out: &mut Vec<u8>, fault: &Fault) {
        chunk(out, &[&fault.body(""), b"\n"]);
    }

    fn garble(&mut self, out: &mut Vec<u8>) {
        chunk(out, &[b"{\"model\":\"\n"]);
    }
}

/// The body of a response that carries a whole answer, of a chat or of a generation.
pub(crate) fn answer_body(
    identity: &Identity,
    chat: bool,
    script: &Script,
    words: &Words,
    times: Times,
) -> Vec<u8> {
    let thinking = match script.reasoning {
        0 => String::new(),
        _ => format!(",\"thinking\":{}", Json(script.thoughts(words, 0))),
    };
    let (text, calls) = match script.call() {
        Some(_) => (String::new(), calls(script).map(|calls| format!(",\"tool_calls\":{calls}"))),
        None => (script.text(words, 0), None),
    };
    let (text, calls) = (Json(text), calls.unwrap_or_default());
    let said = match chat {
        true => format!("\"message\":{{\"role\":\"assistant\",\"content\":{text}{thinking}{calls}}}"),
        false => format!("\"response\":{text}{thinking}"),
    };
    format!("{}{said},{}}}", opening(identity), closing(script, times)).into_bytes()
}

/// An object up to what is said, not closed.
fn opening(identity: &Identity) -> String {
    format!("{{\"model\":{},\"created_at\":\"{}\",", Json(&identity.model), Utc(identity.created))
}

/// What the last line says besides.
fn closing(script: &Script, times: Times) -> String {
    let reason = if script.finish == Finish::Length { "length" } else { "stop" };
    // Clients divide by durations: none is zero.
    let (prompt, answer) = (times.first.max(1), times.last.saturating_sub(times.first).max(1));
    format!(
        "\"done\":true,\"done_reason\":\"{reason}\",\"total_duration\":{},\"load_duration\":1,\
         \"prompt_eval_count\":{},\"prompt_eval_duration\":{prompt},\"eval_count\":{},\"eval_duration\":{answer}",
        times.last.max(1),
        script.prompt_tokens,
        script.output_tokens()
    )
}

fn calls(script: &Script) -> Option<String> {
    let (call, arguments) = script.whole_call()?;
    let (id, name) = (call.id, Json(&call.name));
    Some(format!(
        "[{{\"id\":\"call_{id:016x}\",\"function\":{{\"index\":0,\"name\":{name},\"arguments\":{arguments}}}}}]"
    ))
}
