//! One limit: what it counts, how much of it, over which time, and how it is charged.

use serde::{Deserialize, Serialize};

use super::LimitsError;
use super::written::Written;
use crate::time::Span;

/// The most that a limit may admit per window, and the most that one request is counted as.
const MOST: u64 = 1_000_000_000_000_000;
/// The longest window: a little over a year.
const LONGEST: Span = Span::from_secs(400 * 86_400);

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Limit {
    /// What is counted.
    pub dimension: Dimension,
    /// How much is admitted per window; of concurrency, at once; of acceleration, always.
    pub value: u64,
    /// What messages call the window.
    pub per: Period,
    /// How long the window really is.
    pub window: Span,
    /// How it is counted.
    pub algorithm: Algorithm,
    /// What a request is charged before it is answered.
    pub precharge: Precharge,
    /// What is put right when the usage is known.
    pub settlement: Settlement,
    /// Whether output is charged as it is produced.
    pub live: bool,
    /// Whether a refused request is charged too, as far as there is room.
    pub refusals_count: bool,
    /// Who shares a counter.
    pub scope: Scope,
    /// Whether it is a long-term quota, whose refusal is final.
    pub quota: bool,
    /// Whether prompt tokens that were read from a cache count.
    pub counts_cached: bool,
    /// How often a token of an answer counts.
    pub output_weight: u64,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Requests.
    Requests,
    /// Tokens of prompts and answers together.
    Tokens,
    /// Tokens of prompts.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
    /// Requests that are being answered.
    Concurrency,
}

/// What messages call a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A minute.
    #[default]
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// Thirty days.
    Month,
}

/// How a limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// A bucket that holds `burst` and is refilled continuously with `value` per window.
    Bucket {
        /// What fits at once; the value unless given.
        burst: Option<u64>,
    },
    /// Utilisation that drains continuously with `value` per window. A request is admitted while it is not above
    /// `burst`, whatever the request itself comes to.
    Leaky {
        /// What a hundred percent are; the value unless given.
        burst: Option<u64>,
    },
    /// A counter that is set back at the end of each window.
    FixedWindow {
        /// When a window begins.
        start: Start,
        /// Of windows from the epoch: a moment of the run at which one begins.
        phase: Span,
    },
    /// Everything of the last window's length counts, exactly.
    SlidingWindow,
    /// The last window counts by the share of it that is still in reach, as if it had been even.
    SlidingCounter,
    /// The rate is enforced over windows of about this length, one after another from the epoch: 600 per minute as 10
    /// in each second. The length is drawn out until whole requests come out.
    Quantised {
        /// The short window.
        every: Span,
    },
    /// A window may hold `percent` of what the window before held, and `value` in any case.
    Acceleration {
        /// Of the window before.
        percent: u64,
    },
}

/// An algorithm by its name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlgorithmName {
    /// [`Algorithm::Bucket`].
    Bucket,
    /// [`Algorithm::Leaky`].
    Leaky,
    /// [`Algorithm::FixedWindow`].
    FixedWindow,
    /// [`Algorithm::SlidingWindow`].
    SlidingWindow,
    /// [`Algorithm::SlidingCounter`].
    SlidingCounter,
    /// [`Algorithm::Quantised`].
    Quantised,
    /// [`Algorithm::Acceleration`].
    Acceleration,
}

/// When fixed windows begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// One after another from the start of the run.
    #[default]
    Epoch,
    /// With the first request after the last window.
    FirstHit,
}

/// What a request is charged in tokens before it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precharge {
    /// Nothing: it is admitted while there is room for one token.
    #[default]
    None,
    /// The tokens of its prompt.
    Prompt,
    /// The output that it asks for.
    MaxTokens,
    /// Both.
    PromptPlusMaxTokens,
    /// The larger of the two.
    MaxOfPromptAndMaxTokens,
}

/// What is put right when the usage is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// Nothing.
    #[default]
    None,
    /// What was charged too much is given back.
    Refund,
    /// What was charged too little is charged as well.
    Both,
}

/// Who shares a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Each key has its own.
    #[default]
    Key,
    /// All share one.
    Organisation,
    /// All keys share one for each model.
    Model,
    /// Each key has one for each model.
    KeyAndModel,
}

