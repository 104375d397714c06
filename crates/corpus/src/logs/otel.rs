//! Spans of OpenTelemetry: OTLP/JSON exports, and spans as exporters print them one by one.
//!
//! The conventions for GenAI calls have changed several times; all shapes that are met are read: messages in one
//! attribute (as JSON or structured), in numbered attributes, and in events.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::content::{messages, said};
use super::message::{LeftOut, Message, Role, ToolCall};
use super::{Format, Logged, Unusable, number, text};

type Attributes = Map<String, Value>;

/// Whether this is an export of many spans.
pub(super) fn is_export(record: &Map<String, Value>) -> bool {
    ["resourceSpans", "resource_spans", "batches", "scopeSpans", "scope_spans"]
        .iter()
        .any(|n| record.contains_key(*n))
}

/// Whether this is one span.
pub(super) fn is_span(record: &Map<String, Value>) -> bool {
    let marks = ["spanId", "span_id", "traceId", "trace_id", "context", "startTimeUnixNano", "start_time"];
    record.contains_key("attributes") && marks.iter().any(|name| record.contains_key(*name))
}

/// Hands on every span of an export.
pub(super) fn export(record: &Map<String, Value>, each: &mut dyn FnMut(Result<Logged, Unusable>)) {
    let levels = [
        "resourceSpans",
        "resource_spans",
        "batches",
        "scopeSpans",
        "scope_spans",
        "instrumentationLibrarySpans",
    ];
    for list in levels.iter().filter_map(|name| record.get(*name)?.as_array()) {
        list.iter().filter_map(Value::as_object).for_each(|inner| export(inner, each));
    }
    for one in record.get("spans").and_then(Value::as_array).into_iter().flatten() {
        each(one.as_object().map_or(Err(Unusable::OtherSpan), span));
    }
}

/// The request of one span.
pub(super) fn span(span: &Map<String, Value>) -> Result<Logged, Unusable> {
    let attributes = attributes(span.get("attributes"));
    let events: Vec<(String, Attributes)> = span
        .get("events")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .map(|event| {
            (text(event, &["name"]).unwrap_or_default().to_owned(), self::attributes(event.get("attributes")))
        })
        .collect();
    let of_ai = |name: &str| name.starts_with("gen_ai.") || name.starts_with("llm.");
    if !attributes.keys().any(|name| of_ai(name)) && !events.iter().any(|(name, _)| of_ai(name)) {
        return Err(Unusable::OtherSpan);
    }
    let operation = text(&attributes, &["gen_ai.operation.name"]).unwrap_or("chat");
    if !["chat", "text_completion", "completion", "generate_content", "stream"].contains(&operation) {
        return Err(Unusable::NotGeneration);
    }
    let mut left_out = LeftOut::default();
    let messages = in_one(&attributes, &mut left_out)
        .or_else(|| events.iter().find_map(|(_, attributes)| in_one(attributes, &mut left_out)))
        .or_else(|| numbered(&attributes, &mut left_out))
        .or_else(|| in_events(&events, &mut left_out))
        .ok_or(Unusable::NotRecorded)?;
    Ok(Logged {
        format: Format::Otel,
        messages: super::request::usable(messages)?,
        max_tokens: number(&attributes, &["gen_ai.request.max_tokens", "llm.request.max_tokens"]),
        output_tokens: number(
            &attributes,
            &[
                "gen_ai.usage.output_tokens",
                "gen_ai.usage.completion_tokens",
                "llm.usage.completion_tokens",
                "llm.token_count.completion",
            ],
        ),
        left_out,
    })
}

/// `gen_ai.input.messages`, `gen_ai.prompt`: the whole conversation in one attribute.
fn in_one(attributes: &Attributes, left_out: &mut LeftOut) -> Option<Vec<Message>> {
    let names = [
        "gen_ai.input.messages",
        "gen_ai.prompt",
        "gen_ai.input_messages",
        "gen_ai.request.messages",
        "llm.prompts",
    ];
    let value = names.iter().find_map(|name| attributes.get(*name))?;
    let mut list = match parsed(value) {
        Value::Array(list) => messages(&list, left_out),
        Value::Object(body) => match body.get("messages").and_then(Value::as_array) {
            Some(list) => messages(list, left_out),
            None => messages(&[Value::Object(body)], left_out),
        },
        other => messages(&[other], left_out),
    };
    if let Some(system) = attributes.get("gen_ai.system_instructions") {
        let system = said(&parsed(system), left_out);
        if !system.trim().is_empty() {
            list.insert(0, Message::of_text(Role::System, system));
        }
    }
    (!list.is_empty()).then_some(list)
}

