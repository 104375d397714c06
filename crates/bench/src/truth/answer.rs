//! What the ground-truth server says: the bytes of its answers, prepared once.

use std::io::Write;

/// The prepared parts of an answer.
pub(super) struct Script {
    /// Several token chunks in a row, so that a flood is copied in large pieces.
    block: Vec<u8>,
    token_len: usize,
}

const BLOCK: usize = 64;
const OPENING: &str =
    r#""id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"truth","choices":["#;
const TOKEN: &str = " token";

impl Script {
    pub(super) fn new() -> Script {
        let delta =
            format!(r#"{{"index":0,"delta":{{"content":"{TOKEN}"}},"logprobs":null,"finish_reason":null}}]"#);
        let mut token = Vec::new();
        write_event(&mut token, &format!("{{{OPENING}{delta}}}"));
        Script { token_len: token.len(), block: token.repeat(BLOCK) }
    }

    /// The head of a stream.
    pub(super) fn write_head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
              transfer-encoding: chunked\r\n\r\n",
        );
    }

    /// `count` tokens, each an event and a chunk of its own.
    pub(super) fn write_tokens(&self, out: &mut Vec<u8>, count: u32) {
        let mut left = count as usize;
        out.reserve(left * self.token_len);
        while left > 0 {
            let now = left.min(BLOCK);
            out.extend_from_slice(&self.block[..now * self.token_len]);
            left -= now;
        }
    }

    /// The end of a stream: finish reason, usage, end mark, last chunk.
    pub(super) fn write_tail(&self, out: &mut Vec<u8>, tokens: u32) {
        write_event(out, &format!(r#"{{{OPENING}{{"index":0,"delta":{{}},"finish_reason":"stop"}}]}}"#));
        write_event(out, &format!("{{{OPENING}],{}}}", usage(tokens)));
        write_event(out, "[DONE]");
        out.extend_from_slice(b"0\r\n\r\n");
    }

    /// An answer that is no stream.
    pub(super) fn write_whole(&self, out: &mut Vec<u8>, tokens: u32) {
        let text = TOKEN.repeat(tokens as usize);
        let body = format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"truth","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],{}}}"#,
            usage(tokens)
        );
        write_json(out, &body);
    }

    /// The list of models, or a sign of life.
    pub(super) fn write_page(&self, out: &mut Vec<u8>, models: bool) {
        write_json(
            out,
            if models {
                r#"{"object":"list","data":[{"id":"truth","object":"model","created":1,"owned_by":"bench"}]}"#
            } else {
                r#"{"status":"ok"}"#
            },
        );
    }
}

fn usage(tokens: u32) -> String {
    let total = u64::from(tokens) + 10;
    format!(r#""usage":{{"prompt_tokens":10,"completion_tokens":{tokens},"total_tokens":{total}}}"#)
}

fn write_event(out: &mut Vec<u8>, data: &str) {
    let len = "data: ".len() + data.len() + "\n\n".len();
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{len:x}\r\ndata: {data}\n\n\r\n");
}

fn write_json(out: &mut Vec<u8>, body: &str) {
    let _ = write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of yardstick/truthd.c, so that a byte costs the same in both tables.
    #[test]
    fn sizes_are_those_of_the_yardstick() {
        let script = Script::new();
        let size = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            out.len()
        };
        assert_eq!(size(&|out| script.write_head(out)), 105);
        assert_eq!(size(&|out| script.write_tokens(out, 1)), 193);
        assert_eq!(size(&|out| script.write_tokens(out, 1000)), 193_000);
        assert_eq!(size(&|out| script.write_tail(out, 100)), 373);
    }

    #[test]
    fn a_token_is_one_chunk_of_one_event() {
        let mut out = Vec::new();
        Script::new().write_tokens(&mut out, 1);
        let text = String::from_utf8(out).unwrap();
        let (size, rest) = text.split_once("\r\n").unwrap();
        let event = rest.strip_suffix("\r\n").unwrap();
        assert_eq!(usize::from_str_radix(size, 16).unwrap(), event.len());
        let json: serde_json::Value =
            serde_json::from_str(event.strip_prefix("data: ").unwrap().trim_end()).unwrap();
        assert_eq!(json["choices"][0]["delta"]["content"], " token");
    }
}
