//! Requests of an application's own API: templates, filled in for each request.

use std::sync::Arc;

use floodline_core::workload::Head;
use minijinja::{Value, context};

use super::frame::Wanted;
use crate::template::{JsonTemplate, Template};

/// How an application is asked. Parts that are the same for all requests are none of it, but for the body.
#[derive(Debug)]
pub(crate) struct OwnRequest {
    pub(crate) method: Option<Template>,
    /// The path of the target's URL, and what comes behind it; its query comes last.
    pub(crate) path: Option<OwnPath>,
    pub(crate) fields: Vec<(Box<str>, Template)>,
    pub(crate) body: OwnBody,
    pub(crate) model: Value,
    pub(crate) seed: u64,
    /// Whether any template looks at the messages: to read them takes time.
    pub(crate) reads_messages: bool,
}

/// A path that differs between requests.
#[derive(Debug)]
pub(crate) struct OwnPath {
    pub(crate) before: String,
    pub(crate) template: Template,
    pub(crate) query: Option<String>,
}

/// The body of such a request.
#[derive(Debug)]
pub(crate) enum OwnBody {
    None,
    Json(JsonTemplate),
    Text(Template),
    Form(Vec<(String, Template)>),
}

impl OwnRequest {
    /// Appends the body to `out`, and says what is special about the head.
    pub(super) fn render(
        self: &Arc<Self>,
        wanted: Wanted,
        messages: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Box<Head>> {
        let context = self.context(wanted, messages);
        let start = out.len();
        match self.body.write(&context, out).and_then(|()| self.head(&context)) {
            Ok(head) => head.map(Box::new),
            Err(why) => {
                out.truncate(start);
                let fault = format!("the request could not be made: {why}");
                Some(Box::new(Head { fault: Some(fault.into()), ..Head::default() }))
            }
        }
    }

    /// What templates know.
    pub(crate) fn context(&self, wanted: Wanted, messages: &[u8]) -> Value {
        let all = self.reads_messages.then(|| serde_json::from_slice::<Value>(messages).unwrap_or_default());
        context! {
            prompt => prompt_of(messages),
            messages => all,
            model => self.model.clone(),
            max_tokens => wanted.max_tokens,
            i => wanted.i,
            seed => self.seed,
        }
    }

    fn head(&self, context: &Value) -> Result<Option<Head>, String> {
        let mut head = Head::default();
        if let Some(method) = &self.method {
            head.method = Some(checked_method(&method.render(context)?)?.into());
        }
        if let Some(path) = &self.path {
            head.path = Some(path.fill(context)?.into());
        }
        for (name, template) in &self.fields {
            let value = template.render(context)?;
            if !is_header_value(&value) {
                return Err(format!(
                    "the value of the header `{name}` would hold a line break or another character that cannot be sent in a head"
                ));
            }
            head.fields.push((name.clone(), value.trim().into()));
        }
        Ok((head != Head::default()).then_some(head))
    }
}

impl OwnPath {
    fn fill(&self, context: &Value) -> Result<String, String> {
        Ok(joined(&self.before, &self.template.render(context)?, self.query.as_deref()))
    }
}

impl OwnBody {
    fn write(&self, context: &Value, out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            OwnBody::None => {}
            OwnBody::Json(json) => json.write(context, out)?,
            OwnBody::Text(text) => out.extend_from_slice(text.render(context)?.as_bytes()),
            OwnBody::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, value) in fields {
                    form.append_pair(name, &value.render(context)?);
                }
                out.extend_from_slice(form.finish().as_bytes());
            }
        }
        Ok(())
    }

    /// The media type that it is sent as.
    pub(crate) fn content_type(&self) -> Option<&'static str> {
        match self {
            OwnBody::None => None,
            OwnBody::Json(_) => Some("application/json"),
            OwnBody::Text(_) => Some("text/plain; charset=utf-8"),
            OwnBody::Form(_) => Some("application/x-www-form-urlencoded"),
        }
    }
}

/// Path and query behind the path of a URL and ahead of its query, in characters that may stand there: no line break
/// and no space gets into a head, and no `#` ends a path early.
pub(crate) fn joined(before: &str, path: &str, query: Option<&str>) -> String {
    let path = path.trim();
    let slash = if path.is_empty() || path.starts_with(['/', '?']) { "" } else { "/" };
    let mut whole = format!("{}{slash}{}", before.trim_end_matches('/'), encoded(path));
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        whole.push(if whole.contains('?') { '&' } else { '?' });
        whole.push_str(query);
    }
    if whole.starts_with('/') { whole } else { format!("/{whole}") }
}

/// What may stand in a path or a query as it is; a `%` that is no escape is escaped itself.
fn encoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = String::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = || bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
        match byte {
            b'%' if escape() => out.push('%'),
            b'%' => out.push_str("%25"),
            _ if byte.is_ascii_alphanumeric() || b"-._~/?&=:@!$'()*+,;".contains(&byte) => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A method, in capitals.
pub(crate) fn checked_method(text: &str) -> Result<String, String> {
    let method = text.trim().to_ascii_uppercase();
    let is_word = !method.is_empty() && method.len() <= 20 && method.bytes().all(|b| b.is_ascii_uppercase());
    match method.as_str() {
        "HEAD" | "CONNECT" => Err(format!("`{method}` cannot be sent: its answers have no body to read")),
        _ if is_word => Ok(method),
        _ => Err("this is not a method such as GET or POST".into()),
    }
}

/// Whether a text may stand in a head.
pub(crate) fn is_header_value(value: &str) -> bool {
    value.chars().all(|c| c == '\t' || c == ' ' || c.is_ascii_graphic())
}

/// The text of the last message of the user; of all of them where none is the user's.
fn prompt_of(messages: &[u8]) -> String {
    let list: Vec<serde_json::Value> = serde_json::from_slice(messages).unwrap_or_default();
    let is_user = |message: &&serde_json::Value| message["role"] == "user";
    match list.iter().rev().find(is_user) {
        Some(message) => text_of(&message["content"]),
        None => list.iter().map(|message| text_of(&message["content"])).collect::<Vec<_>>().join("\n\n"),
    }
}

fn text_of(content: &serde_json::Value) -> String {
    match content {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_path() {
        for (path, expected) in [
            ("/chat", "/base/chat"),
            ("chat?a=b c", "/base/chat?a=b%20c"),
            ("/x\r\nHost: evil", "/base/x%0D%0AHost:%20evil"),
            ("/é#frag", "/base/%C3%A9%23frag"),
            ("/100%/%41", "/base/100%25/%41"),
            ("", "/base"),
        ] {
            assert_eq!(joined("/base/", path, None), expected);
        }
        assert_eq!(joined("", "", None), "/");
        assert_eq!(joined("/", "?q=1", Some("k=v")), "/?q=1&k=v");
        assert_eq!(joined("/a", "b", Some("k=v")), "/a/b?k=v");
    }

    #[test]
    fn the_prompt_is_what_the_user_said_last() {
        let messages = br#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":[{"type":"text","text":"c"},{"x":1}]}]"#;
        assert_eq!(prompt_of(messages), "c");
        assert_eq!(prompt_of(br#"[{"role":"system","content":"a"},{"role":"x","content":"b"}]"#), "a\n\nb");
        assert_eq!(prompt_of(b"nonsense"), "");
    }

    #[test]
    fn methods_are_words() {
        assert_eq!(checked_method(" patch").as_deref(), Ok("PATCH"));
        for wrong in ["", "GET /", "G\r\nX", "HEAD"] {
            assert!(checked_method(wrong).is_err(), "{wrong}");
        }
    }
}
