//! Requests for messages, read and checked.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::server::ask::{Ask, Form, Prompt, Shape, Tool, ToolChoice};
use crate::server::fault::{Dialect, Fault};
use crate::server::read::{self, Kind, Members};

/// Reads the body of a request for a message.
///
/// # Errors
/// The fault (status 400) that the real API would report, in about its words.
pub(crate) fn parse_messages(body: &[u8]) -> Result<Ask, Fault> {
    let body = read_body(body)?;
    let model = model(&body)?;
    let max_tokens = match body.get("max_tokens") {
        None => return Err(wrong("max_tokens", "Field required")),
        Some(raw) => match read::integer(raw) {
            None => return Err(wrong("max_tokens", "Input should be a valid integer")),
            Some(number) if number < 1 => {
                return Err(wrong("max_tokens", "Input should be greater than or equal to 1"));
            }
            Some(number) => u32::try_from(number).unwrap_or(u32::MAX),
        },
    };
    let stream = match body.get("stream") {
        None => false,
        Some(raw) => read::boolean(raw).ok_or_else(|| wrong("stream", "Input should be a valid boolean"))?,
    };
    let (prompt, users_turn) = read_prompt(&body)?;
    let tools = read_tools(&body)?;
    Ok(Ask {
        stream,
        max_tokens: Some(max_tokens),
        users_turn,
        choice: read_choice(&body, &tools)?,
        tools,
        form: read_form(&body)?,
        ..Ask::new(model, Shape::Messages, prompt)
    })
}

/// Reads the body of a request for the length of a prompt: the model and the tokens.
///
/// # Errors
/// As [`parse_messages`].
pub(crate) fn parse_count(body: &[u8]) -> Result<(String, u32), Fault> {
    let body = read_body(body)?;
    let model = model(&body)?;
    read_tools(&body)?;
    Ok((model, read_prompt(&body)?.0.tokens))
}

fn read_body(body: &[u8]) -> Result<Members<'_>, Fault> {
    let message = "The request body is not valid JSON: an object is expected.";
    Members::of_body(body).map_err(|_| Fault::invalid(Dialect::Anthropic, message))
}

fn model(body: &Members<'_>) -> Result<String, Fault> {
    let raw = body.get("model").ok_or_else(|| wrong("model", "Field required"))?;
    Ok(read::text(raw).ok_or_else(|| wrong("model", "Input should be a valid string"))?.into_owned())
}

/// The prompt, and whether the last message is the user's own.
fn read_prompt(body: &Members<'_>) -> Result<(Prompt, bool), Fault> {
    let mut prompt = Prompt::default();
    if let Some(system) = body.get("system") {
        content(system, "system", &mut prompt)?;
        prompt.mark(system.get().as_bytes());
    }
    let raw = body.get("messages").ok_or_else(|| wrong("messages", "Field required"))?;
    let messages = read::items(raw).ok_or_else(|| wrong("messages", "Input should be a valid list"))?;
    if messages.is_empty() {
        return Err(wrong("messages", "at least one message is required"));
    }
    let mut users_turn = true;
    for (index, raw) in messages.into_iter().enumerate() {
        let at = |member: &str| format!("messages.{index}{member}");
        let message =
            Members::of(raw).ok_or_else(|| wrong(&at(""), "Input should be a valid dictionary or object"))?;
        let role = message.get("role").ok_or_else(|| wrong(&at(".role"), "Field required"))?;
        users_turn = match read::text(role).as_deref() {
            Some("user" | "system") => true,
            Some("assistant") => false,
            _ => return Err(wrong(&at(".role"), "Input should be 'user' or 'assistant'")),
        };
        let raw = message.get("content").ok_or_else(|| wrong(&at(".content"), "Field required"))?;
        users_turn &= !content(raw, &at(".content"), &mut prompt)?;
    }
    prompt.mark(raw.get().as_bytes());
    Ok((prompt, users_turn))
}

/// Adds the tokens of a content; whether it holds the result of a tool.
fn content(raw: &RawValue, name: &str, prompt: &mut Prompt) -> Result<bool, Fault> {
    let invalid = || wrong(name, "Input should be a valid string or a list of content blocks");
    if Kind::of(raw) == Kind::String {
        prompt.add(&read::text(raw).ok_or_else(invalid)?);
        return Ok(false);
    }
    let mut has_result = false;
    for (index, block) in read::items(raw).ok_or_else(invalid)?.into_iter().enumerate() {
        let block = Members::of(block).ok_or_else(invalid)?;
        let Some(kind) = block.text("type") else {
            return Err(wrong(&format!("{name}.{index}.type"), "Field required"));
        };
        if let Some(text) = block.text("text") {
            prompt.add(&text);
        }
        if kind == "tool_result" {
            has_result = true;
            if let Some(result) = block.get("content") {
                content(result, &format!("{name}.{index}.content"), prompt)?;
            }
        }
        if kind == "tool_use"
            && let Some(input) = block.get("input")
        {
            prompt.add(input.get());
        }
    }
    Ok(has_result)
}

