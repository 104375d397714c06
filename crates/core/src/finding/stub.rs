//! From a finding to limits with which the simulated provider behaves the same.

use super::{Finding, FoundAlgorithm, FoundDimension, FoundLimit, FoundPrecharge, FoundScope, FoundWait};
use crate::limits::{
    Algorithm, Dimension, Limit, Limits, LimitsError, Period, Precharge, Provider, RetryAfter, Scope,
    Settlement, Start,
};
use crate::time::Span;

impl Finding {
    /// Limits that make the simulated provider behave as the target did. Limits of which no value was found are
    /// left out, and what is not known is taken to be as it usually is.
    ///
    /// # Errors
    /// Which of them could not be kept, for a finding that nobody found.
    pub fn limits(&self) -> Result<Limits, LimitsError> {
        let found = self.limits.iter().filter_map(|limit| limit.as_limit());
        let waits = self.limits.iter().map(|limit| limit.retry_after);
        let limits = Limits {
            provider: Provider::OpenAi,
            organisation: "org-floodline".into(),
            unstated_max_tokens: 16,
            retry_after: match waits.into_iter().next() {
                None | Some(FoundWait::Exact | FoundWait::Unknown) => RetryAfter::Exact,
                Some(FoundWait::Absent) => RetryAfter::Absent,
                Some(FoundWait::Short) => RetryAfter::Short,
                Some(FoundWait::Long) => RetryAfter::Long,
            },
            headers: self.limits.iter().any(|limit| limit.stated_value.is_some()),
            limits: found.collect(),
        };
        limits.check()?;
        Ok(limits)
    }
}

impl FoundLimit {
    fn as_limit(&self) -> Option<Limit> {
        let value = self.value.filter(|value| value.is_finite() && *value > 0.0)?;
        let (dimension, per) = match self.dimension {
            FoundDimension::Rpm => (Dimension::Requests, Period::Minute),
            FoundDimension::Tpm => (Dimension::Tokens, Period::Minute),
            FoundDimension::InputTpm => (Dimension::InputTokens, Period::Minute),
            FoundDimension::OutputTpm => (Dimension::OutputTokens, Period::Minute),
            FoundDimension::Rpd => (Dimension::Requests, Period::Day),
            FoundDimension::Tpd => (Dimension::Tokens, Period::Day),
            FoundDimension::Concurrency => (Dimension::Concurrency, Period::Minute),
            FoundDimension::Quota => return None,
        };
        let mut limit = Limit::new(dimension, whole(value), per);
        limit.scope = match self.scope {
            FoundScope::Key | FoundScope::Unknown => Scope::Key,
            FoundScope::Shared => Scope::Organisation,
        };
        if dimension == Dimension::Concurrency {
            return Some(limit);
        }
        let mut window = self.window_s.filter(|window| *window > 0.0).unwrap_or(60.0);
        let mut burst = self.burst.map(whole);
        let flows = matches!(self.algorithm, FoundAlgorithm::Bucket | FoundAlgorithm::Unknown);
        if flows && value < 100.0 && value.fract() > 1e-6 {
            // One and a half per three seconds are fifteen hundred per three thousand, as long as the burst stays.
            burst = burst.or(Some(limit.value));
            limit.value = whole(value * 1_000.0);
            window *= 1_000.0;
        }
        limit.window = Span((window * 1e9).round() as u64);
        let burst = burst.filter(|burst| *burst != limit.value);
        limit.algorithm = match self.algorithm {
            FoundAlgorithm::Bucket if self.leaky && dimension.is_tokens() => Algorithm::Leaky { burst },
            FoundAlgorithm::Bucket | FoundAlgorithm::Unknown => Algorithm::Bucket { burst },
            FoundAlgorithm::FixedWindow => {
                Algorithm::FixedWindow { start: self.start.unwrap_or(Start::Epoch), phase: Span::ZERO }
            }
            FoundAlgorithm::SlidingWindow if self.approximate => Algorithm::SlidingCounter,
            FoundAlgorithm::SlidingWindow => Algorithm::SlidingWindow,
            FoundAlgorithm::Quantised if dimension == Dimension::Requests => {
                let every = self.every_s.unwrap_or(1.0).min(window);
                Algorithm::Quantised { every: Span((every * 1e9).round() as u64) }
            }
            FoundAlgorithm::Quantised => Algorithm::FixedWindow { start: Start::Epoch, phase: Span::ZERO },
        };
        let leaky = matches!(limit.algorithm, Algorithm::Leaky { .. });
        limit.refusals_count = self.refusals_count == Some(true) && !leaky;
        if dimension.is_tokens() {
            limit.precharge = match self.precharge {
                FoundPrecharge::None | FoundPrecharge::Unknown => Precharge::None,
                FoundPrecharge::Prompt => Precharge::Prompt,
                FoundPrecharge::MaxTokens => Precharge::MaxTokens,
                FoundPrecharge::PromptPlusMaxTokens => Precharge::PromptPlusMaxTokens,
                FoundPrecharge::MaxOfPromptAndMaxTokens => Precharge::MaxOfPromptAndMaxTokens,
            };
            let usual = match limit.precharge {
                Precharge::None => Settlement::Both,
                _ => self.settlement.unwrap_or(Settlement::None),
            };
            limit.settlement = usual;
        }
        Some(limit)
    }
}

fn whole(value: f64) -> u64 {
    (value.round() as u64).max(1)
}