/// JSON in a text read as JSON, if it is a list or an object.
fn parsed(value: &Value) -> Value {
    match value {
        Value::String(written) => match serde_json::from_str(written) {
            Ok(inner @ (Value::Array(_) | Value::Object(_))) => inner,
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

/// `gen_ai.prompt.0.content`, `llm.input_messages.0.message.content`: an attribute for each part.
fn numbered(attributes: &Attributes, left_out: &mut LeftOut) -> Option<Vec<Message>> {
    let mut found: BTreeMap<usize, Message> = BTreeMap::new();
    let mut calls: BTreeMap<(usize, usize), ToolCall> = BTreeMap::new();
    for (name, value) in attributes {
        let rest = ["gen_ai.prompt.", "llm.prompts.", "llm.input_messages."]
            .iter()
            .find_map(|p| name.strip_prefix(p));
        let Some((index, part)) = rest.and_then(|rest| rest.split_once('.')) else { continue };
        let Ok(index) = index.parse::<usize>() else { continue };
        let part = part.strip_prefix("message.").unwrap_or(part);
        let message = found.entry(index).or_insert_with(|| Message::of_text(Role::User, ""));
        let written = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match part {
            "role" => message.role = Role::of_word(&written()),
            "content" => message.content = said(&parsed(value), left_out),
            "user" if message.content.is_empty() => message.content = written(),
            "tool_call_id" => message.tool_call_id = Some(written()),
            _ => {
                let call = part.strip_prefix("tool_calls.").and_then(|rest| rest.split_once('.'));
                let Some((number, member)) = call else { continue };
                let Ok(number) = number.parse::<usize>() else { continue };
                let call = calls
                    .entry((index, number))
                    .or_insert_with(|| ToolCall::new("call", "function", "{}".into()));
                match member.rsplit('.').next() {
                    Some("id") => call.id = written(),
                    Some("name") => call.function.name = written(),
                    Some("arguments") => call.function.arguments = written(),
                    _ => {}
                }
            }
        }
    }
    for ((index, _), call) in calls {
        if let Some(message) = found.get_mut(&index) {
            message.tool_calls.push(call);
        }
    }
    let messages: Vec<Message> = found.into_values().filter(|message| !message.is_empty()).collect();
    (!messages.is_empty()).then_some(messages)
}

/// `gen_ai.user.message` and its kin: an event for each message.
fn in_events(events: &[(String, Attributes)], left_out: &mut LeftOut) -> Option<Vec<Message>> {
    let mut list = Vec::new();
    for (name, attributes) in events {
        let role = match name.strip_prefix("gen_ai.").and_then(|n| n.strip_suffix(".message")) {
            Some(role) => role,
            None => continue,
        };
        let content = ["gen_ai.event.content", "content", "message", "body"]
            .iter()
            .find_map(|name| attributes.get(*name));
        let mut message = match content.map(parsed) {
            Some(Value::Object(message)) => message,
            Some(content) => Map::from_iter([("content".to_owned(), content)]),
            None => Map::new(),
        };
        message
            .entry("role")
            .or_insert_with(|| attributes.get("role").cloned().unwrap_or_else(|| role.into()));
        if let Some(calls) = attributes.get("tool_calls") {
            message.entry("tool_calls").or_insert_with(|| parsed(calls));
        }
        list.push(Value::Object(message));
    }
    let list = messages(&list, left_out);
    (!list.is_empty()).then_some(list)
}

/// Attributes as a list of keys and values (OTLP), or as an object.
fn attributes(value: Option<&Value>) -> Attributes {
    match value {
        Some(Value::Object(object)) => object.clone(),
        Some(Value::Array(list)) => {
            let pair = |one: &Value| Some((one.get("key")?.as_str()?.to_owned(), plain(one.get("value")?)));
            list.iter().filter_map(pair).collect()
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => Attributes::new(),
    }
}

/// An `AnyValue` of OTLP as plain JSON.
fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else {
        return value.clone();
    };
    let list = || inner.get("values").and_then(Value::as_array).into_iter().flatten();
    match kind.as_str() {
        "arrayValue" | "array_value" => list().map(plain).collect(),
        "kvlistValue" | "kvlist_value" => {
            let pair = |one: &Value| Some((one.get("key")?.as_str()?.to_owned(), plain(one.get("value")?)));
            Value::Object(list().filter_map(pair).collect())
        }
        _ => inner.clone(),
    }
}
