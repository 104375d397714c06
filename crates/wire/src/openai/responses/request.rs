//! Responses: what is sent.

use serde_json::{Map, Value, json};

use crate::request::{Piece, Request, Turn, functions, write_members};

/// Members that the prompt has.
pub(crate) const PROMPT: &[&str] = &["input"];

/// Appends the prompt: a list of messages, calls of tools and their results.
pub(crate) fn write_prompt(messages: &[u8], out: &mut Vec<u8>) {
    let items: Vec<Value> = Turn::all(messages).iter().flat_map(items).collect();
    write_members(out, &[("input", items.into())]);
}

/// Appends the tools that the model may ask for.
pub(crate) fn write_tools(tools: &[Value], out: &mut Vec<u8>) {
    let flat = functions(tools).map(|function| {
        let mut tool = Map::from_iter([("type".to_owned(), Value::from("function"))]);
        tool.extend(function.clone());
        Value::Object(tool)
    });
    write_members(out, &[("tools", flat.collect())]);
}

/// Appends a body.
pub(crate) fn write_body(request: &Request<'_>, out: &mut Vec<u8>) {
    let mut ours = json!({ "model": request.model, "stream": request.stream });
    if let Some(most) = request.max_tokens {
        ours["max_output_tokens"] = Value::from(most);
    }
    request.write(ours, PROMPT, out);
}

fn items(turn: &Turn) -> Vec<Value> {
    if turn.role == "tool" {
        return vec![json!({
            "type": "function_call_output", "call_id": turn.call_id, "output": turn.text(),
        })];
    }
    let mut items = Vec::new();
    if !turn.content.is_empty() {
        let content = match turn.only_text() {
            Some(text) => Value::from(text),
            None => turn.content.iter().map(|piece| content(piece, &turn.role)).collect(),
        };
        items.push(json!({ "role": turn.role, "content": content }));
    }
    items.extend(turn.calls.iter().map(|call| {
        json!({
            "type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments,
        })
    }));
    items
}

fn content(piece: &Piece, role: &str) -> Value {
    match piece {
        Piece::Text(text) => {
            let kind = if role == "assistant" { "output_text" } else { "input_text" };
            json!({ "type": kind, "text": text })
        }
        Piece::Image(url) => json!({ "type": "input_image", "image_url": url }),
        Piece::Other(value) => value.clone(),
    }
}
