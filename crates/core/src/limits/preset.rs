//! The limits of known providers: how each counts, and figures of a small account, which a user's own replace.
//!
//! What is not documented is a choice, and said here to be one. Sources: the providers' own pages on rate limits.

use super::figures::KINDS;
use super::limit::{Algorithm, Dimension, Limit, Period, Precharge, Scope, Settlement, Start};
use super::{Limits, Provider, RetryAfter, organisation};
use crate::time::Span;

impl Limits {
    /// The limits of `provider` with the figures of a small account.
    pub fn preset(provider: Provider) -> Limits {
        let kinds = KINDS.into_iter().zip(usual(provider));
        let limits =
            kinds.filter_map(|((_, dimension, per), value)| Some(styled(provider, dimension, per, value?)));
        Limits {
            provider,
            organisation: organisation(),
            unstated_max_tokens: unstated_max_tokens(provider),
            retry_after: RetryAfter::Exact,
            headers: true,
            limits: limits.collect(),
        }
    }
}

/// The figures of a small account, in the order of [`KINDS`].
pub(super) fn usual(provider: Provider) -> [Option<u64>; 11] {
    let [mut rpm, mut rpd, mut tpm, mut tpd, mut input, mut output] = [None; 6];
    match provider {
        Provider::OpenAi => (rpm, tpm) = (Some(500), Some(30_000)),
        Provider::Anthropic => (rpm, input, output) = (Some(50), Some(30_000), Some(8_000)),
        Provider::Azure => (rpm, tpm) = (Some(180), Some(30_000)),
        Provider::AzurePtu => tpm = Some(37_500),
        Provider::Gemini => (rpm, rpd, input) = (Some(10), Some(250), Some(250_000)),
        Provider::Bedrock => (rpm, tpm, tpd) = (Some(50), Some(200_000), Some(288_000_000)),
        Provider::Apim => tpm = Some(5_000),
        Provider::LiteLlm => (rpm, tpm) = (Some(100), Some(100_000)),
    }
    [rpm, None, rpd, tpm, None, tpd, input, output, None, None, None]
}

/// What a request is taken to ask for that does not say: Bedrock reserves the model's maximum, the others little.
fn unstated_max_tokens(provider: Provider) -> u64 {
    match provider {
        Provider::Bedrock => 64_000,
        Provider::AzurePtu => 1_000,
        _ => 16,
    }
}

/// A limit as `provider` counts it.
pub(super) fn styled(provider: Provider, dimension: Dimension, per: Period, value: u64) -> Limit {
    let plain = Limit::new(dimension, value, per);
    let scope = match provider {
        // Not the user's: the organisation's, the project's or the deployment's, for each model.
        Provider::OpenAi | Provider::Anthropic | Provider::Azure | Provider::AzurePtu => Scope::Model,
        Provider::Gemini | Provider::Bedrock => Scope::Model,
        // The counter's key is an expression; this is the one of the examples.
        Provider::Apim | Provider::LiteLlm => Scope::Key,
    };
    let window = |start| Algorithm::FixedWindow { start, phase: Span::ZERO };
    let algorithm = match provider {
        // Refilled continuously; the waits that its messages state come out exactly so.
        Provider::OpenAi => Algorithm::Bucket { burst: None },
        Provider::Anthropic => Algorithm::Bucket { burst: None },
        // "Evaluated over a small period of time, typically 1 or 10 seconds", and tokens "reset each minute".
        Provider::Azure | Provider::AzurePtu if dimension == Dimension::Requests && per == Period::Minute => {
            Algorithm::Quantised { every: Span::from_secs(1) }
        }
        Provider::AzurePtu if dimension == Dimension::Tokens => Algorithm::Leaky { burst: None },
        Provider::Azure | Provider::AzurePtu => window(Start::Epoch),
        // Days are said to begin at midnight, Pacific time; that minutes are windows too is a choice.
        Provider::Gemini => window(Start::Epoch),
        // A choice: the API says nothing of how it counts.
        Provider::Bedrock if matches!(per, Period::Day | Period::Month) => window(Start::Epoch),
        Provider::Bedrock => Algorithm::Bucket { burst: None },
        Provider::Apim => window(Start::Epoch),
        Provider::LiteLlm => window(Start::FirstHit),
    };
    let limit = Limit { algorithm, scope, ..plain };
    match dimension {
        Dimension::Concurrency => Limit { algorithm: Algorithm::Bucket { burst: None }, ..limit },
        // "Unsuccessful requests contribute to your per-minute limit"; LiteLLM counts first and looks then.
        Dimension::Requests => {
            let counts = matches!(provider, Provider::OpenAi | Provider::LiteLlm);
            Limit { refusals_count: counts, ..limit }
        }
        Dimension::Tokens | Dimension::InputTokens | Dimension::OutputTokens => charged(provider, limit),
    }
}

/// When and what a limit of tokens is charged.
fn charged(provider: Provider, limit: Limit) -> Limit {
    use Precharge::{MaxOfPromptAndMaxTokens, MaxTokens, None, Prompt, PromptPlusMaxTokens};
    let (whole, settlement) = match provider {
        // "The maximum of max_tokens and the estimated number of tokens"; a settlement is not documented.
        Provider::OpenAi => (MaxOfPromptAndMaxTokens, Settlement::None),
        Provider::Anthropic => (Prompt, Settlement::Both),
        Provider::Azure => (PromptPlusMaxTokens, Settlement::None),
        Provider::AzurePtu | Provider::Bedrock => (PromptPlusMaxTokens, Settlement::Both),
        Provider::Gemini => (Prompt, Settlement::Both),
        // With `estimate-prompt-tokens`; without it, write `precharge: none`.
        Provider::Apim => (Prompt, Settlement::Both),
        Provider::LiteLlm => (None, Settlement::Both),
    };
    // Anthropic counts output while it is produced, and cached prompts not at all. Provisioned throughput is not
    // spent on cached prompts either.
    let live = provider == Provider::Anthropic && limit.dimension != Dimension::InputTokens;
    let counts_cached = !matches!(provider, Provider::Anthropic | Provider::AzurePtu);
    let asks_for_output = matches!(whole, MaxOfPromptAndMaxTokens | PromptPlusMaxTokens);
    let (precharge, settlement) = match limit.dimension {
        Dimension::InputTokens if whole != None => (Prompt, settlement),
        Dimension::OutputTokens if asks_for_output => (MaxTokens, settlement),
        Dimension::InputTokens | Dimension::OutputTokens => (None, Settlement::Both),
        _ => (whole, settlement),
    };
    Limit { precharge, settlement, live, counts_cached, ..limit }
}
