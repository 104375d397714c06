//! Rate limits as data: what a provider allows, how it counts, and in whose words it refuses.
//!
//! [`Limits`] stands in scenarios (`stub: {limits: ...}`) and in what `floodline limits` finds out. This module says
//! what limits mean; the simulated provider keeps the counters. In a file:
//!
//! ```yaml
//! provider: openai              # whose header fields and messages
//! organisation: org-floodline   # as messages name it
//! unstated_max_tokens: 16       # what a request is taken to ask for that does not say
//! retry_after: exact            # exact | absent | short (half of it) | long (twice)
//! headers: true                 # whether answers state what is left
//! limits:                       # at most 12; a request has to fit all of them
//!   - dimension: tokens         # requests | tokens | input_tokens | output_tokens | concurrency
//!     value: 30000              # admitted per window
//!     per: minute               # minute | hour | day | month: what messages call the window
//!     window: 60s               # how long it really is; what `per` says unless given
//!     algorithm: bucket         # bucket | leaky | fixed_window | sliding_window | sliding_counter | quantised | acceleration
//!     burst: 30000              # bucket, leaky: what fits at once; `value` unless given
//!     start: epoch              # fixed_window: epoch | first_hit
//!     phase: 0s                 # fixed_window from the epoch: when the first boundary is
//!     every: 1s                 # quantised: the short window
//!     percent: 200              # acceleration: of the window before; `value` is then the floor
//!     precharge: prompt         # none | prompt | max_tokens | prompt_plus_max_tokens | max_of_prompt_and_max_tokens
//!     settlement: both          # none | refund | both: what is put right when usage is known
//!     live: false               # output is charged as it is produced
//!     refusals_count: false     # a refused request is charged too
//!     scope: model              # key | organisation | model (all keys, each model) | key_and_model
//!     quota: false              # a long-term quota: its refusal is final
//!     counts_cached: true       # tokens read from a cache count
//!     output_weight: 1          # how often a token of an answer counts
//! ```

mod figure;
mod figures;
mod limit;
mod preset;
pub(crate) mod span_text;
mod told;
mod verdict;
mod written;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use figure::Figure;
pub use figures::Figures;
pub use limit::{
    Algorithm, AlgorithmName, Dimension, Estimate, Limit, Period, Precharge, Scope, Settlement, Spent, Start,
};
pub use verdict::{Gauge, Reason, Refusal, Standing};

/// The most limits that are kept at once.
pub const MAX_LIMITS: usize = 12;

/// All limits of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Whose header fields and messages.
    #[serde(default)]
    pub provider: Provider,
    /// What messages call the organisation.
    #[serde(default = "organisation")]
    pub organisation: Box<str>,
    /// The output that a request is taken to ask for when it does not say.
    #[serde(default = "unstated_max_tokens")]
    pub unstated_max_tokens: u64,
    /// How honest a refusal is about the wait.
    #[serde(default)]
    pub retry_after: RetryAfter,
    /// Whether answers state what is left.
    #[serde(default = "yes")]
    pub headers: bool,
    /// The limits. A request has to fit all of them.
    pub limits: Vec<Limit>,
}

/// A provider whose limits and words are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// OpenAI.
    #[default]
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Azure OpenAI, standard deployments.
    Azure,
    /// Azure OpenAI, provisioned throughput.
    AzurePtu,
    /// Google Gemini.
    Gemini,
    /// AWS Bedrock.
    #[serde(alias = "bedrock-like")]
    Bedrock,
    /// Azure API Management's `llm-token-limit`.
    Apim,
    /// The LiteLLM proxy.
    #[serde(rename = "litellm")]
    LiteLlm,
}

/// How honest the stated wait is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// As the provider states it.
    #[default]
    Exact,
    /// Nothing is stated, neither in fields nor in words.
    Absent,
    /// Half of it.
    Short,
    /// Twice as much.
    Long,
}

/// Limits that make no sense, in a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsError(pub String);

impl Limits {
    /// Whether these limits can be kept.
    ///
    /// # Errors
    /// Which limit makes no sense, and what would.
    pub fn check(&self) -> Result<(), LimitsError> {
        if self.limits.len() > MAX_LIMITS {
            return Err(LimitsError(format!(
                "{} limits are too many: at most {MAX_LIMITS} are kept at once",
                self.limits.len()
            )));
        }
        self.limits.iter().try_for_each(Limit::check)
    }

    /// The place of the first limit of `dimension` whose window messages call `per`.
    pub fn position(&self, dimension: Dimension, per: Period) -> Option<usize> {
        self.limits.iter().position(|limit| limit.dimension == dimension && limit.per == per && !limit.quota)
    }
}

impl Provider {
    /// All of them.
    pub const ALL: [Provider; 8] = [
        Provider::OpenAi,
        Provider::Anthropic,
        Provider::Azure,
        Provider::AzurePtu,
        Provider::Gemini,
        Provider::Bedrock,
        Provider::Apim,
        Provider::LiteLlm,
    ];

    /// The name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Provider::OpenAi => "openai",
            Provider::Anthropic => "anthropic",
            Provider::Azure => "azure",
            Provider::AzurePtu => "azure-ptu",
            Provider::Gemini => "gemini",
            Provider::Bedrock => "bedrock",
            Provider::Apim => "apim",
            Provider::LiteLlm => "litellm",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// A sentence with the names there are, and the one that was probably meant.
    pub fn parse(name: &str) -> Result<Provider, LimitsError> {
        if name == "bedrock-like" {
            return Ok(Provider::Bedrock);
        }
        let names = Provider::ALL.map(Provider::name);
        Provider::ALL.into_iter().find(|provider| provider.name() == name).ok_or_else(|| {
            let meant = crate::spelling::did_you_mean(name, names);
            let meant = meant.map(|meant| format!(" (did you mean `{meant}`?)")).unwrap_or_default();
            LimitsError(format!("no limits are known of `{name}`{meant}: there are {}", names.join(", ")))
        })
    }
}

impl fmt::Display for LimitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LimitsError {}

fn organisation() -> Box<str> {
    "org-floodline".into()
}

fn unstated_max_tokens() -> u64 {
    16
}

fn yes() -> bool {
    true
}
