//! Trying again as it is written: the name of a policy, or all that can be said of one.

use floodline_core::retry::{Jitter, Waits, WhileOpen, Why};
use floodline_core::time::Span;
use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;

use super::either::mapping;
use super::scalar::{Choice, one_of};
use super::{At, Either, Given, Ratio, Scalar, Text, Written, Wrong};
use crate::error::did_you_mean;

/// A policy by its name, or in full.
pub(crate) type RetryForm = Either<PolicyName, Retry>;

/// Policies that have a name, which is what an argument can give too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PolicyName {
    None,
    Naive,
    /// Always after this wait.
    Fixed(Span),
    /// After waits that grow, spread so.
    Backoff(Jitter),
    /// As an SDK, or as that of the target's API.
    Sdk(Option<Waits>),
    HonourRetryAfter,
}

impl PolicyName {
    const NAMES: [(&str, PolicyName); 13] = [
        ("none", PolicyName::None),
        ("naive", PolicyName::Naive),
        ("backoff", PolicyName::Backoff(Jitter::Full)),
        ("backoff:full", PolicyName::Backoff(Jitter::Full)),
        ("backoff:equal", PolicyName::Backoff(Jitter::Equal)),
        ("backoff:decorrelated", PolicyName::Backoff(Jitter::Decorrelated)),
        ("backoff:none", PolicyName::Backoff(Jitter::None)),
        ("sdk", PolicyName::Sdk(None)),
        ("openai-sdk", PolicyName::Sdk(Some(Waits::OpenAiSdk))),
        ("anthropic-sdk", PolicyName::Sdk(Some(Waits::AnthropicSdk))),
        ("google-sdk", PolicyName::Sdk(Some(Waits::GoogleSdk))),
        ("aws", PolicyName::Sdk(Some(Waits::AwsStandard))),
        ("honour_retry_after", PolicyName::HonourRetryAfter),
    ];
}

impl Written for PolicyName {
    fn read(text: &str) -> Result<PolicyName, Wrong> {
        let text = text.trim();
        if let Some(wait) = text.strip_prefix("fixed:") {
            return Span::read(wait.trim()).map(PolicyName::Fixed);
        }
        let names = Self::NAMES.map(|(name, _)| name);
        let found = Self::NAMES.into_iter().find(|(name, _)| *name == text).map(|(_, policy)| policy);
        found.ok_or_else(|| {
            let mut known = names.to_vec();
            known.insert(2, "fixed:1s");
            Wrong {
                message: format!("`{text}` is not a way to try again: expected {}", one_of(&known)),
                help: match text {
                    "fixed" => Some("say how long is waited, such as fixed:1s".into()),
                    other => did_you_mean(other, names).map(|near| format!("did you mean `{near}`?")),
                },
            }
        })
    }
    fn schema() -> Schema {
        let names = Self::NAMES.map(|(name, _)| name);
        json_schema!({
            "anyOf": [
                { "enum": names },
                { "type": "string", "pattern": r"^fixed:[0-9]*\.?[0-9]+ *(ns|us|µs|ms|s|m|min|h|d)$" }
            ]
        })
    }
}

