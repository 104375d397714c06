//! Completions of a text: what is sent. Answers read like those of chats.

use serde_json::{Value, json};

use crate::request::{Request, Turn, joined, write_members};

/// Members that the prompt has.
pub(crate) const PROMPT: &[&str] = &["prompt"];

/// Appends the prompt: the texts of the messages, with blank lines between them.
pub(crate) fn write_prompt(messages: &[u8], out: &mut Vec<u8>) {
    write_members(out, &[("prompt", joined(Turn::all(messages).iter()).into())]);
}

/// Appends a body.
pub(crate) fn write_body(request: &Request<'_>, out: &mut Vec<u8>) {
    let mut ours = json!({ "model": request.model, "stream": request.stream });
    if request.stream {
        ours["stream_options"] = json!({ "include_usage": true });
    }
    if let Some(most) = request.max_tokens {
        ours["max_tokens"] = Value::from(most);
    }
    request.write(ours, PROMPT, out);
}
