//! What a step saves of its answer, and what the answer must satisfy.

use serde_json::Value;

use super::expression;
use crate::journey::{Check, Save, Source, TAKEN, Test};
use crate::resolve::findings::Findings;
use crate::written::{At, CheckThat, Checks, Either, Given, Place, SaveFrom, Saves, Scalar, Text};

/// Resolves what is saved.
pub(super) fn saves(written: &Given<Saves>, findings: &mut Findings<'_>) -> Vec<Save> {
    let mut saves = Vec::new();
    for (At { value: name, place }, form) in written.iter().flat_map(|saves| &saves.0) {
        if !refuse_name(name, *place, findings) {
            continue;
        }
        let from = match form {
            Either::Single(text) => expression(text, findings).map(Source::Expression),
            Either::Other(At { value, place }) => source(value, *place, findings),
        };
        saves.extend(from.map(|from| Save { name: name.as_str().into(), from }));
    }
    saves
}

/// Whether templates can name something so; says why not.
pub(super) fn refuse_name(name: &str, place: Place, findings: &mut Findings<'_>) -> bool {
    let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty();
    if !is_word {
        findings
            .problem(place, format!("`{name}` is no name that templates can use"))
            .with_help("letters, digits and underscores, such as session_id");
        return false;
    }
    if TAKEN.contains(&name) {
        findings
            .problem(place, format!("the name `{name}` is taken: templates know something else by it"))
            .with_help(format!("choose another one; taken are {}", TAKEN.join(", ")));
        return false;
    }
    true
}

fn source(written: &SaveFrom, place: Place, findings: &mut Findings<'_>) -> Option<Source> {
    match (written.json.as_ref(), written.header.as_ref(), written.regex.as_ref()) {
        (Some(path), None, None) => match serde_json_path::JsonPath::parse(&path.text) {
            Ok(path) => Some(Source::Json(path)),
            Err(why) => {
                findings
                    .problem(path.place, format!("this is no JSON path: {why}"))
                    .with_help("such as $.session.id or $.items[0].name");
                None
            }
        },
        (None, Some(header), None) => Some(Source::Header(header.text.trim().to_ascii_lowercase())),
        (None, None, Some(regex)) => match regex::Regex::new(&regex.text) {
            Ok(regex) => Some(Source::Regex(regex)),
            Err(why) => {
                let why = why.to_string();
                let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                findings
                    .problem(regex.place, format!("this is no regular expression: {last}"))
                    .with_help("such as session=([a-z0-9]+); in quotes, a backslash is written twice");
                None
            }
        },
        _ => {
            findings
                .problem(place, "a value is found in exactly one way: json, header or regex")
                .with_help("such as {json: $.token}, or the expression json.token");
            None
        }
    }
}

/// Resolves what an answer must satisfy. The arguments of a tool are those of its offer unless the check says more.
pub(super) fn checks(
    written: &Given<Checks>,
    tools: &Given<At<Value>>,
    findings: &mut Findings<'_>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    for form in written.iter().flat_map(|checks| &checks.0) {
        let check = match form {
            Either::Single(text) => {
                expression(text, findings).map(|e| Check { test: Test::Expression(e), message: None })
            }
            Either::Other(At { value, place }) => check(value, *place, tools, findings),
        };
        checks.extend(check);
    }
    checks
}

fn check(
    written: &CheckThat,
    place: Place,
    tools: &Given<At<Value>>,
    findings: &mut Findings<'_>,
) -> Option<Check> {
    let message = findings.text(&written.message, "the message");
    let test = match (written.expr.as_ref(), written.json_schema.as_ref(), written.tool.as_ref()) {
        (Some(text), None, None) => Test::Expression(expression(text, findings)?),
        (None, Some(schema), None) => Test::Schema(compiled(&schema.value, schema.place, findings)?),
        (None, None, Some(tool)) => tool_test(tool, written, tools, findings)?,
        _ => {
            findings
                .problem(place, "a check is exactly one of expr, json_schema and tool")
                .with_help("such as {expr: text | length > 20, message: too short} or {tool: weather}");
            return None;
        }
    };
    Some(Check { test, message })
}

fn tool_test(
    tool: &Scalar<Text>,
    written: &CheckThat,
    tools: &Given<At<Value>>,
    findings: &mut Findings<'_>,
) -> Option<Test> {
    let name = tool.text.trim().to_owned();
    let schema = match (written.arguments.as_ref(), tools.as_ref()) {
        (Some(schema), _) => Some(compiled(&schema.value, schema.place, findings)?),
        (None, Some(At { value, place })) => match offered(value, &name) {
            Some(schema) => Some(compiled(schema, *place, findings)?),
            None => None,
        },
        (None, None) => None,
    };
    Some(Test::Tool { name, arguments: schema })
}

/// The schema with which a tool of this name is offered.
fn offered<'v>(tools: &'v Value, name: &str) -> Option<&'v Value> {
    let function = |tool: &'v Value| tool.get("function").unwrap_or(tool);
    let tool = tools
        .as_array()?
        .iter()
        .map(function)
        .find(|tool| tool.get("name").and_then(Value::as_str) == Some(name));
    tool?.get("parameters")
}

fn compiled(schema: &Value, place: Place, findings: &mut Findings<'_>) -> Option<Box<jsonschema::Validator>> {
    match jsonschema::validator_for(schema) {
        Ok(validator) => Some(Box::new(validator)),
        Err(why) => {
            findings.problem(place, format!("this is no JSON schema: {why}")).with_help(
                "such as {type: object, required: [answer], properties: {answer: {type: string}}}",
            );
            None
        }
    }
}
