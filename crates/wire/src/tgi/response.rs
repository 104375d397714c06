//! One token of a stream, or a whole answer.

use floodline_core::Finish;
use serde_json::value::RawValue;

use crate::answer::{Part, Said, Signal};
use crate::json::lenient::{Object, members, object};
use crate::json::value::{count, is_truthy, text};
use crate::usage::Usage;

/// A token with what the last one has besides, or an answer, which has no token.
#[derive(Default)]
pub(super) struct Response<'a> {
    token: Object<Token<'a>>,
    generated_text: Option<&'a RawValue>,
    details: Object<Details<'a>>,
    error: Option<&'a RawValue>,
}

#[derive(Default)]
struct Token<'a> {
    text: Option<&'a RawValue>,
    special: Option<&'a RawValue>,
}

#[derive(Default)]
struct Details<'a> {
    finish_reason: Option<&'a RawValue>,
    generated_tokens: Option<&'a RawValue>,
    input_length: Option<&'a RawValue>,
}

impl<'a> Response<'a> {
    /// Reads a JSON object; `None` if `text` is none.
    pub(super) fn parse(text: &'a str) -> Option<Response<'a>> {
        object(text)
    }

    pub(super) fn is_error(&self) -> bool {
        self.error.is_some_and(is_truthy)
    }

    /// Takes in one token of a stream. The text as a whole, which the last one has, says nothing new.
    pub(super) fn take_token(&self, said: &mut Said) -> Signal {
        let mut signal = Signal::default();
        if let Some(token) = &self.token.0
            && token.special.is_none_or(|special| special.get() != "true")
            && let Some(text) = token.text.and_then(text)
        {
            signal = said.add(Part::Content, &text);
        }
        if self.generated_text.and_then(text).is_some() || self.details.0.is_some() {
            self.end(said);
        }
        signal
    }

    /// Takes in a whole answer; `None` if it is none.
    pub(super) fn take_whole(&self, said: &mut Said) -> Option<()> {
        said.add(Part::Content, &self.generated_text.and_then(text)?);
        self.end(said);
        Some(())
    }

    fn end(&self, said: &mut Said) {
        let details = self.details.0.as_ref();
        said.end(details.and_then(|details| finish(details.finish_reason?)));
        let usage = details.map(|details| Usage {
            prompt_tokens: details.input_length.and_then(count),
            completion_tokens: details.generated_tokens.and_then(count),
            ..Usage::default()
        });
        if let Some(usage) = usage.and_then(Usage::if_any) {
            said.add_usage(usage);
        }
    }
}

/// What a `finish_reason` means; `None` if it says nothing.
fn finish(reason: &RawValue) -> Option<Finish> {
    Some(match text(reason)?.as_ref() {
        "" => return None,
        "eos_token" | "stop_sequence" => Finish::Stop,
        "length" => Finish::Length,
        _ => Finish::Other,
    })
}

members! {
    Response {
        b"token" => token,
        b"generated_text" => generated_text,
        b"details" => details,
        b"error" => error,
    }
    Token { b"text" => text, b"special" => special }
    Details {
        b"finish_reason" => finish_reason,
        b"generated_tokens" => generated_tokens,
        b"input_length" => input_length,
    }
}
