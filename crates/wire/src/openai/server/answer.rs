//! Answers: whole, and as chunks of a stream that cost next to nothing per token.

use floodline_core::Finish;
use serde::Serialize;

use crate::openai::request::write_json;

/// A whole answer.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The identifier of the completion.
    pub id: &'a str,
    /// When it was made, in Unix seconds.
    pub created: u64,
    /// The model's name.
    pub model: &'a str,
    /// What it says.
    pub text: &'a str,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens of the text.
    pub completion_tokens: u32,
}

/// The body of a response that carries a whole answer.
pub fn completion_body(answer: &Answer<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(480 + answer.text.len());
    out.extend_from_slice(b"{\"id\":");
    write_json(&mut out, answer.id);
    out.extend_from_slice(b",\"object\":\"chat.completion\",\"created\":");
    write_json(&mut out, &answer.created);
    out.extend_from_slice(b",\"model\":");
    write_json(&mut out, answer.model);
    out.extend_from_slice(b",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    write_json(&mut out, answer.text);
    out.extend_from_slice(b",\"refusal\":null},\"logprobs\":null,\"finish_reason\":");
    write_json(&mut out, answer.finish.name());
    out.extend_from_slice(b"}],\"usage\":");
    write_usage(&mut out, answer.prompt_tokens, answer.completion_tokens);
    out.push(b'}');
    out
}

/// The body of the response to `GET /v1/models`.
pub fn models_body(models: &[&str], created: u64) -> Vec<u8> {
    #[derive(Serialize)]
    struct List<'a> {
        object: &'static str,
        data: Vec<Model<'a>>,
    }
    #[derive(Serialize)]
    struct Model<'a> {
        id: &'a str,
        object: &'static str,
        created: u64,
        owned_by: &'static str,
    }
    let model = |&id| Model { id, object: "model", created, owned_by: "floodline" };
    let mut out = Vec::new();
    write_json(&mut out, &List { object: "list", data: models.iter().map(model).collect() });
    out
}

/// Writes the events of one streamed answer, each in an HTTP chunk of its own.
///
/// What is the same in every event is prepared once; a token is three copies and a size line.
#[derive(Clone, Debug)]
pub struct ChunkWriter {
    /// `data: {...,"choices":`, common to all events.
    start: Box<[u8]>,
    /// Around a token's text, from `data:` to the text and from there to the blank line.
    before: Box<[u8]>,
    after: Box<[u8]>,
    include_usage: bool,
}

impl ChunkWriter {
    /// A writer for one answer. With `include_usage` every chunk but the one of
    /// [`ChunkWriter::usage`] says `"usage":null`, as the real API does.
    pub fn new(id: &str, created: u64, model: &str, include_usage: bool) -> ChunkWriter {
        let mut start = b"data: {\"id\":".to_vec();
        write_json(&mut start, id);
        start.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        write_json(&mut start, &created);
        start.extend_from_slice(b",\"model\":");
        write_json(&mut start, model);
        start.extend_from_slice(b",\"choices\":[");
        let writer =
            ChunkWriter { start: start.into(), before: Box::default(), after: Box::default(), include_usage };
        let mut before = writer.head();
        before.extend_from_slice(b"{\"content\":\"");
        let mut after = b"\"},\"logprobs\":null,\"finish_reason\":null}]".to_vec();
        after.extend_from_slice(writer.end());
        ChunkWriter { before: before.into(), after: after.into(), ..writer }
    }

    /// The first event: the role, with empty content.
    pub fn role(&self, out: &mut Vec<u8>) {
        let mut event = self.head();
        event.extend_from_slice(
            b"{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]",
        );
        event.extend_from_slice(self.end());
        chunk(out, &[&event]);
    }

    /// One event with `text`.
    #[inline]
    pub fn token(&self, out: &mut Vec<u8>, text: &str) {
        if text.bytes().all(stands_for_itself) {
            chunk(out, &[&self.before, text.as_bytes(), &self.after]);
        } else {
            self.escaped_token(out, text);
        }
    }

