//! Members of requests as OpenAI reads them, and its words for what is wrong with one.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::server::ask::{Form, Prompt, Tool, ToolChoice};
use crate::server::fault::{Dialect, Fault};
use crate::server::read::{self, Kind, Members, NoObject};

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::invalid(Dialect::OpenAi, message)
}

/// The members of a body.
pub(super) fn body(body: &[u8]) -> Result<Members<'_>, Fault> {
    Members::of_body(body).map_err(|why| match why {
        NoObject::NoJson => invalid(
            "We could not parse the JSON body of your request. The API expects a JSON payload, but what was sent \
             was not valid JSON.",
        ),
        NoObject::Other(kind) => {
            invalid(format!("Invalid body: expected a JSON object, but got {} instead.", described(kind)))
        }
    })
}

/// The name of the model. Azure's deployments need none: their path says it.
pub(super) fn model(body: &Members<'_>, deployment: Option<&str>) -> Result<String, Fault> {
    match (deployment, body.get("model")) {
        (Some(name), _) => Ok(name.into()),
        (None, None) => Err(invalid("you must provide a model parameter")),
        (None, Some(raw)) => Ok(string(raw, "model")?.into_owned()),
    }
}

pub(super) fn string<'a>(raw: &'a RawValue, name: &str) -> Result<std::borrow::Cow<'a, str>, Fault> {
    read::text(raw).ok_or_else(|| wrong_type(name, "a string", raw))
}

pub(super) fn boolean(body: &Members<'_>, name: &str) -> Result<bool, Fault> {
    let Some(raw) = body.get(name) else { return Ok(false) };
    read::boolean(raw).ok_or_else(|| wrong_type(name, "a boolean", raw))
}

pub(super) fn include_usage(body: &Members<'_>, stream: bool) -> Result<bool, Fault> {
    let Some(raw) = body.get("stream_options") else { return Ok(false) };
    let Some(options) = Members::of(raw) else { return Err(wrong_type("stream_options", "an object", raw)) };
    if !stream {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(invalid(message).with_param("stream_options"));
    }
    Ok(options.get("include_usage").and_then(read::boolean) == Some(true))
}

/// A whole number from 1 to `most`.
pub(super) fn count(body: &Members<'_>, name: &str, most: u32) -> Result<Option<u32>, Fault> {
    let Some(raw) = body.get(name) else { return Ok(None) };
    let Some(number) = read::integer(raw) else { return Err(wrong_type(name, "an integer", raw)) };
    let wrong = |what: &str, sign: &str, bound: u32, code| {
        let message = format!(
            "Invalid '{name}': integer {what} value. Expected a value {sign} {bound}, but got {number} instead."
        );
        Err(invalid(message).with_param(name).with_code(code))
    };
    if number < 1 {
        return wrong("below minimum", ">=", 1, "integer_below_min_value");
    }
    match u32::try_from(number) {
        Ok(number) if number <= most => Ok(Some(number)),
        _ => wrong("above maximum", "<=", most, "integer_above_max_value"),
    }
}

/// Adds the tokens of a content to `prompt`: a string, or an array of parts of which the texts count.
pub(super) fn content(raw: &RawValue, name: &str, prompt: &mut Prompt) -> Result<(), Fault> {
    let wrong = || wrong_type(name, "one of a string or array of objects", raw);
    if Kind::of(raw) == Kind::String {
        prompt.add(&read::text(raw).ok_or_else(wrong)?);
        return Ok(());
    }
    for part in read::items(raw).ok_or_else(wrong)? {
        let part = Members::of(part).ok_or_else(wrong)?;
        if let Some(text) = part.text("text") {
            prompt.add(&text);
        }
    }
    Ok(())
}

/// The tools that are functions. Chat wraps what they are into `function`, Responses does not.
pub(super) fn tools(body: &Members<'_>, wrapped: bool) -> Result<Vec<Tool>, Fault> {
    let Some(raw) = body.get("tools") else { return Ok(Vec::new()) };
    let items = read::items(raw).ok_or_else(|| wrong_type("tools", "an array of objects", raw))?;
    let mut tools = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let at = |member: &str| format!("tools[{index}]{member}");
        let tool = Members::of(item).ok_or_else(|| wrong_type(&at(""), "an object", item))?;
        let kind = tool.get("type").ok_or_else(|| missing(&at(".type")))?;
        if string(kind, &at(".type"))? != "function" {
            // Tools of other kinds are the provider's own, or are given no schema.
            continue;
        }
        let (function, within) = match wrapped {
            false => (tool, ""),
            true => {
                let raw = tool.get("function").ok_or_else(|| missing(&at(".function")))?;
                let function =
                    Members::of(raw).ok_or_else(|| wrong_type(&at(".function"), "an object", raw))?;
                (function, ".function")
            }
        };
        let name = at(&format!("{within}.name"));
        let raw = function.get("name").ok_or_else(|| missing(&name))?;
        let tool = string(raw, &name)?.into_owned();
        let parameters = match function.get("parameters") {
            None => serde_json::json!({"type": "object", "properties": {}}),
            Some(raw) if matches!(Kind::of(raw), Kind::Object) => read::value(raw),
            Some(raw) => return Err(wrong_type(&at(&format!("{within}.parameters")), "an object", raw)),
        };
        tools.push(Tool { name: tool, parameters });
    }
    Ok(tools)
}

