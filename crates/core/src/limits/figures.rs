//! The short form of limits: a provider's usual ones, figures of one's own, and what holds for all of them.

use serde::{Deserialize, Serialize};

use super::figure::Figure;
use super::limit::{Algorithm, AlgorithmName, Dimension, Limit, Period, Precharge, Scope, Settlement, Start};
use super::preset::{styled, usual};
use super::{Limits, LimitsError, Provider, RetryAfter, span_text};
use crate::time::Span;

/// A provider and figures of one's own: the short form of [`Limits`], as on the command line
/// (`--limits openai --rpm 500 --tpm 30000 --window 60s`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Figures {
    /// Whose limits. Without it: only those with a figure, which count and speak as OpenAI's, but for refused requests:
    /// they do not count, so that so much per window is admitted whoever knocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Provider>,
    /// How long a minute is taken to be. Hours, days and months scale with it.
    #[serde(with = "span_text::maybe", skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
    /// Requests per minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<Figure>,
    /// Requests per hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rph: Option<Figure>,
    /// Requests per day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpd: Option<Figure>,
    /// Tokens per minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<Figure>,
    /// Tokens per hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tph: Option<Figure>,
    /// Tokens per day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpd: Option<Figure>,
    /// Prompt tokens per minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tpm: Option<Figure>,
    /// Tokens of answers per minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tpm: Option<Figure>,
    /// Requests at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Figure>,
    /// Requests per month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_month: Option<Figure>,
    /// Tokens per month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_month: Option<Figure>,
    /// Tokens of a long-term quota, whose end is final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<Figure>,
    /// How long the quota is for; a month unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_per: Option<Period>,
    /// Who shares the counters: the counter-key of API Management.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// How all limits but concurrency and quota are counted, instead of the provider's way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<AlgorithmName>,
    /// What fits into a bucket at once, of every limit that has one; the figure unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<Figure>,
    /// Whether requests are charged an estimate before they are answered. If not, tokens are charged when their number is
    /// known, and requests that are answered at the same time can overrun a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<bool>,
    /// Whether refused requests count against limits of requests too; as the provider does unless given, and not at all
    /// without a provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusals_count: Option<bool>,
    /// How honest a refusal is about the wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<RetryAfter>,
    /// Whether answers state what is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<bool>,
}

/// The figures of [`Figures`] in order: name, and what it limits.
pub(super) const KINDS: [(&str, Dimension, Period); 11] = [
    ("rpm", Dimension::Requests, Period::Minute),
    ("rph", Dimension::Requests, Period::Hour),
    ("rpd", Dimension::Requests, Period::Day),
    ("tpm", Dimension::Tokens, Period::Minute),
    ("tph", Dimension::Tokens, Period::Hour),
    ("tpd", Dimension::Tokens, Period::Day),
    ("input_tpm", Dimension::InputTokens, Period::Minute),
    ("output_tpm", Dimension::OutputTokens, Period::Minute),
    ("concurrency", Dimension::Concurrency, Period::Minute),
    ("requests_per_month", Dimension::Requests, Period::Month),
    ("tokens_per_month", Dimension::Tokens, Period::Month),
];

