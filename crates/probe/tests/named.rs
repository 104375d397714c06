//! Several limits at once whose refusals name them: each that was met is listed, and none is listed in the place of another.

mod target;

use floodline_core::Span;
use floodline_core::finding::{Claim, Finding, FoundAlgorithm, FoundDimension};
use floodline_core::limits::{
    Algorithm, Dimension, Limit, Limits, Period, Precharge, Provider, RetryAfter, Settlement,
};
use floodline_probe::limits::Settings;
use target::{Manner, run};

const MANNER: Manner = Manner {
    way: Span(300_000),
    jitter: Span(800_000),
    first: Span(5_000_000),
    gap: Span(500_000),
    shortest: 1.0,
    template: 7,
    states_wait: true,
    names: true,
};

/// What is found out about buckets that are refilled in so many seconds, which is known beforehand.
fn found(seconds: u64, limits: &[(Dimension, u64, Precharge)]) -> Finding {
    let window = Some(Span::from_secs(seconds));
    found_with(Settings { window, ..Settings::default() }, seconds, (false, false), limits)
}

/// Of requests, those that are refused count as well if `refusals`; head fields state each limit if `headers`.
fn found_with(
    settings: Settings,
    seconds: u64,
    (refusals, headers): (bool, bool),
    limits: &[(Dimension, u64, Precharge)],
) -> Finding {
    let limit = |&(dimension, value, precharge): &(Dimension, u64, Precharge)| {
        let mut limit = Limit::new(dimension, value, Period::Minute);
        limit.window = Span::from_secs(seconds);
        limit.algorithm = Algorithm::Bucket { burst: None };
        (limit.precharge, limit.settlement) = (precharge, Settlement::None);
        limit.refusals_count = refusals && dimension == Dimension::Requests;
        limit
    };
    let limits = Limits {
        provider: Provider::OpenAi,
        organisation: "o".into(),
        unstated_max_tokens: 16,
        retry_after: RetryAfter::Exact,
        headers,
        limits: limits.iter().map(limit).collect(),
    };
    run(&limits, MANNER, settings, 1).0
}

/// The dimensions that are listed, sorted; and no value is further off than a twentieth.
fn listed(finding: &Finding, truth: &[(FoundDimension, f64)]) -> Vec<&'static str> {
    for limit in &finding.limits {
        let own = truth.iter().find(|(dimension, _)| *dimension == limit.dimension);
        let (_, value) = own.unwrap_or_else(|| panic!("there is no such limit: {limit:?}"));
        let right = limit.value.is_none_or(|found| (found / value - 1.0).abs() < 0.05);
        assert!(right, "it is {value}: {limit:?}");
        assert_eq!(limit.stated_dimension.as_deref(), Some(limit.dimension.name()));
    }
    let mut names = finding.limits.iter().map(|limit| limit.dimension.name()).collect::<Vec<_>>();
    names.sort();
    names
}

#[test]
fn two_limits_that_are_named_are_both_listed() {
    let finding = found(
        4,
        &[
            (Dimension::Requests, 60, Precharge::None),
            (Dimension::Tokens, 2_000, Precharge::PromptPlusMaxTokens),
        ],
    );
    let truth = [(FoundDimension::Rpm, 60.0), (FoundDimension::Tpm, 2_000.0)];
    assert_eq!(listed(&finding, &truth), ["rpm", "tpm"], "{finding:#?}");
}

#[test]
fn three_limits_that_are_named_are_all_listed() {
    let finding = found(
        5,
        &[
            (Dimension::Requests, 50, Precharge::None),
            (Dimension::InputTokens, 2_000, Precharge::Prompt),
            (Dimension::OutputTokens, 1_000, Precharge::MaxTokens),
        ],
    );
    let truth = [
        (FoundDimension::Rpm, 50.0),
        (FoundDimension::InputTpm, 2_000.0),
        (FoundDimension::OutputTpm, 1_000.0),
    ];
    assert_eq!(listed(&finding, &truth), ["input_tpm", "output_tpm", "rpm"], "{finding:#?}");
}

/// As OpenAI's limits stand side by side: what is spent to measure the requests must not run into the tokens.
#[test]
fn requests_and_tokens_of_a_minute_are_both_measured() {
    let finding = found_with(
        Settings::default(),
        60,
        (true, false),
        &[
            (Dimension::Requests, 500, Precharge::None),
            (Dimension::Tokens, 30_000, Precharge::MaxOfPromptAndMaxTokens),
        ],
    );
    for (dimension, truth) in [(FoundDimension::Rpm, 500.0), (FoundDimension::Tpm, 30_000.0)] {
        let found = finding.limits.iter().find(|limit| limit.dimension == dimension).unwrap();
        assert_eq!(found.algorithm, FoundAlgorithm::Bucket, "{finding:#?}");
        let minute = found.value.unwrap() * 60.0 / found.window_s.unwrap();
        assert!((minute / truth - 1.0).abs() < 0.05 && found.confidence > 0.9, "{finding:#?}");
    }
}

/// As Anthropic's limits stand side by side: few requests are spared, and they have to be large to meet the others.
#[test]
fn limits_that_head_fields_claim_are_looked_for() {
    let finding = found_with(
        Settings { max_time: Span::from_secs(1_200), ..Settings::default() },
        60,
        (false, true),
        &[
            (Dimension::Requests, 50, Precharge::None),
            (Dimension::InputTokens, 30_000, Precharge::Prompt),
            (Dimension::OutputTokens, 8_000, Precharge::MaxTokens),
        ],
    );
    let truth = [
        (FoundDimension::Rpm, 50.0),
        (FoundDimension::InputTpm, 30_000.0),
        (FoundDimension::OutputTpm, 8_000.0),
    ];
    assert_eq!(listed(&finding, &truth), ["input_tpm", "output_tpm", "rpm"], "{finding:#?}");
    assert!(finding.limits.iter().all(|limit| limit.value.is_some()), "{finding:#?}");
    assert!(finding.not_met.claimed.is_empty(), "{finding:#?}");
}

/// What no request can come to is told as a claim.
#[test]
fn what_is_claimed_and_not_met_is_told_as_a_claim() {
    let finding = found_with(
        Settings { prompt: 16..=64, ..Settings::default() },
        60,
        (false, true),
        &[(Dimension::Requests, 50, Precharge::None), (Dimension::InputTokens, 30_000, Precharge::Prompt)],
    );
    assert_eq!(
        finding.not_met.claimed,
        [Claim { dimension: FoundDimension::InputTpm, value: 30_000 }],
        "{finding:#?}"
    );
}
