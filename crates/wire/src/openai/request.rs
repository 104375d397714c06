//! Bodies of chat completion requests, written without a tree in between.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

pub(crate) use crate::request::write_json;

/// One request for a chat completion.
#[derive(Clone, Copy, Debug)]
pub struct ChatRequest<'a> {
    /// The model's name.
    pub model: &'a str,
    /// What is said to it.
    pub messages: Messages<'a>,
    /// Whether the answer comes as a stream.
    pub stream: bool,
    /// Whether a stream ends with a chunk that carries the usage.
    pub include_usage: bool,
    /// The most tokens of the answer, if it is to be bounded.
    pub max_tokens: Option<u32>,
    /// The field that carries `max_tokens`.
    pub max_tokens_field: MaxTokensField,
    /// Further members, such as a temperature. They add and never replace: a member of this request
    /// wins over one of the same name here, so that neither the way the answer is read nor a limit on
    /// its length can be changed by accident. Only `stream_options` is merged member by member.
    pub extra: Option<&'a Map<String, Value>>,
}

/// The messages of a request.
#[derive(Clone, Copy, Debug)]
pub enum Messages<'a> {
    /// One message of the user.
    Prompt(&'a str),
    /// A JSON array of messages, sent as it is.
    Raw(&'a RawValue),
    /// The member that carries them, sent as it is.
    Member(&'a [u8]),
}

/// The name under which a request bounds its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxTokensField {
    /// `max_tokens`, which every server knows.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's reasoning models insist on.
    MaxCompletionTokens,
}

impl MaxTokensField {
    /// The name as it stands in a request.
    pub const fn name(self) -> &'static str {
        match self {
            MaxTokensField::MaxTokens => "max_tokens",
            MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

impl ChatRequest<'_> {
    /// Appends the body of the request to `out`.
    pub fn write_body(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"model\":");
        write_json(out, self.model);
        out.push(b',');
        if !matches!(self.messages, Messages::Member(_)) {
            out.extend_from_slice(b"\"messages\":");
        }
        match self.messages {
            Messages::Prompt(text) => {
                out.extend_from_slice(b"[{\"role\":\"user\",\"content\":");
                write_json(out, text);
                out.extend_from_slice(b"}]");
            }
            Messages::Raw(messages) => out.extend_from_slice(messages.get().as_bytes()),
            Messages::Member(member) => out.extend_from_slice(member),
        }
        out.extend_from_slice(if self.stream { b",\"stream\":true" } else { b",\"stream\":false" });
        let asks_for_usage = self.stream && self.include_usage;
        if asks_for_usage {
            self.write_stream_options(out);
        }
        if let Some(limit) = self.max_tokens {
            member(out, self.max_tokens_field.name(), &limit);
        }
        for (name, value) in self.extra.into_iter().flatten() {
            let ours = match name.as_str() {
                "model" | "messages" | "stream" => true,
                "stream_options" => asks_for_usage,
                "max_tokens" | "max_completion_tokens" => self.max_tokens.is_some(),
                _ => false,
            };
            if !ours {
                member(out, name, value);
            }
        }
        out.push(b'}');
    }

    fn write_stream_options(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"stream_options\":{\"include_usage\":true");
        if let Some(Value::Object(options)) = self.extra.and_then(|extra| extra.get("stream_options")) {
            for (name, value) in options.iter().filter(|(name, _)| *name != "include_usage") {
                member(out, name, value);
            }
        }
        out.push(b'}');
    }
}

fn member<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, name: &str, value: &T) {
    out.push(b',');
    write_json(out, name);
    out.push(b':');
    write_json(out, value);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLAIN: ChatRequest<'static> = ChatRequest {
        model: "m",
        messages: Messages::Prompt("hi"),
        stream: true,
        include_usage: true,
        max_tokens: Some(7),
        max_tokens_field: MaxTokensField::MaxTokens,
        extra: None,
    };

    fn body(request: ChatRequest<'_>) -> String {
        let mut out = Vec::new();
        request.write_body(&mut out);
        serde_json::from_slice::<Value>(&out).expect("valid JSON");
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_plain_request() {
        assert_eq!(
            body(PLAIN),
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":7}"#
        );
        assert_eq!(
            body(ChatRequest {
                stream: false,
                max_tokens_field: MaxTokensField::MaxCompletionTokens,
                ..PLAIN
            }),
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":false,"max_completion_tokens":7}"#
        );
    }

    #[test]
    fn text_is_escaped() {
        let text = "quote \" slash \\ line\nnul \0 é 🌊 \u{2028}";
        let sent: Value =
            serde_json::from_str(&body(ChatRequest { messages: Messages::Prompt(text), ..PLAIN })).unwrap();
        assert_eq!(sent["messages"][0]["content"], text);
    }

    #[test]
    fn raw_messages_are_sent_as_they_are() {
        let raw = RawValue::from_string(r#"[{"role":"system", "content":"é\u00e9"}]"#.into()).unwrap();
        assert!(body(ChatRequest { messages: Messages::Raw(&raw), ..PLAIN }).contains(raw.get()));
    }

    #[test]
    fn extra_members_add_and_never_replace() {
        let extra = json!({"temperature": 0.5, "stream": false, "max_tokens": 9, "max_completion_tokens": 9, "model": "x",
            "stream_options": {"include_usage": false, "include_obfuscation": false}});
        let extra = extra.as_object();
        let sent: Value = serde_json::from_str(&body(ChatRequest { extra, ..PLAIN })).unwrap();
        assert_eq!(
            sent,
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true, "max_tokens": 7,
                "temperature": 0.5, "stream_options": {"include_usage": true, "include_obfuscation": false}})
        );
        let sent: Value = serde_json::from_str(&body(ChatRequest {
            extra,
            max_tokens: None,
            include_usage: false,
            ..PLAIN
        }))
        .unwrap();
        assert_eq!(
            (&sent["max_tokens"], &sent["stream_options"]["include_usage"]),
            (&json!(9), &json!(false))
        );
    }
}
