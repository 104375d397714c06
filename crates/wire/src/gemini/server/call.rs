//! Requests for contents, read and checked. Names may be written in either case, as the real API allows.

use serde_json::json;
use serde_json::value::RawValue;

use super::schema::json_schema;
use crate::server::ask::{Ask, Form, Prompt, Shape, Tool, ToolChoice};
use crate::server::fault::{Dialect, Fault};
use crate::server::read::{self, Members};

/// The most candidates that can be asked for.
const MOST_CANDIDATES: u32 = 8;

/// Reads the body of a request for contents of `model`; `array` says how a stream is to look.
///
/// # Errors
/// The fault (status 400) that the real API would report, in about its words.
pub(crate) fn parse_contents(body: &[u8], model: &str, stream: bool, array: bool) -> Result<Ask, Fault> {
    let body = read_body(body)?;
    let (prompt, users_turn) = read_prompt(&body)?;
    let (mut tools, choice) = read_tools(&body)?;
    let mut ask = Ask::new(model.into(), Shape::Gemini { array: array && stream }, prompt);
    if let Some(raw) = body.first_of(&["generationConfig", "generation_config"]) {
        let config = Members::of(raw).ok_or_else(|| wrong("generation_config", "expected an object"))?;
        ask.max_tokens = count(&config, ["maxOutputTokens", "max_output_tokens"], u32::MAX)?;
        ask.n = count(&config, ["candidateCount", "candidate_count"], MOST_CANDIDATES)?.unwrap_or(1);
        ask.form = read_form(&config);
    }
    if let ToolChoice::Named(name) = &choice {
        // The allowed one is the only one.
        tools.retain(|tool| tool.name == *name);
        if tools.is_empty() {
            let message =
                "tool_config.function_calling_config.allowed_function_names: no such function is declared";
            return Err(Fault::invalid(Dialect::Gemini, message));
        }
    }
    Ok(Ask { stream, users_turn, tools, choice, ..ask })
}

/// Reads the body of a request for the length of a prompt.
///
/// # Errors
/// As [`parse_contents`].
pub(crate) fn parse_count(body: &[u8]) -> Result<u32, Fault> {
    let body = read_body(body)?;
    let inner = body.object("generateContentRequest");
    Ok(read_prompt(inner.as_ref().unwrap_or(&body))?.0.tokens)
}

pub(super) fn read_body(body: &[u8]) -> Result<Members<'_>, Fault> {
    let message = "Invalid JSON payload received: an object is expected.";
    Members::of_body(body).map_err(|_| Fault::invalid(Dialect::Gemini, message))
}

/// The prompt, and whether the last content is the user's own.
fn read_prompt(body: &Members<'_>) -> Result<(Prompt, bool), Fault> {
    let (mut prompt, mut users_turn) = (Prompt::default(), true);
    if let Some(raw) = body.first_of(&["systemInstruction", "system_instruction"]) {
        content(raw, "system_instruction", &mut prompt)?;
        prompt.mark(raw.get().as_bytes());
    }
    let none = || wrong("contents", "contents is not specified");
    let raw = body.get("contents").ok_or_else(none)?;
    // One content may stand for a list of one.
    let contents = read::items(raw).unwrap_or_else(|| vec![raw]);
    if contents.is_empty() {
        return Err(none());
    }
    for (index, raw) in contents.into_iter().enumerate() {
        users_turn = content(raw, &format!("contents[{index}]"), &mut prompt)?;
    }
    prompt.mark(raw.get().as_bytes());
    Ok((prompt, users_turn))
}

/// Adds the tokens of a content; whether it is the user's, and no function's.
pub(super) fn content(raw: &RawValue, name: &str, prompt: &mut Prompt) -> Result<bool, Fault> {
    if let Some(text) = read::text(raw) {
        prompt.add(&text);
        return Ok(true);
    }
    let content = Members::of(raw).ok_or_else(|| wrong(name, "expected an object"))?;
    let parts = content.get("parts").ok_or_else(|| wrong(name, "parts must not be empty"))?;
    let mut users = match content.text("role").as_deref() {
        None | Some("user") => true,
        Some("model" | "function") => false,
        Some("system") if name == "system_instruction" => true,
        Some(_) => return Err(wrong(&format!("{name}.role"), "Please use a valid role: user, model.")),
    };
    for part in read::items(parts).unwrap_or_else(|| vec![parts]) {
        let part = Members::of(part).ok_or_else(|| wrong(&format!("{name}.parts"), "expected an object"))?;
        if let Some(text) = part.text("text") {
            prompt.add(&text);
        }
        if let Some(said) = part.first_of(&["functionCall", "function_call"]) {
            prompt.add(said.get());
        }
        if let Some(result) = part.first_of(&["functionResponse", "function_response"]) {
            prompt.add(result.get());
            users = false;
        }
    }
    Ok(users)
}

