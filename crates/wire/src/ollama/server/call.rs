//! Requests to Ollama, read and checked.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::server::ask::{Ask, Form, Prompt, Shape, Tool};
use crate::server::fault::{Dialect, Fault};
use crate::server::read::{self, Members};

/// Reads the body of a chat.
///
/// # Errors
/// The fault (status 400) to answer with.
pub(crate) fn parse_chat(body: &[u8]) -> Result<Ask, Fault> {
    let body = read_body(body)?;
    let (mut prompt, mut users_turn) = (Prompt::default(), true);
    if let Some(raw) = body.get("messages") {
        let messages = read::items(raw).ok_or_else(|| wrong("messages must be a list"))?;
        for (index, raw) in messages.into_iter().enumerate() {
            let message =
                Members::of(raw).ok_or_else(|| wrong(&format!("messages[{index}] must be an object")))?;
            users_turn = match message.text("role").as_deref() {
                Some("user" | "system") => true,
                Some("assistant" | "tool") => false,
                _ => return Err(wrong("invalid role: must be one of system, user, assistant or tool")),
            };
            if let Some(content) = message.get("content") {
                prompt.add(
                    &read::text(content)
                        .ok_or_else(|| wrong(&format!("messages[{index}].content must be a string")))?,
                );
            }
        }
        prompt.mark(raw.get().as_bytes());
    }
    let tools = read_tools(body.get("tools"))?;
    Ok(Ask { users_turn, tools, ..common(&body, Shape::OllamaChat, prompt)? })
}

/// Reads the body of a generation.
///
/// # Errors
/// The fault (status 400) to answer with.
pub(crate) fn parse_generate(body: &[u8]) -> Result<Ask, Fault> {
    let body = read_body(body)?;
    let mut prompt = Prompt::default();
    for name in ["system", "prompt", "suffix"] {
        if let Some(raw) = body.get(name) {
            prompt.add(&read::text(raw).ok_or_else(|| wrong(&format!("{name} must be a string")))?);
            prompt.mark(raw.get().as_bytes());
        }
    }
    common(&body, Shape::OllamaGenerate, prompt)
}

/// The model that a body names, of today or of old.
///
/// # Errors
/// The fault (status 400) to answer with.
pub(crate) fn parse_model(body: &[u8]) -> Result<String, Fault> {
    let body = read_body(body)?;
    match body.text("model").or_else(|| body.text("name")) {
        Some(model) => Ok(model.into_owned()),
        None => Err(wrong("model is required")),
    }
}

/// What chats and generations have in common. They are streamed unless they say otherwise.
fn common(body: &Members<'_>, shape: Shape, prompt: Prompt) -> Result<Ask, Fault> {
    let stream = match body.get("stream") {
        None => true,
        Some(raw) => read::boolean(raw).ok_or_else(|| wrong("stream must be true or false"))?,
    };
    let options = match body.get("options") {
        None => Members::default(),
        Some(raw) => Members::of(raw).ok_or_else(|| wrong("options must be an object"))?,
    };
    // Below one there is no limit.
    let max_tokens = match options.get("num_predict") {
        None => None,
        Some(raw) => {
            let number =
                read::integer(raw).ok_or_else(|| wrong("option \"num_predict\" must be of type integer"))?;
            (number > 0).then(|| u32::try_from(number).unwrap_or(u32::MAX))
        }
    };
    let form = match body.get("format").map(read::value) {
        None => Form::Text,
        Some(Value::String(format)) if format.is_empty() => Form::Text,
        Some(Value::String(format)) if format == "json" => Form::Object,
        Some(schema @ Value::Object(_)) => Form::Schema(schema),
        Some(_) => return Err(wrong("invalid format: expected \"json\" or a JSON schema")),
    };
    Ok(Ask { stream, max_tokens, form, ..Ask::new(model(body)?, shape, prompt) })
}

fn read_tools(raw: Option<&RawValue>) -> Result<Vec<Tool>, Fault> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let items = read::items(raw).ok_or_else(|| wrong("tools must be a list"))?;
    let tool = |raw: &RawValue| {
        let function = Members::of(raw)?.object("function")?;
        let name = function.text("name")?.into_owned();
        let parameters = function.get("parameters").map_or(Value::Bool(true), read::value);
        Some(Tool { name, parameters })
    };
    items
        .into_iter()
        .map(|raw| tool(raw).ok_or_else(|| wrong("a tool needs a function with a name")))
        .collect()
}

pub(super) fn read_body(body: &[u8]) -> Result<Members<'_>, Fault> {
    if body.is_empty() {
        return Err(wrong("missing request body"));
    }
    Members::of_body(body).map_err(|_| wrong("the request body is no JSON object"))
}

pub(super) fn model(body: &Members<'_>) -> Result<String, Fault> {
    let raw = body.get("model").ok_or_else(|| wrong("model is required"))?;
    let model = read::text(raw).ok_or_else(|| wrong("model must be a string"))?;
    if model.is_empty() {
        return Err(wrong("model is required"));
    }
    Ok(model.into_owned())
}

pub(super) fn wrong(message: &str) -> Fault {
    Fault::invalid(Dialect::Ollama, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_the_rule() {
        let parse = |members: &str| {
            let body =
                format!(r#"{{"model":"m","messages":[{{"role":"user","content":"one two"}}]{members}}}"#);
            parse_chat(body.as_bytes())
        };
        let ask = parse("").unwrap();
        assert_eq!((ask.stream, ask.max_tokens, ask.prompt.tokens), (true, None, 2));
        let ask = parse(r#","stream":false,"options":{"num_predict":7},"format":"json""#).unwrap();
        assert_eq!((ask.stream, ask.max_tokens, ask.form), (false, Some(7), Form::Object));
        assert_eq!(parse(r#","options":{"num_predict":-1}"#).unwrap().max_tokens, None);
        assert!(parse(r#","format":"xml""#).is_err());
        assert!(parse(r#","tools":[{}]"#).is_err());
        let tools =
            r#","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]"#;
        assert_eq!(parse(tools).unwrap().called_tool().unwrap().name, "f");
    }

    #[test]
    fn faults_say_what_is_missing() {
        let fault = |body: &str| parse_generate(body.as_bytes()).unwrap_err().message;
        assert_eq!(fault(""), "missing request body");
        assert_eq!(fault("{}"), "model is required");
        assert!(fault(r#"{"model":"m","prompt":7}"#).contains("prompt"));
        assert_eq!(parse_model(br#"{"name":"m"}"#), Ok("m".into()));
    }
}
