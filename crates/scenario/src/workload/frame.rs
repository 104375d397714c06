//! What all requests of a target have in common, with gaps for a prompt and for the bound of its answer.

use std::io::Write;
use std::sync::Arc;

use floodline_core::workload::Head;
use floodline_wire::codec::Codec;
use floodline_wire::openai::MaxTokensField;
use floodline_wire::request::Request;
use serde_json::{Map, Value};

use super::own::OwnRequest;

/// The members of a body that are the same for all requests of a run.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    pub(crate) codec: Codec,
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) max_tokens_field: MaxTokensField,
    pub(crate) extra: Map<String, Value>,
    /// Of an application's own API: its requests, of which nothing above is a part.
    pub(crate) own: Option<Arc<OwnRequest>>,
}

/// What one request is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The index of its arrival.
    pub(crate) i: u64,
    /// The bound of its answer, if it has one.
    pub(crate) max_tokens: Option<u32>,
}

/// A request without its prompt and, where answers are bounded, without the bound.
#[derive(Debug)]
pub(crate) enum Frame {
    /// Bytes that stay the same.
    Bytes(Bytes),
    /// Templates.
    Own(Arc<OwnRequest>),
}

/// A body with two gaps.
#[derive(Debug)]
pub(crate) struct Bytes {
    codec: Codec,
    before: Vec<u8>,
    /// Between the prompt and the bound, or the end.
    between: Vec<u8>,
    /// Behind the bound, if there is a place for one.
    after: Option<Vec<u8>>,
}

impl Members {
    /// A frame whose requests have a bound each, or none.
    pub(crate) fn frame(&self, bounded: bool) -> Frame {
        match &self.own {
            Some(own) => Frame::Own(own.clone()),
            None => Frame::Bytes(Bytes::new(self, bounded)),
        }
    }

    /// The same with further members, which win over those of the same name.
    pub(crate) fn with(&self, more: Map<String, Value>) -> Members {
        let mut members = self.clone();
        members.extra.extend(more);
        members
    }

    fn body(&self, prompt: &[u8], max_tokens: Option<u32>) -> Vec<u8> {
        let mut body = Vec::new();
        let Members { codec, model, stream, max_tokens_field, extra, own: _ } = self;
        let (stream, max_tokens_field) = (*stream, *max_tokens_field);
        codec.write_body(&Request { model, prompt, stream, max_tokens, max_tokens_field, extra }, &mut body);
        body
    }
}

impl Frame {
    /// A JSON array of messages in the form in which requests carry it.
    pub(crate) fn prompt(&self, messages: Vec<u8>) -> Box<[u8]> {
        match self {
            Frame::Own(_) => messages.into(),
            Frame::Bytes(bytes) => {
                let mut prompt = Vec::new();
                bytes.codec.write_prompt(&messages, &mut prompt);
                prompt.into()
            }
        }
    }