    /// The event that says why the answer ended.
    pub fn finish(&self, out: &mut Vec<u8>, finish: Finish) {
        let mut event = self.head();
        event.extend_from_slice(b"{},\"logprobs\":null,\"finish_reason\":");
        write_json(&mut event, finish.name());
        event.extend_from_slice(b"}]");
        event.extend_from_slice(self.end());
        chunk(out, &[&event]);
    }

    /// The event that says what the answer cost, in tokens.
    pub fn usage(&self, out: &mut Vec<u8>, prompt: u32, completion: u32) {
        let mut event = self.start.to_vec();
        event.extend_from_slice(b"],\"usage\":");
        write_usage(&mut event, prompt, completion);
        event.extend_from_slice(b"}\n\n");
        chunk(out, &[&event]);
    }

    /// The end mark, and the end of the body.
    pub fn done(&self, out: &mut Vec<u8>) {
        chunk(out, &[b"data: [DONE]\n\n"]);
        out.extend_from_slice(b"0\r\n\r\n");
    }

    #[cold]
    fn escaped_token(&self, out: &mut Vec<u8>, text: &str) {
        let mut literal = Vec::with_capacity(text.len() + 8);
        write_json(&mut literal, text);
        // Without the quotes, which stand in `before` and `after`.
        let body = literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default();
        chunk(out, &[&self.before, body, &self.after]);
    }

    /// From `data:` to the delta.
    fn head(&self) -> Vec<u8> {
        let mut head = self.start.to_vec();
        head.extend_from_slice(b"{\"index\":0,\"delta\":");
        head
    }

    /// From the end of the choices to the blank line.
    fn end(&self) -> &'static [u8] {
        if self.include_usage { b",\"usage\":null}\n\n" } else { b"}\n\n" }
    }
}

fn write_usage(out: &mut Vec<u8>, prompt: u32, completion: u32) {
    #[derive(Serialize)]
    struct Usage {
        prompt_tokens: u32,
        completion_tokens: u32,
        total_tokens: u32,
        prompt_tokens_details: Cached,
        completion_tokens_details: Reasoning,
    }
    #[derive(Serialize)]
    struct Cached {
        cached_tokens: u32,
    }
    #[derive(Serialize)]
    struct Reasoning {
        reasoning_tokens: u32,
    }
    let usage = Usage {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt.saturating_add(completion),
        prompt_tokens_details: Cached { cached_tokens: 0 },
        completion_tokens_details: Reasoning { reasoning_tokens: 0 },
    };
    write_json(out, &usage);
}

