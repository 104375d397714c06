//! The constant parts of a request's body, with gaps for its messages and for the bound of its answer.

use std::io::Write;

use floodline_wire::openai::{ChatRequest, MaxTokensField, Messages};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The members of a body that are the same for all requests of a run.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) max_tokens_field: MaxTokensField,
    pub(crate) extra: Map<String, Value>,
}

/// A body without its messages and, where answers are bounded, without the bound.
#[derive(Debug)]
pub(crate) struct Frame {
    before: Vec<u8>,
    /// Between the messages and the bound, or the end.
    between: Vec<u8>,
    after: Vec<u8>,
}

impl Members {
    /// A frame whose requests have a bound each, or none.
    pub(crate) fn frame(&self, bounded: bool) -> Frame {
        Frame::new(self, bounded)
    }

    fn body(&self, messages: &str, max_tokens: Option<u32>) -> Vec<u8> {
        let mut body = Vec::new();
        let raw = RawValue::from_string(messages.to_owned()).ok();
        ChatRequest {
            model: &self.model,
            messages: raw.as_deref().map_or(Messages::Prompt(""), Messages::Raw),
            stream: self.stream,
            include_usage: true,
            max_tokens,
            max_tokens_field: self.max_tokens_field,
            extra: Some(&self.extra),
        }
        .write_body(&mut body);
        body
    }
}

impl Frame {
    /// Finds the gaps by rendering two bodies that differ in nothing else.
    fn new(members: &Members, bounded: bool) -> Frame {
        // As long as a bound gets, so that the two differ from its first digit on.
        const LONG: [u32; 2] = [1_000_000_000, 2_000_000_000];
        let max_tokens = bounded.then_some(LONG[0]);
        let body = members.body("1", max_tokens);
        let messages = first_difference(&body, &members.body("2", max_tokens));
        let (before, rest) = body.split_at(messages);
        let rest = rest.get(1..).unwrap_or_default();
        let (between, after) = if bounded {
            let number = first_difference(&body, &members.body("1", Some(LONG[1])));
            let start = number.saturating_sub(messages + 1).min(rest.len());
            let (between, rest) = rest.split_at(start);
            (between, rest.get(10..).unwrap_or_default())
        } else {
            (rest, &[][..])
        };
        Frame { before: before.into(), between: between.into(), after: after.into() }
    }

    /// At least as many bytes as a body with these messages has.
    pub(super) fn bytes_with(&self, messages: &[u8]) -> u32 {
        /// Digits of the longest bound.
        const BOUND: usize = 10;
        let Frame { before, between, after } = self;
        let bytes = before.len() + messages.len() + between.len() + BOUND + after.len();
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// Appends a body to `out`; `messages` appends the JSON array of its messages.
    pub(crate) fn render(
        &self,
        out: &mut Vec<u8>,
        max_tokens: Option<u32>,
        messages: impl FnOnce(&mut Vec<u8>),
    ) {
        out.extend_from_slice(&self.before);
        messages(out);
        out.extend_from_slice(&self.between);
        if let Some(max_tokens) = max_tokens {
            // Writing to a vector cannot fail.
            let _ = write!(out, "{max_tokens}");
        }
        out.extend_from_slice(&self.after);
    }
}

fn first_difference(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_frame_renders_what_the_codec_would() {
        for field in [MaxTokensField::MaxTokens, MaxTokensField::MaxCompletionTokens] {
            for extra in [json!({}), json!({"temperature": 0.1, "a": [1, 2, 10]})] {
                let extra = extra.as_object().cloned().unwrap();
                let members =
                    Members { model: "m\"1 2".into(), stream: true, max_tokens_field: field, extra };
                let messages = r#"[{"role":"user","content":"12"}]"#;
                let render = |frame: Frame, max| {
                    let mut out = Vec::new();
                    frame.render(&mut out, max, |out| out.extend_from_slice(messages.as_bytes()));
                    String::from_utf8(out).unwrap()
                };
                let whole = |max| String::from_utf8(members.body(messages, max)).unwrap();
                assert_eq!(render(members.frame(false), None), whole(None));
                assert_eq!(render(members.frame(true), Some(7)), whole(Some(7)));
                assert_eq!(render(members.frame(true), Some(1_234_567)), whole(Some(1_234_567)));
            }
        }
    }
}
