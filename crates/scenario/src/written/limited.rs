//! Limits of the built-in provider as they are written: a preset and figures, limits in full, or both.

use floodline_core::limits::{
    AlgorithmName, Dimension, Figure, Period, Precharge, Provider, RetryAfter, Scope, Settlement, Start,
};
use floodline_core::time::Span;
use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;

use super::scalar::Choice;
use super::{At, Given, Scalar, Text, Written, Wrong};

/// What the built-in provider allows. `preset` and figures give a provider's usual limits, in its way of counting;
/// `limits` lists limits in full. With both, all of them hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limited {
    /// Whose limits: openai, anthropic, azure, azure-ptu, gemini, bedrock, apim or litellm. Without it only those with a
    /// figure, which count as OpenAI's.
    pub(crate) preset: Given<Scalar<Provider>>,
    /// How long a minute is: 10s makes rpm a figure per 10 s. Hours, days and months scale with it; 60s unless given.
    pub(crate) window: Given<Scalar<Span>>,
    /// Requests per minute, such as 500 or 2k; off for none.
    pub(crate) rpm: Given<Scalar<Figure>>,
    /// Requests per hour.
    pub(crate) rph: Given<Scalar<Figure>>,
    /// Requests per day.
    pub(crate) rpd: Given<Scalar<Figure>>,
    /// Requests per month.
    pub(crate) requests_per_month: Given<Scalar<Figure>>,
    /// Tokens per minute, prompts and answers.
    pub(crate) tpm: Given<Scalar<Figure>>,
    /// Tokens per hour.
    pub(crate) tph: Given<Scalar<Figure>>,
    /// Tokens per day.
    pub(crate) tpd: Given<Scalar<Figure>>,
    /// Tokens per month.
    pub(crate) tokens_per_month: Given<Scalar<Figure>>,
    /// Prompt tokens per minute.
    pub(crate) input_tpm: Given<Scalar<Figure>>,
    /// Tokens of answers per minute.
    pub(crate) output_tpm: Given<Scalar<Figure>>,
    /// Requests at once.
    pub(crate) concurrency: Given<Scalar<Figure>>,
    /// Tokens of a long-term quota, whose refusal is final.
    pub(crate) quota: Given<Scalar<Figure>>,
    /// How long the quota is for: hour, day or month; month unless given.
    pub(crate) quota_per: Given<Scalar<Period>>,
    /// Who shares a counter, of the preset's limits: key, organisation, model or key_and_model.
    pub(crate) scope: Given<Scalar<Scope>>,
    /// How the preset's limits are counted, instead of the provider's way.
    pub(crate) algorithm: Given<Scalar<AlgorithmName>>,
    /// What fits at once into the buckets of the preset's limits; the figure unless given.
    pub(crate) burst: Given<Scalar<Figure>>,
    /// Whether requests are charged an estimate beforehand; as the provider does unless given.
    pub(crate) estimate: Given<Scalar<bool>>,
    /// Whether refused requests count against the preset's limits of requests; as the provider does unless given, and
    /// not at all without a preset.
    pub(crate) refusals_count: Given<Scalar<bool>>,
    /// In whose words refusals are told; the preset's unless given. Of openai, in those of the API that is called.
    pub(crate) provider: Given<Scalar<Provider>>,
    /// What messages call the organisation; org-floodline unless given.
    pub(crate) organisation: Given<Scalar<Text>>,
    /// The output that a request is taken to ask for that does not say.
    pub(crate) unstated_max_tokens: Given<Scalar<u64>>,
    /// What refusals state of the wait: exact, absent, short (half of it) or long (twice); exact unless given.
    pub(crate) retry_after: Given<Scalar<RetryAfter>>,
    /// Whether answers state what is left; true unless given.
    pub(crate) headers: Given<Scalar<bool>>,
    /// Limits in full; at most 12 in all.
    pub(crate) limits: Given<Vec<At<LimitForm>>>,
}

/// One limit in full.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["dimension", "value"]))]
pub(crate) struct LimitForm {
    /// What is counted: requests, tokens, input_tokens, output_tokens or concurrency.
    pub(crate) dimension: Given<Scalar<Dimension>>,
    /// How much is admitted per window; of concurrency, at once; of acceleration, always.
    pub(crate) value: Given<Scalar<Figure>>,
    /// What messages call the window: minute, hour, day or month; minute unless given.
    pub(crate) per: Given<Scalar<Period>>,
    /// How long the window is; what `per` says unless given.
    pub(crate) window: Given<Scalar<Span>>,
    /// How it is counted; bucket unless given.
    pub(crate) algorithm: Given<Scalar<AlgorithmName>>,
    /// bucket, leaky: what fits at once; the value unless given.
    pub(crate) burst: Given<Scalar<Figure>>,
    /// fixed_window: whether windows begin one after another from the epoch, the usual one, or with the first_hit.
    pub(crate) start: Given<Scalar<Start>>,
    /// fixed_window from the epoch: when a window begins.
    pub(crate) phase: Given<Scalar<Span>>,
    /// quantised: the short window; 1s unless given.
    pub(crate) every: Given<Scalar<Span>>,
    /// acceleration: how much of the window before, in percent; 200 unless given.
    pub(crate) percent: Given<Scalar<u64>>,
    /// What of its tokens a request is charged before it is answered; none unless given.
    pub(crate) precharge: Given<Scalar<Precharge>>,
    /// What is put right when the usage is known; both unless given.
    pub(crate) settlement: Given<Scalar<Settlement>>,
    /// Whether output is charged as it is produced; false unless given.
    pub(crate) live: Given<Scalar<bool>>,
    /// Whether a refused request is charged too; false unless given.
    pub(crate) refusals_count: Given<Scalar<bool>>,
    /// Who shares a counter; key unless given.
    pub(crate) scope: Given<Scalar<Scope>>,
    /// Whether it is a long-term quota, whose refusal is final; false unless given.
    pub(crate) quota: Given<Scalar<bool>>,
    /// Whether prompt tokens that were read from a cache count; true unless given.
    pub(crate) counts_cached: Given<Scalar<bool>>,
    /// How often a token of an answer counts; 1 unless given.
    pub(crate) output_weight: Given<Scalar<u64>>,
}

