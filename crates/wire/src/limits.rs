//! What providers state of their rate limits: in the head of an answer, and in the body of a refusal.
//!
//! Each vendor has names and units of its own. Instants are told relative to the answer's own `Date`, so that
//! a wrong clock on either side does no harm; without one they are missing.

mod clock;

use floodline_core::Span;
use floodline_core::stated::{Quota, StatedLimits};
use serde_json::Value;

use clock::{go_duration, http_date, rfc3339, seconds};

/// Reads the limits out of the fields of a head, given as names in any case and values.
pub fn stated<'h>(fields: impl Iterator<Item = (&'h str, &'h [u8])> + Clone) -> Option<StatedLimits> {
    let field = |name: &str| {
        let value = fields.clone().find(|(other, _)| other.eq_ignore_ascii_case(name))?.1;
        std::str::from_utf8(value).ok().map(str::trim)
    };
    // Most answers state nothing; one look is enough to know.
    let speaks = |(name, _): (&str, &[u8])| {
        let name = name.as_bytes();
        name.get(..5).is_some_and(|start| {
            [b"x-rat", b"anthr", b"retry", b"x-ms-", b"x-sho"]
                .iter()
                .any(|known| start.eq_ignore_ascii_case(*known))
        })
    };
    if !fields.clone().any(speaks) {
        return None;
    }
    let date = field("date").and_then(http_date);
    let openai = |kind: &str| {
        let part = |part: &str| field(&format!("x-ratelimit-{part}-{kind}"));
        quota(part("limit"), part("remaining"), part("reset"), date)
    };
    let anthropic = |kind: &str| {
        let part = |part: &str| field(&format!("anthropic-ratelimit-{kind}-{part}"));
        quota(part("limit"), part("remaining"), part("reset"), date)
    };
    let first = |kinds: &[&str]| kinds.iter().find_map(|kind| openai(kind));
    StatedLimits {
        requests: first(&["requests", "requests-minute", "requests-day"]).or_else(|| anthropic("requests")),
        tokens: first(&["tokens", "project-tokens", "tokens-minute"]).or_else(|| anthropic("tokens")),
        input: anthropic("input-tokens"),
        output: anthropic("output-tokens"),
        retry_after: retry_after(&field, date),
        hint: None,
        should_retry: field("x-should-retry").and_then(|text| text.parse().ok()),
    }
    .if_any()
}

/// Reads how long to wait out of the body of a refusal, which belongs into [`StatedLimits::hint`]: Gemini's `RetryInfo`, and the sentences of OpenAI ("try
/// again in 18.642s") and Azure ("retry after 22 seconds").
pub fn retry_hint(body: &[u8]) -> Option<Span> {
    let text = String::from_utf8_lossy(body);
    let of_gemini = serde_json::from_str::<Value>(&text).ok().and_then(|value| retry_info(&value, 0));
    of_gemini.or_else(|| {
        let lower = text.to_ascii_lowercase();
        ["try again in ", "retry after "].iter().find_map(|words| {
            let start = lower.find(words)? + words.len();
            sentence(lower.get(start..)?)
        })
    })
}

fn quota(
    limit: Option<&str>,
    remaining: Option<&str>,
    reset: Option<&str>,
    date: Option<u64>,
) -> Option<Quota> {
    let count = |text: &str| text.parse::<i64>().ok();
    Quota {
        limit: limit.and_then(count),
        remaining: remaining.and_then(count),
        reset: reset.and_then(|text| until(text, date)),
    }
    .if_any()
}

fn retry_after<'h>(field: &impl Fn(&str) -> Option<&'h str>, date: Option<u64>) -> Option<Span> {
    let ms = field("retry-after-ms").or_else(|| field("x-ms-retry-after-ms"));
    // Milliseconds are seconds with another point.
    let ms = ms.and_then(seconds).map(|span| Span(span.0 / 1_000));
    ms.or_else(|| until(field("retry-after")?, date))
}

/// Until an instant or for a length of time, in whichever of the vendors' ways it is written.
fn until(text: &str, date: Option<u64>) -> Option<Span> {
    /// More seconds than any wait has: they count from 1970.
    const EPOCH: Span = Span::from_secs(1_000_000_000);
    let since = |at: u64| Some(Span(at.saturating_sub(date?)));
    match seconds(text) {
        Some(at) if at >= EPOCH => since(at.0),
        Some(span) => Some(span),
        None => go_duration(text).or_else(|| since(rfc3339(text).or_else(|| http_date(text))?)),
    }
}

/// The `retryDelay` of a `google.rpc.RetryInfo`, wherever it stands.
fn retry_info(value: &Value, depth: u8) -> Option<Span> {
    match value {
        _ if depth > 6 => None,
        Value::Object(members) => {
            let own = members.get("retryDelay").and_then(Value::as_str).and_then(go_duration);
            own.or_else(|| members.values().find_map(|value| retry_info(value, depth + 1)))
        }
        Value::Array(items) => items.iter().find_map(|value| retry_info(value, depth + 1)),
        _ => None,
    }
}

