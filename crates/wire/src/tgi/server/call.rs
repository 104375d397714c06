//! Requests for a generation, read and checked.

use crate::server::ask::{Ask, Form, Prompt, Shape};
use crate::server::fault::{Dialect, Fault};
use crate::server::read::{self, Members};

/// Reads the body of a request. Without `streams` its own member says whether it is a stream.
///
/// # Errors
/// The fault (status 422, or 400 for what is no JSON) to answer with.
pub(crate) fn parse_generate(body: &[u8], streams: Option<bool>, model: &str) -> Result<Ask, Fault> {
    let body = Members::of_body(body).map_err(|_| {
        Fault::invalid(Dialect::Tgi, "Failed to parse the request body as JSON: an object is expected")
    })?;
    let raw = body.get("inputs").ok_or_else(|| wrong("missing field `inputs`"))?;
    let inputs = read::text(raw).ok_or_else(|| wrong("invalid type for `inputs`, expected a string"))?;
    if inputs.is_empty() {
        return Err(wrong("`inputs` cannot be empty"));
    }
    let mut prompt = Prompt::default();
    prompt.add(&inputs);
    prompt.mark(raw.get().as_bytes());
    let parameters = match body.get("parameters") {
        None => Members::default(),
        Some(raw) => Members::of(raw).ok_or_else(|| wrong("`parameters` must be an object"))?,
    };
    let max_tokens = match parameters.get("max_new_tokens") {
        None => None,
        Some(raw) => match read::integer(raw).and_then(|number| u32::try_from(number).ok()) {
            None | Some(0) => return Err(wrong("`max_new_tokens` must be strictly positive")),
            some => some,
        },
    };
    let details = parameters.get("details").and_then(read::boolean) == Some(true);
    let form = match parameters.object("grammar") {
        Some(grammar) if matches!(grammar.text("type").as_deref(), Some("json" | "json_schema")) => {
            grammar.get("value").map_or(Form::Object, |schema| Form::Schema(read::value(schema)))
        }
        _ => Form::Text,
    };
    let stream = match (streams, body.get("stream")) {
        (Some(streams), _) => streams,
        (None, None) => false,
        (None, Some(raw)) => read::boolean(raw).ok_or_else(|| wrong("`stream` must be true or false"))?,
    };
    let shape = Shape::Tgi { details, listed: streams.is_none() };
    Ok(Ask { stream, max_tokens, form, ..Ask::new(model.into(), shape, prompt) })
}

fn wrong(what: &str) -> Fault {
    Fault::new(Dialect::Tgi, 422, format!("Input validation error: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_parameters() {
        let parse = |body: &str| parse_generate(body.as_bytes(), None, "m");
        let ask =
            parse(r#"{"inputs":"one two","stream":true,"parameters":{"max_new_tokens":7,"details":true}}"#);
        let ask = ask.unwrap();
        assert_eq!((ask.stream, ask.max_tokens, ask.prompt.tokens), (true, Some(7), 2));
        assert_eq!(ask.shape, Shape::Tgi { details: true, listed: true });
        let status = |body: &str| parse(body).unwrap_err().status;
        assert_eq!(status("{"), 400);
        assert_eq!(status("{}"), 422);
        assert_eq!(status(r#"{"inputs":""}"#), 422);
        assert_eq!(status(r#"{"inputs":"a","parameters":{"max_new_tokens":0}}"#), 422);
        let grammar = r#"{"inputs":"a","parameters":{"grammar":{"type":"json","value":{"type":"null"}}}}"#;
        assert!(matches!(parse(grammar).unwrap().form, Form::Schema(_)));
    }
}
