//! generateContent: what is sent. The model and whether the answer is streamed are said in the path.

use serde_json::{Map, Value, json};

use crate::request::{Piece, Request, Turn, functions, inline, joined, write_members};

/// Members that the prompt has.
pub(crate) const PROMPT: &[&str] = &["systemInstruction", "system_instruction", "contents"];

/// Appends the prompt: system messages lifted out, and the assistant called the model.
pub(crate) fn write_prompt(messages: &[u8], out: &mut Vec<u8>) {
    let turns = Turn::all(messages);
    let mut members = Vec::new();
    if turns.iter().any(Turn::is_system) {
        let text = joined(turns.iter().filter(|turn| turn.is_system()));
        members.push(("systemInstruction", json!({ "parts": [{ "text": text }] })));
    }
    let mut contents: Vec<Value> = Vec::new();
    let mut after_result = false;
    for turn in turns.iter().filter(|turn| !turn.is_system()) {
        let is_result = turn.role == "tool";
        // The results of calls that were made together belong into one message.
        if let (true, true, Some(Value::Array(parts))) =
            (is_result, after_result, contents.last_mut().and_then(|last| last.get_mut("parts")))
        {
            parts.push(result(turn));
        } else {
            contents.push(content(turn));
        }
        after_result = is_result;
    }
    members.push(("contents", contents.into()));
    write_members(out, &members);
}

/// Appends the tools that the model may ask for.
pub(crate) fn write_tools(tools: &[Value], out: &mut Vec<u8>) {
    let declared = functions(tools).map(|function| {
        let known = ["name", "description", "parameters"];
        let kept = known.iter().filter_map(|name| Some(((*name).to_owned(), function.get(*name)?.clone())));
        Value::Object(kept.collect::<Map<_, _>>())
    });
    let declared: Vec<Value> = declared.collect();
    write_members(out, &[("tools", json!([{ "functionDeclarations": declared }]))]);
}

/// Appends a body.
pub(crate) fn write_body(request: &Request<'_>, out: &mut Vec<u8>) {
    let ours = match request.max_tokens {
        Some(most) => json!({ "generationConfig": { "maxOutputTokens": most } }),
        None => json!({}),
    };
    request.write(ours, PROMPT, out);
}

fn content(turn: &Turn) -> Value {
    if turn.role == "tool" {
        return json!({ "role": "user", "parts": [result(turn)] });
    }
    let role = if turn.role == "assistant" { "model" } else { "user" };
    let calls =
        turn.calls.iter().map(|call| json!({ "functionCall": { "name": call.name, "args": call.object() } }));
    let said = turn
        .content
        .iter()
        .filter(|piece| turn.calls.is_empty() || !matches!(piece, Piece::Text(text) if text.is_empty()));
    let parts: Vec<Value> = said.map(part).chain(calls).collect();
    json!({ "role": role, "parts": parts })
}

fn result(turn: &Turn) -> Value {
    let text = turn.text();
    let answer: Option<Value> = serde_json::from_str(&text).ok().filter(Value::is_object);
    let answer = answer.unwrap_or_else(|| json!({ "result": text }));
    json!({ "functionResponse": { "name": turn.tool, "response": answer } })
}

fn part(piece: &Piece) -> Value {
    match piece {
        Piece::Text(text) => json!({ "text": text }),
        Piece::Image(url) => match inline(url) {
            Some((media, data)) => json!({ "inlineData": { "mimeType": media, "data": data } }),
            None => json!({ "fileData": { "fileUri": url } }),
        },
        Piece::Other(value) => value.clone(),
    }
}