/// A length of time at the start of what is left of a sentence.
fn sentence(text: &str) -> Option<Span> {
    let word = text.split([' ', ',', '"', '\\']).next()?.trim_end_matches('.');
    let rest = text.get(word.len()..)?.trim_start();
    match seconds(word) {
        Some(span) if rest.starts_with("second") => Some(span),
        Some(span) if rest.starts_with("minute") => Some(Span(span.0.saturating_mul(60))),
        Some(span) if rest.starts_with("ms") || rest.starts_with("millisecond") => Some(Span(span.0 / 1_000)),
        Some(_) => None,
        None => go_duration(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> Option<StatedLimits> {
        stated(fields.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    fn quota(limit: i64, remaining: i64, reset: Span) -> Option<Quota> {
        Some(Quota { limit: Some(limit), remaining: Some(remaining), reset: Some(reset) })
    }

    #[test]
    fn openai_states_durations() {
        let stated = read(&[
            ("x-ratelimit-limit-requests", "60"),
            ("X-RateLimit-Remaining-Requests", "59"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ])
        .unwrap();
        assert_eq!(stated.requests, quota(60, 59, Span::from_secs(1)));
        assert_eq!(stated.tokens, quota(150_000, 149_984, Span::from_secs(360)));
        assert_eq!(stated.retry_after, None);
    }

    #[test]
    fn azure_states_seconds_and_may_be_below_zero() {
        let stated = read(&[
            ("retry-after", "4"),
            ("x-ratelimit-remaining-tokens", "-27689"),
            ("x-ratelimit-reset-tokens", "64"),
        ])
        .unwrap();
        let tokens = Quota { limit: None, remaining: Some(-27_689), reset: Some(Span::from_secs(64)) };
        assert_eq!((stated.tokens, stated.retry_after), (Some(tokens), Some(Span::from_secs(4))));
        let stated = read(&[("retry-after-ms", "1500"), ("retry-after", "2")]).unwrap();
        assert_eq!(stated.retry_after, Some(Span::from_millis(1_500)));
    }

    #[test]
    fn anthropic_states_instants_which_count_from_the_date_of_the_answer() {
        let fields = [
            ("date", "Mon, 04 May 2026 12:34:00 GMT"),
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2026-05-04T12:34:56Z"),
            ("anthropic-ratelimit-input-tokens-limit", "30000"),
            ("anthropic-ratelimit-output-tokens-remaining", "8000"),
            ("retry-after", "Mon, 04 May 2026 12:34:30 GMT"),
        ];
        let stated = read(&fields).unwrap();
        assert_eq!(stated.requests, quota(50, 49, Span::from_secs(56)));
        assert_eq!(stated.input.unwrap().limit, Some(30_000));
        assert_eq!(stated.output.unwrap().remaining, Some(8_000));
        assert_eq!(stated.retry_after, Some(Span::from_secs(30)));
        let undated = read(&fields[1..]).unwrap();
        assert_eq!((undated.requests.unwrap().reset, undated.retry_after), (None, None));
    }

    /// The texts of the test vectors of OpenAI's Python SDK, which has them on 29 September 2023 at 16:26:37. What says
    /// nothing (or nothing above zero) leaves an SDK to its own wait.
    #[test]
    fn heads_say_how_long_to_wait_as_the_sdks_read_them() {
        let date = ("date", "Fri, 29 Sep 2023 16:26:37 GMT");
        for (text, seconds) in [
            ("20", Some(20)),
            ("0", Some(0)),
            ("-10", None),
            ("60", Some(60)),
            ("61", Some(61)),
            ("120", Some(120)),
            ("121", Some(121)),
            ("Fri, 29 Sep 2023 16:26:57 GMT", Some(20)),
            ("Fri, 29 Sep 2023 16:27:37 GMT", Some(60)),
            ("Fri, 29 Sep 2023 16:28:37 GMT", Some(120)),
            ("Fri, 29 Sep 2023 16:26:27 GMT", Some(0)),
            ("Zun, 29 Sep 2023 16:26:27 GMT", Some(0)),
            ("99999999999999999999999999999999999", None),
            ("inf", None),
            ("", None),
        ] {
            let said = read(&[date, ("retry-after", text)]).and_then(|stated| stated.retry_after);
            assert_eq!(said, seconds.map(Span::from_secs), "{text}");
        }
        for (text, wanted) in [("true", Some(true)), ("false", Some(false)), ("perhaps", None)] {
            let said = read(&[("X-Should-Retry", text)]).and_then(|stated| stated.should_retry);
            assert_eq!(said, wanted);
        }
    }

    #[test]
    fn an_answer_that_states_nothing_has_no_limits() {
        assert_eq!(read(&[("date", "Mon, 04 May 2026 12:34:00 GMT"), ("x-request-id", "r")]), None);
        assert_eq!(read(&[("x-ratelimit-limit-requests", "many"), ("retry-after", "soon")]), None);
    }

    #[test]
    fn refusals_say_in_words_how_long_to_wait() {
        let ns = |text: &str| retry_hint(text.as_bytes()).map(|span| span.0);
        let openai = r#"{"error":{"message":"Limit 30000, Used 14567, Requested 24754. Please try again in 18.642s. Visit https://x"}}"#;
        assert_eq!(ns(openai), Some(18_642_000_000));
        assert_eq!(ns("Please try again in 174ms."), Some(174_000_000));
        assert_eq!(ns("Please try again in 6m0s."), Some(360_000_000_000));
        assert_eq!(ns("Please retry after 22 seconds. Please go here"), Some(22_000_000_000));
        assert_eq!(ns("Try again in 2 minutes"), Some(120_000_000_000));
        let gemini = r#"[{"error":{"code":429,"details":[{"@type":"q"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"26s"}]}}]"#;
        assert_eq!(ns(gemini), Some(26_000_000_000));
        for none in
            ["", "{}", "try again later", "try again in ", "try again in a while", "retry after 5 tries"]
        {
            assert_eq!(ns(none), None, "{none}");
        }
    }
}
