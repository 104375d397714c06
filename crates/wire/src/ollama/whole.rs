//! Answers that come whole.

use super::response::Response;
use crate::answer::Said;
use crate::excerpt::excerpt;

/// Reads the body of a response with a status of success.
///
/// # Errors
/// What the body is instead of an answer of this API, in a short sentence: it is malformed.
pub(crate) fn parse(body: &[u8]) -> Result<Said, String> {
    let shown = |what: &str| format!("{what}: {}", excerpt(body, 120));
    if body.trim_ascii().is_empty() {
        return Err("the answer is empty".into());
    }
    let text = String::from_utf8_lossy(body);
    let Some(response) = Response::parse(&text) else {
        return Err(shown("the answer is not a JSON object"));
    };
    let mut said = Said::default();
    if response.is_error() {
        said.fail(body);
        return Ok(said);
    }
    if !response.answers() {
        return Err(shown("the answer has neither a message nor a response"));
    }
    response.take(&mut said);
    // Nothing follows a whole answer.
    said.done = true;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use floodline_core::Outcome;

    use super::*;

    #[test]
    fn bodies_that_are_no_answers() {
        for body in ["", "<html>", "[]", "null", "{}", r#"{"message":"x"}"#, r#"{"response":7,"done":true}"#]
        {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        let failed = parse(br#"{"error":"model 'm' not found"}"#).unwrap();
        assert_eq!(failed.verdict(), Outcome::ServerError);
        assert_eq!(failed.error.unwrap().message.as_ref(), "model 'm' not found");
    }
}
