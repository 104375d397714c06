//! What OpenAI's `usage` says that an answer cost, under the names of completions or of Responses.

use serde_json::value::RawValue;

use crate::json::lenient::{Object, members, object};
use crate::json::value::count;
use crate::usage::Usage;

/// The counts of a `usage` object, if it has any.
pub(super) fn read_usage(raw: &RawValue) -> Option<Usage> {
    let counts: Counts<'_> = object(raw.get())?;
    let (prompt, completion) = (counts.prompt_details.0, counts.completion_details.0);
    let of_prompt = |field: fn(&Details<'_>) -> Option<u64>| prompt.as_ref().and_then(field);
    Usage {
        prompt_tokens: counts.prompt_tokens.and_then(count),
        completion_tokens: counts.completion_tokens.and_then(count),
        cached_tokens: of_prompt(|details| count(details.cached_tokens?)),
        cache_write_tokens: of_prompt(|details| count(details.cache_write_tokens?)),
        reasoning_tokens: completion.and_then(|details| count(details.reasoning_tokens?)),
    }
    .if_any()
}

#[derive(Default)]
struct Counts<'a> {
    prompt_tokens: Option<&'a RawValue>,
    completion_tokens: Option<&'a RawValue>,
    prompt_details: Object<Details<'a>>,
    completion_details: Object<Details<'a>>,
}

#[derive(Default)]
struct Details<'a> {
    cached_tokens: Option<&'a RawValue>,
    cache_write_tokens: Option<&'a RawValue>,
    reasoning_tokens: Option<&'a RawValue>,
}

members! {
    Counts {
        b"prompt_tokens" => prompt_tokens,
        b"completion_tokens" => completion_tokens,
        b"input_tokens" => prompt_tokens,
        b"output_tokens" => completion_tokens,
        b"prompt_tokens_details" => prompt_details,
        b"completion_tokens_details" => completion_details,
        b"input_tokens_details" => prompt_details,
        b"output_tokens_details" => completion_details,
    }
    Details {
        b"cached_tokens" => cached_tokens,
        b"cache_write_tokens" => cache_write_tokens,
        b"reasoning_tokens" => reasoning_tokens,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Usage> {
        read_usage(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn whole_numbers_count_however_they_are_written() {
        for (written, expected) in [
            ("5", Some(5)),
            ("5.0", Some(5)),
            ("1.2e1", Some(12)),
            ("18446744073709551615", Some(u64::MAX)),
            ("5.5", None),
            ("-5", None),
            ("-5.0", None),
            ("1e300", None),
            ("1e400", None),
            ("null", None),
            ("\"5\"", None),
        ] {
            let usage = read(&format!(r#"{{"completion_tokens":{written}}}"#));
            assert_eq!(usage.and_then(|usage| usage.completion_tokens), expected, "{written}");
        }
        let details = r#"{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":2.0},"completion_tokens_details":{"reasoning_tokens":3.0}}"#;
        let usage = read(details).unwrap();
        assert_eq!((usage.cached_tokens, usage.reasoning_tokens), (Some(2), Some(3)));
        for none in ["{}", "[]", "7", r#"{"prompt_tokens":null,"prompt_tokens_details":7}"#] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
