//! Ollama's chat and generate: what is sent.

use serde_json::{Value, json};

use crate::request::{Piece, Request, Turn, inline, joined, write_members};

/// Members that the prompt of a chat has.
pub(crate) const CHAT_PROMPT: &[&str] = &["messages"];

/// Members that the prompt of a completion has.
pub(crate) const GENERATE_PROMPT: &[&str] = &["system", "prompt", "images"];

/// Appends the prompt of a chat: texts and pictures apart, and the arguments of tools as objects.
pub(crate) fn write_chat_prompt(messages: &[u8], out: &mut Vec<u8>) {
    let told: Vec<Value> = Turn::all(messages).iter().map(message).collect();
    write_members(out, &[("messages", told.into())]);
}

/// Appends the prompt of a completion: the texts of system messages, and those of all others.
pub(crate) fn write_generate_prompt(messages: &[u8], out: &mut Vec<u8>) {
    let turns = Turn::all(messages);
    let mut members = Vec::new();
    if turns.iter().any(Turn::is_system) {
        members.push(("system", joined(turns.iter().filter(|turn| turn.is_system())).into()));
    }
    members.push(("prompt", joined(turns.iter().filter(|turn| !turn.is_system())).into()));
    let pictures: Vec<Value> = turns.iter().flat_map(pictures).collect();
    if !pictures.is_empty() {
        members.push(("images", pictures.into()));
    }
    write_members(out, &members);
}

/// Appends a body.
pub(crate) fn write_body(request: &Request<'_>, not: &[&str], out: &mut Vec<u8>) {
    let mut ours = json!({ "model": request.model, "stream": request.stream });
    if let Some(most) = request.max_tokens {
        ours["options"] = json!({ "num_predict": most });
    }
    request.write(ours, not, out);
}

fn message(turn: &Turn) -> Value {
    let mut told = json!({ "role": turn.role, "content": turn.text() });
    let pictures: Vec<Value> = pictures(turn).collect();
    if !pictures.is_empty() {
        told["images"] = pictures.into();
    }
    if !turn.calls.is_empty() {
        let calls = turn
            .calls
            .iter()
            .map(|call| json!({ "function": { "name": call.name, "arguments": call.object() } }));
        told["tool_calls"] = calls.collect();
    }
    if turn.role == "tool" {
        told["tool_name"] = turn.tool.as_str().into();
    }
    told
}

/// The base64 of its pictures. An address is sent as it is, for the server to refuse: it fetches none.
fn pictures(turn: &Turn) -> impl Iterator<Item = Value> {
    turn.content.iter().filter_map(|piece| match piece {
        Piece::Image(url) => Some(inline(url).map_or(url.as_str(), |(_, data)| data).into()),
        Piece::Text(_) | Piece::Other(_) => None,
    })
}
