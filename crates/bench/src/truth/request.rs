//! What the ground-truth server understands of a request: its length, its id, and how long an answer it wants.

use serde::Deserialize;

/// A request worth answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Any GET; `models` if it asks for the list of models.
    Get {
        /// Whether the path ends in `/models`.
        models: bool,
    },
    /// Anything else is taken for a chat completion.
    Chat {
        /// The `x-request-id` it came with, up to the first blank.
        id: String,
        /// The length of answer it asks for.
        tokens: Option<u32>,
        /// Whether the answer is to be a stream.
        stream: bool,
    },
}

/// What [`Request::take`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// A whole request, which is no longer in the input.
    Whole(Request),
    /// The beginning of one.
    Incomplete,
    /// Something that cannot be answered: no HTTP/1, a chunked body, a body that is no JSON object.
    Unfit,
}

#[derive(Deserialize)]
struct Body {
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    #[serde(default)]
    stream: bool,
}

impl Request {
    /// Takes the first request out of `input`.
    pub(super) fn take(input: &mut Vec<u8>) -> Taken {
        if input.is_empty() {
            return Taken::Incomplete;
        }
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Request::new(&mut fields);
        let head_len = match head.parse(input) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) => return Taken::Incomplete,
            Err(_) => return Taken::Unfit,
        };
        let field = |name: &str| {
            let field = head.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(field.value).ok()
        };
        if field("transfer-encoding").is_some() {
            return Taken::Unfit;
        }
        let Ok(body_len) = field("content-length").map_or(Ok(0), |len| len.trim().parse::<usize>()) else {
            return Taken::Unfit;
        };
        let Some(body) = head_len.checked_add(body_len).and_then(|end| input.get(head_len..end)) else {
            return Taken::Incomplete;
        };
        let request = if head.method == Some("GET") {
            Request::Get { models: head.path.is_some_and(|path| path.ends_with("/models")) }
        } else {
            let Ok(body) = serde_json::from_slice::<Body>(body) else { return Taken::Unfit };
            let id = field("x-request-id").and_then(|id| id.split_whitespace().next()).unwrap_or_default();
            Request::Chat {
                id: id.to_owned(),
                tokens: body.max_completion_tokens.or(body.max_tokens).filter(|&tokens| tokens > 0),
                stream: body.stream,
            }
        };
        let end = head_len + body_len;
        if end == input.len() {
            input.clear();
        } else {
            input.drain(..end);
        }
        Taken::Whole(request)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn post(fields: &str, body: &str) -> Vec<u8> {
        let len = body.len();
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n{fields}Content-Length: {len}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    fn chat() -> Vec<u8> {
        post("X-Request-Id: fl-7-12\r\n", r#"{"stream":true,"max_tokens":5,"messages":["\"max_tokens\":9"]}"#)
    }

    #[test]
    fn a_chat_is_understood() {
        let mut input = chat();
        let want = Request::Chat { id: "fl-7-12".into(), tokens: Some(5), stream: true };
        assert_eq!(Request::take(&mut input), Taken::Whole(want));
        assert_eq!(Request::take(&mut input), Taken::Incomplete);
    }

    #[test]
    fn the_newer_name_of_the_limit_wins() {
        let mut input = post("", r#"{"max_completion_tokens":7,"max_tokens":5}"#);
        let want = Request::Chat { id: String::new(), tokens: Some(7), stream: false };
        assert_eq!(Request::take(&mut input), Taken::Whole(want));
    }

    #[test]
    fn pages_are_told_apart() {
        let mut input = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\nGET /health HTTP/1.1\r\n\r\n".to_vec();
        assert_eq!(Request::take(&mut input), Taken::Whole(Request::Get { models: true }));
        assert_eq!(Request::take(&mut input), Taken::Whole(Request::Get { models: false }));
    }

    #[test]
    fn what_cannot_be_answered_is_unfit() {
        for mut input in [
            b"\x16\x03\x01 hello\r\n\r\n".to_vec(),
            post("", "no json"),
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
            b"POST / HTTP/1.1\r\ncontent-length: minus one\r\n\r\n".to_vec(),
        ] {
            assert_eq!(Request::take(&mut input), Taken::Unfit);
        }
    }

    proptest! {
        #[test]
        fn a_request_cut_anywhere_is_incomplete_until_it_is_whole(cut in 0..chat().len()) {
            let whole = chat();
            let mut input = whole[..cut].to_vec();
            prop_assert_eq!(Request::take(&mut input), Taken::Incomplete);
            input.extend_from_slice(&whole[cut..]);
            prop_assert!(matches!(Request::take(&mut input), Taken::Whole(_)));
        }

        #[test]
        fn no_input_panics(input in proptest::collection::vec(any::<u8>(), 0..200)) {
            Request::take(&mut input.clone());
        }
    }
}
