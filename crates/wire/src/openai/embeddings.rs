//! Embeddings, which come whole: numbers, and what they cost. They have no bound, and are never streamed.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::usage::read_usage;
use crate::answer::Said;
use crate::excerpt::excerpt;
use crate::json::lenient::{Object, members};
use crate::json::value::is_truthy;
use crate::request::{Request, Turn, write_members};

/// Members that the prompt has.
pub(crate) const PROMPT: &[&str] = &["input"];

#[derive(Default)]
struct Answer<'a> {
    data: Option<&'a RawValue>,
    usage: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

members! {
    Answer { b"data" => data, b"usage" => usage, b"error" => error }
}

/// Appends what is to be embedded: the text of each message.
pub(crate) fn write_prompt(messages: &[u8], out: &mut Vec<u8>) {
    let mut texts: Vec<String> = Turn::all(messages).iter().map(Turn::text).collect();
    let input = match texts.len() {
        1 => Value::from(texts.remove(0)),
        _ => Value::from(texts),
    };
    write_members(out, &[("input", input)]);
}

/// Appends a body.
pub(crate) fn write_body(request: &Request<'_>, out: &mut Vec<u8>) {
    request.write(json!({ "model": request.model }), PROMPT, out);
}

/// Reads the body of a response with a status of success.
///
/// # Errors
/// What the body is instead of embeddings, in a short sentence.
pub(crate) fn parse(body: &[u8]) -> Result<Said, String> {
    let shown = |what: &str| format!("{what}: {}", excerpt(body, 120));
    if body.trim_ascii().is_empty() {
        return Err("the answer is empty".into());
    }
    let text = String::from_utf8_lossy(body);
    let answer = serde_json::from_str::<Object<Answer<'_>>>(&text).ok().and_then(|object| object.0);
    let Some(answer) = answer else { return Err(shown("the answer is not a JSON object")) };
    let mut said = Said::default();
    if answer.error.is_some_and(is_truthy) {
        said.fail(body);
        return Ok(said);
    }
    if !answer.data.is_some_and(|data| data.get().starts_with('[')) {
        return Err(shown("the answer has no embeddings (`data`)"));
    }
    said.usage = answer.usage.and_then(read_usage);
    said.done = true;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use floodline_core::Outcome;

    use super::*;

    #[test]
    fn embeddings_have_no_text_but_a_cost() {
        let body = br#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-2e-3]}],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        let said = parse(body).unwrap();
        assert_eq!((said.text.as_str(), said.finish, said.verdict()), ("", None, Outcome::Ok));
        assert_eq!(said.usage.unwrap().prompt_tokens, Some(8));
        for wrong in ["", "[]", "{}", r#"{"data":"x"}"#] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let limited = parse(br#"{"error":{"code":"rate_limit_exceeded","message":"m"}}"#).unwrap();
        assert_eq!(limited.verdict(), Outcome::RateLimited);
    }
}
