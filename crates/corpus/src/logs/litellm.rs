//! LiteLLM's logs: the standard logging payload, and rows of the spend log.

use serde_json::{Map, Value};

use super::{Format, Logged, Unusable, number, object, request, text};

/// Members that no other log has.
const MARKS: [&str; 6] = [
    "standard_logging_object",
    "litellm_call_id",
    "litellm_params",
    "proxy_server_request",
    "call_type",
    "model_group",
];

/// Calls that generate text.
const GENERATIONS: [&str; 9] = [
    "completion",
    "acompletion",
    "text_completion",
    "atext_completion",
    "responses",
    "aresponses",
    "anthropic_messages",
    "pass_through_endpoint",
    "generate_content",
];

/// Whether LiteLLM wrote this.
pub(super) fn is_record(record: &Map<String, Value>) -> bool {
    MARKS.iter().any(|name| record.contains_key(*name))
}

/// The request in a record.
pub(super) fn record(record: &Map<String, Value>) -> Result<Logged, Unusable> {
    let standard = object(record, "standard_logging_object");
    let record = standard.as_ref().unwrap_or(record);
    let call = text(record, &["call_type"]).unwrap_or_default();
    if !(call.is_empty() || GENERATIONS.iter().any(|known| call.ends_with(known))) {
        return Err(Unusable::NotGeneration);
    }
    let mut body = body(record).ok_or(Unusable::NotRecorded)?;
    for name in ["model_parameters", "modelParameters", "optional_params"] {
        for (parameter, value) in object(record, name).unwrap_or_default() {
            body.entry(parameter).or_insert(value);
        }
    }
    let logged = request::read(&body)?.into_iter().next().ok_or(Unusable::Empty)?;
    let output_tokens = number(record, &["completion_tokens"])
        .or_else(|| request::in_answer(&object(record, "response")?, 1))
        .or(logged.output_tokens);
    Ok(Logged { format: Format::LiteLlm, output_tokens, ..logged })
}

/// The request: as the client sent it, or the messages of the record; both may be JSON in a text, or `{}` where
/// prompts are not stored.
fn body(record: &Map<String, Value>) -> Option<Map<String, Value>> {
    let said = |value: &Value| match value {
        Value::Array(list) => !list.is_empty(),
        Value::String(written) => !matches!(written.trim(), "" | "{}" | "[]" | "null"),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => false,
    };
    let asks = |body: &Map<String, Value>| {
        ["messages", "input", "prompt"].iter().any(|name| body.get(*name).is_some_and(said))
    };
    let sent = object(record, "proxy_server_request").map(|sent| object(&sent, "body").unwrap_or(sent));
    if let Some(body) = sent.filter(asks) {
        return Some(body);
    }
    let mut body = record.clone();
    // The answer's usage is read by the caller, which knows where LiteLLM keeps it.
    body.retain(|name, _| ["model", "messages", "input", "prompt"].contains(&name.as_str()));
    asks(&body).then(|| {
        body.retain(|_, value| !matches!(value, Value::Object(_)));
        body
    })
}