/// Whether tools are to be called.
pub(super) fn tool_choice(body: &Members<'_>, tools: &[Tool]) -> Result<ToolChoice, Fault> {
    const NAME: &str = "tool_choice";
    let Some(raw) = body.get(NAME) else { return Ok(ToolChoice::Auto) };
    if body.get("tools").is_none() {
        let message =
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.";
        return Err(invalid(message).with_param(NAME));
    }
    let by_word = |word: &str| match word {
        "none" => Ok(ToolChoice::None),
        "auto" => Ok(ToolChoice::Auto),
        "required" => Ok(ToolChoice::Required),
        other => {
            let message =
                format!("Invalid value: '{other}'. Supported values are: 'none', 'auto', and 'required'.");
            Err(invalid(message).with_param(NAME).with_code("invalid_value"))
        }
    };
    if let Some(word) = read::text(raw) {
        return by_word(&word);
    }
    let choice = Members::of(raw).ok_or_else(|| wrong_type(NAME, "one of a string or an object", raw))?;
    let allowed = choice.object("allowed_tools");
    if let Some(mode) = allowed.as_ref().unwrap_or(&choice).text("mode") {
        return by_word(&mode);
    }
    let function = choice.object("function");
    let Some(name) = function.as_ref().unwrap_or(&choice).text("name") else {
        return Err(missing("tool_choice.function.name"));
    };
    match tools.iter().any(|tool| tool.name == name) {
        true => Ok(ToolChoice::Named(name.into_owned())),
        false => {
            let message = format!("Tool choice '{name}' not found in 'tools' parameter.");
            Err(invalid(message).with_param(NAME))
        }
    }
}

/// What the text has to be. Chat wraps the schema into `json_schema`, Responses does not.
pub(super) fn form(format: Option<&RawValue>, name: &str) -> Result<Form, Fault> {
    let Some(raw) = format else { return Ok(Form::Text) };
    let Some(format) = Members::of(raw) else { return Err(wrong_type(name, "an object", raw)) };
    let kind = format.get("type").ok_or_else(|| missing(&format!("{name}.type")))?;
    match &*string(kind, &format!("{name}.type"))? {
        "text" => Ok(Form::Text),
        "json_object" => Ok(Form::Object),
        "json_schema" => {
            let wrapped = format.object("json_schema");
            let at = if wrapped.is_some() { format!("{name}.json_schema") } else { name.to_owned() };
            let inner = wrapped.as_ref().unwrap_or(&format);
            if inner.get("name").is_none() {
                return Err(missing(&format!("{at}.name")));
            }
            match inner.get("schema") {
                None => Err(missing(&format!("{at}.schema"))),
                Some(raw) => match read::value(raw) {
                    schema @ Value::Object(_) => Ok(Form::Schema(schema)),
                    _ => Err(wrong_type(&format!("{at}.schema"), "an object", raw)),
                },
            }
        }
        other => {
            let message = format!(
                "Invalid value: '{other}'. Supported values are: 'json_object', 'json_schema', and 'text'."
            );
            Err(invalid(message).with_param(&format!("{name}.type")).with_code("invalid_value"))
        }
    }
}

pub(super) fn missing(name: &str) -> Fault {
    invalid(format!("Missing required parameter: '{name}'."))
        .with_param(name)
        .with_code("missing_required_parameter")
}

pub(super) fn wrong_type(name: &str, expected: &str, got: &RawValue) -> Fault {
    let got = described(Kind::of(got));
    invalid(format!("Invalid type for '{name}': expected {expected}, but got {got} instead."))
        .with_param(name)
        .with_code("invalid_type")
}

fn described(kind: Kind) -> &'static str {
    match kind {
        Kind::Object => "an object",
        Kind::Array => "an array",
        Kind::String => "a string",
        Kind::Boolean => "a boolean",
        Kind::Null => "null",
        Kind::Decimal => "a decimal",
        Kind::Integer => "an integer",
    }
}