/// What is known of a request's tokens before it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Tokens of the prompt, cached ones included.
    pub prompt: u64,
    /// Those of them that are read from a cache.
    pub cached: u64,
    /// The output that it asks for.
    pub max: u64,
}

/// What a request came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Tokens of the prompt, cached ones included.
    pub prompt: u64,
    /// Those of them that were read from a cache.
    pub cached: u64,
    /// Tokens of the answer.
    pub output: u64,
}

impl Limit {
    /// A limit in its plainest form: a bucket for each key, without pre-charge, settled when the usage is known.
    pub fn new(dimension: Dimension, value: u64, per: Period) -> Limit {
        Limit {
            dimension,
            value,
            per,
            window: per.span(),
            algorithm: Algorithm::Bucket { burst: None },
            precharge: Precharge::None,
            settlement: if dimension.is_tokens() { Settlement::Both } else { Settlement::None },
            live: false,
            refusals_count: false,
            scope: Scope::Key,
            quota: false,
            counts_cached: true,
            output_weight: 1,
        }
    }

    /// Whether it can be kept.
    ///
    /// # Errors
    /// What makes no sense, and what would.
    pub fn check(&self) -> Result<(), LimitsError> {
        let name = self.short_name();
        let wrong = |what: String| Err(LimitsError(format!("the limit {name} {what}")));
        let tokens = self.dimension.is_tokens();
        let burst = match self.algorithm {
            Algorithm::Bucket { burst } | Algorithm::Leaky { burst } => burst,
            _ => None,
        };
        if [Some(self.value), burst].into_iter().flatten().any(|value| value == 0 || value > MOST) {
            return wrong(format!("needs a value (and burst) from 1 to {MOST}"));
        }
        if self.window == Span::ZERO || self.window > LONGEST {
            return wrong("needs a window above 0 and of at most 400 days".into());
        }
        match self.algorithm {
            Algorithm::Quantised { .. } if self.dimension != Dimension::Requests => {
                return wrong("cannot be quantised: only requests are counted in so short windows".into());
            }
            Algorithm::Quantised { every } if every == Span::ZERO || every > self.window => {
                return wrong("needs `every` above 0 and not longer than its window".into());
            }
            Algorithm::Acceleration { percent } if !(100..=100_000).contains(&percent) => {
                return wrong("needs a `percent` from 100 to 100000 of the window before".into());
            }
            Algorithm::Leaky { .. } if !tokens => {
                return wrong("cannot be leaky: utilisation is counted in tokens".into());
            }
            Algorithm::Leaky { .. } if self.refusals_count => {
                return wrong("is leaky, where refusals never count".into());
            }
            _ => {}
        }
        if !tokens && (self.precharge != Precharge::None || self.settlement != Settlement::None || self.live)
        {
            return wrong("counts no tokens: leave out precharge, settlement and live".into());
        }
        if self.dimension == Dimension::Concurrency && self.refusals_count {
            return wrong("counts what is being answered: a refused request is not".into());
        }
        let fits = match self.dimension {
            Dimension::InputTokens => matches!(self.precharge, Precharge::None | Precharge::Prompt),
            Dimension::OutputTokens => matches!(self.precharge, Precharge::None | Precharge::MaxTokens),
            _ => true,
        };
        if !fits {
            return wrong("has a precharge of tokens that it does not count".into());
        }
        let charges_prompt_only = matches!(self.precharge, Precharge::None | Precharge::Prompt);
        if self.live && (self.dimension == Dimension::InputTokens || !charges_prompt_only) {
            return wrong(
                "cannot charge output as it is produced: it has no output or charged it before".into(),
            );
        }
        if tokens && self.precharge == Precharge::None && self.settlement != Settlement::Both && !self.live {
            return wrong(
                "would never be charged: give it a precharge, settlement: both, or live: true".into(),
            );
        }
        if !(1..=1_000).contains(&self.output_weight) {
            return wrong("needs an output_weight from 1 to 1000".into());
        }
        Ok(())
    }

