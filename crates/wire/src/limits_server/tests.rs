//! What each provider's refusals look like, and that the client's side understands them.

use floodline_core::Outcome;
use floodline_core::limits::{Figure, Figures, Limit, Reason};

use super::*;
use crate::error::{classify, parse_error};
use crate::limits::{retry_hint, stated};

/// A moment in May 2026.
const AT: Span = Span::from_secs(1_777_898_096);

const ASKED: Asked<'static> = Asked {
    dialect: Dialect::OpenAi,
    model: "m-1",
    key_name: "key-1",
    operation: "ChatCompletions_Create",
    api_version: Some("2024-10-21"),
    request_id: "req_1",
    at: AT,
};

/// A preset with a limit of concurrency and a quota as well.
fn limits(provider: Provider) -> Limits {
    let figures = Figures {
        preset: Some(provider),
        concurrency: Some(Figure::Of(4)),
        quota: Some(Figure::Of(1_000_000)),
        ..Figures::default()
    };
    figures.limits().unwrap()
}

/// Each limit used to three quarters.
fn standing(limits: &Limits) -> Standing {
    Standing::new(limits.limits.iter().map(|limit| {
        let used = limit.value / 4 * 3;
        let remaining = i64::try_from(limit.value - used).unwrap();
        Gauge { limit: limit.value, used, remaining, reset: Span(limit.window.0 / 4 * 3) }
    }))
}

fn refusal(limits: &Limits, place: usize, reason: Reason) -> Refusal {
    let Limit { dimension, per, window, value, .. } = limits.limits[place];
    let waits = reason != Reason::TooLarge && dimension != Dimension::Concurrency;
    Refusal {
        limit: u8::try_from(place).unwrap(),
        dimension,
        per,
        window,
        reason,
        wait: waits.then_some(Span(18_642_000_000)),
        used: value,
        requested: if reason == Reason::TooLarge { value + 1 } else { 1 },
        limit_value: value,
    }
}

fn shown(answer: &Answer) -> String {
    let fields = answer.fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect::<String>();
    format!("{}\n{fields}{}\n", answer.status, answer.body)
}

#[test]
fn each_provider_speaks_as_it_does() {
    for provider in Provider::ALL {
        let limits = limits(provider);
        let standing = standing(&limits);
        let fields = admitted(&limits, &standing, &ASKED);
        let mut text = String::from("admitted\n");
        text.extend(fields.iter().map(|(name, value)| format!("{name}: {value}\n")));
        for (place, limit) in limits.limits.iter().enumerate() {
            let reasons: &[Reason] = match limit.dimension {
                _ if limit.quota => &[Reason::Quota],
                Dimension::Requests | Dimension::Concurrency => &[Reason::Rate],
                _ => &[Reason::Rate, Reason::TooLarge, Reason::Acceleration],
            };
            for reason in reasons {
                let answer = refused(&limits, &standing, &refusal(&limits, place, *reason), &ASKED);
                text += &format!("\n{} {}: {}", limit.short_name(), reason.name(), shown(&answer));
            }
        }
        insta::assert_snapshot!(provider.name(), text);
    }
}

#[test]
fn the_client_tells_each_refusal_for_what_it_is() {
    for provider in Provider::ALL {
        let limits = limits(provider);
        let standing = standing(&limits);
        for (place, limit) in limits.limits.iter().enumerate() {
            for reason in [Reason::Rate, Reason::TooLarge, Reason::Acceleration, Reason::Quota] {
                if limit.quota != (reason == Reason::Quota) {
                    continue;
                }
                let answer = refused(&limits, &standing, &refusal(&limits, place, reason), &ASKED);
                serde_json::from_str::<serde_json::Value>(&answer.body).unwrap();
                let outcome = classify(answer.status, &parse_error(answer.body.as_bytes()));
                let expected = match reason {
                    Reason::Quota => Outcome::QuotaExceeded,
                    Reason::Rate | Reason::TooLarge | Reason::Acceleration => Outcome::RateLimited,
                };
                assert_eq!(outcome, expected, "{provider:?} {reason:?} {answer:?}");
            }
        }
    }
}

#[test]
fn the_client_reads_what_is_stated() {
    let read = |fields: &Fields| {
        let date = ("date", "Mon, 04 May 2026 12:34:56 GMT".as_bytes());
        stated(fields.iter().map(|(name, value)| (name, value.as_bytes())).chain([date]))
    };
    for provider in [Provider::OpenAi, Provider::Anthropic, Provider::Azure] {
        let limits = limits(provider);
        let fields = admitted(&limits, &standing(&limits), &ASKED);
        let requests = read(&fields).unwrap().requests.unwrap();
        let rpm = i64::try_from(limits.limits[0].value).unwrap();
        assert_eq!(requests.limit, Some(rpm), "{provider:?}");
        assert_eq!(requests.remaining, Some(rpm - rpm / 4 * 3));
        assert_eq!(requests.reset, Some(Span::from_secs(45)));
    }
    // The wait, in fields or in words, is never told shorter than it is.
    for provider in Provider::ALL {
        let limits = limits(provider);
        let refusal = refusal(&limits, 0, Reason::Rate);
        let answer = refused(&limits, &standing(&limits), &refusal, &ASKED);
        let in_field = read(&answer.fields).and_then(|stated| stated.retry_after);
        let told = in_field.or_else(|| retry_hint(answer.body.as_bytes()));
        match provider {
            Provider::Bedrock => assert_eq!(told, None),
            Provider::OpenAi => assert_eq!(told, refusal.wait),
            _ => assert!(told >= refusal.wait, "{provider:?} {told:?}"),
        }
    }
}

#[test]
fn dishonest_and_silent_providers_can_be_played() {
    let told = |retry_after, headers| {
        let limits = Limits { retry_after, headers, ..limits(Provider::OpenAi) };
        shown(&refused(&limits, &standing(&limits), &refusal(&limits, 0, Reason::Rate), &ASKED))
    };
    assert!(told(RetryAfter::Short, true).contains("retry-after-ms: 9321\n"));
    assert!(told(RetryAfter::Long, true).contains("try again in 37.284s."));
    let silent = told(RetryAfter::Absent, false);
    assert!(
        !silent.contains("retry-after") && !silent.contains("x-ratelimit") && !silent.contains("try again")
    );
}

#[test]
fn fields_are_lines_of_a_head() {
    let mut fields = Fields::default();
    fields.add("a", 1);
    fields.add("b".to_owned(), "two");
    let mut out = Vec::new();
    fields.write_http1(&mut out);
    assert_eq!(out, b"a: 1\r\nb: two\r\n");
}
