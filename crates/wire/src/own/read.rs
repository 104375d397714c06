//! What the answers of an application say.

use std::borrow::Cow;

use floodline_core::Finish;
use serde_json::value::RawValue;

use super::{Format, Path};
use crate::answer::{Part, Said, Signal};
use crate::excerpt::excerpt;
use crate::json::shape::{Literals, Shape};
use crate::json::value::{count, is_truthy, text};
use crate::sse::Event;
use crate::usage::Usage;

/// Takes the next event, and lets `shape` learn what the next one may look like.
pub(crate) fn event(format: &Format, event: Event<'_>, said: &mut Said, shape: &mut Shape) -> Signal {
    if is_done(format, event.data) {
        said.done = true;
        return Signal::default();
    }
    if event.name == b"error" {
        said.fail(event.data);
        return Signal::default();
    }
    let data = String::from_utf8_lossy(event.data);
    // Without a path to the text, what is no JSON is text, and so is what is.
    if format.text.is_none() {
        let signal = said.add(Part::Content, &data);
        take(format, &data, said, &mut Literals::default());
        return signal;
    }
    let mut literals = Literals::default();
    let Some(signal) = take(format, &data, said, &mut literals) else {
        said.note_malformed(event.data);
        return Signal::default();
    };
    if let Some((literal, part)) = literals.only() {
        shape.learn(&data, literal, part);
    }
    signal
}

/// Whether an event that lacks its end is whole all the same.
pub(crate) fn is_whole(format: &Format, data: &[u8]) -> bool {
    let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok();
    is_done(format, data) || format.text.is_none() || is_json()
}

/// Reads an answer that came whole.
///
/// # Errors
/// What it is instead of an answer of this format.
pub(crate) fn whole(format: &Format, body: &[u8]) -> Result<Said, String> {
    let data = String::from_utf8_lossy(body);
    let mut said = Said { done: true, ..Said::default() };
    let shown = |what: String| format!("{what}: {}", excerpt(body, 120));
    if body.trim_ascii().is_empty() {
        return Err("the answer is empty".into());
    }
    let Some(path) = &format.text else {
        said.add(Part::Content, &data);
        take(format, &data, &mut said, &mut Literals::default());
        return Ok(said);
    };
    let mut literals = Literals::default();
    if take(format, &data, &mut said, &mut literals).is_none() {
        return Err(shown("the answer is not JSON".into()));
    }
    if said.error.is_none() && said.text.is_empty() && !leads(path, &data) {
        return Err(shown(format!("there is nothing at {path} in the answer")));
    }
    Ok(said)
}

fn is_done(format: &Format, data: &[u8]) -> bool {
    format.done.as_ref().is_some_and(|done| data.trim_ascii() == done.trim().as_bytes())
}

fn leads(path: &Path, json: &str) -> bool {
    let mut any = false;
    path.find(json, &mut |_| any = true);
    any
}

/// Takes in what an event says at the paths of the format; none if it is no JSON.
fn take<'a>(format: &Format, json: &'a str, said: &mut Said, literals: &mut Literals<'a>) -> Option<Signal> {
    let mut signal = Signal::default();
    let mut is_json = true;
    let mut each = |path: &Option<Path>, found: &mut dyn FnMut(&'a RawValue)| {
        if let Some(path) = path {
            is_json &= path.find(json, &mut |raw| found(raw));
        }
    };
    for (path, part) in [(&format.reasoning, Part::Reasoning), (&format.text, Part::Content)] {
        each(path, &mut |raw| {
            let Some(text) = shown(raw) else { return };
            match raw.get().starts_with('"') {
                true => literals.saw(raw, part, text.is_empty()),
                false => literals.spoil(),
            }
            signal.note(said.add(part, &text));
        });
    }
    each(&format.error, &mut |raw| {
        if is_truthy(raw) {
            said.fail(raw.get().as_bytes());
        }
        literals.spoil();
    });
    each(&format.finish, &mut |raw| {
        if let Some(finish) = finish(raw) {
            said.end(finish);
            literals.spoil();
        }
    });
    let (mut prompt_tokens, mut completion_tokens) = (None, None);
    each(&format.input_tokens, &mut |raw| prompt_tokens = count(raw).or(prompt_tokens));
    each(&format.output_tokens, &mut |raw| completion_tokens = count(raw).or(completion_tokens));
    if let Some(usage) = (Usage { prompt_tokens, completion_tokens, ..Usage::default() }).if_any() {
        said.add_usage(usage);
        literals.spoil();
    }
    is_json.then_some(signal)
}

/// What stands at the path of a text: a string, or a number or truth value as it is written.
fn shown(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get().as_bytes() {
        [b'"', ..] => text(raw),
        [b'{' | b'[', ..] | b"null" => None,
        _ => Some(Cow::Borrowed(raw.get())),
    }
}

/// Why an answer ended, if it did: null, false and nothing are no ends, and true is one without a reason.
fn finish(raw: &RawValue) -> Option<Option<Finish>> {
    if !is_truthy(raw) {
        return None;
    }
    let Some(reason) = text(raw) else { return Some(None) };
    Some(Some(match reason.to_ascii_lowercase().as_str() {
        "stop" | "end_turn" | "eos_token" | "eos" | "stop_sequence" | "complete" | "completed" | "done" => {
            Finish::Stop
        }
        "length" | "max_tokens" | "max_output_tokens" => Finish::Length,
        "tool_calls" | "tool_use" | "function_call" => Finish::ToolCalls,
        "content_filter" | "safety" | "refusal" => Finish::ContentFilter,
        _ => Finish::Other,
    }))
}

#[cfg(test)]
mod tests;