    /// What a request is charged before it is answered.
    pub fn precharged(&self, of: Estimate) -> u64 {
        let prompt = self.prompt_of(of.prompt, of.cached);
        let output = of.max.saturating_mul(self.output_weight);
        let tokens = match self.precharge {
            Precharge::None => 0,
            Precharge::Prompt => prompt,
            Precharge::MaxTokens => output,
            Precharge::PromptPlusMaxTokens => prompt.saturating_add(output),
            Precharge::MaxOfPromptAndMaxTokens => prompt.max(output),
        };
        if self.dimension.is_tokens() { tokens.min(MOST) } else { 1 }
    }

    /// What a request comes to when it is over.
    pub fn spent(&self, of: Spent) -> u64 {
        let prompt = self.prompt_of(of.prompt, of.cached);
        let output = self.produced(of.output);
        match self.dimension {
            Dimension::Requests | Dimension::Concurrency => 1,
            Dimension::Tokens => prompt.saturating_add(output).min(MOST),
            Dimension::InputTokens => prompt.min(MOST),
            Dimension::OutputTokens => output,
        }
    }

    /// What so many tokens of an answer come to.
    pub fn produced(&self, tokens: u64) -> u64 {
        tokens.saturating_mul(self.output_weight).min(MOST)
    }

    /// What it is called for short: `rpm`, `input_tpm`, `rpd`, `concurrency`.
    pub fn short_name(&self) -> &'static str {
        self.dimension.per(self.per)
    }

    fn prompt_of(&self, prompt: u64, cached: u64) -> u64 {
        if self.counts_cached { prompt } else { prompt.saturating_sub(cached) }
    }
}

impl AlgorithmName {
    /// The algorithm as it is where nothing more is said; `window` is that of the limit.
    pub fn usual(self, window: Span) -> Algorithm {
        match self {
            AlgorithmName::Bucket => Algorithm::Bucket { burst: None },
            AlgorithmName::Leaky => Algorithm::Leaky { burst: None },
            AlgorithmName::FixedWindow => Algorithm::FixedWindow { start: Start::Epoch, phase: Span::ZERO },
            AlgorithmName::SlidingWindow => Algorithm::SlidingWindow,
            AlgorithmName::SlidingCounter => Algorithm::SlidingCounter,
            AlgorithmName::Quantised => Algorithm::Quantised { every: Span::from_secs(1).min(window) },
            AlgorithmName::Acceleration => Algorithm::Acceleration { percent: 200 },
        }
    }
}

impl Dimension {
    /// Whether tokens are counted.
    pub const fn is_tokens(self) -> bool {
        matches!(self, Dimension::Tokens | Dimension::InputTokens | Dimension::OutputTokens)
    }

    /// What a limit of it is called for short: `rpm`, `input_tpm`, `rpd`, `concurrency`.
    pub const fn per(self, per: Period) -> &'static str {
        use Dimension::*;
        use Period::*;
        match (self, per) {
            (Requests, Minute) => "rpm",
            (Requests, Hour) => "rph",
            (Requests, Day) => "rpd",
            (Requests, Month) => "requests_per_month",
            (Tokens, Minute) => "tpm",
            (Tokens, Hour) => "tph",
            (Tokens, Day) => "tpd",
            (Tokens, Month) => "tokens_per_month",
            (InputTokens, Minute) => "input_tpm",
            (InputTokens, Hour) => "input_tph",
            (InputTokens, Day) => "input_tpd",
            (InputTokens, Month) => "input_tokens_per_month",
            (OutputTokens, Minute) => "output_tpm",
            (OutputTokens, Hour) => "output_tph",
            (OutputTokens, Day) => "output_tpd",
            (OutputTokens, Month) => "output_tokens_per_month",
            (Concurrency, _) => "concurrency",
        }
    }
}

impl Period {
    /// How long it is.
    pub const fn span(self) -> Span {
        match self {
            Period::Minute => Span::from_secs(60),
            Period::Hour => Span::from_secs(3_600),
            Period::Day => Span::from_secs(86_400),
            Period::Month => Span::from_secs(30 * 86_400),
        }
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Period::Minute => "minute",
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Month => "month",
        }
    }
}
