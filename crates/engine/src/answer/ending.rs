//! How an answer ended: what it comes to as an outcome, what it was refused for, and what is to be counted of it.

use floodline_core::record::TokenSource;
use floodline_core::retry::Refusal;
use floodline_core::{Outcome, Record, Span};
use floodline_wire::answer::Said;
use floodline_wire::codec::{Codec, Stream};
use floodline_wire::error::{ApiError, classify, parse_error};
use floodline_wire::refusal::refusal;

use super::Answer;
use crate::counter::{ToCount, is_compared};

/// How an answer ended, and what was said.
pub(crate) struct Judged {
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<String>,
    /// What it was refused for, where it says so.
    pub(crate) refusal: Option<Refusal>,
    /// Whether the connection may carry another request.
    pub(crate) reusable: bool,
    /// What to count of it.
    pub(crate) to_count: Option<ToCount>,
    /// What the model said.
    pub(crate) said: Option<Box<Said>>,
    /// The rest of it, where somebody wants to see that.
    pub(crate) heard: Option<Box<Heard>>,
}

/// An answer but for what the model said.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Names in lower case, and values.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, of an answer that came whole.
    pub(crate) body: Vec<u8>,
}

impl Judged {
    pub(super) fn failed(outcome: Outcome, error: impl Into<String>) -> Judged {
        Judged {
            outcome,
            error: Some(error.into()),
            refusal: None,
            reusable: false,
            to_count: None,
            said: None,
            heard: None,
        }
    }

    fn refused(status: u16, error: &ApiError, message: String) -> Judged {
        let outcome = classify(status, error);
        Judged { refusal: refusal(outcome, Some(status), Some(error)), ..Judged::failed(outcome, message) }
    }
}

/// The end of a stream: its last event may lack its own end, and its framing too.
pub(super) fn stream_end(
    mut stream: Stream,
    framed: bool,
    answer: &mut Answer,
    record: &mut Record,
) -> Judged {
    let signal = stream.finish();
    if framed {
        stream.framed();
    }
    if let (true, Some(at)) = (signal.token, answer.last) {
        answer.arrived(1, u32::from(signal.content), at, Span::ZERO);
    }
    let (outcome, missing) = (stream.verdict(), stream.missing_end());
    let said = stream.into_said();
    record.finish = said.finish;
    let error = match outcome {
        Outcome::Ok => None,
        Outcome::Truncated => Some(missing.into()),
        Outcome::Malformed => said
            .malformed
            .as_ref()
            .map(|excerpt| format!("an event of the stream is no JSON object: {excerpt}")),
        _ => said.error.as_ref().map(|e| e.message.to_string()),
    };
    let refusal = said.error.as_ref().and_then(|e| refusal(outcome, Some(200), Some(e)));
    let to_count = count(&said, record);
    let said = (outcome != Outcome::Malformed).then(|| Box::new(said));
    Judged { outcome, error, refusal, reusable: false, to_count, said, heard: None }
}

/// The end of an answer that came in one piece, with a status of success.
pub(super) fn whole_end(
    codec: &Codec,
    status: u16,
    bytes: &[u8],
    unexpected: Option<String>,
    record: &mut Record,
) -> Judged {
    let said = match codec.whole(bytes) {
        Ok(said) => said,
        Err(why) => return Judged::failed(Outcome::Malformed, unexpected.unwrap_or(why)),
    };
    if let Some(error) = &said.error {
        return Judged::refused(status, error, error.message.to_string());
    }
    if let Some(unexpected) = unexpected {
        return Judged::failed(Outcome::Malformed, unexpected);
    }
    record.finish = said.finish;
    let to_count = count(&said, record);
    let said = Some(Box::new(said));
    Judged { outcome: Outcome::Ok, error: None, refusal: None, reusable: false, to_count, said, heard: None }
}

/// An answer with a status of refusal.
pub(super) fn refused(status: u16, bytes: &[u8], unexpected: Option<String>) -> Judged {
    let error = parse_error(bytes);
    let message = unexpected.unwrap_or_else(|| error.message.to_string());
    Judged::refused(status, &error, message)
}

/// Fills in the server's counts, and returns what is to be counted here: instead of them, or to compare.
pub(super) fn count(said: &Said, record: &mut Record) -> Option<ToCount> {
    let Said { text, reasoning, other, finish, usage, .. } = said;
    let tokens = |n: Option<u64>| n.and_then(|n| u32::try_from(n).ok());
    if let Some(prompt) = usage.and_then(|u| tokens(u.prompt_tokens)) {
        record.planned_input_tokens = record.input_tokens.replace(prompt);
    }
    record.cached_tokens = usage.and_then(|u| tokens(u.cached_tokens));
    record.reasoning_tokens = usage.and_then(|u| tokens(u.reasoning_tokens));
    let all = || [reasoning.as_str(), text, other].concat();
    let Some(output) = usage.and_then(|u| tokens(u.completion_tokens)) else {
        let all = all();
        return (!all.is_empty() || finish.is_some()).then_some(ToCount::Unstated(all));
    };
    record.output_tokens = Some(output);
    record.token_source = Some(TokenSource::Usage);
    // Reasoning that was billed but not shown was not streamed either.
    let hidden = usage.and_then(|u| tokens(u.reasoning_tokens)).filter(|_| reasoning.is_empty()).unwrap_or(0);
    record.streamed_tokens = (hidden > 0).then(|| output.saturating_sub(hidden));
    // How a tool call is written between model and server is not known: its tokens cannot be counted here.
    let comparable = other.is_empty() && finish.is_some();
    let bytes = reasoning.len() + text.len();
    (comparable && is_compared(record.i, bytes)).then(|| ToCount::Stated(all()))
}
