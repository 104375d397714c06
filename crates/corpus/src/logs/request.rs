//! Bodies of requests to OpenAI and Anthropic: alone, in lines of a batch, or beside their answers.

use serde_json::{Map, Value};

use super::content::{messages, said};
use super::message::{LeftOut, Message, Role};
use super::{Format, Logged, Unusable, number, object, text};

/// Members under which logs keep the body of a request, the outer before the inner.
const BODIES: [&str; 9] =
    ["request", "request_body", "requestBody", "body", "params", "payload", "kwargs", "json", "raw_request"];
const ANSWERS: [&str; 6] = ["response", "response_body", "responseBody", "result", "completion", "output"];
/// How deep the body may lie.
const DEPTH: usize = 4;

/// Hands on the request in a record of a log.
pub(super) fn record(record: &Map<String, Value>, each: &mut dyn FnMut(Result<Logged, Unusable>)) {
    let Some(body) = body(record, DEPTH) else { return each(Err(Unusable::NoPrompt)) };
    let output_tokens = answer_tokens(record);
    match read(&body) {
        Ok(requests) => {
            for request in requests {
                each(Ok(Logged { output_tokens: request.output_tokens.or(output_tokens), ..request }));
            }
        }
        Err(reason) => each(Err(reason)),
    }
}

/// The record itself or what it wraps, whichever is a body.
fn body(record: &Map<String, Value>, depth: usize) -> Option<Map<String, Value>> {
    if ["messages", "prompt", "input"].iter().any(|name| record.get(*name).is_some_and(|v| !v.is_null())) {
        return Some(record.clone());
    }
    if depth == 0 {
        return None;
    }
    BODIES.iter().find_map(|name| body(&object(record, name)?, depth - 1))
}

/// The requests of a body: one, or one for each text of an old `prompt` list.
pub(super) fn read(body: &Map<String, Value>) -> Result<Vec<Logged>, Unusable> {
    let mut left_out = LeftOut::default();
    if text(body, &["model"]).is_some_and(|model| model.contains("embed") || model.contains("moderation")) {
        return Err(Unusable::NotGeneration);
    }
    if body.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty()) {
        left_out.tool_lists = 1;
    }
    let mut conversations = conversations(body, &mut left_out)?;
    for said in ["system", "instructions"].into_iter().filter_map(|name| body.get(name)) {
        let system = super::content::said(said, &mut left_out);
        if !system.trim().is_empty() {
            conversations
                .iter_mut()
                .for_each(|c| c.insert(0, Message::of_text(Role::System, system.as_str())));
        }
    }
    let max_tokens = number(body, &["max_tokens", "max_completion_tokens", "max_output_tokens"]);
    let logged = |messages| Logged {
        format: format(body),
        messages,
        max_tokens,
        output_tokens: usage(body),
        left_out,
    };
    conversations.into_iter().map(|messages| usable(messages).map(logged)).collect()
}

/// The conversation, unless nothing is said in it.
pub(super) fn usable(messages: Vec<Message>) -> Result<Vec<Message>, Unusable> {
    let notes = |m: &Message| ["[image]", "[audio]", "[video]", "[file]"].contains(&m.content.trim());
    if messages.iter().any(|m| m.content.to_ascii_lowercase().starts_with("redacted-by-litellm")) {
        return Err(Unusable::Redacted);
    }
    let silent = messages.iter().all(|m| m.tool_calls.is_empty() && notes(m));
    if silent { Err(Unusable::Empty) } else { Ok(messages) }
}

fn conversations(body: &Map<String, Value>, left_out: &mut LeftOut) -> Result<Vec<Vec<Message>>, Unusable> {
    let member =
        ["messages", "input", "prompt"].iter().find_map(|name| body.get(*name).filter(|v| !v.is_null()));
    let Some(member) = member else { return Err(Unusable::NoPrompt) };
    match member {
        Value::String(written) => {
            match body.contains_key("messages").then(|| serde_json::from_str(written)) {
                Some(Ok(Value::Array(list))) => Ok(vec![messages(&list, left_out)]),
                _ => Ok(vec![messages(std::slice::from_ref(member), left_out)]),
            }
        }
        Value::Array(list) if list.iter().any(|item| item.is_number() || item.is_array()) => {
            Err(Unusable::TokenIds)
        }
        // Each text of `prompt: [...]` is asked by itself.
        Value::Array(list)
            if !list.is_empty() && list.iter().all(Value::is_string) && body.contains_key("prompt") =>
        {
            Ok(list.iter().map(|one| messages(std::slice::from_ref(one), left_out)).collect())
        }
        Value::Array(list) => Ok(vec![messages(list, left_out)]),
        Value::Object(_) => {
            let said = said(member, left_out);
            Ok(vec![messages(&[Value::String(said)], left_out)])
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Err(Unusable::NoPrompt),
    }
}

/// Anthropic's bodies differ in where the system prompt stands, and in their parts.
fn format(body: &Map<String, Value>) -> Format {
    let parts = ["tool_use", "tool_result", "thinking", "document"];
    let block = |part: &Value| {
        part.get("cache_control").is_some()
            || part.get("type").and_then(Value::as_str).is_some_and(|kind| parts.contains(&kind))
            || part.get("type").and_then(Value::as_str) == Some("image") && part.get("source").is_some()
    };
    let list = body.get("messages").and_then(Value::as_array);
    let blocks = list.into_iter().flatten().filter_map(|m| m.get("content")?.as_array()).flatten().any(block);
    let model = text(body, &["model"]).is_some_and(|model| model.contains("claude"));
    let anthropic = body.contains_key("system") || body.contains_key("anthropic_version") || blocks || model;
    if anthropic { Format::Anthropic } else { Format::OpenAi }
}

/// The tokens of the answer that a record holds beside the request.
fn answer_tokens(record: &Map<String, Value>) -> Option<u32> {
    usage(record).or_else(|| ANSWERS.iter().find_map(|name| in_answer(&object(record, name)?, DEPTH)))
}

/// The tokens that an answer says it has.
pub(super) fn in_answer(answer: &Map<String, Value>, depth: usize) -> Option<u32> {
    usage(answer).or_else(|| {
        let inner = ["body", "message", "response", "data"];
        inner.iter().filter(|_| depth > 0).find_map(|name| in_answer(&object(answer, name)?, depth - 1))
    })
}

fn usage(record: &Map<String, Value>) -> Option<u32> {
    let usage = object(record, "usage")?;
    number(&usage, &["completion_tokens", "output_tokens"])
}
