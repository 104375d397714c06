//! What a server says that an answer cost.

use serde_json::value::RawValue;

use super::lenient::{Object, members};

/// What the server says an answer cost. What it does not say is missing, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, reasoning included.
    pub completion_tokens: Option<u64>,
    /// Of the prompt's tokens, those that came from a cache.
    pub cached_tokens: Option<u64>,
    /// Of the answer's tokens, those spent on reasoning.
    pub reasoning_tokens: Option<u64>,
}

impl Usage {
    /// The counts of a `usage` object, if it has any.
    pub(super) fn read(raw: &RawValue) -> Option<Usage> {
        let counts = serde_json::from_str::<Object<Counts<'_>>>(raw.get()).ok()?.0?;
        let (prompt, completion) = (counts.prompt_details.0, counts.completion_details.0);
        let usage = Usage {
            prompt_tokens: counts.prompt_tokens.and_then(number),
            completion_tokens: counts.completion_tokens.and_then(number),
            cached_tokens: prompt.and_then(|details| number(details.cached_tokens?)),
            reasoning_tokens: completion.and_then(|details| number(details.reasoning_tokens?)),
        };
        (usage != Usage::default()).then_some(usage)
    }

    /// These figures, and for what they do not say those that were given `before`.
    pub(super) fn after(self, before: Option<Usage>) -> Usage {
        let before = before.unwrap_or_default();
        Usage {
            prompt_tokens: self.prompt_tokens.or(before.prompt_tokens),
            completion_tokens: self.completion_tokens.or(before.completion_tokens),
            cached_tokens: self.cached_tokens.or(before.cached_tokens),
            reasoning_tokens: self.reasoning_tokens.or(before.reasoning_tokens),
        }
    }
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
    reasoning_tokens: Option<&'a RawValue>,
}

members! {
    Counts {
        b"prompt_tokens" => prompt_tokens,
        b"completion_tokens" => completion_tokens,
        b"prompt_tokens_details" => prompt_details,
        b"completion_tokens_details" => completion_details,
    }
    Details { b"cached_tokens" => cached_tokens, b"reasoning_tokens" => reasoning_tokens }
}

/// A count, which servers that keep all numbers as floats write as `5.0`.
fn number(raw: &RawValue) -> Option<u64> {
    /// Up to here a float holds every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let text = raw.get();
    text.parse().ok().or_else(|| {
        let value: f64 = text.parse().ok()?;
        ((0.0..=EXACT).contains(&value) && value.fract() == 0.0).then_some(value as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Usage> {
        Usage::read(serde_json::from_str(text).unwrap())
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

    #[test]
    fn later_figures_replace_only_what_they_say() {
        let first =
            read(r#"{"prompt_tokens":3,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":2}}"#);
        let both = read(r#"{"completion_tokens":9}"#).unwrap().after(first);
        assert_eq!(
            (both.prompt_tokens, both.completion_tokens, both.cached_tokens, both.reasoning_tokens),
            (Some(3), Some(9), Some(2), None)
        );
    }
}