fn read_tools(body: &Members<'_>) -> Result<(Vec<Tool>, ToolChoice), Fault> {
    let mut tools = Vec::new();
    for raw in body.get("tools").and_then(read::items).unwrap_or_default() {
        let tool = Members::of(raw).ok_or_else(|| wrong("tools", "expected an object"))?;
        let declared = tool.first_of(&["functionDeclarations", "function_declarations"]);
        for raw in declared.and_then(read::items).unwrap_or_default() {
            let name =
                Members::of(raw).and_then(|function| function.text("name").map(|name| name.into_owned()));
            let (Some(function), Some(name)) = (Members::of(raw), name) else {
                return Err(wrong("tools.function_declarations.name", "a function must have a name"));
            };
            let parameters = match function.first_of(&["parametersJsonSchema", "parameters_json_schema"]) {
                Some(schema) => read::value(schema),
                None => function.get("parameters").map_or_else(
                    || json!({"type": "object", "properties": {}}),
                    |schema| json_schema(read::value(schema)),
                ),
            };
            tools.push(Tool { name, parameters });
        }
    }
    let config = body.object("toolConfig").or_else(|| body.object("tool_config"));
    let calling = config
        .and_then(|config| config.first_of(&["functionCallingConfig", "function_calling_config"]))
        .and_then(Members::of);
    let Some(calling) = calling else { return Ok((tools, ToolChoice::Auto)) };
    let allowed = calling.first_of(&["allowedFunctionNames", "allowed_function_names"]).and_then(read::items);
    let first = allowed.and_then(|names| names.first().and_then(|name| read::text(name)));
    let choice = match calling.text("mode").as_deref().map(str::to_ascii_uppercase).as_deref() {
        Some("NONE") => ToolChoice::None,
        Some("ANY") => match first {
            Some(name) => ToolChoice::Named(name.into_owned()),
            None => ToolChoice::Required,
        },
        _ => ToolChoice::Auto,
    };
    Ok((tools, choice))
}

/// What the text has to be: a schema of either kind, or any JSON.
fn read_form(config: &Members<'_>) -> Form {
    let schema = ["responseJsonSchema", "response_json_schema", "_responseJsonSchema"];
    if let Some(schema) = config.first_of(&schema) {
        return Form::Schema(read::value(schema));
    }
    if let Some(schema) = config.first_of(&["responseSchema", "response_schema"]) {
        return Form::Schema(json_schema(read::value(schema)));
    }
    let mime = config.first_of(&["responseMimeType", "response_mime_type"]).and_then(read::text);
    match mime.as_deref() {
        Some("application/json") => Form::Object,
        _ => Form::Text,
    }
}

/// A whole number from 1 to `most`.
pub(super) fn count(config: &Members<'_>, names: [&str; 2], most: u32) -> Result<Option<u32>, Fault> {
    let Some(raw) = config.first_of(&names) else { return Ok(None) };
    let name = names[1];
    let number = read::integer(raw).ok_or_else(|| wrong(name, "expected an integer"))?;
    match u32::try_from(number) {
        Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
        _ => Err(wrong(name, &format!("must be from 1 to {most}, but it is {number}"))),
    }
}

pub(super) fn wrong(name: &str, what: &str) -> Fault {
    Fault::invalid(Dialect::Gemini, format!("* GenerateContentRequest.{name}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(members: &str) -> Result<Ask, Fault> {
        parse_contents(format!("{{{members}}}").as_bytes(), "m", true, false)
    }

    const HELLO: &str = r#""contents":[{"role":"user","parts":[{"text":"one two"}]}]"#;

    #[test]
    fn contents_and_their_turns() {
        let read = |members: &str| {
            let ask = parse(members).unwrap();
            (ask.prompt.tokens, ask.users_turn)
        };
        assert_eq!(read(HELLO), (2, true));
        assert_eq!(read(r#""contents":{"parts":{"text":"one"}}"#), (1, true));
        assert_eq!(
            read(&format!(r#"{HELLO},"systemInstruction":{{"parts":[{{"text":"three"}}]}}"#)),
            (3, true)
        );
        assert!(
            !read(
                r#""contents":[{"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}}]}]"#
            )
            .1
        );
        assert!(parse("").unwrap_err().message.contains("contents is not specified"));
        assert!(parse(r#""contents":[{"role":"x","parts":[]}]"#).unwrap_err().message.contains("valid role"));
        assert_eq!(parse_count(format!("{{{HELLO}}}").as_bytes()), Ok(2));
    }

    #[test]
    fn configs_in_either_case() {
        let ask = parse(&format!(
            r#"{HELLO},"generation_config":{{"max_output_tokens":7,"candidateCount":2,"responseSchema":{{"type":"STRING"}}}}"#
        ))
        .unwrap();
        assert_eq!((ask.max_tokens, ask.n), (Some(7), 2));
        assert_eq!(ask.form, Form::Schema(json!({"type": "string"})));
        let none = format!(r#"{HELLO},"generationConfig":{{"maxOutputTokens":0}}"#);
        assert!(parse(&none).unwrap_err().message.contains("max_output_tokens"));
    }

    #[test]
    fn functions_are_tools() {
        let tools = r#""tools":[{"googleSearch":{}},{"functionDeclarations":[{"name":"f"},{"name":"g","parameters":{"type":"OBJECT"}}]}]"#;
        let called = |config: &str| {
            let ask = parse(&format!(r#"{HELLO},{tools},"toolConfig":{{"functionCallingConfig":{config}}}"#));
            ask.unwrap().called_tool().map(|tool| tool.name.clone())
        };
        assert_eq!(called(r#"{"mode":"AUTO"}"#).as_deref(), Some("f"));
        assert_eq!(called(r#"{"mode":"NONE"}"#), None);
        assert_eq!(called(r#"{"mode":"ANY","allowedFunctionNames":["g"]}"#).as_deref(), Some("g"));
    }
}
