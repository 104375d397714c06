//! What Gemini's `usageMetadata` says that an answer cost.

use serde_json::value::RawValue;

use crate::json::lenient::{members, object};
use crate::json::value::count;
use crate::usage::Usage;

/// The counts of a `usageMetadata`. They are of the whole answer so far, and what is left out still holds from
/// `before`.
pub(super) fn read_usage(raw: &RawValue, before: Option<Usage>) -> Option<Usage> {
    let counts: Counts<'_> = object(raw.get())?;
    let before = before.unwrap_or_default();
    let read = |member: Option<&RawValue>| member.and_then(count);
    let (written, thought) = (read(counts.candidates), read(counts.thoughts));
    // Thoughts are not among the tokens of the candidates, though both are paid for as output.
    let thoughts = thought.or(before.reasoning_tokens).unwrap_or_default();
    let candidates = written.unwrap_or_else(|| {
        let reasoning = before.reasoning_tokens.unwrap_or_default();
        before.completion_tokens.unwrap_or_default().saturating_sub(reasoning)
    });
    Usage {
        prompt_tokens: read(counts.prompt),
        completion_tokens: written.or(thought).map(|_| candidates.saturating_add(thoughts)),
        cached_tokens: read(counts.cached),
        cache_write_tokens: None,
        reasoning_tokens: thought,
    }
    .if_any()
}

#[derive(Default)]
struct Counts<'a> {
    prompt: Option<&'a RawValue>,
    candidates: Option<&'a RawValue>,
    thoughts: Option<&'a RawValue>,
    cached: Option<&'a RawValue>,
}

members! {
    Counts {
        b"promptTokenCount" => prompt,
        b"candidatesTokenCount" => candidates,
        b"thoughtsTokenCount" => thoughts,
        b"cachedContentTokenCount" => cached,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, before: Option<Usage>) -> Option<Usage> {
        read_usage(serde_json::from_str(text).unwrap(), before).map(|usage| usage.after(before))
    }

    #[test]
    fn thoughts_are_part_of_the_answer() {
        let all = r#"{"promptTokenCount":7,"candidatesTokenCount":12,"thoughtsTokenCount":150,"cachedContentTokenCount":4,"totalTokenCount":169}"#;
        let usage = read(all, None).unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(7), Some(162)));
        assert_eq!((usage.cached_tokens, usage.reasoning_tokens), (Some(4), Some(150)));
    }

    #[test]
    fn what_a_later_count_leaves_out_still_holds() {
        let start = read(r#"{"promptTokenCount":7}"#, None);
        assert_eq!(start.unwrap().completion_tokens, None);
        let thinking = read(r#"{"promptTokenCount":7,"thoughtsTokenCount":150}"#, start);
        assert_eq!(thinking.unwrap().completion_tokens, Some(150));
        let writing = read(r#"{"candidatesTokenCount":5}"#, thinking);
        assert_eq!(writing.unwrap().completion_tokens, Some(155));
        let more = read(r#"{"candidatesTokenCount":9}"#, writing);
        assert_eq!(more.unwrap().completion_tokens, Some(159));
        let thoughts = read(r#"{"thoughtsTokenCount":160}"#, more);
        assert_eq!(thoughts.unwrap().completion_tokens, Some(169));
        assert_eq!(read(r#"{"thoughtsTokenCount":"x"}"#, None), None);
    }
}
