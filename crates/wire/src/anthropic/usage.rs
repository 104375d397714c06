//! What Anthropic's `usage` says that an answer cost.

use serde_json::value::RawValue;

use crate::json::lenient::{Object, members, object};
use crate::json::value::count;
use crate::usage::Usage;

/// The counts of a `usage` object. Where it leaves out some of what the prompt consists of, those of `before`
/// still hold: counts are of the whole answer, whichever event they come in.
pub(super) fn read_usage(raw: &RawValue, before: Option<Usage>) -> Option<Usage> {
    let counts: Counts<'_> = object(raw.get())?;
    let before = before.unwrap_or_default();
    let read = |member: Option<&RawValue>| member.and_then(count);
    let cached_tokens = read(counts.cache_read).or(before.cached_tokens);
    let cache_write_tokens = read(counts.cache_creation).or(before.cache_write_tokens);
    // `input_tokens` are only those that the cache had no part in.
    let prompt = |input: u64| {
        input
            .saturating_add(cached_tokens.unwrap_or_default())
            .saturating_add(cache_write_tokens.unwrap_or_default())
    };
    let details = counts.details.0.unwrap_or_default();
    Usage {
        prompt_tokens: read(counts.input).map(prompt),
        completion_tokens: read(counts.output),
        cached_tokens,
        cache_write_tokens,
        reasoning_tokens: read(details.thinking),
    }
    .if_any()
}

#[derive(Default)]
struct Counts<'a> {
    input: Option<&'a RawValue>,
    output: Option<&'a RawValue>,
    cache_read: Option<&'a RawValue>,
    cache_creation: Option<&'a RawValue>,
    details: Object<Details<'a>>,
}

#[derive(Default)]
struct Details<'a> {
    thinking: Option<&'a RawValue>,
}

members! {
    Counts {
        b"input_tokens" => input,
        b"output_tokens" => output,
        b"cache_read_input_tokens" => cache_read,
        b"cache_creation_input_tokens" => cache_creation,
        b"output_tokens_details" => details,
    }
    Details { b"thinking_tokens" => thinking }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, before: Option<Usage>) -> Option<Usage> {
        read_usage(serde_json::from_str(text).unwrap(), before)
    }

    #[test]
    fn a_prompt_is_what_was_read_from_the_cache_what_was_written_to_it_and_the_rest() {
        let first = read(
            r#"{"input_tokens":3,"cache_creation_input_tokens":20,"cache_read_input_tokens":100,"output_tokens":1}"#,
            None,
        );
        let usage = first.unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(123), Some(1)));
        assert_eq!((usage.cached_tokens, usage.cache_write_tokens), (Some(100), Some(20)));
        let later = read(r#"{"input_tokens":4,"output_tokens":9}"#, first).unwrap();
        assert_eq!((later.prompt_tokens, later.completion_tokens), (Some(124), Some(9)));
        assert_eq!(read(r#"{"output_tokens":9}"#, first).unwrap().prompt_tokens, None);
    }

    #[test]
    fn counts_that_are_none_are_missing() {
        for none in ["{}", "[]", "7", "null", r#"{"input_tokens":null,"output_tokens":"5"}"#] {
            assert_eq!(read(none, None), None, "{none}");
        }
        let huge = r#"{"input_tokens":18446744073709551615,"cache_read_input_tokens":18446744073709551615}"#;
        assert_eq!(read(huge, None).unwrap().prompt_tokens, Some(u64::MAX));
    }
}