/// What is done about attempts that lead to no answer: one of naive, fixed, backoff and sdk, with or without
/// honour_retry_after, and what holds beside it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retry {
    /// At once, until there were so many attempts.
    pub(crate) naive: Given<Scalar<u32>>,
    /// Always after this wait.
    pub(crate) fixed: Given<Scalar<Span>>,
    /// After waits that grow.
    pub(crate) backoff: Given<At<BackoffForm>>,
    /// Exactly as a vendor's own SDK for Python: openai, anthropic, google or aws.
    pub(crate) sdk: Given<Scalar<Waits>>,
    /// After the wait that the provider states; where it states none, as what stands beside this, or as backoff.
    pub(crate) honour_retry_after: Given<At<HonourForm>>,
    /// Attempts of one request, the first one included; 3 unless given, of naive 4, of google's SDK 5.
    pub(crate) attempts: Given<Scalar<u32>>,
    /// No attempt begins later than this after the first one.
    pub(crate) max_time: Given<Scalar<Span>>,
    /// What is tried again: rate_limited, overloaded, server_error, timeout and connection unless given.
    pub(crate) on: Given<At<Vec<Scalar<Why>>>>,
    /// How many retries all requests together may use: a share of the requests such as 10%, or gRPC's tokens.
    pub(crate) budget: Given<Either<Share, BudgetForm>>,
    /// Rejecting requests here when the target takes fewer than one in so many: 2, or {k: 2, over: 2m}.
    pub(crate) throttle: Given<Either<Ratio, ThrottleForm>>,
    /// Leaving a target alone when this share of the attempts fails: 50%, or in full.
    pub(crate) breaker: Given<Either<Share, BreakerForm>>,
    /// Another target for requests that this one does not answer, by its name.
    pub(crate) fallback: Given<Either<Text, FallbackForm>>,
}

mapping!(
    Retry,
    "a name such as none, naive, fixed:1s, backoff, sdk or honour_retry_after, or a mapping such as {backoff: {base: 500ms}}"
);

/// Before retry n (from 0) a wait of v = min(cap, base · factorⁿ), less what the jitter takes away.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BackoffForm {
    /// The first wait; 500ms unless given.
    pub(crate) base: Given<Scalar<Span>>,
    /// The longest wait; 8s unless given.
    pub(crate) cap: Given<Scalar<Span>>,
    /// How much longer each is than the one before; 2 unless given.
    pub(crate) factor: Given<Scalar<Ratio>>,
    /// How waits are spread: full (the usual one), equal, decorrelated or none.
    pub(crate) jitter: Given<Scalar<Jitter>>,
    /// Attempts of one request, the first one included; 3 unless given.
    pub(crate) attempts: Given<Scalar<u32>>,
}

/// As long as the provider says, and a little longer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HonourForm {
    /// What is done where the provider states no wait: backoff unless given, or naive.
    pub(crate) then: Given<Scalar<Then>>,
    /// Told to wait longer than this, a request is given up; 60s unless given.
    pub(crate) cap: Given<Scalar<Span>>,
    /// How much longer at most, as a share of what is stated; 25% unless given.
    pub(crate) jitter: Given<Scalar<Share>>,
}

/// What is done where the provider states no wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Backoff,
    Naive,
}

impl Choice for Then {
    const WHAT: &'static str = "what can be done where no wait is stated";
    const NAMES: &'static [(&'static str, Then)] = &[("backoff", Then::Backoff), ("naive", Then::Naive)];
}

/// How many retries all requests together may use: either a share, or tokens.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BudgetForm {
    /// Retries, as a share of the requests.
    pub(crate) share: Given<Scalar<Share>>,
    /// Both are counted over this time; 2m unless given.
    pub(crate) over: Given<Scalar<Span>>,
    /// So many retries are always allowed within it; none unless given.
    pub(crate) at_least: Given<Scalar<u32>>,
    /// Tokens as in gRPC: a failure takes one, and with half of them gone nothing is tried again.
    pub(crate) tokens: Given<Scalar<u32>>,
    /// What a success gives back, in tokens; 0.1 unless given.
    pub(crate) ratio: Given<Scalar<Ratio>>,
}

mapping!(BudgetForm, "a share such as 10%, {share: 10%, over: 2m} or {tokens: 10, ratio: 0.1}");

/// Rejecting requests here with the probability max(0, (requests − k · accepts) / (requests + 1)).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ThrottleForm {
    /// How many requests are let out for each that is taken on; 2 unless given.
    pub(crate) k: Given<Scalar<Ratio>>,
    /// Both are counted over this time; 2m unless given.
    pub(crate) over: Given<Scalar<Span>>,
}

mapping!(ThrottleForm, "a factor such as 2, or {k: 2, over: 2m}");

