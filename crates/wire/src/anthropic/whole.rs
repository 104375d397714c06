//! Messages that come whole.

use serde_json::value::RawValue;

use super::block::Block;
use super::usage::read_usage;
use super::{finish, text_of};
use crate::answer::Said;
use crate::excerpt::excerpt;
use crate::json::lenient::{List, Object, inner, members, object};
use crate::json::value::is_truthy;

/// Reads the body of a response with a status of success.
///
/// # Errors
/// What the body is instead of a message, in a short sentence: it is malformed.
pub(crate) fn parse(body: &[u8]) -> Result<Said, String> {
    let shown = |what: &str| format!("{what}: {}", excerpt(body, 120));
    if body.trim_ascii().is_empty() {
        return Err("the answer is empty".into());
    }
    let text = String::from_utf8_lossy(body);
    let Some(message) = object::<Message<'_>>(&text) else {
        return Err(shown("the answer is not a JSON object"));
    };
    let mut said = Said::default();
    if message.error.is_some_and(is_truthy) || text_of(message.kind) == "error" {
        said.fail(body);
        return Ok(said);
    }
    // A message may say nothing at all, but then its content is an empty list.
    let Some(content) = message.content.filter(|content| content.get().starts_with('[')) else {
        return Err(shown("the answer has no content"));
    };
    let blocks: List<Object<Block<'_>>> = inner(content);
    for block in blocks.objects() {
        block.whole(&mut said);
    }
    if let Some(finish) = message.stop_reason.and_then(finish) {
        said.end(Some(finish));
    }
    said.usage = message.usage.and_then(|usage| read_usage(usage, None));
    // Nothing follows a whole answer.
    said.done = true;
    Ok(said)
}

#[derive(Default)]
struct Message<'a> {
    kind: Option<&'a RawValue>,
    content: Option<&'a RawValue>,
    stop_reason: Option<&'a RawValue>,
    usage: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

members! {
    Message {
        b"type" => kind,
        b"content" => content,
        b"stop_reason" => stop_reason,
        b"usage" => usage,
        b"error" => error,
    }
}

#[cfg(test)]
mod tests {
    use floodline_core::Outcome;

    use super::*;

    #[test]
    fn bodies_that_are_no_messages() {
        for body in ["", "<html>", "[]", "null", "{}", r#"{"content":"x"}"#, r#"{"type":"message"}"#] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        let empty = parse(br#"{"type":"message","content":[],"stop_reason":"end_turn"}"#).unwrap();
        assert_eq!((empty.text.as_str(), empty.verdict()), ("", Outcome::Ok));
        let body = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        assert_eq!(parse(body).unwrap().verdict(), Outcome::Overloaded);
    }
}
