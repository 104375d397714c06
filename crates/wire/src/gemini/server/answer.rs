//! Contents: whole, as an event stream, and as an array that arrives piece by piece.

use floodline_core::Finish;

use crate::server::bytes::{Frame, Json, chunk, decimal, last_chunk};
use crate::server::fault::Fault;
use crate::server::script::{Script, Words};
use crate::server::writer::{Identity, Part, Tell, Times};

/// Writes the responses of one streamed answer. Each says what has been used so far.
///
/// A call is one part with all its arguments: it comes with the last response.
#[derive(Debug)]
pub(crate) struct ContentsStream {
    /// For each candidate, what is around its texts and its thoughts.
    candidates: Box<[Candidate]>,
    /// From the total of tokens to the end of a response.
    end: Box<[u8]>,
    identity: Identity,
    prompt_tokens: u64,
    thoughts: u64,
    texts: u64,
    array: bool,
}

#[derive(Debug)]
struct Candidate {
    text: Frame,
    thought: Frame,
}

/// Between the last count and the total.
const TOTAL: &[u8] = b",\"totalTokenCount\":";

impl ContentsStream {
    /// A writer for one answer to `script`.
    pub(crate) fn new(identity: &Identity, script: &Script, array: bool) -> ContentsStream {
        let (start, stop) = if array { ("", ",\r\n") } else { ("data: ", "\r\n\r\n") };
        let prompt_tokens = script.prompt_tokens;
        let before = format!("{start}{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"");
        let after = |index: u32, thought: &str, counts: String| {
            format!(
                "\"{thought}}}],\"role\":\"model\"}},\"index\":{index}}}],\"usageMetadata\":\
                 {{\"promptTokenCount\":{prompt_tokens},{counts}"
            )
        };
        let counted = match script.reasoning_tokens() {
            0 => "\"candidatesTokenCount\":".into(),
            thoughts => format!("\"thoughtsTokenCount\":{thoughts},\"candidatesTokenCount\":"),
        };
        let candidate = |index: u32| Candidate {
            text: Frame::new(before.as_str(), after(index, "", counted.clone())),
            thought: Frame::new(
                before.as_str(),
                after(index, ",\"thought\":true", "\"thoughtsTokenCount\":".into()),
            ),
        };
        ContentsStream {
            candidates: (0..script.choices).map(candidate).collect(),
            end: format!("}},{}}}{stop}", closing(identity)).into_bytes().into(),
            identity: identity.clone(),
            prompt_tokens: u64::from(prompt_tokens),
            thoughts: 0,
            texts: 0,
            array,
        }
    }

    /// Whether the stream is a JSON array.
    pub(crate) fn is_array(&self) -> bool {
        self.array
    }

    fn token(&self, out: &mut Vec<u8>, frame: &Frame, text: &str, count: u64) {
        let (mut counted, mut total) = ([0; 20], [0; 20]);
        let all = self.prompt_tokens + self.thoughts + self.texts;
        frame.write_with(
            out,
            text,
            &[decimal(count, &mut counted), TOTAL, decimal(all, &mut total), &self.end],
        );
    }
}

impl Tell for ContentsStream {
    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.array {
            chunk(out, &[b"["]);
        }
    }