impl Figures {
    /// The limits that these figures stand for.
    ///
    /// # Errors
    /// Which figure makes no sense, and what would.
    pub fn limits(&self) -> Result<Limits, LimitsError> {
        let provider = self.preset.unwrap_or_default();
        let mut limits = Limits { limits: Vec::new(), ..Limits::preset(provider) };
        limits.retry_after = self.retry_after.unwrap_or(limits.retry_after);
        limits.headers = self.headers.unwrap_or(limits.headers);
        let own = [
            self.rpm,
            self.rph,
            self.rpd,
            self.tpm,
            self.tph,
            self.tpd,
            self.input_tpm,
            self.output_tpm,
            self.concurrency,
            self.requests_per_month,
            self.tokens_per_month,
        ];
        let usual = if self.preset.is_some() { usual(provider) } else { [None; 11] };
        let follows = |name| self.following(provider, name);
        for ((&(name, dimension, per), own), usual) in KINDS.iter().zip(own).zip(usual) {
            let value = match own {
                Some(Figure::Off) => None,
                Some(Figure::Of(value)) => Some(value),
                None => usual.map(|usual| follows(name).unwrap_or(usual)),
            };
            let Some(value) = value else { continue };
            let limit = self.as_wished(styled(provider, dimension, per, value))?;
            limit.check().map_err(|error| {
                LimitsError(format!("`{name}: {value}` is no figure of a limit: {error}"))
            })?;
            limits.limits.push(limit);
        }
        if let Some(Figure::Of(value)) = self.quota {
            let limit = Limit {
                quota: true,
                algorithm: Algorithm::FixedWindow { start: Start::Epoch, phase: Span::ZERO },
                ..styled(provider, Dimension::Tokens, self.quota_per.unwrap_or(Period::Month), value)
            };
            let limit = self.estimated(limit);
            limit
                .check()
                .map_err(|error| LimitsError(format!("`quota: {value}` is no figure of a limit: {error}")))?;
            limits.limits.push(limit);
        }
        if limits.limits.is_empty() {
            return Err(LimitsError(
                "no limit is left: name a provider (openai, anthropic, ...) or give a figure such as rpm: 500".into(),
            ));
        }
        if let Some(window) = self.window {
            if window == Span::ZERO {
                return Err(LimitsError("a window of no length admits nothing: write 60s, or 10s".into()));
            }
            for limit in &mut limits.limits {
                scale(limit, window);
            }
        }
        limits.check()?;
        Ok(limits)
    }

    /// A limit with what is wished for all of them.
    fn as_wished(&self, limit: Limit) -> Result<Limit, LimitsError> {
        let limit = self.estimated(limit);
        if limit.dimension == Dimension::Concurrency {
            return Ok(limit);
        }
        let usual = self.preset.is_some() && limit.refusals_count;
        let counts = limit.dimension == Dimension::Requests && self.refusals_count.unwrap_or(usual);
        let limit = Limit { refusals_count: counts, ..limit };
        let burst = match self.burst {
            Some(Figure::Of(burst)) => Some(burst),
            Some(Figure::Off) | None => None,
        };
        let named = self.algorithm.map(|name| name.usual(limit.window));
        match (named.unwrap_or(limit.algorithm), burst) {
            (Algorithm::Bucket { .. }, Some(_)) => {
                Ok(Limit { algorithm: Algorithm::Bucket { burst }, ..limit })
            }
            (Algorithm::Leaky { .. }, Some(_)) => {
                Ok(Limit { algorithm: Algorithm::Leaky { burst }, ..limit })
            }
            (_, Some(_)) => Err(LimitsError(format!(
                "`burst` says nothing to {}, which is no bucket: leave it out, or write algorithm: bucket",
                limit.short_name()
            ))),
            (algorithm, None) => Ok(Limit { algorithm, ..limit }),
        }
    }

    /// The same as to who shares it and what is charged beforehand.
    fn estimated(&self, limit: Limit) -> Limit {
        let limit = Limit { scope: self.scope.unwrap_or(limit.scope), ..limit };
        match (self.estimate, limit.dimension.is_tokens()) {
            (Some(false), true) => {
                Limit { precharge: Precharge::None, settlement: Settlement::Both, ..limit }
            }
            (Some(true), true) if limit.precharge == Precharge::None && !limit.live => Limit {
                precharge: match limit.dimension {
                    Dimension::OutputTokens => Precharge::MaxTokens,
                    _ => Precharge::Prompt,
                },
                ..limit
            },
            _ => limit,
        }
    }

    /// What a figure is that goes with the tokens per minute: Azure gives 6 requests for 1,000 tokens, Bedrock 24 · 60
    /// times the tokens for a day.
    fn following(&self, provider: Provider, name: &str) -> Option<u64> {
        let Some(Figure::Of(tpm)) = self.tpm else { return None };
        match (provider, name) {
            (Provider::Azure, "rpm") => Some((tpm.saturating_mul(6) / 1_000).max(1)),
            (Provider::Bedrock, "tpd") => Some(tpm.saturating_mul(24 * 60)),
            _ => None,
        }
    }
}

