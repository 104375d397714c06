//! Messages and their parts, as OpenAI, Anthropic and OpenTelemetry write them.

use serde_json::{Map, Value};

use super::message::{LeftOut, Message, Role, ToolCall};
use super::text;

/// The messages of a list.
pub(super) fn messages(list: &[Value], left_out: &mut LeftOut) -> Vec<Message> {
    let mut messages = Vec::with_capacity(list.len());
    for item in list {
        match item {
            Value::Object(item) => push(item, &mut messages, left_out),
            Value::String(said) => messages.push(Message::of_text(Role::User, said.as_str())),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {}
        }
    }
    messages.retain(|message| !message.is_empty());
    messages
}

/// What a value says as a text: a text itself, or the parts of a list.
pub(super) fn said(value: &Value, left_out: &mut LeftOut) -> String {
    let mut parts = Parts::default();
    parts.add(value, left_out);
    parts.text
}

/// Adds the messages of one item: one, or more if it holds answers of tools.
fn push(item: &Map<String, Value>, messages: &mut Vec<Message>, left_out: &mut LeftOut) {
    match text(item, &["type"]) {
        Some("function_call" | "custom_tool_call") => {
            let mut message = Message::of_text(Role::Assistant, "");
            message.tool_calls.push(call(item, &["call_id", "id"], &["arguments", "input"]));
            return messages.push(message);
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            let mut message =
                Message::of_text(Role::Tool, said(item.get("output").unwrap_or(&Value::Null), left_out));
            message.tool_call_id = text(item, &["call_id"]).map(str::to_owned);
            return messages.push(message);
        }
        Some("reasoning") => {
            left_out.reasoning += 1;
            return;
        }
        _ => {}
    }
    let role = Role::of_word(text(item, &["role"]).unwrap_or("user"));
    let mut parts = Parts::default();
    for member in ["content", "parts", "text"] {
        if let Some(value) = item.get(member).filter(|value| !value.is_null()) {
            parts.add(value, left_out);
            break;
        }
    }
    for one in item.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let Some(one) = one.as_object() else { continue };
        let function = one.get("function").and_then(Value::as_object).unwrap_or(one);
        let mut call = call(function, &["id"], &["arguments", "args"]);
        if let Some(id) = text(one, &["id"]) {
            call.id = id.to_owned();
        }
        parts.calls.push(call);
    }
    if let Some(function) = item.get("function_call").and_then(Value::as_object) {
        parts.calls.push(call(function, &["id"], &["arguments"]));
    }
    messages.append(&mut parts.results);
    let message = Message {
        role,
        content: parts.text,
        name: text(item, &["name"]).map(str::to_owned),
        tool_calls: parts.calls,
        tool_call_id: text(item, &["tool_call_id"]).map(str::to_owned),
    };
    messages.push(message);
}

fn call(item: &Map<String, Value>, ids: &[&str], arguments: &[&str]) -> ToolCall {
    let arguments = arguments.iter().find_map(|name| item.get(*name)).map_or_else(
        || "{}".to_owned(),
        |value| match value {
            Value::String(json) => json.clone(),
            other => other.to_string(),
        },
    );
    ToolCall::new(text(item, ids).unwrap_or("call"), text(item, &["name"]).unwrap_or("function"), arguments)
}

/// The parts of one message.
#[derive(Default)]
struct Parts {
    text: String,
    calls: Vec<ToolCall>,
    results: Vec<Message>,
}

impl Parts {
    fn add(&mut self, value: &Value, left_out: &mut LeftOut) {
        match value {
            Value::String(said) => self.say(said),
            Value::Array(parts) => parts.iter().for_each(|part| self.add(part, left_out)),
            Value::Object(part) => self.part(part, left_out),
            Value::Number(_) | Value::Bool(_) => self.say(&value.to_string()),
            Value::Null => {}
        }
    }

    fn part(&mut self, part: &Map<String, Value>, left_out: &mut LeftOut) {
        match text(part, &["type"]).unwrap_or("text") {
            "tool_use" | "server_tool_use" | "tool_call" => {
                self.calls.push(call(part, &["id"], &["input", "arguments"]));
            }
            "tool_result" | "tool_call_response" | "web_search_tool_result" => {
                let said = ["content", "response", "result"]
                    .iter()
                    .find_map(|name| part.get(*name))
                    .map_or_else(String::new, |value| result(value, left_out));
                let mut message = Message::of_text(Role::Tool, said);
                message.tool_call_id = text(part, &["tool_use_id", "id"]).map(str::to_owned);
                self.results.push(message);
            }
            "thinking" | "redacted_thinking" | "reasoning" => left_out.reasoning += 1,
            "image" | "image_url" | "input_image" => self.attached("[image]", left_out),
            "audio" | "input_audio" => self.attached("[audio]", left_out),
            "video" | "video_url" => self.attached("[video]", left_out),
            "document" => match part.get("source").and_then(Value::as_object) {
                Some(source) if text(source, &["type"]) == Some("text") => {
                    self.say(text(source, &["data"]).unwrap_or_default());
                }
                _ => self.attached("[file]", left_out),
            },
            "file" | "input_file" | "blob" | "uri" => self.attached("[file]", left_out),
            _ => {
                let said = ["text", "content", "refusal"].iter().find_map(|name| part.get(*name));
                if let Some(value) = said {
                    self.add(value, left_out);
                }
            }
        }
    }

    fn attached(&mut self, note: &str, left_out: &mut LeftOut) {
        left_out.attachments += 1;
        self.say(note);
    }

    fn say(&mut self, said: &str) {
        if !self.text.is_empty() && !said.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(said);
    }
}

/// What a tool answered: a text, parts of a message, or any JSON.
fn result(value: &Value, left_out: &mut LeftOut) -> String {
    match value {
        Value::Object(_) => value.to_string(),
        Value::Array(parts) if !parts.iter().all(|part| part.get("type").is_some()) => value.to_string(),
        other => said(other, left_out),
    }
}
