//! generate and generate_stream: what is sent. The model is the server's, and the path says whether it streams.

use serde_json::{Value, json};

use crate::request::{Request, Turn, joined, write_members};

/// Members that the prompt has.
pub(crate) const PROMPT: &[&str] = &["inputs"];

/// Appends the prompt: the texts of the messages, with blank lines between them.
pub(crate) fn write_prompt(messages: &[u8], out: &mut Vec<u8>) {
    write_members(out, &[("inputs", joined(Turn::all(messages).iter()).into())]);
}

/// Appends a body. `details` are the counts of tokens and the reason why the answer ended.
pub(crate) fn write_body(request: &Request<'_>, out: &mut Vec<u8>) {
    let mut parameters = json!({ "details": true });
    if let Some(most) = request.max_tokens {
        parameters["max_new_tokens"] = Value::from(most);
    }
    request.write(json!({ "parameters": parameters }), PROMPT, out);
}