/// Whether a byte of a JSON string is written as it is.
#[inline]
fn stands_for_itself(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

/// Appends `parts` as one HTTP chunk.
#[inline]
fn chunk(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let size: usize = parts.iter().map(|part| part.len()).sum();
    let mut line = [0; 18];
    let line = size_line(size, &mut line);
    out.reserve(line.len() + size + 2);
    out.extend_from_slice(line);
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

/// `size` in hexadecimal and a line end, written at the end of `buffer`.
#[inline]
fn size_line(size: usize, buffer: &mut [u8; 18]) -> &[u8] {
    buffer[16] = b'\r';
    buffer[17] = b'\n';
    let mut at = 16;
    let mut left = size;
    loop {
        at -= 1;
        buffer[at] = b"0123456789abcdef"[left & 15];
        left >>= 4;
        if left == 0 {
            return &buffer[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use floodline_core::Outcome;

    use super::*;
    use crate::codec::{Codec, Framing as Frames, Stream};
    use crate::http1::{BodyDecoder, Framing};
    use crate::sse::Deframer;

    /// The data of every event in `bytes`, and what a client makes of them.
    fn read(bytes: &[u8]) -> (Vec<String>, Stream, bool) {
        let (mut body, mut deframer, mut chat) =
            (BodyDecoder::new(Framing::Chunked), Deframer::new(), Stream::new(Codec::Chat, Frames::Events));
        let mut data = Vec::new();
        let fed = body
            .feed(bytes, &mut |payload| {
                let mut events = 0;
                deframer
                    .feed(payload, &mut |event| {
                        events += 1;
                        data.push(String::from_utf8(event.data.to_vec()).unwrap());
                        chat.event(event);
                    })
                    .unwrap();
                assert_eq!(events, 1, "one event in each chunk");
            })
            .unwrap();
        (data, chat, fed.done)
    }

    #[test]
    fn a_stream_as_the_real_api_writes_it() {
        let writer = ChunkWriter::new("chatcmpl-1", 17, "m", true);
        let mut out = Vec::new();
        writer.role(&mut out);
        writer.token(&mut out, "Hel\"lo");
        writer.token(&mut out, " wörld");
        writer.finish(&mut out, Finish::Length);
        writer.usage(&mut out, 3, 2);
        writer.done(&mut out);
        let (data, chat, ended) = read(&out);
        let start =
            r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":17,"model":"m","choices":["#;
        assert_eq!(
            data,
            [
                format!(
                    r#"{start}{{"index":0,"delta":{{"role":"assistant","content":""}},"logprobs":null,"finish_reason":null}}],"usage":null}}"#
                ),
                format!(
                    r#"{start}{{"index":0,"delta":{{"content":"Hel\"lo"}},"logprobs":null,"finish_reason":null}}],"usage":null}}"#
                ),
                format!(
                    r#"{start}{{"index":0,"delta":{{"content":" wörld"}},"logprobs":null,"finish_reason":null}}],"usage":null}}"#
                ),
                format!(
                    r#"{start}{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"length"}}],"usage":null}}"#
                ),
                format!(
                    r#"{start}],"usage":{{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}}}}"#
                ),
                "[DONE]".into(),
            ]
        );
        assert!(ended);
        assert_eq!(
            (chat.said().text.as_str(), chat.said().finish, chat.verdict()),
            ("Hel\"lo wörld", Some(Finish::Length), Outcome::Ok)
        );
        assert_eq!(chat.said().usage.unwrap().completion_tokens, Some(2));
    }

    #[test]
    fn a_stream_without_usage() {
        let writer = ChunkWriter::new("c", 1, "m \"x\"", false);
        let mut out = Vec::new();
        writer.token(&mut out, "a");
        let (data, chat, ended) = read(&out);
        assert!(!data[0].contains("usage") && !ended);
        assert_eq!(chat.said().text.as_str(), "a");
    }

    #[test]
    fn a_whole_answer_is_read_back() {
        let answer = Answer {
            id: "c",
            created: 1,
            model: "m",
            text: "a\n",
            finish: Finish::Length,
            prompt_tokens: 3,
            completion_tokens: 2,
        };
        let read = Codec::Chat.whole(&completion_body(&answer)).unwrap();
        assert_eq!((read.text.as_str(), read.other.as_str(), read.finish), ("a\n", "", Some(Finish::Length)));
        assert_eq!(read.usage.unwrap().prompt_tokens, Some(3));
    }

    #[test]
    fn models_are_listed() {
        let body = String::from_utf8(models_body(&["a", "b"], 7)).unwrap();
        assert_eq!(
            body,
            r#"{"object":"list","data":[{"id":"a","object":"model","created":7,"owned_by":"floodline"},{"id":"b","object":"model","created":7,"owned_by":"floodline"}]}"#
        );
    }

    #[test]
    fn sizes_in_hexadecimal() {
        for size in [0, 9, 10, 255, 256, 65_535, usize::MAX] {
            assert_eq!(size_line(size, &mut [0; 18]), format!("{size:x}\r\n").as_bytes());
        }
    }
}
