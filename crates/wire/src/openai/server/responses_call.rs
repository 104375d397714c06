//! Requests of the Responses API, read and checked.

use std::fmt::Write;

use serde_json::value::RawValue;

use super::member::{self, missing, wrong_type};
use crate::server::ask::{Ask, Prompt, Shape};
use crate::server::fault::Fault;
use crate::server::read::{self, Kind, Members};

/// Members that an answer repeats, with what they are unless given.
const REPEATED: [(&str, &str); 14] = [
    ("background", "false"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("reasoning", "{\"effort\":null,\"summary\":null}"),
    ("store", "true"),
    ("temperature", "1.0"),
    ("text", "{\"format\":{\"type\":\"text\"}}"),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_p", "1.0"),
    ("truncation", "\"disabled\""),
];

/// Reads the body of a request for a response.
///
/// # Errors
/// The fault (status 400) that the real API would report, in about its words.
pub(crate) fn parse_responses(body: &[u8]) -> Result<Ask, Fault> {
    let body = member::body(body)?;
    let model = member::model(&body, None)?;
    let (prompt, users_turn) = read_input(&body)?;
    let tools = member::tools(&body, false)?;
    let text = match body.get("text") {
        None => None,
        Some(raw) => Some(Members::of(raw).ok_or_else(|| wrong_type("text", "an object", raw))?),
    };
    let mut echo = String::new();
    for (name, usual) in REPEATED {
        let value = body.get(name).map_or(usual, RawValue::get);
        // Writing into a string cannot fail.
        let _ = write!(echo, ",\"{name}\":{value}");
    }
    Ok(Ask {
        stream: member::boolean(&body, "stream")?,
        max_tokens: member::count(&body, "max_output_tokens", u32::MAX)?,
        users_turn,
        choice: member::tool_choice(&body, &tools)?,
        tools,
        form: member::form(text.and_then(|text| text.get("format")), "text.format")?,
        echo: echo.into(),
        ..Ask::new(model, Shape::Responses, prompt)
    })
}

/// The prompt, and whether the last item is the user's.
fn read_input(body: &Members<'_>) -> Result<(Prompt, bool), Fault> {
    let (mut prompt, mut users_turn) = (Prompt::default(), true);
    if let Some(raw) = body.get("instructions") {
        if Kind::of(raw) == Kind::String {
            prompt.add(&member::string(raw, "instructions")?);
        }
        prompt.mark(raw.get().as_bytes());
    }
    let Some(raw) = body.get("input") else {
        // What was said before stands for it.
        return if body.get("previous_response_id").is_some() {
            Ok((prompt, true))
        } else {
            Err(missing("input"))
        };
    };
    prompt.mark(raw.get().as_bytes());
    if let Some(text) = read::text(raw) {
        prompt.add(&text);
        return Ok((prompt, users_turn));
    }
    let items = read::items(raw)
        .ok_or_else(|| wrong_type("input", "one of a string or an array of input items", raw))?;
    for (index, raw) in items.into_iter().enumerate() {
        let at = |member: &str| format!("input[{index}]{member}");
        let item = Members::of(raw).ok_or_else(|| wrong_type(&at(""), "an object", raw))?;
        match item.text("type").as_deref() {
            None | Some("message") => {
                let role = item.get("role").ok_or_else(|| missing(&at(".role")))?;
                users_turn = member::string(role, &at(".role"))? != "assistant";
                let content = item.get("content").ok_or_else(|| missing(&at(".content")))?;
                member::content(content, &at(".content"), &mut prompt)?;
            }
            Some("function_call_output") => {
                users_turn = false;
                if item.get("call_id").is_none() {
                    return Err(missing(&at(".call_id")));
                }
                if let Some(output) = item.get("output") {
                    member::content(output, &at(".output"), &mut prompt)?;
                }
            }
            Some("function_call") => {
                users_turn = false;
                prompt.add(&item.text("arguments").unwrap_or_default());
            }
            // Reasoning and the provider's own tools.
            Some(_) => {}
        }
    }
    Ok((prompt, users_turn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::ask::Form;

    fn parse(members: &str) -> Result<Ask, Fault> {
        parse_responses(format!(r#"{{"model":"m"{members}}}"#).as_bytes())
    }

    #[test]
    fn inputs_of_every_kind() {
        let read = |members: &str| {
            let ask = parse(members).unwrap();
            (ask.prompt.tokens, ask.users_turn)
        };
        assert_eq!(read(r#","input":"one two""#), (2, true));
        assert_eq!(read(r#","instructions":"three","input":"one two""#), (3, true));
        let call = r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#;
        let said = r#"{"role":"user","content":[{"type":"input_text","text":"one"}]}"#;
        assert!(!read(&format!(r#","input":[{said},{call}]"#)).1);
        let result = r#"{"type":"function_call_output","call_id":"c","output":"two"}"#;
        assert!(!read(&format!(r#","input":[{said},{call},{result}]"#)).1);
        assert_eq!(read(&format!(r#","input":[{result},{said}]"#)), (2, true));
        assert_eq!(parse("").unwrap_err().param.as_deref(), Some("input"));
        assert_eq!(parse(r#","input":[7]"#).unwrap_err().param.as_deref(), Some("input[0]"));
        assert_eq!(parse(r#","input":[{}]"#).unwrap_err().param.as_deref(), Some("input[0].role"));
    }

    #[test]
    fn tools_and_forms_are_not_wrapped() {
        let ask = parse(
            r#","input":"a","tools":[{"type":"function","name":"f","parameters":{}}],"tool_choice":{"type":"function","name":"f"},
            "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"null"}}},"max_output_tokens":5"#,
        )
        .unwrap();
        assert_eq!(ask.called_tool().map(|tool| tool.name.as_str()), Some("f"));
        assert!(matches!(ask.form, Form::Schema(_)));
        assert!(ask.echo.contains(r#","max_output_tokens":5,"metadata":{},"#), "{}", ask.echo);
    }
}