/// Makes a limit's minute as long as `minute`.
fn scale(limit: &mut Limit, minute: Span) {
    let scaled = |span: Span| {
        let ns = u128::from(span.0) * u128::from(minute.0) / u128::from(Period::Minute.span().0);
        Span(u64::try_from(ns).unwrap_or(u64::MAX).max(1))
    };
    limit.window = scaled(limit.window);
    match &mut limit.algorithm {
        Algorithm::Quantised { every } => *every = scaled(*every),
        Algorithm::FixedWindow { phase, .. } if *phase != Span::ZERO => *phase = scaled(*phase),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_kept_and_comes_back_from_its_file() {
        for provider in Provider::ALL {
            let limits = Limits::preset(provider);
            assert_eq!(limits.check(), Ok(()), "{provider:?}");
            let text = serde_json::to_string(&limits).unwrap();
            assert_eq!(serde_json::from_str::<Limits>(&text).unwrap(), limits, "{text}");
            assert_eq!(Provider::parse(provider.name()), Ok(provider));
            let all = Figures {
                preset: Some(provider),
                window: Some(Span::from_secs(10)),
                rpm: Some(Figure::Of(5)),
                rph: Some(Figure::Of(50)),
                rpd: Some(Figure::Of(500)),
                tpm: Some(Figure::Of(1_000)),
                tph: Some(Figure::Of(10_000)),
                tpd: Some(Figure::Of(100_000)),
                input_tpm: Some(Figure::Of(800)),
                output_tpm: Some(Figure::Of(800)),
                concurrency: Some(Figure::Of(3)),
                requests_per_month: Some(Figure::Of(50_000)),
                tokens_per_month: Some(Figure::Of(1_000_000)),
                quota: Some(Figure::Of(1_000_000)),
                quota_per: Some(Period::Day),
                scope: Some(Scope::KeyAndModel),
                algorithm: Some(AlgorithmName::SlidingWindow),
                burst: None,
                estimate: Some(false),
                refusals_count: Some(true),
                retry_after: Some(RetryAfter::Long),
                headers: Some(false),
            };
            let limits = all.limits().unwrap();
            let text = serde_json::to_string(&limits).unwrap();
            assert_eq!(serde_json::from_str::<Limits>(&text).unwrap(), limits, "{text}");
            let text = serde_json::to_string(&all).unwrap();
            assert_eq!(serde_json::from_str::<Figures>(&text).unwrap(), all, "{text}");
        }
    }

    #[test]
    fn figures_replace_those_of_the_preset_and_windows_scale() {
        let figures = Figures {
            preset: Some(Provider::Azure),
            window: Some(Span::from_secs(10)),
            tpm: Some(Figure::Of(60_000)),
            rpd: Some(Figure::Of(7)),
            ..Figures::default()
        };
        let limits = figures.limits().unwrap().limits;
        let told =
            limits.iter().map(|limit| (limit.short_name(), limit.value, limit.window.0)).collect::<Vec<_>>();
        let expected =
            [("rpm", 360, 10_000_000_000), ("rpd", 7, 14_400_000_000_000), ("tpm", 60_000, 10_000_000_000)];
        assert_eq!(told, expected);
        assert_eq!(limits[0].algorithm, Algorithm::Quantised { every: Span(166_666_666) });
        let off = Figures { preset: Some(Provider::OpenAi), tpm: Some(Figure::Off), ..Figures::default() };
        let names = off.limits().unwrap().limits.iter().map(Limit::short_name).collect::<Vec<_>>();
        assert_eq!(names, ["rpm"]);
        let short: Figures = serde_json::from_str(r#"{"rpm": 500, "tpm": "30k"}"#).unwrap();
        let limits = short.limits().unwrap();
        let told = limits.limits.iter().map(|limit| (limit.short_name(), limit.value)).collect::<Vec<_>>();
        assert_eq!((limits.provider, told), (Provider::OpenAi, vec![("rpm", 500), ("tpm", 30_000)]));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let says = |text: &str| match serde_json::from_str::<Limits>(text) {
            Ok(limits) => format!("{limits:?}"),
            Err(error) => error.to_string(),
        };
        for (limit, expected) in [
            (r#"{"dimension":"requests","value":0}"#, "rpm needs a value"),
            (r#"{"dimension":"requests","value":5,"window":"0s"}"#, "needs a window"),
            (
                r#"{"dimension":"requests","value":5,"burst":5,"algorithm":"fixed_window"}"#,
                "`burst` says nothing",
            ),
            (r#"{"dimension":"tokens","value":5,"algorithm":"quantised"}"#, "cannot be quantised"),
            (r#"{"dimension":"requests","value":5,"algorithm":"leaky"}"#, "cannot be leaky"),
            (r#"{"dimension":"tokens","value":5,"settlement":"none"}"#, "would never be charged"),
            (r#"{"dimension":"input_tokens","value":5,"precharge":"max_tokens"}"#, "does not count"),
            (r#"{"dimension":"tokens","value":5,"precharge":"max_tokens","live":true}"#, "as it is produced"),
            (r#"{"dimension":"concurrency","value":5,"refusals_count":true}"#, "what is being answered"),
            (r#"{"dimension":"requests","value":5,"per":"week"}"#, "unknown variant `week`"),
            (r#"{"dimension":"requests","value":5,"burts":6}"#, "unknown field `burts`"),
        ] {
            let said = says(&format!(r#"{{"limits":[{limit}]}}"#));
            assert!(said.contains(expected), "{limit}: {said}");
        }
        assert!(Provider::parse("opnai").unwrap_err().0.contains("did you mean `openai`"));
        assert!(Figures::default().limits().unwrap_err().0.contains("no limit is left"));
        assert!(serde_json::from_str::<Figures>(r#"{"rpm":0}"#).is_err());
        let stray = Figures { burst: Some(Figure::Of(7)), rpm: Some(Figure::Of(5)), ..Figures::default() };
        let windows = Figures { algorithm: Some(AlgorithmName::FixedWindow), ..stray };
        assert!(windows.limits().unwrap_err().0.contains("`burst` says nothing to rpm"));
        let tokens =
            Figures { algorithm: Some(AlgorithmName::Quantised), tpm: windows.rpm, ..Figures::default() };
        assert!(tokens.limits().unwrap_err().0.contains("cannot be quantised"));
    }

    #[test]
    fn what_is_wished_for_all_limits_holds_for_all() {
        let wished = Figures {
            preset: Some(Provider::Apim),
            rpm: Some(Figure::Of(60)),
            quota: Some(Figure::Of(900)),
            quota_per: Some(Period::Hour),
            scope: Some(Scope::Organisation),
            estimate: Some(false),
            algorithm: Some(AlgorithmName::Bucket),
            burst: Some(Figure::Of(90)),
            concurrency: Some(Figure::Of(3)),
            ..Figures::default()
        };
        let limits = wished.limits().unwrap().limits;
        assert!(limits.iter().all(|limit| limit.scope == Scope::Organisation));
        let told = limits
            .iter()
            .map(|limit| (limit.short_name(), limit.quota, limit.precharge, limit.algorithm))
            .collect::<Vec<_>>();
        let bucket = Algorithm::Bucket { burst: Some(90) };
        let window = Algorithm::FixedWindow { start: Start::Epoch, phase: Span::ZERO };
        let expected = [
            ("rpm", false, Precharge::None, bucket),
            ("tpm", false, Precharge::None, bucket),
            ("concurrency", false, Precharge::None, Algorithm::Bucket { burst: None }),
            ("tph", true, Precharge::None, window),
        ];
        assert_eq!(told, expected);
        let counting = |preset, refusals_count| {
            let rpm = Some(Figure::Of(5));
            Figures { preset, refusals_count, rpm, ..Figures::default() }.limits().unwrap().limits[0]
                .refusals_count
        };
        assert!(counting(Some(Provider::OpenAi), None) && !counting(Some(Provider::Azure), None));
        assert!(!counting(None, None) && counting(None, Some(true)));
        assert!(!counting(Some(Provider::OpenAi), Some(false)));
        let estimated = Figures {
            preset: Some(Provider::LiteLlm),
            output_tpm: Some(Figure::Of(5)),
            estimate: Some(true),
            ..Figures::default()
        };
        let limits = estimated.limits().unwrap().limits;
        assert_eq!((limits[1].precharge, limits[2].precharge), (Precharge::Prompt, Precharge::MaxTokens));
    }
}
