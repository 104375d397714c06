//! Content that comes whole.

use super::response::Response;
use crate::answer::Said;
use crate::excerpt::excerpt;

/// Reads the body of a response with a status of success.
///
/// # Errors
/// What the body is instead of a response of this API, in a short sentence: it is malformed.
pub(crate) fn parse(body: &[u8]) -> Result<Said, String> {
    let shown = |what: &str| format!("{what}: {}", excerpt(body, 120));
    if body.trim_ascii().is_empty() {
        return Err("the answer is empty".into());
    }
    let text = String::from_utf8_lossy(body);
    let mut said = Said::default();
    let Some(response) = Response::parse(&text) else {
        // An array around an error is an error all the same.
        said.note_no_object(b"", body);
        return match said.error {
            Some(_) => Ok(said),
            None => Err(shown("the answer is not a JSON object")),
        };
    };
    if response.is_error() {
        said.fail(body);
        return Ok(said);
    }
    if !response.answers() {
        return Err(shown("the answer has no candidates"));
    }
    response.take(&mut said);
    // Nothing follows a whole answer.
    said.done = true;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use floodline_core::{Finish, Outcome};

    use super::*;

    #[test]
    fn bodies_that_are_no_answers() {
        for body in ["", "<html>", "[]", "[1]", "null", "{}", r#"{"candidates":[]}"#, r#"{"candidates":"x"}"#]
        {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        for body in [
            r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#,
            r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]"#,
        ] {
            assert_eq!(parse(body.as_bytes()).unwrap().verdict(), Outcome::RateLimited);
        }
    }

    #[test]
    fn a_prompt_that_is_refused_has_its_answer() {
        let said =
            parse(br#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3}}"#);
        let said = said.unwrap();
        assert_eq!((said.finish, said.verdict()), (Some(Finish::ContentFilter), Outcome::Ok));
        assert_eq!(said.usage.unwrap().prompt_tokens, Some(3));
    }
}
