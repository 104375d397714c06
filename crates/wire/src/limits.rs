//! What providers state of their rate limits: in the head of an answer, and in the body of a refusal.
//!
//! Each vendor has names and units of its own. Instants are told relative to the answer's own `Date`, so that
//! a wrong clock on either side does no harm; without one they are missing.

mod clock;

use std::collections::BTreeMap;

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
            [b"x-rat", b"ratel", b"x-ai-", b"anthr", b"retry", b"x-ms-", b"x-sho", b"remai", b"azure"]
                .iter()
                .any(|known| start.eq_ignore_ascii_case(*known))
        })
    };
    if !fields.clone().any(speaks) {
        return None;
    }
    let date = field("date").and_then(http_date);
    let mut quotas = quotas(fields.clone().filter(|field| speaks(*field)), date);
    if let Some(used) = field("azure-openai-deployment-utilization").and_then(percent) {
        let all = Quota { limit: Some(100), remaining: Some(100 - used), reset: None };
        quotas.insert("utilization".into(), all);
    }
    let mut first = |names: &[&str]| names.iter().find_map(|name| quotas.remove(*name));
    StatedLimits {
        requests: first(&["requests", "requests-minute"]),
        tokens: first(&["tokens", "tokens-minute", "project-tokens"]),
        input: first(&["input-tokens"]),
        output: first(&["output-tokens"]),
        also: quotas,
        retry_after: retry_after(&field, date),
        hint: None,
        should_retry: field("x-should-retry").and_then(|text| text.parse().ok()),
    }
    .if_any()
}

/// Every limit that the fields name, by what they call it.
fn quotas<'h>(
    fields: impl Iterator<Item = (&'h str, &'h [u8])>,
    date: Option<u64>,
) -> BTreeMap<Box<str>, Quota> {
    let mut quotas = BTreeMap::<Box<str>, Quota>::new();
    for (field, value) in fields {
        let (Some((name, part)), Ok(text)) = (part_of_limit(field), std::str::from_utf8(value)) else {
            continue;
        };
        if quotas.len() >= MOST_LIMITS && !quotas.contains_key(name.as_str()) {
            continue;
        }
        let quota = quotas.entry(name.into()).or_default();
        match part {
            Part::Limit => quota.limit = quota.limit.or(count(text)),
            Part::Remaining => quota.remaining = quota.remaining.or(count(text)),
            Part::Reset => quota.reset = quota.reset.or(until(text.trim(), date)),
        }
    }
    quotas.retain(|_, quota| *quota != Quota::default());
    quotas
}

/// No provider states more limits than this beside one answer.
const MOST_LIMITS: usize = 24;

/// What a field says of a limit.
#[derive(Clone, Copy)]
enum Part {
    Limit,
    Remaining,
    Reset,
}

/// Which limit a field speaks of, and what it says of it. The word for that stands anywhere in the name: before what is
/// limited (OpenAI and most others), behind it (Anthropic) or within (LiteLLM). A limit without a name is of requests.
fn part_of_limit(field: &str) -> Option<(String, Part)> {
    const FAMILIES: [&str; 4] = ["x-ratelimit-", "ratelimit-", "x-ai-ratelimit-", "anthropic-ratelimit-"];
    let field = field.to_ascii_lowercase();
    let rest = match field.as_str() {
        // API Management lets everybody choose names; these are those of its attributes.
        "remaining-tokens" | "remaining-quota-tokens" => field.as_str(),
        _ => FAMILIES.iter().find_map(|family| field.strip_prefix(family)).or_else(|| {
            // Anthropic's limits of other service tiers keep their tier as a part of the name.
            field
                .strip_prefix("anthropic-")
                .filter(|rest| ["priority-", "fast-"].iter().any(|tier| rest.starts_with(tier)))
        })?,
    };
    let mut part = None;
    let mut name = String::new();
    for word in rest.split('-') {
        match (word, part) {
            ("limit", None) => part = Some(Part::Limit),
            ("remaining", None) => part = Some(Part::Remaining),
            ("reset", None) => part = Some(Part::Reset),
            (word, _) => {
                if !name.is_empty() {
                    name.push('-');
                }
                name.push_str(word);
            }
        }
    }
    if name.is_empty() {
        name.push_str("requests");
    }
    Some((name, part?))
}

/// A whole number, with whatever stands behind it (`100;w=60`).
fn count(text: &str) -> Option<i64> {
    text.split([';', ',']).next()?.trim().parse().ok()
}

