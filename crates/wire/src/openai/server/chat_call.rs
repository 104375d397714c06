//! Requests for chat completions, read and checked.

use serde_json::value::RawValue;

use super::member::{self, missing, wrong_type};
use crate::server::ask::{Ask, Prompt, Shape};
use crate::server::fault::Fault;
use crate::server::read::{self, Kind, Members};

/// The most choices that can be asked for.
pub(super) const MOST_CHOICES: u32 = 128;

/// Reads the body of a request for a chat completion; with a `deployment` it is Azure's.
///
/// # Errors
/// The fault (status 400) that the real API would report, in about its words.
pub(crate) fn parse_chat(body: &[u8], deployment: Option<&str>, azure: bool) -> Result<Ask, Fault> {
    let body = member::body(body)?;
    let model = member::model(&body, deployment)?;
    let (prompt, users_turn) = read_messages(body.get("messages"))?;
    let stream = member::boolean(&body, "stream")?;
    let max_tokens = member::count(&body, "max_tokens", u32::MAX)?;
    let max_completion_tokens = member::count(&body, "max_completion_tokens", u32::MAX)?;
    let tools = member::tools(&body, true)?;
    let shape = Shape::Chat { include_usage: member::include_usage(&body, stream)?, azure };
    Ok(Ask {
        stream,
        max_tokens: max_completion_tokens.or(max_tokens),
        n: member::count(&body, "n", MOST_CHOICES)?.unwrap_or(1),
        users_turn,
        choice: member::tool_choice(&body, &tools)?,
        tools,
        form: member::form(body.get("response_format"), "response_format")?,
        ..Ask::new(model, shape, prompt)
    })
}