impl Written for Figure {
    fn read(text: &str) -> Result<Figure, Wrong> {
        // YAML 1.1 reads `off` as false, and so it may be written.
        if text == "false" {
            return Ok(Figure::Off);
        }
        Figure::parse(text).map_err(|error| Wrong::from(error.to_string()))
    }
    fn schema() -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": r"^([0-9][0-9_]*[kKmM]?|off)$" },
                { "const": false }
            ]
        })
    }
}

impl Choice for Provider {
    const WHAT: &'static str = "a provider whose limits are known";
    const NAMES: &'static [(&'static str, Provider)] = &[
        (Provider::OpenAi.name(), Provider::OpenAi),
        (Provider::Anthropic.name(), Provider::Anthropic),
        (Provider::Azure.name(), Provider::Azure),
        (Provider::AzurePtu.name(), Provider::AzurePtu),
        (Provider::Gemini.name(), Provider::Gemini),
        (Provider::Bedrock.name(), Provider::Bedrock),
        (Provider::Apim.name(), Provider::Apim),
        (Provider::LiteLlm.name(), Provider::LiteLlm),
        ("bedrock-like", Provider::Bedrock),
    ];
}

impl Choice for Dimension {
    const WHAT: &'static str = "what a limit can count";
    const NAMES: &'static [(&'static str, Dimension)] = &[
        ("requests", Dimension::Requests),
        ("tokens", Dimension::Tokens),
        ("input_tokens", Dimension::InputTokens),
        ("output_tokens", Dimension::OutputTokens),
        ("concurrency", Dimension::Concurrency),
    ];
}

impl Choice for Period {
    const WHAT: &'static str = "a window";
    const NAMES: &'static [(&'static str, Period)] =
        &[("minute", Period::Minute), ("hour", Period::Hour), ("day", Period::Day), ("month", Period::Month)];
}

impl Choice for AlgorithmName {
    const WHAT: &'static str = "a way to count";
    const NAMES: &'static [(&'static str, AlgorithmName)] = &[
        ("bucket", AlgorithmName::Bucket),
        ("leaky", AlgorithmName::Leaky),
        ("fixed_window", AlgorithmName::FixedWindow),
        ("sliding_window", AlgorithmName::SlidingWindow),
        ("sliding_counter", AlgorithmName::SlidingCounter),
        ("quantised", AlgorithmName::Quantised),
        ("acceleration", AlgorithmName::Acceleration),
    ];
}

impl Choice for Start {
    const WHAT: &'static str = "when windows begin";
    const NAMES: &'static [(&'static str, Start)] =
        &[("epoch", Start::Epoch), ("first_hit", Start::FirstHit)];
}

impl Choice for Precharge {
    const WHAT: &'static str = "what can be charged beforehand";
    const NAMES: &'static [(&'static str, Precharge)] = &[
        ("none", Precharge::None),
        ("prompt", Precharge::Prompt),
        ("max_tokens", Precharge::MaxTokens),
        ("prompt_plus_max_tokens", Precharge::PromptPlusMaxTokens),
        ("max_of_prompt_and_max_tokens", Precharge::MaxOfPromptAndMaxTokens),
    ];
}

impl Choice for Settlement {
    const WHAT: &'static str = "what can be put right";
    const NAMES: &'static [(&'static str, Settlement)] =
        &[("none", Settlement::None), ("refund", Settlement::Refund), ("both", Settlement::Both)];
}

impl Choice for Scope {
    const WHAT: &'static str = "who can share a counter";
    const NAMES: &'static [(&'static str, Scope)] = &[
        ("key", Scope::Key),
        ("organisation", Scope::Organisation),
        ("model", Scope::Model),
        ("key_and_model", Scope::KeyAndModel),
    ];
}

impl Choice for RetryAfter {
    const WHAT: &'static str = "how a wait can be stated";
    const NAMES: &'static [(&'static str, RetryAfter)] = &[
        ("exact", RetryAfter::Exact),
        ("absent", RetryAfter::Absent),
        ("short", RetryAfter::Short),
        ("long", RetryAfter::Long),
    ];
}