    fn open(&mut self, _: &mut Vec<u8>, _: Part<'_>) {}

    #[inline]
    fn thought(&mut self, out: &mut Vec<u8>, choice: u32, text: &str) {
        self.thoughts += 1;
        if let Some(candidate) = self.candidates.get(choice as usize) {
            self.token(out, &candidate.thought, text, self.thoughts);
        }
    }

    #[inline]
    fn text(&mut self, out: &mut Vec<u8>, choice: u32, text: &str) {
        self.texts += 1;
        if let Some(candidate) = self.candidates.get(choice as usize) {
            self.token(out, &candidate.text, text, self.texts);
        }
    }

    fn arguments(&mut self, _: &mut Vec<u8>, _: u32, _: &str) {}

    fn close(&mut self, _: &mut Vec<u8>, _: Part<'_>, _: &Script, _: &Words) {}

    fn end(&mut self, out: &mut Vec<u8>, script: &Script, _: &Words, _: Times) {
        let part = call_part(script).unwrap_or_else(|| "{\"text\":\"\"}".into());
        let response = response(&self.identity, script, |_| vec![part.clone()]);
        match self.array {
            true => chunk(out, &[response.as_bytes(), b"]"]),
            false => chunk(out, &[b"data: ", response.as_bytes(), b"\r\n\r\n"]),
        }
        last_chunk(out);
    }

    /// Google writes the error as it would to anybody, without `data:`.
    fn fail(&mut self, out: &mut Vec<u8>, fault: &Fault) {
        let end: &[u8] = if self.array { b"]" } else { b"\r\n" };
        chunk(out, &[&fault.body(""), end]);
    }

    fn garble(&mut self, out: &mut Vec<u8>) {
        match self.array {
            // What is cut would take the rest of the array with it.
            true => chunk(out, &[b"{\"candidates\":nul},\r\n"]),
            false => chunk(out, &[b"data: {\"candidates\":[{\"cont\r\n\r\n"]),
        }
    }
}

/// The body of a response that carries a whole answer.
pub(crate) fn contents_body(identity: &Identity, script: &Script, words: &Words) -> Vec<u8> {
    let parts = |choice: u32| {
        let mut parts = Vec::new();
        if script.reasoning > 0 {
            parts.push(format!("{{\"text\":{},\"thought\":true}}", Json(script.thoughts(words, choice))));
        }
        match call_part(script) {
            Some(call) => parts.push(call),
            None if script.call().is_none() && script.body_tokens > 0 => {
                parts.push(format!("{{\"text\":{}}}", Json(script.text(words, choice))));
            }
            None => {}
        }
        parts
    };
    response(identity, script, parts).into_bytes()
}

/// The body of a response that says how long a prompt is.
pub(crate) fn count_body(tokens: u32) -> Vec<u8> {
    format!(
        "{{\"totalTokens\":{tokens},\"promptTokensDetails\":[{{\"modality\":\"TEXT\",\"tokenCount\":{tokens}}}]}}"
    )
    .into_bytes()
}

/// The last response of a stream, or the only one.
fn response(identity: &Identity, script: &Script, parts: impl Fn(u32) -> Vec<String>) -> String {
    let finish = match script.finish {
        Finish::Length => "MAX_TOKENS",
        Finish::ContentFilter => "SAFETY",
        Finish::Stop | Finish::ToolCalls | Finish::Other => "STOP",
    };
    let candidates: Vec<String> = (0..script.choices)
        .map(|choice| {
            format!(
                "{{\"content\":{{\"parts\":[{}],\"role\":\"model\"}},\"finishReason\":\"{finish}\",\"index\":{choice}}}",
                parts(choice).join(",")
            )
        })
        .collect();
    let thoughts = match script.reasoning_tokens() {
        0 => String::new(),
        thoughts => format!("\"thoughtsTokenCount\":{thoughts},"),
    };
    let prompt = script.prompt_tokens;
    format!(
        "{{\"candidates\":[{}],\"usageMetadata\":{{\"promptTokenCount\":{prompt},{thoughts}\
         \"candidatesTokenCount\":{},\"totalTokenCount\":{},\"promptTokensDetails\":[{{\"modality\":\"TEXT\",\
         \"tokenCount\":{prompt}}}]}},{}}}",
        candidates.join(","),
        script.output_tokens().saturating_sub(script.reasoning_tokens()),
        script.total_tokens(),
        closing(identity)
    )
}

fn closing(identity: &Identity) -> String {
    let Identity { number, model, .. } = identity;
    format!("\"modelVersion\":{},\"responseId\":\"{number:016x}\"", Json(model))
}

fn call_part(script: &Script) -> Option<String> {
    let (call, arguments) = script.whole_call()?;
    let (id, name) = (call.id, Json(&call.name));
    Some(format!("{{\"functionCall\":{{\"id\":\"call_{id:016x}\",\"name\":{name},\"args\":{arguments}}}}}"))
}
