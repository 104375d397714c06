//! Chat completions that come whole.

use super::choice;
use super::chunk::Chunk;
use crate::answer::Said;
use crate::excerpt::excerpt;
use crate::json::shape::Literals;

/// Reads the body of a response with a status of success.
///
/// # Errors
/// What the body is instead of a chat completion, in a short sentence: the request is malformed.
pub(crate) fn parse(body: &[u8]) -> Result<Said, String> {
    let shown = |what: &str| format!("{what}: {}", excerpt(body, 120));
    if body.trim_ascii().is_empty() {
        return Err("the answer is empty".into());
    }
    let text = String::from_utf8_lossy(body);
    let Some(chunk) = Chunk::parse(&text) else {
        return Err(shown("the answer is not a JSON object"));
    };
    let mut said = Said::default();
    if chunk.is_error() {
        said.fail(body);
        return Ok(said);
    }
    if chunk.choices().next().is_none() {
        return Err(shown("the answer has no choices"));
    }
    for choice in chunk.choices() {
        choice::take(choice, &mut said, &mut Literals::default());
    }
    said.usage = chunk.usage();
    // Nothing follows a whole answer.
    said.done = true;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use floodline_core::{Finish, Outcome};

    use super::*;

    #[test]
    fn a_usual_answer() {
        let body = br#"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hi \u00e9","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":1}}}"#;
        let answer = parse(body).unwrap();
        assert_eq!(
            (answer.text.as_str(), answer.finish, answer.verdict()),
            ("Hi é", Some(Finish::Stop), Outcome::Ok)
        );
        let usage = answer.usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(3), Some(2)));
        assert_eq!((usage.cached_tokens, usage.reasoning_tokens), (Some(1), None));
    }

    #[test]
    fn tools_reasoning_and_alternatives() {
        let body = br#"{"choices":[{"index":0,"message":{"content":null,"reasoning_content":"hm","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"},{"index":1,"message":{"content":"B"},"finish_reason":"stop"}]}"#;
        let answer = parse(body).unwrap();
        assert_eq!(
            (answer.text.as_str(), answer.reasoning.as_str(), answer.other.as_str()),
            ("", "hm", "f{}B")
        );
        assert_eq!(answer.finish, Some(Finish::ToolCalls));
    }

    #[test]
    fn the_end_and_the_reasoning_are_those_of_the_first_alternative() {
        let body = br#"{"choices":[{"index":1,"message":{"content":"B","reasoning_content":"b"},"finish_reason":"length"},{"index":0,"message":{"content":"A","reasoning_content":"a"},"finish_reason":"stop"}]}"#;
        let answer = parse(body).unwrap();
        assert_eq!((answer.text.as_str(), answer.reasoning.as_str()), ("A", "a"));
        assert_eq!((answer.other.as_str(), answer.finish), ("bB", Some(Finish::Stop)));
        let body = br#"{"choices":[{"index":0,"message":{"content":"A"},"finish_reason":null},{"index":1,"message":{"content":"B"},"finish_reason":"stop"}]}"#;
        assert_eq!(parse(body).unwrap().finish, None);
    }

    #[test]
    fn bodies_that_are_no_answers() {
        for body in ["", "<html>", "[]", "null", "{}", r#"{"choices":[]}"#, r#"{"choices":"x"}"#] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        let limited = parse(br#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#).unwrap();
        assert_eq!(limited.verdict(), Outcome::RateLimited);
    }
}
