//! Messages: what is sent.

use serde_json::{Value, json};

use crate::request::{Piece, Request, Turn, functions, inline, joined, write_members};

/// Members that the prompt has.
pub(crate) const PROMPT: &[&str] = &["system", "messages"];

/// The bound of an answer that has none: the API insists on one.
const USUAL_BOUND: u32 = 1024;

/// Appends the prompt: system messages lifted out, and calls of tools and their results as blocks.
pub(crate) fn write_prompt(messages: &[u8], out: &mut Vec<u8>) {
    let turns = Turn::all(messages);
    let mut members = Vec::new();
    if turns.iter().any(Turn::is_system) {
        members.push(("system", joined(turns.iter().filter(|turn| turn.is_system())).into()));
    }
    let mut told: Vec<Value> = Vec::new();
    let mut after_result = false;
    for turn in turns.iter().filter(|turn| !turn.is_system()) {
        let is_result = turn.role == "tool";
        // The results of calls that were made together belong into one message.
        if let (true, true, Some(Value::Array(blocks))) =
            (is_result, after_result, told.last_mut().and_then(|last| last.get_mut("content")))
        {
            blocks.push(result(turn));
        } else {
            told.push(message(turn));
        }
        after_result = is_result;
    }
    members.push(("messages", told.into()));
    write_members(out, &members);
}

/// Appends the tools that the model may ask for.
pub(crate) fn write_tools(tools: &[Value], out: &mut Vec<u8>) {
    let told = functions(tools).map(|function| {
        let mut tool = json!({
            "name": function.get("name"),
            "input_schema": function.get("parameters").cloned().unwrap_or_else(|| json!({ "type": "object" })),
        });
        if let Some(description) = function.get("description") {
            tool["description"] = description.clone();
        }
        tool
    });
    write_members(out, &[("tools", told.collect())]);
}

/// Appends a body.
pub(crate) fn write_body(request: &Request<'_>, out: &mut Vec<u8>) {
    let mut ours = json!({ "model": request.model, "stream": request.stream });
    let most = request.max_tokens.map(Value::from);
    let most = most.or_else(|| request.extra.get("max_tokens").cloned());
    ours["max_tokens"] = most.unwrap_or_else(|| USUAL_BOUND.into());
    request.write(ours, PROMPT, out);
}

fn message(turn: &Turn) -> Value {
    if turn.role == "tool" {
        return json!({ "role": "user", "content": [result(turn)] });
    }
    if let (Some(text), true) = (turn.only_text(), turn.calls.is_empty()) {
        return json!({ "role": turn.role, "content": text });
    }
    // A text without characters is no block.
    let said = turn.content.iter().filter(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
    let calls = turn
        .calls
        .iter()
        .map(|call| json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": call.object() }));
    let blocks: Vec<Value> = said.map(block).chain(calls).collect();
    json!({ "role": turn.role, "content": blocks })
}

fn result(turn: &Turn) -> Value {
    json!({ "type": "tool_result", "tool_use_id": turn.call_id, "content": turn.text() })
}

fn block(piece: &Piece) -> Value {
    match piece {
        Piece::Text(text) => json!({ "type": "text", "text": text }),
        Piece::Image(url) => {
            let source = match inline(url) {
                Some((media, data)) => json!({ "type": "base64", "media_type": media, "data": data }),
                None => json!({ "type": "url", "url": url }),
            };
            json!({ "type": "image", "source": source })
        }
        Piece::Other(value) => value.clone(),
    }
}