/// When a target is left alone, and for how long.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BreakerForm {
    /// The share of failures at which it opens; 50% unless given.
    pub(crate) failures: Given<Scalar<Share>>,
    /// Attempts are counted over this time; 10s unless given.
    pub(crate) over: Given<Scalar<Span>>,
    /// Fewer attempts than this within it say nothing; 20 unless given.
    pub(crate) at_least: Given<Scalar<u32>>,
    /// How long it stays open; 5s unless given.
    pub(crate) cool_down: Given<Scalar<Span>>,
    /// So many attempts are let through then, all of which must succeed; 1 unless given.
    pub(crate) probes: Given<Scalar<u32>>,
    /// Whether requests are rejected meanwhile, or wait: reject (the usual one) or hold.
    pub(crate) open: Given<Scalar<WhileOpen>>,
}

mapping!(BreakerForm, "a share of failures such as 50%, or {failures: 50%, over: 10s, cool_down: 5s}");

/// Another target for requests that this one does not answer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["target"]))]
pub(crate) struct FallbackForm {
    /// Its name.
    pub(crate) target: Given<Scalar<Text>>,
    /// After which refusals; all but client_error and too_large unless given.
    pub(crate) after: Given<At<Vec<Scalar<Why>>>>,
    /// Whether it is asked after the first refusal already, instead of when trying again is over.
    pub(crate) at_once: Given<Scalar<bool>>,
}

mapping!(FallbackForm, "the name of a target, or {target: NAME, after: [overloaded]}");

impl Choice for Waits {
    const WHAT: &'static str = "an SDK whose retries are known";
    const NAMES: &'static [(&'static str, Waits)] = &[
        ("openai", Waits::OpenAiSdk),
        ("anthropic", Waits::AnthropicSdk),
        ("google", Waits::GoogleSdk),
        ("aws", Waits::AwsStandard),
    ];
}

impl Choice for Jitter {
    const WHAT: &'static str = "a way to spread waits";
    const NAMES: &'static [(&'static str, Jitter)] = &[
        ("full", Jitter::Full),
        ("equal", Jitter::Equal),
        ("decorrelated", Jitter::Decorrelated),
        ("none", Jitter::None),
    ];
}

impl Choice for WhileOpen {
    const WHAT: &'static str = "what an open breaker does";
    const NAMES: &'static [(&'static str, WhileOpen)] =
        &[("reject", WhileOpen::Reject), ("hold", WhileOpen::Hold)];
}

impl Choice for Why {
    const WHAT: &'static str = "a refusal";
    const NAMES: &'static [(&'static str, Why)] = &[
        (Why::RateLimited.name(), Why::RateLimited),
        (Why::QuotaExhausted.name(), Why::QuotaExhausted),
        (Why::Overloaded.name(), Why::Overloaded),
        (Why::TooLarge.name(), Why::TooLarge),
        (Why::ServerError.name(), Why::ServerError),
        (Why::Timeout.name(), Why::Timeout),
        (Why::Connection.name(), Why::Connection),
        (Why::Broken.name(), Why::Broken),
        (Why::ClientError.name(), Why::ClientError),
        (Why::RejectedLocally.name(), Why::RejectedLocally),
    ];
}

/// A share above nothing, in millionths: `10%`, `0.5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share(pub(crate) u32);

impl Written for Share {
    fn read(text: &str) -> Result<Share, Wrong> {
        let percent = text.trim().strip_suffix('%').and_then(|number| Ratio::read(number.trim_end()).ok());
        let millionths =
            percent.map(|percent| u128::from(percent.digits) * 10_000 / u128::from(percent.scale));
        match millionths.and_then(|millionths| u32::try_from(millionths).ok()) {
            Some(millionths @ 1..=1_000_000) => Ok(Share(millionths)),
            Some(_) | None => Err(Wrong {
                message: format!("`{text}` is not a share"),
                help: Some("write a percentage above zero and up to a hundred, such as 10%".into()),
            }),
        }
    }
    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": r"^[0-9]*\.?[0-9]+ *%$" })
    }
}
