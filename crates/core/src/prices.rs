//! Prices of one model, and what a request costs by them.
//!
//! Rates are held per million tokens, the unit in which providers quote them. A cost is summed before it is divided
//! and rounded up once, so that it is exact to 10⁻¹⁸ USD.
//!
//! Two things that providers do and that a simple product misses: beyond a number of input tokens the *whole* request
//! is charged by other rates ([`Tier`]), and tokens written to a cache can cost more than tokens that are not cached.
//!
//! What holds, and what a spend limit stands on: [`Prices::worst`] of a request is never below [`Prices::cost`] of a
//! usage with at most as many input and output tokens. Where prices come from is left to `scenario`.

use serde::{Deserialize, Serialize};

use crate::money::Usd;

/// The prices of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    /// What a million tokens cost, of a request that is in no tier.
    #[serde(rename = "usd_per_million_tokens")]
    pub rates: Rates,
    /// What a request costs besides its tokens.
    #[serde(rename = "request_usd", default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Usd>,
    /// Other rates for long requests, by ascending `above`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// The most tokens that the model answers with, where it is known; reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// The most tokens of a prompt, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_input_tokens: Option<u32>,
}

/// What a million tokens of each kind cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Of the prompt.
    pub input: Usd,
    /// Of the prompt, read from a cache; as `input` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<Usd>,
    /// Of the prompt, written to a cache; as `input` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Usd>,
    /// Of the answer.
    pub output: Usd,
    /// Of the answer, spent on reasoning; as `output` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Usd>,
}

/// Rates for the whole of every request whose prompt is longer than `above` tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Input tokens from which on it does not yet apply: a request of exactly so many is below it.
    pub above: u32,
    /// All its rates, whether or not they differ from those below.
    pub rates: Rates,
}

/// Rates of a tier as they are written: what is missing is as below the tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Replaces [`Rates::input`].
    pub input: Option<Usd>,
    /// Replaces [`Rates::cached_input`].
    pub cached_input: Option<Usd>,
    /// Replaces [`Rates::cache_write`].
    pub cache_write: Option<Usd>,
    /// Replaces [`Rates::output`].
    pub output: Option<Usd>,
    /// Replaces [`Rates::reasoning`].
    pub reasoning: Option<Usd>,
}

