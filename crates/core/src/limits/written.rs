//! A limit as it stands in a file, where what is usual can be left out.

use serde::{Deserialize, Serialize};

use super::limit::{
    Algorithm, AlgorithmName as Name, Dimension, Limit, Period, Precharge, Scope, Settlement, Start,
};
use super::{LimitsError, span_text};
use crate::time::Span;

/// All fields of a limit. Those of an algorithm stand beside its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    dimension: Dimension,
    value: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per: Option<Period>,
    #[serde(default, with = "span_text::maybe", skip_serializing_if = "Option::is_none")]
    window: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    algorithm: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    burst: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Start>,
    #[serde(default, with = "span_text::maybe", skip_serializing_if = "Option::is_none")]
    phase: Option<Span>,
    #[serde(default, with = "span_text::maybe", skip_serializing_if = "Option::is_none")]
    every: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    precharge: Option<Precharge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settlement: Option<Settlement>,
    #[serde(default, skip_serializing_if = "is_false")]
    live: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    refusals_count: bool,
    #[serde(default)]
    scope: Scope,
    #[serde(default, skip_serializing_if = "is_false")]
    quota: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counts_cached: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_weight: Option<u64>,
}

impl TryFrom<Written> for Limit {
    type Error = LimitsError;

    fn try_from(written: Written) -> Result<Limit, LimitsError> {
        let name = written.algorithm.unwrap_or(Name::Bucket);
        let stray = [
            ("burst", written.burst.is_some(), matches!(name, Name::Bucket | Name::Leaky)),
            ("start", written.start.is_some(), name == Name::FixedWindow),
            ("phase", written.phase.is_some(), name == Name::FixedWindow),
            ("every", written.every.is_some(), name == Name::Quantised),
            ("percent", written.percent.is_some(), name == Name::Acceleration),
        ];
        if let Some((field, ..)) = stray.into_iter().find(|(_, given, fits)| *given && !fits) {
            return Err(LimitsError(format!(
                "`{field}` says nothing to a limit of this algorithm: leave it out"
            )));
        }
        let algorithm = match name {
            Name::Bucket => Algorithm::Bucket { burst: written.burst },
            Name::Leaky => Algorithm::Leaky { burst: written.burst },
            Name::FixedWindow => Algorithm::FixedWindow {
                start: written.start.unwrap_or_default(),
                phase: written.phase.unwrap_or_default(),
            },
            Name::SlidingWindow => Algorithm::SlidingWindow,
            Name::SlidingCounter => Algorithm::SlidingCounter,
            Name::Quantised => Algorithm::Quantised { every: written.every.unwrap_or(Span::from_secs(1)) },
            Name::Acceleration => Algorithm::Acceleration { percent: written.percent.unwrap_or(200) },
        };
        let usual = Limit::new(written.dimension, written.value, written.per.unwrap_or_default());
        let limit = Limit {
            window: written.window.unwrap_or(usual.window),
            algorithm,
            precharge: written.precharge.unwrap_or(usual.precharge),
            settlement: written.settlement.unwrap_or(usual.settlement),
            live: written.live,
            refusals_count: written.refusals_count,
            scope: written.scope,
            quota: written.quota,
            counts_cached: written.counts_cached.unwrap_or(usual.counts_cached),
            output_weight: written.output_weight.unwrap_or(usual.output_weight),
            ..usual
        };
        limit.check()?;
        Ok(limit)
    }
}

impl From<Limit> for Written {
    fn from(limit: Limit) -> Written {
        let concurrency = limit.dimension == Dimension::Concurrency;
        let tokens = limit.dimension.is_tokens();
        let blank = (None, None, None, None, None);
        let (name, (burst, start, phase, every, percent)) = match limit.algorithm {
            Algorithm::Bucket { burst } => (Name::Bucket, (burst, None, None, None, None)),
            Algorithm::Leaky { burst } => (Name::Leaky, (burst, None, None, None, None)),
            Algorithm::FixedWindow { start, phase } => {
                let phase = (phase != Span::ZERO).then_some(phase);
                (Name::FixedWindow, (None, Some(start), phase, None, None))
            }
            Algorithm::SlidingWindow => (Name::SlidingWindow, blank),
            Algorithm::SlidingCounter => (Name::SlidingCounter, blank),
            Algorithm::Quantised { every } => (Name::Quantised, (None, None, None, Some(every), None)),
            Algorithm::Acceleration { percent } => {
                (Name::Acceleration, (None, None, None, None, Some(percent)))
            }
        };
        Written {
            dimension: limit.dimension,
            value: limit.value,
            per: (!concurrency).then_some(limit.per),
            window: (!concurrency || limit.window != limit.per.span()).then_some(limit.window),
            algorithm: (!concurrency).then_some(name),
            burst,
            start,
            phase,
            every,
            percent,
            precharge: tokens.then_some(limit.precharge),
            settlement: tokens.then_some(limit.settlement),
            live: limit.live,
            refusals_count: limit.refusals_count,
            scope: limit.scope,
            quota: limit.quota,
            counts_cached: (!limit.counts_cached).then_some(false),
            output_weight: (limit.output_weight != 1).then_some(limit.output_weight),
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}
