//! Text that comes whole.

use super::response::Response;
use crate::answer::Said;
use crate::excerpt::excerpt;
use crate::json::lenient::{List, Object};

/// Reads the body of a response with a status of success: an object, or on the route `/` a list of one.
///
/// # Errors
/// What the body is instead of an answer of this API, in a short sentence: it is malformed.
pub(crate) fn parse(body: &[u8]) -> Result<Said, String> {
    let shown = |what: &str| format!("{what}: {}", excerpt(body, 120));
    if body.trim_ascii().is_empty() {
        return Err("the answer is empty".into());
    }
    let text = String::from_utf8_lossy(body);
    let Some(response) = Response::parse(&text).or_else(|| first(&text)) else {
        return Err(shown("the answer is not a JSON object"));
    };
    let mut said = Said::default();
    if response.is_error() {
        said.fail(body);
        return Ok(said);
    }
    if response.take_whole(&mut said).is_none() {
        return Err(shown("the answer has no generated_text"));
    }
    // Nothing follows a whole answer.
    said.done = true;
    Ok(said)
}

fn first(text: &str) -> Option<Response<'_>> {
    let list: List<Object<Response<'_>>> = serde_json::from_str(text).ok()?;
    list.0.into_iter().next()?.0
}

#[cfg(test)]
mod tests {
    use floodline_core::Outcome;

    use super::*;

    #[test]
    fn an_answer_may_stand_in_a_list() {
        for body in [r#"{"generated_text":"a"}"#, r#"[{"generated_text":"a"}]"#] {
            let said = parse(body.as_bytes()).unwrap();
            assert_eq!((said.text.as_str(), said.finish, said.verdict()), ("a", None, Outcome::Ok));
        }
    }

    #[test]
    fn bodies_that_are_no_answers() {
        for body in ["", "<html>", "[]", "[1]", "null", "{}", r#"{"generated_text":7}"#] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        let overloaded = parse(br#"{"error":"Model is overloaded","error_type":"overloaded"}"#).unwrap();
        assert_eq!(overloaded.verdict(), Outcome::Overloaded);
    }
}
