//! What `floodline limits` finds out about the limiter of a target, as it stands in `finding.json`.
//!
//! Keys may be added, never renamed. What is not known is `unknown`, and never guessed.

mod number;
mod stub;

use serde::{Deserialize, Serialize};

use crate::limits::{Settlement, Start};
use crate::money::Usd;

/// The name of the format.
pub const FORMAT: &str = "floodline-finding";
/// The version of the format that this program writes.
pub const VERSION: u32 = 1;

/// What was found out about a limiter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The name of the format, [`FORMAT`].
    pub format: Box<str>,
    /// Its version, [`VERSION`].
    pub version: u32,
    /// Where requests were sent.
    #[serde(default)]
    pub target: Box<str>,
    /// Which model was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Box<str>>,
    /// The limits that were found, the one that was met first at the head.
    pub limits: Vec<FoundLimit>,
    /// What was looked for and not met: up to there nothing refused.
    #[serde(default)]
    pub not_met: NotMet,
    /// Requests that were sent.
    pub requests_used: u64,
    /// What they cost; missing where no prices are known.
    pub spent_usd: Option<Usd>,
    /// How long it took, in seconds.
    #[serde(default)]
    pub took_s: f64,
    /// How sure it is of what it says, from 0 to 1: that of the least sure limit.
    pub confidence: f64,
    /// Why it ended before it knew all that it wanted to, in words; missing where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<Box<str>>,
}

/// A limit that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundLimit {
    /// What it counts.
    pub dimension: FoundDimension,
    /// What is admitted per window; of concurrency, at once. Missing where only its refusal was seen.
    #[serde(with = "number::maybe")]
    pub value: Option<f64>,
    /// In which the value lies.
    #[serde(with = "number::pair")]
    pub interval: Option<(f64, f64)>,
    /// The window in seconds; missing only where there is none (concurrency), or nothing of it was seen.
    #[serde(with = "number::maybe")]
    pub window_s: Option<f64>,
    /// How it counts.
    pub algorithm: FoundAlgorithm,
    /// Of a bucket: what fits at once.
    #[serde(default, with = "number::maybe")]
    pub burst: Option<f64>,
    /// What a request is charged before it is answered.
    pub precharge: FoundPrecharge,
    /// What is put right when it was answered; missing where that made no difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Settlement>,
    /// Whether keys share it.
    pub scope: FoundScope,
    /// Whether a refused request counts.
    #[serde(with = "number::tri")]
    pub refusals_count: Option<bool>,
    /// The HTTP status of its refusals.
    pub status: Option<u16>,
    /// How honest its refusals are about the wait.
    pub retry_after: FoundWait,
    /// Of a fixed window: with what it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// Of a quantised limit: the short window, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_s: Option<f64>,
    /// A bucket that looks at how full it is before it adds a request (utilisation).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaky: bool,
    /// A sliding window that is reckoned from this window's count and the last one's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
    /// What head fields claim that it is, per window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_value: Option<i64>,
    /// Which limit its refusals name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_dimension: Option<Box<str>>,
    /// How sure it is of this limit, from 0 to 1.
    #[serde(default)]
    pub confidence: f64,
}

/// How much was tried without meeting a limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NotMet {
    /// Requests at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
    /// Requests in the busiest window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Tokens, asked for or used, in the busiest window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Limits that head fields claim, and of which no refusal was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claimed: Vec<Claim>,
}

/// A limit as head fields claim it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What it counts.
    pub dimension: FoundDimension,
    /// How much of it is admitted per window.
    pub value: i64,
}

/// What a limit counts. Of long windows only what messages and fields say is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundDimension {
    /// Requests per window.
    Rpm,
    /// Tokens per window, of prompts and answers together.
    Tpm,
    /// Tokens of prompts per window.
    InputTpm,
    /// Tokens of answers per window.
    OutputTpm,
    /// Requests per day.
    Rpd,
    /// Tokens per day.
    Tpd,
    /// Requests at the same time.
    Concurrency,
    /// Money, or something that the refusal does not name.
    Quota,
}

/// How a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundAlgorithm {
    /// Refilled continuously.
    Bucket,
    /// All at once at the end of a window.
    FixedWindow,
    /// As it was spent, a window later.
    SlidingWindow,
    /// A fixed window that is a part of the one for which the limit stands.
    Quantised,
    /// It could not be told.
    Unknown,
}

/// What a request is charged before it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundPrecharge {
    /// Nothing.
    None,
    /// Its prompt.
    Prompt,
    /// The output that it asks for.
    MaxTokens,
    /// Both.
    PromptPlusMaxTokens,
    /// The larger of the two.
    MaxOfPromptAndMaxTokens,
    /// It could not be told.
    Unknown,
}

/// Whether keys share a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundScope {
    /// Each has its own.
    Key,
    /// They share it.
    Shared,
    /// There was one key only.
    Unknown,
}

/// How honest refusals are about the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundWait {
    /// Who comes back then is admitted, and who comes before is not.
    Exact,
    /// Who comes back then is refused again.
    Short,
    /// Who comes back earlier is admitted too.
    Long,
    /// They do not say.
    Absent,
    /// They say something, and it could not be told whether it is true.
    Unknown,
}

impl FoundDimension {
    /// Its name in files and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            FoundDimension::Rpm => "rpm",
            FoundDimension::Tpm => "tpm",
            FoundDimension::InputTpm => "input_tpm",
            FoundDimension::OutputTpm => "output_tpm",
            FoundDimension::Rpd => "rpd",
            FoundDimension::Tpd => "tpd",
            FoundDimension::Concurrency => "concurrency",
            FoundDimension::Quota => "quota",
        }
    }

    /// What it counts, in a word.
    pub const fn unit(self) -> &'static str {
        match self {
            FoundDimension::Rpm | FoundDimension::Rpd | FoundDimension::Concurrency => "requests",
            FoundDimension::Tpm | FoundDimension::Tpd => "tokens",
            FoundDimension::InputTpm => "prompt tokens",
            FoundDimension::OutputTpm => "output tokens",
            FoundDimension::Quota => "units",
        }
    }
}