/// The tools that come with a schema; those without are the provider's own.
fn read_tools(body: &Members<'_>) -> Result<Vec<Tool>, Fault> {
    let Some(raw) = body.get("tools") else { return Ok(Vec::new()) };
    let mut tools = Vec::new();
    let items = read::items(raw).ok_or_else(|| wrong("tools", "Input should be a valid list"))?;
    for (index, raw) in items.into_iter().enumerate() {
        let at = |member: &str| format!("tools.{index}{member}");
        let tool =
            Members::of(raw).ok_or_else(|| wrong(&at(""), "Input should be a valid dictionary or object"))?;
        let name = tool.text("name").ok_or_else(|| wrong(&at(".name"), "Field required"))?;
        match tool.get("input_schema").map(read::value) {
            Some(parameters @ Value::Object(_)) => tools.push(Tool { name: name.into_owned(), parameters }),
            Some(_) => {
                return Err(wrong(&at(".input_schema"), "Input should be a valid dictionary or object"));
            }
            None if matches!(tool.text("type").as_deref(), None | Some("custom")) => {
                return Err(wrong(&at(".input_schema"), "Field required"));
            }
            None => {}
        }
    }
    Ok(tools)
}

fn read_choice(body: &Members<'_>, tools: &[Tool]) -> Result<ToolChoice, Fault> {
    let Some(raw) = body.get("tool_choice") else { return Ok(ToolChoice::Auto) };
    let choice = Members::of(raw)
        .ok_or_else(|| wrong("tool_choice", "Input should be a valid dictionary or object"))?;
    match choice.text("type").as_deref() {
        Some("auto") => Ok(ToolChoice::Auto),
        Some("none") => Ok(ToolChoice::None),
        Some("any") if tools.is_empty() => {
            Err(wrong("tool_choice", "may only be specified while providing tools"))
        }
        Some("any") => Ok(ToolChoice::Required),
        Some("tool") => match choice.text("name") {
            None => Err(wrong("tool_choice.tool.name", "Field required")),
            Some(name) if tools.iter().any(|tool| tool.name == name) => {
                Ok(ToolChoice::Named(name.into_owned()))
            }
            Some(name) => Err(wrong("tool_choice", &format!("Tool '{name}' not found in provided tools"))),
        },
        _ => Err(wrong("tool_choice.type", "Input should be 'auto', 'any', 'tool' or 'none'")),
    }
}

/// A schema for the text, under its name of today or of the beta.
fn read_form(body: &Members<'_>) -> Result<Form, Fault> {
    let config = body.object("output_config");
    let format =
        config.as_ref().and_then(|config| config.get("format")).or_else(|| body.get("output_format"));
    let Some(format) = format.and_then(Members::of) else { return Ok(Form::Text) };
    match format.get("schema").map(read::value) {
        Some(schema @ Value::Object(_)) => Ok(Form::Schema(schema)),
        _ => Err(wrong("output_config.format.schema", "Input should be a valid dictionary or object")),
    }
}

fn wrong(name: &str, what: &str) -> Fault {
    Fault::invalid(Dialect::Anthropic, format!("{name}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(members: &str) -> Result<Ask, Fault> {
        parse_messages(format!(r#"{{"model":"m","max_tokens":9{members}}}"#).as_bytes())
    }

    const HELLO: &str = r#","messages":[{"role":"user","content":"one two"}]"#;

    #[test]
    fn prompts_in_strings_and_blocks() {
        let read = |members: &str| {
            let ask = parse(members).unwrap();
            (ask.prompt.tokens, ask.users_turn)
        };
        assert_eq!(read(HELLO), (2, true));
        assert_eq!(read(&format!(r#"{HELLO},"system":[{{"type":"text","text":"three"}}]"#)), (3, true));
        let result = r#","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"one"}]}]}]"#;
        assert_eq!(read(result), (1, false));
    }

    #[test]
    fn faults_name_the_member() {
        let fault = |body: &str| parse_messages(body.as_bytes()).unwrap_err().message;
        assert!(fault("[").contains("not valid JSON"));
        assert_eq!(fault("{}"), "model: Field required");
        assert_eq!(fault(r#"{"model":"m"}"#), "max_tokens: Field required");
        let parsed = |members: &str| parse(members).unwrap_err().message;
        assert_eq!(parsed(""), "messages: Field required");
        assert_eq!(parsed(r#","messages":[]"#), "messages: at least one message is required");
        assert_eq!(parsed(r#","messages":[7]"#), "messages.0: Input should be a valid dictionary or object");
        assert!(parsed(r#","messages":[{"role":"x","content":""}]"#).starts_with("messages.0.role: "));
        assert!(parsed(&format!(r#"{HELLO},"tools":[{{"name":"f"}}]"#)).starts_with("tools.0.input_schema"));
        assert!(parsed(&format!(r#"{HELLO},"stream":1"#)).starts_with("stream: "));
    }

    #[test]
    fn tools_and_forms() {
        let tools = r#","tools":[{"type":"web_search_20250305","name":"w"},{"name":"f","input_schema":{"type":"object"}}]"#;
        let ask = |members: &str| parse(&format!("{HELLO}{tools}{members}")).unwrap();
        assert_eq!(ask("").called_tool().unwrap().name, "f");
        assert_eq!(ask(r#","tool_choice":{"type":"none"}"#).called_tool(), None);
        assert_eq!(ask(r#","tool_choice":{"type":"any"}"#).choice, ToolChoice::Required);
        let format = r#"{"type":"json_schema","schema":{"type":"null"}}"#;
        for member in
            [format!(r#","output_config":{{"format":{format}}}"#), format!(r#","output_format":{format}"#)]
        {
            assert!(matches!(ask(&member).form, Form::Schema(_)), "{member}");
        }
    }
}