/// Whole percents, as Azure states how much of a provisioned deployment is in use: `53.2%`.
fn percent(text: &str) -> Option<i64> {
    let percent: f64 = text.trim().strip_suffix('%')?.trim_end().parse().ok()?;
    (0.0..1e9).contains(&percent).then_some(percent.round() as i64)
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
    /// More than this are milliseconds since 1970.
    const IN_MILLISECONDS: u64 = 100_000_000_000;
    let since = |at: u64| Some(Span(at.saturating_sub(date?)));
    if let Some(ms) = text.parse::<u64>().ok().filter(|&number| number >= IN_MILLISECONDS) {
        return since(ms.checked_mul(1_000_000)?);
    }
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
    fn azure_states_how_much_of_a_deployment_is_in_use() {
        let said = |text| read(&[("azure-openai-deployment-utilization", text)]);
        let used = |remaining| Some(Quota { limit: Some(100), remaining: Some(remaining), reset: None });
        for (text, remaining) in [("53.2%", 47), ("2400.0%", -2_300), ("0%", 100)] {
            assert_eq!(said(text).unwrap().also.get("utilization").copied(), used(remaining), "{text}");
        }
        assert!(["", "much", "NaN%", "-3%", "53"].into_iter().all(|text| said(text).is_none()));
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

    /// The other names that are known: Cerebras, Groq, LiteLLM, API Management, OpenRouter, Kong, the draft of the IETF, and
    /// Anthropic's further tiers. What is none of the four is kept under its own name.
    #[test]
    fn every_name_is_kept() {
        let one = |fields: &[(&str, &str)], name: &str| {
            read(fields).unwrap().named().find(|(other, _)| *other == name).map(|(_, quota)| *quota)
        };
        let cerebras = [
            ("x-ratelimit-limit-requests-day", "14400"),
            ("x-ratelimit-remaining-requests-day", "14399"),
            ("x-ratelimit-reset-requests-day", "33011.382867"),
            ("x-ratelimit-limit-tokens-minute", "60000"),
            ("x-ratelimit-remaining-tokens-minute", "59000"),
            ("x-ratelimit-reset-tokens-minute", "11.38"),
        ];
        let day = one(&cerebras, "requests-day").unwrap();
        assert_eq!((day.limit, day.remaining), (Some(14_400), Some(14_399)));
        assert_eq!(day.reset.unwrap().as_secs_f64().round(), 33_011.0);
        assert_eq!(one(&cerebras, "tokens"), quota(60_000, 59_000, Span::from_millis(11_380)));
        assert_eq!(one(&cerebras, "requests"), None, "a day's limit is no minute's");
        let groq = [("x-ratelimit-remaining-tokens", "17997"), ("x-ratelimit-reset-tokens", "2m52.8s")];
        assert_eq!(one(&groq, "tokens").unwrap().reset, Some(Span::from_millis(172_800)));
        let litellm = [
            ("x-ratelimit-api_key-remaining-requests", "4"),
            ("x-ratelimit-api_key-limit-requests", "5"),
            ("x-ratelimit-model_per_key-remaining-tokens", "70"),
        ];
        let key = one(&litellm, "api_key-requests").unwrap();
        assert_eq!((key.limit, key.remaining), (Some(5), Some(4)));
        assert_eq!(one(&litellm, "model_per_key-tokens").unwrap().remaining, Some(70));
        let apim = [("remaining-tokens", "800"), ("remaining-quota-tokens", "99800")];
        assert_eq!(one(&apim, "tokens").unwrap().remaining, Some(800));
        assert_eq!(one(&apim, "quota-tokens").unwrap().remaining, Some(99_800));
        let openrouter = [
            ("date", "Mon, 04 May 2026 12:34:00 GMT"),
            ("X-RateLimit-Limit", "20"),
            ("X-RateLimit-Remaining", "0"),
            ("X-RateLimit-Reset", "1777898070000"),
        ];
        assert_eq!(one(&openrouter, "requests"), quota(20, 0, Span::from_secs(30)));
        let kong =
            [("X-AI-RateLimit-Limit-300-llama2", "100"), ("X-AI-RateLimit-Remaining-300-llama2", "40")];
        assert_eq!(one(&kong, "300-llama2").unwrap().remaining, Some(40));
        let draft =
            [("ratelimit-limit", "100, 100;w=60"), ("ratelimit-remaining", "50"), ("ratelimit-reset", "5")];
        assert_eq!(one(&draft, "requests"), quota(100, 50, Span::from_secs(5)));
        let tiers = [
            ("anthropic-priority-input-tokens-limit", "10000"),
            ("anthropic-fast-output-tokens-remaining", "7"),
        ];
        assert_eq!(one(&tiers, "priority-input-tokens").unwrap().limit, Some(10_000));
        assert_eq!(one(&tiers, "fast-output-tokens").unwrap().remaining, Some(7));
        let project = [("x-ratelimit-limit-tokens", "9"), ("x-ratelimit-limit-project-tokens", "5")];
        assert_eq!(one(&project, "tokens").unwrap().limit, Some(9));
        assert_eq!(one(&project, "project-tokens").unwrap().limit, Some(5));
    }

    #[test]
    fn names_without_end_are_not_kept() {
        let names: Vec<String> = (0..500).map(|n| format!("x-ratelimit-limit-n{n}")).collect();
        let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
        assert_eq!(read(&fields).unwrap().named().count(), MOST_LIMITS);
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