    /// At least as many bytes as a body with these messages has; of an application, as its messages have.
    pub(super) fn bytes_with(&self, messages: &[u8]) -> u32 {
        let bytes = match self {
            Frame::Own(_) => messages.len(),
            Frame::Bytes(bytes) => bytes.around() + bytes.codec.prompt_bound(messages),
        };
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// The same, of a prompt in the form in which requests carry it.
    pub(super) fn bytes_around(&self, prompt: &[u8]) -> u32 {
        let bytes = match self {
            Frame::Own(_) => prompt.len(),
            Frame::Bytes(bytes) => bytes.around() + prompt.len(),
        };
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// Appends a body to `out`; `messages` appends the JSON array of its messages. What is returned is special about the
    /// request's head.
    pub(crate) fn render(
        &self,
        out: &mut Vec<u8>,
        wanted: Wanted,
        messages: impl FnOnce(&mut Vec<u8>),
    ) -> Option<Box<Head>> {
        match self {
            Frame::Bytes(bytes) if bytes.codec.takes_messages() => {
                bytes.render(out, wanted, |out| {
                    out.extend_from_slice(b"\"messages\":");
                    messages(out);
                });
                None
            }
            Frame::Bytes(bytes) => {
                let mut list = Vec::new();
                messages(&mut list);
                bytes.render(out, wanted, |out| bytes.codec.write_prompt(&list, out));
                None
            }
            Frame::Own(own) => {
                let mut list = Vec::new();
                messages(&mut list);
                own.render(wanted, &list, out)
            }
        }
    }

    /// The same for a prompt in the form in which requests carry it.
    pub(super) fn render_prompt(
        &self,
        out: &mut Vec<u8>,
        wanted: Wanted,
        prompt: &[u8],
    ) -> Option<Box<Head>> {
        match self {
            Frame::Bytes(bytes) => {
                bytes.render(out, wanted, |out| out.extend_from_slice(prompt));
                None
            }
            Frame::Own(own) => own.render(wanted, prompt, out),
        }
    }
}

impl Bytes {
    /// Finds the gaps by rendering two bodies that differ in nothing else.
    fn new(members: &Members, bounded: bool) -> Bytes {
        // As long as a bound gets, so that the two differ from its first digit on.
        const LONG: [u32; 2] = [1_000_000_000, 2_000_000_000];
        let max_tokens = bounded.then_some(LONG[0]);
        let body = members.body(b"1", max_tokens);
        let prompt = first_difference(&body, &members.body(b"2", max_tokens));
        let (before, rest) = body.split_at(prompt.min(body.len()));
        let rest = rest.get(1..).unwrap_or_default();
        let number = first_difference(&body, &members.body(b"1", bounded.then_some(LONG[1])));
        // Not every API has a place for a bound.
        let (between, after) = match number.checked_sub(prompt + 1).filter(|&at| at < rest.len()) {
            Some(at) => (&rest[..at], Some(rest.get(at + 10..).unwrap_or_default().to_vec())),
            None => (rest, None),
        };
        Bytes { codec: members.codec.clone(), before: before.into(), between: between.into(), after }
    }

    fn around(&self) -> usize {
        /// Digits of the longest bound.
        const BOUND: usize = 10;
        let after = self.after.as_ref().map_or(0, |after| after.len() + BOUND);
        self.before.len() + self.between.len() + after
    }

    fn render(&self, out: &mut Vec<u8>, wanted: Wanted, prompt: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(&self.before);
        prompt(out);
        out.extend_from_slice(&self.between);
        if let (Some(after), Some(max_tokens)) = (&self.after, wanted.max_tokens) {
            // Writing to a vector cannot fail.
            let _ = write!(out, "{max_tokens}");
            out.extend_from_slice(after);
        }
    }
}

fn first_difference(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use floodline_core::plan::Api;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_frame_renders_what_the_codec_would() {
        let fields = [MaxTokensField::MaxTokens, MaxTokensField::MaxCompletionTokens];
        let apis = Api::ALL.into_iter().filter(|api| *api != Api::Http);
        for (api, field) in apis.flat_map(|api| fields.map(|field| (api, field))) {
            for extra in
                [json!({}), json!({"temperature": 0.1, "a": [1, 2, 10], "options": {"x": 1, "z": 2}})]
            {
                let extra = extra.as_object().cloned().unwrap();
                let codec = Codec::of(api);
                let members = Members {
                    codec: codec.clone(),
                    model: "m\"1 2".into(),
                    stream: true,
                    max_tokens_field: field,
                    extra,
                    own: None,
                };
                let messages = br#"[{"role":"user","content":"12"}]"#;
                let mut prompt = Vec::new();
                codec.write_prompt(messages, &mut prompt);
                let render = |frame: Frame, max_tokens| {
                    let (mut one, mut other) = (Vec::new(), Vec::new());
                    let wanted = Wanted { i: 0, max_tokens };
                    frame.render(&mut one, wanted, |out| out.extend_from_slice(messages));
                    frame.render_prompt(&mut other, wanted, &frame.prompt(messages.to_vec()));
                    assert_eq!(one, other);
                    String::from_utf8(one).unwrap()
                };
                let whole = |max| String::from_utf8(members.body(&prompt, max)).unwrap();
                for max in [None, Some(7), Some(1_234_567)] {
                    assert_eq!(render(members.frame(max.is_some()), max), whole(max), "{api:?}");
                }
            }
        }
    }
}