/// The tokens of one request as its price is made of them.
///
/// As OpenAI reports them: `cached` and `cache_write` are parts of `input`, and `reasoning` is a part of `output`.
/// (Anthropic reports the parts of the prompt side by side; its codec adds them up.) Parts that are larger than their whole
/// are cut to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All tokens of the prompt.
    pub input: u64,
    /// Those of `input` that were read from a cache.
    pub cached: u64,
    /// Those of `input` that were written to a cache.
    pub cache_write: u64,
    /// All tokens of the answer.
    pub output: u64,
    /// Those of `output` that were spent on reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// Input and output tokens together.
    pub const fn tokens(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// Tokens that rates are quoted for.
const MILLION: u128 = 1_000_000;

impl Prices {
    /// Prices without a fee for requests, tiers and known bounds.
    pub fn flat(rates: Rates) -> Prices {
        Prices { rates, request: None, tiers: Vec::new(), max_output_tokens: None, max_input_tokens: None }
    }

    /// Adds a tier, wherever it belongs by its `above`. Missing rates are as below it, so the tiers must be added
    /// in ascending order.
    pub fn add_tier(&mut self, above: u32, change: &Change) {
        let rates = self.rates_of(u64::from(above)).with(change);
        let at = self.tiers.partition_point(|tier| tier.above <= above);
        self.tiers.insert(at, Tier { above, rates });
    }

    /// What a request costs, exactly, rounded up to 10⁻¹⁸ USD.
    pub fn cost(&self, usage: &Usage) -> Usd {
        let rates = self.rates_of(usage.input);
        let cached = usage.cached.min(usage.input);
        let written = usage.cache_write.min(usage.input - cached);
        let reasoning = usage.reasoning.min(usage.output);
        let tokens = rates.cached_input().times(cached)
            + rates.cache_write().times(written)
            + rates.input.times(usage.input - cached - written)
            + rates.reasoning().times(reasoning)
            + rates.output.times(usage.output - reasoning);
        tokens.part_of(MILLION) + self.fee()
    }

    /// The most that a request can cost whose prompt has at most `input` tokens and whose answer has at most
    /// `most_output`: nothing is read from a cache, everything is written to one or all is reasoning where that is
    /// dearer, and the tier is the dearest that `input` reaches.
    pub fn worst(&self, input: u32, most_output: u32) -> Usd {
        let at = |rates: &Rates, input: u32| {
            let most_input = rates.input.max(rates.cache_write()).max(rates.cached_input());
            let most_answer = rates.output.max(rates.reasoning());
            most_input.times(u64::from(input)) + most_answer.times(u64::from(most_output))
        };
        // A prompt may turn out shorter than its bound, and be charged by a lower tier that is dearer.
        let mut worst = Usd::ZERO;
        let mut rates = &self.rates;
        for tier in self.tiers.iter().take_while(|tier| tier.above < input) {
            worst = worst.max(at(rates, tier.above));
            rates = &tier.rates;
        }
        worst.max(at(rates, input)).part_of(MILLION) + self.fee()
    }

    /// The cost of requests whose lengths have these means, without cache and at the rate of all output. Cost is linear
    /// in lengths but for tiers: of lengths on both sides of one, sum over the lengths instead.
    ///
    /// Means are rounded up to a millionth of a token; what is no number counts as zero.
    pub fn expected(&self, mean_input: f64, mean_output: f64) -> Usd {
        // A cast of a float saturates, and makes zero of what is no number.
        let millionths = |mean: f64| libm::ceil(mean * 1e6) as u128;
        let rates = self.rates_of(libm::ceil(mean_input) as u64);
        let tokens =
            rates.input.times_wide(millionths(mean_input)) + rates.output.times_wide(millionths(mean_output));
        tokens.part_of(MILLION * MILLION) + self.fee()
    }

    /// The rates by which a request with so many input tokens is charged.
    pub fn rates_of(&self, input: u64) -> &Rates {
        let tier = self.tiers.iter().rev().find(|tier| u64::from(tier.above) < input);
        tier.map_or(&self.rates, |tier| &tier.rates)
    }

    fn fee(&self) -> Usd {
        self.request.unwrap_or(Usd::ZERO)
    }
}

impl Rates {
    /// What a million cached tokens of the prompt cost.
    pub fn cached_input(&self) -> Usd {
        self.cached_input.unwrap_or(self.input)
    }

    /// What a million tokens cost that are written to a cache.
    pub fn cache_write(&self) -> Usd {
        self.cache_write.unwrap_or(self.input)
    }

    /// What a million tokens of reasoning cost.
    pub fn reasoning(&self) -> Usd {
        self.reasoning.unwrap_or(self.output)
    }

    /// These rates with some of them replaced.
    pub fn with(&self, change: &Change) -> Rates {
        Rates {
            input: change.input.unwrap_or(self.input),
            cached_input: change.cached_input.or(self.cached_input),
            cache_write: change.cache_write.or(self.cache_write),
            output: change.output.unwrap_or(self.output),
            reasoning: change.reasoning.or(self.reasoning),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(text: &str) -> Usd {
        Usd::parse(text).unwrap()
    }

    fn mini() -> Prices {
        let rates = Rates {
            input: usd("0.15"),
            cached_input: Some(usd("0.075")),
            output: usd("0.60"),
            ..Rates::default()
        };
        Prices::flat(rates)
    }

    /// Long prompts at twice the input and 1.5 times the output, for the whole request.
    fn tiered() -> Prices {
        let rates = Rates {
            input: usd("2"),
            cached_input: Some(usd("0.10")),
            cache_write: Some(usd("2.50")),
            output: usd("10"),
            reasoning: None,
        };
        let mut prices = Prices::flat(rates);
        prices.add_tier(
            272_000,
            &Change { input: Some(usd("4")), output: Some(usd("15")), ..Change::default() },
        );
        prices
    }

    #[test]
    fn each_kind_of_token_has_its_rate() {
        let usage = Usage { input: 1000, cached: 400, cache_write: 0, output: 200, reasoning: 50 };
        // 600 · 0.15 + 400 · 0.075 + 200 · 0.60 dollars, over a million.
        assert_eq!(mini().cost(&usage), usd("0.00024"));
        let mut prices = mini();
        prices.rates.reasoning = Some(usd("1.20"));
        prices.request = Some(usd("0.005"));
        assert_eq!(prices.cost(&usage), usd("0.00527"));
        assert_eq!(prices.cost(&Usage::default()), usd("0.005"));
    }

    #[test]
    fn writing_to_a_cache_costs_what_it_costs() {
        let usage = Usage { input: 1000, cached: 300, cache_write: 600, ..Usage::default() };
        assert_eq!(tiered().cost(&usage), usd("0.00173"));
        assert_eq!(tiered().worst(1000, 100), usd("0.0035"));
    }

    #[test]
    fn a_tier_is_for_the_whole_request_and_begins_above_its_bound() {
        let cost = |input| tiered().cost(&Usage { input, output: 1000, ..Usage::default() });
        assert_eq!(cost(272_000), usd("0.554"));
        assert_eq!(cost(272_001), usd("1.103004"));
        // What the tier does not name is as below it.
        let cached = Usage { input: 300_000, cached: 300_000, ..Usage::default() };
        assert_eq!(tiered().cost(&cached), usd("0.03"));
    }

    #[test]
    fn several_tiers_build_on_each_other() {
        let mut prices = mini();
        prices.add_tier(128_000, &Change { input: Some(usd("0.30")), ..Change::default() });
        prices.add_tier(200_000, &Change { output: Some(usd("0.90")), ..Change::default() });
        let rates = |input| *prices.rates_of(input);
        assert_eq!((rates(128_001).input, rates(128_001).output), (usd("0.30"), usd("0.60")));
        assert_eq!((rates(200_001).input, rates(200_001).output), (usd("0.30"), usd("0.90")));
    }

    #[test]
    fn parts_larger_than_their_whole_are_cut() {
        let usage = Usage { input: 10, cached: 99, cache_write: 99, output: 10, reasoning: 99 };
        assert_eq!(mini().cost(&usage), usd("0.00000675"));
    }

    #[test]
    fn an_expectation_is_the_cost_of_the_means() {
        let same = mini().cost(&Usage { input: 1000, output: 200, ..Usage::default() });
        assert_eq!(mini().expected(1000.0, 200.0), same);
        assert_eq!(mini().expected(0.5, 0.0), usd("0.000000075"));
        assert_eq!(tiered().expected(300_000.0, 0.0), usd("1.2"));
        assert_eq!(mini().expected(f64::NAN, -3.0), Usd::ZERO);
        let _ = mini().expected(f64::INFINITY, f64::MAX);
    }

    #[test]
    fn prices_survive_being_stored() {
        let json = serde_json::to_string(&tiered()).unwrap();
        assert!(
            json.starts_with(r#"{"usd_per_million_tokens":{"input":"2","cached_input":"0.1","#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Prices>(&json).unwrap(), tiered());
    }

    fn rates() -> impl Strategy<Value = Rates> {
        let rate = || (0u64..10_000).prop_map(Usd::cents);
        let maybe = || proptest::option::of((0u64..10_000).prop_map(Usd::cents));
        (rate(), maybe(), maybe(), rate(), maybe()).prop_map(
            |(input, cached_input, cache_write, output, reasoning)| Rates {
                input,
                cached_input,
                cache_write,
                output,
                reasoning,
            },
        )
    }

    proptest! {
        /// Also with tiers that are cheaper than what is below them.
        #[test]
        fn nothing_within_the_bounds_costs_more_than_the_worst(
            base in rates(), tiers in proptest::collection::vec((0u32..5000, rates()), 0..3),
            fee in proptest::option::of((0u64..9).prop_map(Usd::cents)),
            input in 0u32..10_000, output in 0u32..1000, shares in [const { 0.0f64..=1.0 }; 5],
        ) {
            let mut prices = Prices { request: fee, ..Prices::flat(base) };
            prices.tiers = tiers.into_iter().map(|(above, rates)| Tier { above, rates }).collect();
            prices.tiers.sort_by_key(|tier| tier.above);
            let part = |whole: u64, share: f64| (whole as f64 * share) as u64;
            let (used_input, used_output) = (part(input.into(), shares[0]), part(output.into(), shares[1]));
            let usage = Usage {
                input: used_input,
                cached: part(used_input, shares[2]),
                cache_write: part(used_input, shares[3]),
                output: used_output,
                reasoning: part(used_output, shares[4]),
            };
            prop_assert!(prices.cost(&usage) <= prices.worst(input, output));
        }

        #[test]
        fn no_usage_is_too_much(input: u64, cached: u64, cache_write: u64, output: u64, reasoning: u64) {
            let usage = Usage { input, cached, cache_write, output, reasoning };
            let _ = (tiered().cost(&usage), usage.tokens(), tiered().worst(u32::MAX, u32::MAX));
        }
    }
}