/// The prompt, and whether the last message is the user's.
fn read_messages(messages: Option<&RawValue>) -> Result<(Prompt, bool), Fault> {
    let Some(raw) = messages else { return Err(missing("messages")) };
    let messages = read::items(raw).ok_or_else(|| wrong_type("messages", "an array of objects", raw))?;
    if messages.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty \
                       array instead.";
        return Err(member::invalid(message).with_param("messages").with_code("empty_array"));
    }
    let mut prompt = Prompt::default();
    let mut users_turn = true;
    for (index, raw) in messages.into_iter().enumerate() {
        let at = |member: &str| format!("messages[{index}]{member}");
        let message = Members::of(raw).ok_or_else(|| wrong_type(&at(""), "an object", raw))?;
        let role = message.get("role").ok_or_else(|| missing(&at(".role")))?;
        if Kind::of(role) != Kind::String {
            return Err(wrong_type(&at(".role"), "a string", role));
        }
        users_turn = !matches!(role.get(), "\"tool\"" | "\"function\"" | "\"assistant\"");
        if let Some(content) = message.get("content") {
            member::content(content, &at(".content"), &mut prompt)?;
        }
    }
    prompt.mark(raw.get().as_bytes());
    Ok((prompt, users_turn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::ask::{Form, ToolChoice};

    fn parse_chat(body: &[u8]) -> Result<Ask, Fault> {
        super::parse_chat(body, None, false)
    }

    fn fault(body: &str) -> (String, Option<String>, Option<&'static str>) {
        let fault = parse_chat(body.as_bytes()).unwrap_err();
        assert_eq!(fault.status, 400);
        (fault.message, fault.param, fault.code)
    }

    fn with(member: &str) -> String {
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"one two"}}]{member}}}"#)
    }

    #[test]
    fn a_usual_request() {
        let body = with(
            r#","stream":true,"stream_options":{"include_usage":true},"max_tokens":9,"temperature":0.1"#,
        );
        let call = parse_chat(body.as_bytes()).unwrap();
        assert_eq!((call.model.as_str(), call.stream, call.max_tokens, call.n), ("m", true, Some(9), 1));
        assert_eq!(call.shape, Shape::Chat { include_usage: true, azure: false });
        assert_eq!((call.prompt.tokens, call.users_turn), (2, true));
        // Pinned: simulated answers are drawn by it.
        assert_eq!(call.prompt.hash, PINNED);
        assert_ne!(parse_chat(with("").replace("two", "twp").as_bytes()).unwrap().prompt.hash, PINNED);
    }

    const PINNED: u64 = 12_600_959_327_387_558_911;

    #[test]
    fn limits_of_the_answer() {
        let limit = |member: &str| parse_chat(with(member).as_bytes()).unwrap().max_tokens;
        assert_eq!(limit(""), None);
        assert_eq!(limit(r#","max_tokens":null"#), None);
        assert_eq!(limit(r#","max_tokens":9,"max_completion_tokens":5"#), Some(5));
        let (message, param, code) = fault(&with(r#","max_tokens":0"#));
        assert_eq!(
            message,
            "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead."
        );
        assert_eq!((param.as_deref(), code), (Some("max_tokens"), Some("integer_below_min_value")));
        assert!(fault(&with(r#","max_completion_tokens":-3"#)).0.contains("got -3"));
        assert_eq!(
            fault(&with(r#","max_tokens":1.5"#)).0,
            "Invalid type for 'max_tokens': expected an integer, but got a decimal instead."
        );
        assert_eq!(fault(&with(r#","max_tokens":"9""#)).2, Some("invalid_type"));
        assert_eq!(fault(&with(r#","max_tokens":99999999999999999999"#)).2, Some("invalid_type"));
        assert_eq!(fault(&with(r#","max_tokens":9999999999"#)).2, Some("integer_above_max_value"));
        assert_eq!(fault(&with(r#","n":129"#)).2, Some("integer_above_max_value"));
        assert_eq!(parse_chat(with(r#","n":3"#).as_bytes()).unwrap().n, 3);
    }

    #[test]
    fn contents_in_parts() {
        let body = r#"{"model":"m","messages":[{"role":"system","content":"one \u0074wo"},{"role":"assistant","content":null},
            {"role":"user","content":[{"type":"text","text":"three"},{"type":"image_url","image_url":{"url":"x"}}]}]}"#;
        assert_eq!(parse_chat(body.as_bytes()).unwrap().prompt.tokens, 3);
    }

    #[test]
    fn faults_are_those_of_the_real_api() {
        for not_json in ["", "{", "nonsense", "{\"model\":}", "\u{0}"] {
            assert!(fault(not_json).0.starts_with("We could not parse the JSON body"), "{not_json}");
        }
        assert!(parse_chat(b"\xff").is_err());
        assert_eq!(fault("[]").0, "Invalid body: expected a JSON object, but got an array instead.");
        assert_eq!(fault("{}").0, "you must provide a model parameter");
        assert_eq!(fault(r#"{"model":7}"#).1.as_deref(), Some("model"));
        assert_eq!(fault(r#"{"model":"m"}"#).0, "Missing required parameter: 'messages'.");
        assert_eq!(fault(r#"{"model":"m","messages":[]}"#).2, Some("empty_array"));
        assert_eq!(
            fault(r#"{"model":"m","messages":"hi"}"#).0,
            "Invalid type for 'messages': expected an array of objects, but got a string instead."
        );
        assert_eq!(fault(r#"{"model":"m","messages":["hi"]}"#).1.as_deref(), Some("messages[0]"));
        assert_eq!(
            fault(r#"{"model":"m","messages":[{"content":"x"}]}"#).0,
            "Missing required parameter: 'messages[0].role'."
        );
        assert_eq!(fault(r#"{"model":"m","messages":[{"role":1}]}"#).1.as_deref(), Some("messages[0].role"));
        assert_eq!(
            fault(r#"{"model":"m","messages":[{"role":"user","content":7}]}"#).1.as_deref(),
            Some("messages[0].content")
        );
        assert_eq!(fault(&with(r#","stream":"yes""#)).1.as_deref(), Some("stream"));
        assert_eq!(
            fault(&with(r#","stream":true,"stream_options":[]"#)).1.as_deref(),
            Some("stream_options")
        );
        assert!(
            fault(&with(r#","stream_options":{"include_usage":true}"#))
                .0
                .contains("only allowed when 'stream'")
        );
    }

    #[test]
    fn tools_and_forms() {
        let tools = r#","tools":[{"type":"web"},{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]"#;
        let ask = |member: &str| parse_chat(with(&format!("{tools}{member}")).as_bytes()).unwrap();
        let called = |member: &str| ask(member).called_tool().map(|tool| tool.name.clone());
        assert_eq!(called("").as_deref(), Some("f"));
        assert_eq!(called(r#","tool_choice":"none""#), None);
        assert_eq!(ask(r#","tool_choice":"required""#).choice, ToolChoice::Required);
        let named = r#","tool_choice":{"type":"function","function":{"name":"f"}}"#;
        assert_eq!(ask(named).choice, ToolChoice::Named("f".into()));
        assert!(
            fault(&with(&format!("{tools}{}", named.replace("\"f\"", "\"g\"")))).0.contains("'g' not found")
        );
        assert_eq!(fault(&with(r#","tool_choice":"auto""#)).1.as_deref(), Some("tool_choice"));
        assert_eq!(fault(&with(r#","tools":[{"function":{}}]"#)).1.as_deref(), Some("tools[0].type"));
        assert_eq!(
            fault(&with(r#","tools":[{"type":"function","function":{}}]"#)).1.as_deref(),
            Some("tools[0].function.name")
        );
        let form = |format: &str| with(&format!(r#","response_format":{format}"#));
        let read = |format: &str| parse_chat(form(format).as_bytes()).unwrap().form;
        assert_eq!(read(r#"{"type":"json_object"}"#), Form::Object);
        assert_eq!(
            read(r#"{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"null"}}}"#),
            Form::Schema(serde_json::json!({"type": "null"}))
        );
        assert_eq!(
            fault(&form(r#"{"type":"json_schema","json_schema":{"name":"n"}}"#)).1.as_deref(),
            Some("response_format.json_schema.schema")
        );
        assert_eq!(fault(&form(r#"{"type":"xml"}"#)).2, Some("invalid_value"));
    }
}
