//! What requests are made of, whatever the API: messages read once, and bodies put together.
//!
//! Messages come in one form, that of OpenAI's chat, and each API's folder says how it is told there. A body is the
//! members that carry the prompt, then what Floodline itself says (model, streaming, the bound of the answer), then what
//! the user adds. The user's members add and never replace, at any depth: neither the way the answer is read nor a
//! limit on its length can be changed by accident.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::openai::MaxTokensField;

/// One request, but for its prompt's own form.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The members that carry the prompt, without braces, as [`write_prompt`](crate::codec::Codec::write_prompt)
    /// writes them.
    pub prompt: &'a [u8],
    /// Whether the answer comes as a stream.
    pub stream: bool,
    /// The most tokens of the answer, if it is to be bounded.
    pub max_tokens: Option<u32>,
    /// The member that carries the bound, for those APIs that have a choice.
    pub max_tokens_field: MaxTokensField,
    /// Further members, such as a temperature.
    pub extra: &'a Map<String, Value>,
}

impl Request<'_> {
    /// Appends a body: the prompt, `ours`, and the further members but those of the names in `not`, which the prompt has.
    pub(crate) fn write(&self, ours: Value, not: &[&str], out: &mut Vec<u8>) {
        let mut members = self.extra.clone();
        members.retain(|name, _| !not.contains(&name.as_str()));
        if let Value::Object(ours) = ours {
            merge(&mut members, ours);
        }
        out.push(b'{');
        out.extend_from_slice(self.prompt);
        for (at, (name, value)) in members.iter().enumerate() {
            if at > 0 || !self.prompt.is_empty() {
                out.push(b',');
            }
            write_json(out, name);
            out.push(b':');
            write_json(out, value);
        }
        out.push(b'}');
    }
}

/// Adds `ours` to `members`: ours win, and objects are merged member by member.
fn merge(members: &mut Map<String, Value>, ours: Map<String, Value>) {
    for (name, value) in ours {
        match (members.get_mut(&name), value) {
            (Some(Value::Object(theirs)), Value::Object(ours)) => merge(theirs, ours),
            (_, value) => {
                members.insert(name, value);
            }
        }
    }
}

/// Appends the members of an object without its braces.
pub(crate) fn write_members(out: &mut Vec<u8>, members: &[(&str, Value)]) {
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json(out, name);
        out.push(b':');
        write_json(out, value);
    }
}

/// Appends `value` as JSON; strings, numbers and trees of them cannot fail to be written.
pub(crate) fn write_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

/// One message of a prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Turn {
    pub(crate) role: String,
    pub(crate) content: Vec<Piece>,
    /// The tools that the model asked for in it.
    pub(crate) calls: Vec<Call>,
    /// Of a tool's result: the call that it is of.
    pub(crate) call_id: String,
    /// Of a tool's result: the name of the tool, where the call is among the messages.
    pub(crate) tool: String,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    /// A picture, by its address; `data:` holds the picture itself.
    Image(String),
    /// Anything else, as it was given.
    Other(Value),
}

/// A tool that the model asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    /// JSON, as the model wrote it.
    pub(crate) arguments: String,
}

impl Call {
    /// The arguments as an object; an empty one if the model wrote something else.
    pub(crate) fn object(&self) -> Value {
        serde_json::from_str(&self.arguments)
            .ok()
            .filter(Value::is_object)
            .unwrap_or_else(|| Map::new().into())
    }
}

impl Turn {
    /// Reads a JSON array of messages. What is no message is left out.
    pub(crate) fn all(messages: &[u8]) -> Vec<Turn> {
        let list: Vec<Value> = serde_json::from_slice(messages).unwrap_or_default();
        let mut turns: Vec<Turn> = Vec::with_capacity(list.len());
        for message in list {
            let Value::Object(mut message) = message else { continue };
            let mut turn = Turn {
                role: text_of(message.get("role")),
                content: pieces(message.remove("content")),
                calls: calls(message.get("tool_calls")),
                call_id: text_of(message.get("tool_call_id")),
                tool: text_of(message.get("name")),
            };
            if let Some(call) = turns.iter().flat_map(|turn| &turn.calls).find(|call| call.id == turn.call_id)
            {
                turn.tool.clone_from(&call.name);
            }
            turns.push(turn);
        }
        turns
    }

    /// Whether it says how to answer rather than what.
    pub(crate) fn is_system(&self) -> bool {
        matches!(self.role.as_str(), "system" | "developer")
    }

    /// Its texts, one after the other.
    pub(crate) fn text(&self) -> String {
        let texts = self.content.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Image(_) | Piece::Other(_) => None,
        });
        texts.collect()
    }

    /// Its text, if it has nothing else.
    pub(crate) fn only_text(&self) -> Option<String> {
        let plain = self.content.iter().all(|piece| matches!(piece, Piece::Text(_)));
        plain.then(|| self.text())
    }
}

/// The texts of some messages, with a blank line between them.
pub(crate) fn joined<'a>(turns: impl Iterator<Item = &'a Turn>) -> String {
    turns.map(Turn::text).collect::<Vec<_>>().join("\n\n")
}

/// The media type and the base64 of a picture that is in its own address.
pub(crate) fn inline(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media = head.strip_suffix(";base64")?;
    Some((media.split(';').next().unwrap_or(media), data))
}

/// The parts of a function that a tool is, in OpenAI's form.
pub(crate) fn functions(tools: &[Value]) -> impl Iterator<Item = &Map<String, Value>> {
    tools.iter().filter_map(|tool| tool.get("function").and_then(Value::as_object))
}

fn text_of(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn pieces(content: Option<Value>) -> Vec<Piece> {
    match content {
        Some(Value::String(text)) => vec![Piece::Text(text)],
        Some(Value::Array(parts)) => parts.into_iter().map(piece).collect(),
        _ => Vec::new(),
    }
}

fn piece(part: Value) -> Piece {
    let image = || match part.get("image_url")? {
        Value::String(url) => Some(url.clone()),
        other => other.get("url")?.as_str().map(str::to_owned),
    };
    match (&part, part.get("text").and_then(Value::as_str)) {
        (Value::String(text), _) => Piece::Text(text.clone()),
        (_, Some(text)) => Piece::Text(text.to_owned()),
        _ => match image() {
            Some(url) => Piece::Image(url),
            None => Piece::Other(part),
        },
    }
}

fn calls(calls: Option<&Value>) -> Vec<Call> {
    let list = calls.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let call = |call: &Value| {
        let function = call.get("function")?;
        Some(Call {
            id: text_of(call.get("id")),
            name: text_of(function.get("name")),
            arguments: match function.get("arguments") {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            },
        })
    };
    list.iter().filter_map(call).collect()
}

#[cfg(test)]
pub(crate) mod tests;
