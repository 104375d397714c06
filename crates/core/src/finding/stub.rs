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
        if value.fract() > 1e-6
            && let Some(meant) = self.meant(value)
        {
            limit.value = meant;
        } else if flows && value < 100.0 && value.fract() > 1e-6 {
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

    /// The whole number that a measured value stands for: what the target states, where that agrees with what was
    /// measured, or else one within the interval; nothing where that would be another rate.
    fn meant(&self, value: f64) -> Option<u64> {
        const AGREES: f64 = 0.02;
        const NEAR: f64 = 0.05;
        let within = |number: f64| self.interval.is_some_and(|(low, high)| low <= number && number <= high);
        let off = |number: f64| (number / value - 1.0).abs();
        let stated = self.stated_value.and_then(|stated| u64::try_from(stated).ok());
        let stated = stated.filter(|stated| {
            let stated = *stated as f64;
            stated > 0.0 && (within(stated) || off(stated) <= AGREES)
        });
        let near = [value.round(), value.floor(), value.ceil()];
        let near = near.into_iter().find(|number| within(*number) && off(*number) <= NEAR);
        stated.or(near.map(whole))
    }
}

fn whole(value: f64) -> u64 {
    (value.round() as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bucket of this value, in this interval and with this claim; what the stub is given for it.
    fn kept(value: f64, interval: (f64, f64), stated: Option<i64>) -> (u64, Span) {
        let found = serde_json::json!({
            "dimension": "rpm", "value": value, "interval": [interval.0, interval.1], "window_s": 4.0,
            "algorithm": "bucket", "burst": value, "precharge": "none", "scope": "unknown",
            "refusals_count": "unknown", "status": 429, "retry_after": "exact", "stated_value": stated,
        });
        let found: FoundLimit = serde_json::from_value(found).unwrap();
        let limit = found.as_limit().unwrap();
        (limit.value, limit.window)
    }

    #[test]
    fn a_measured_fraction_of_a_whole_limit_is_not_stated_as_a_thousand_windows() {
        let window = Span::from_secs(4);
        // What is claimed, where it lies in the interval or next to the value.
        assert_eq!(kept(39.94, (39.8, 40.1), Some(40)), (40, window));
        assert_eq!(kept(39.94, (39.9, 39.97), Some(40)), (40, window));
        assert_eq!(kept(1_998.7, (1_990.0, 2_001.0), Some(2_000)), (2_000, window));
        // Without a claim, or with one about something else, a whole number in the interval.
        assert_eq!(kept(39.94, (39.8, 40.1), None), (40, window));
        assert_eq!(kept(39.6, (38.9, 39.8), Some(600)), (39, window));
        // And what is no whole number stays what it is.
        assert_eq!(kept(1.5, (1.4, 2.1), None), (1_500, Span::from_secs(4_000)));
        assert_eq!(kept(39.94, (39.93, 39.95), Some(-1)), (39_940, Span::from_secs(4_000)));
    }
}
