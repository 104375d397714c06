//! One response: what is new in an answer, or all of it.

use floodline_core::Finish;
use serde_json::value::RawValue;

use super::usage::read_usage;
use crate::answer::{Part, Said, Signal};
use crate::json::lenient::{List, Object, members, object};
use crate::json::value::{count, is_truthy, text, written};

/// A `GenerateContentResponse`.
#[derive(Default)]
pub(super) struct Response<'a> {
    candidates: List<Object<Candidate<'a>>>,
    feedback: Object<Feedback<'a>>,
    usage: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

/// One alternative of the answer.
#[derive(Default)]
struct Candidate<'a> {
    index: Option<&'a RawValue>,
    content: Object<Content<'a>>,
    finish_reason: Option<&'a RawValue>,
}

#[derive(Default)]
struct Content<'a> {
    parts: List<Object<Piece<'a>>>,
}

/// A part of a candidate.
#[derive(Default)]
struct Piece<'a> {
    text: Option<&'a RawValue>,
    thought: Option<&'a RawValue>,
    call: Object<Call<'a>>,
}

#[derive(Default)]
struct Call<'a> {
    id: Option<&'a RawValue>,
    name: Option<&'a RawValue>,
    args: Option<&'a RawValue>,
}

/// What was found in the prompt.
#[derive(Default)]
struct Feedback<'a> {
    block_reason: Option<&'a RawValue>,
}

impl<'a> Response<'a> {
    /// Reads a JSON object; `None` if `text` is none.
    pub(super) fn parse(text: &'a str) -> Option<Response<'a>> {
        object(text)
    }

    pub(super) fn is_error(&self) -> bool {
        self.error.is_some_and(is_truthy)
    }

    /// Whether it holds an answer, or says that there will be none.
    pub(super) fn answers(&self) -> bool {
        self.candidates.objects().next().is_some() || self.is_blocked()
    }

    /// Takes in what it says.
    pub(super) fn take(&self, said: &mut Said) -> Signal {
        let mut signal = Signal::default();
        for candidate in self.candidates.objects() {
            signal.note(candidate.take(said));
        }
        if self.is_blocked() {
            said.end(Some(Finish::ContentFilter));
        }
        if let Some(usage) = self.usage.and_then(|usage| read_usage(usage, said.usage)) {
            said.add_usage(usage);
        }
        signal
    }

    fn is_blocked(&self) -> bool {
        let reason = self.feedback.0.as_ref().and_then(|feedback| text(feedback.block_reason?));
        reason.is_some_and(|reason| !reason.is_empty())
    }
}

impl Candidate<'_> {
    fn take(&self, said: &mut Said) -> Signal {
        // Zero is left out.
        let first = self.index.and_then(count).unwrap_or_default() == 0;
        let mut signal = Signal::default();
        for piece in self.content.0.iter().flat_map(|content| content.parts.objects()) {
            signal.note(piece.take(first, said));
        }
        if let Some(finish) = self.finish_reason.and_then(|reason| finish(reason, !said.tools.is_empty())) {
            said.end(first.then_some(finish));
        }
        signal
    }
}

impl Piece<'_> {
    fn take(&self, first: bool, said: &mut Said) -> Signal {
        let mut signal = Signal::default();
        if let Some(text) = self.text.and_then(text) {
            let thought = self.thought.is_some_and(|thought| thought.get() == "true");
            let part = match (first, thought) {
                (false, _) => Part::Other,
                (true, true) => Part::Reasoning,
                (true, false) => Part::Content,
            };
            signal = said.add(part, &text);
            // Reasoning is no content for timing, whichever alternative's it is.
            signal.content &= !thought;
        }
        if let Some(call) = &self.call.0 {
            let name = call.name.and_then(text).unwrap_or_default();
            let arguments = call.args.map(written).unwrap_or_default();
            if first && !name.is_empty() {
                let id = call.id.and_then(text).unwrap_or_default();
                signal.note(said.add_whole_tool(&id, &name, &arguments));
            } else {
                said.other.push_str(&name);
                signal.note(said.add(Part::Other, &arguments));
            }
        }
        signal
    }
}

/// What a `finishReason` means; `None` if it says nothing. A model that asks for tools has simply stopped, by
/// this API's words.
fn finish(reason: &RawValue, calls: bool) -> Option<Finish> {
    Some(match text(reason)?.as_ref() {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" if calls => Finish::ToolCalls,
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "MODEL_ARMOR" => {
            Finish::ContentFilter
        }
        "IMAGE_SAFETY" | "IMAGE_PROHIBITED_CONTENT" | "IMAGE_RECITATION" => Finish::ContentFilter,
        // Such as `MALFORMED_FUNCTION_CALL` and `LANGUAGE`.
        _ => Finish::Other,
    })
}

members! {
    Response {
        b"candidates" => candidates,
        b"promptFeedback" => feedback,
        b"usageMetadata" => usage,
        b"error" => error,
    }
    Candidate { b"index" => index, b"content" => content, b"finishReason" => finish_reason }
    Content { b"parts" => parts }
    Piece { b"text" => text, b"thought" => thought, b"functionCall" => call }
    Call { b"id" => id, b"name" => name, b"args" => args }
    Feedback { b"blockReason" => block_reason }
}
