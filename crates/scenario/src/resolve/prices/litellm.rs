//! LiteLLM's `model_prices_and_context_window.json`: one flat object of models, with prices of single tokens.
//!
//! Prices are read from their digits, never through a float. Left alone are prices that a chat does not meet or that
//! have to be asked for: of batches, of priority and of other service tiers, of audio and images, of caches that are kept
//! longer than the usual five minutes.

use std::collections::BTreeMap;

use floodline_core::Usd;
use floodline_core::prices::{Change, Prices, Rates};
use serde_json::value::RawValue;

use super::lookup::{self, Found};

/// A list of prices, of which only what is asked for is read.
pub(super) struct List<'a>(BTreeMap<String, &'a RawValue>);

/// The first entry documents the others.
const DOCUMENTATION: &str = "sample_spec";

impl<'a> List<'a> {
    /// The list, or none if it is something else.
    ///
    /// # Errors
    /// What is wrong with the JSON of a list.
    pub(super) fn read(text: &'a str) -> Result<Option<List<'a>>, String> {
        let is_one =
            |entry: &str| entry.contains("\"litellm_provider\"") || entry.contains("_cost_per_token\"");
        if !text.trim_start().starts_with('{') || !is_one(text) {
            return Ok(None);
        }
        let mut entries: BTreeMap<String, &RawValue> =
            serde_json::from_str(text).map_err(|why| why.to_string())?;
        entries.remove(DOCUMENTATION);
        Ok(Some(List(entries)))
    }

    /// What the list has under a name. `openai/gpt-4o` is the `gpt-4o` of that provider before it is one that others
    /// resell, and entries of several providers count as one if they cost the same.
    pub(super) fn find(&self, wanted: &str) -> Found<'_> {
        if let Some((provider, model)) = wanted.split_once('/')
            && !self.0.contains_key(wanted)
            && let Some((name, entry)) = self.0.get_key_value(model)
            && provider_of(entry).as_deref() == Some(provider)
        {
            return Found::As(name);
        }
        match lookup::find(self.0.keys().map(String::as_str).collect(), wanted) {
            Found::Several(names) => {
                let priced: Vec<_> =
                    names.iter().filter_map(|name| Some((*name, self.prices(name).ok()?))).collect();
                match priced.as_slice() {
                    [(name, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => {
                        Found::As(name)
                    }
                    _ => Found::Several(names),
                }
            }
            other => other,
        }
    }

    /// The prices of an entry.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn prices(&self, name: &str) -> Result<Prices, String> {
        let entry = self.0.get(name).ok_or("there is no such entry")?;
        let fields: BTreeMap<String, &RawValue> =
            serde_json::from_str(entry.get()).map_err(|_| "it is not an object of prices")?;
        let (mut base, mut tiers) = change_and_tiers(&fields)?;
        if let Some(list) = fields.get("tiered_pricing").filter(|_| base.input.is_none()) {
            tiers = tiers_by_range(list)?;
            base = tiers.remove(&0).unwrap_or_default();
        }
        let price = |price: Option<Usd>, kind: &str| price.ok_or(format!("it has no price of {kind} tokens"));
        let rates = Rates {
            input: price(base.input, "input")?,
            cached_input: base.cached_input,
            cache_write: base.cache_write,
            output: price(base.output, "output")?,
            reasoning: base.reasoning,
        };
        let mut prices = Prices::flat(rates);
        tiers.iter().for_each(|(above, change)| prices.add_tier(*above, change));
        prices.request = match fields.get("input_cost_per_request") {
            Some(raw) => dollars(raw, "input_cost_per_request", 0)?,
            None => None,
        };
        let count = |key: &str| fields.get(key).and_then(|raw| tokens(raw)).filter(|&tokens| tokens > 0);
        prices.max_output_tokens = count("max_output_tokens");
        prices.max_input_tokens = count("max_input_tokens");
        Ok(prices)
    }
}

fn provider_of(entry: &RawValue) -> Option<String> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(entry.get()).ok()?;
    serde_json::from_str(fields.get("litellm_provider")?.get()).ok()
}

/// Prices by the number of input tokens above which they apply.
type Tiers = BTreeMap<u32, Change>;

/// The usual prices of an entry, and those of `..._above_200k_tokens`.
fn change_and_tiers(fields: &BTreeMap<String, &RawValue>) -> Result<(Change, Tiers), String> {
    let mut base = Change::default();
    let mut tiers = Tiers::new();
    for (key, raw) in fields {
        let (kind, above) = match key.split_once("_above_") {
            Some((kind, above)) => (kind, thousands(above)),
            None => (key.as_str(), Some(0)),
        };
        let Some(above) = above else { continue };
        // A tier comes to be with its first price, and not with a key that is not known here.
        let mut scratch = Change::default();
        if slot(&mut scratch, kind).is_none() {
            continue;
        }
        let Some(price) = dollars(raw, key, MILLION)? else { continue };
        let change = if above == 0 { &mut base } else { tiers.entry(above).or_default() };
        if let Some(slot) = slot(change, kind) {
            *slot = Some(price);
        }
    }
    Ok((base, tiers))
}

/// Where the price of a kind of token belongs.
fn slot<'c>(change: &'c mut Change, kind: &str) -> Option<&'c mut Option<Usd>> {
    match kind {
        "input_cost_per_token" => Some(&mut change.input),
        // The first is what some providers' entries still have.
        "input_cost_per_token_cache_hit" | "cache_read_input_token_cost" => Some(&mut change.cached_input),
        "cache_creation_input_token_cost" => Some(&mut change.cache_write),
        "output_cost_per_token" => Some(&mut change.output),
        "output_cost_per_reasoning_token" => Some(&mut change.reasoning),
        _ => None,
    }
}

/// `200k_tokens` as a number, and nothing that says more, such as `1hr` or `200k_tokens_priority`.
fn thousands(text: &str) -> Option<u32> {
    let number = text.strip_suffix("k_tokens")?;
    number.parse::<u32>().ok()?.checked_mul(1000).filter(|&tokens| tokens > 0)
}

/// `tiered_pricing`: a list of prices, each with the range of input tokens that it is for.
fn tiers_by_range(list: &RawValue) -> Result<Tiers, String> {
    let list: Vec<BTreeMap<String, &RawValue>> =
        serde_json::from_str(list.get()).map_err(|_| "its `tiered_pricing` is not a list of prices")?;
    let mut tiers = Tiers::new();
    for fields in &list {
        let range =
            fields.get("range").and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
        let from =
            range.and_then(|range| tokens(range.first()?)).ok_or("its `tiered_pricing` has no `range`")?;
        let (change, _) = change_and_tiers(fields)?;
        tiers.insert(from, change);
    }
    Ok(tiers)
}

/// The power of ten by which prices of a token become those of a million.
const MILLION: i32 = 6;

/// A price from its digits, times ten to the power of `shift`; none if it is null.
fn dollars(raw: &RawValue, key: &str, shift: i32) -> Result<Option<Usd>, String> {
    let text = raw.get().trim_matches('"').trim();
    if text == "null" || text.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("its `{key}` is not a price");
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = exponent.parse::<i32>().map_err(|_| wrong())?.saturating_add(shift);
    Usd::parse_scientific(&format!("{digits}e{exponent}")).map(Some).map_err(|_| wrong())
}

/// A number of tokens, also where it is written as a float or as text.
fn tokens(raw: &RawValue) -> Option<u32> {
    let text = raw.get().trim_matches('"');
    let whole = || text.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && (0.0..=4e9).contains(n));
    text.parse().ok().or_else(|| whole().map(|n| n as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{
        "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of", "max_output_tokens": "most"},
        "sonnet": {
            "cache_creation_input_token_cost": 3.75e-06,
            "cache_creation_input_token_cost_above_1hr": 6e-06,
            "cache_creation_input_token_cost_above_200k_tokens": 7.5e-06,
            "cache_read_input_token_cost": 3e-07,
            "input_cost_per_token": 3e-06,
            "input_cost_per_token_above_200k_tokens": 6e-06,
            "input_cost_per_token_above_200k_tokens_priority": 9e-06,
            "input_cost_per_token_batches": 1.5e-06,
            "litellm_provider": "anthropic",
            "max_input_tokens": 200000,
            "max_output_tokens": 64000.0,
            "max_tokens": 999,
            "mode": "chat",
            "output_cost_per_token": 0.000015,
            "output_cost_per_token_above_200k_tokens": 2.25e-05,
            "output_cost_per_reasoning_token": null
        },
        "qwen": {"tiered_pricing": [
            {"input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07, "range": [0, 256000.0]},
            {"input_cost_per_token": 2.5e-07, "output_cost_per_token": 2e-06, "range": [256000.0, 1e6]}
        ]},
        "a/same": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6, "input_cost_per_request": 0.005},
        "b/same": {"input_cost_per_token": 0.000001, "output_cost_per_token": "2E-6", "input_cost_per_request": 5e-3},
        "a/other": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
        "b/other": {"input_cost_per_token": 1e-6, "output_cost_per_token": 3e-6},
        "whisper": {"input_cost_per_second": 0.0001},
        "odd": {"input_cost_per_token": -1, "output_cost_per_token": 1},
        "router/anthropic/sonnet": {"input_cost_per_token": 1e-6, "output_cost_per_token": 3e-6},
        "list": []
    }"#;

    fn list() -> List<'static> {
        List::read(LIST).unwrap().unwrap()
    }

    fn usd(text: &str) -> Usd {
        Usd::parse(text).unwrap()
    }

    #[test]
    fn prices_of_single_tokens_become_those_of_a_million_exactly() {
        let prices = list().prices("sonnet").unwrap();
        let rates = Rates {
            input: usd("3"),
            cached_input: Some(usd("0.30")),
            cache_write: Some(usd("3.75")),
            output: usd("15"),
            reasoning: None,
        };
        assert_eq!(prices.rates, rates);
        let long = Rates { input: usd("6"), cache_write: Some(usd("7.50")), output: usd("22.50"), ..rates };
        assert_eq!(*prices.rates_of(200_001), long);
        assert_eq!((prices.tiers.len(), prices.tiers[0].above), (1, 200_000));
        assert_eq!((prices.max_input_tokens, prices.max_output_tokens), (Some(200_000), Some(64_000)));
        assert_eq!(list().prices("a/same").unwrap().request, Some(usd("0.005")));
    }

    #[test]
    fn tiers_can_be_a_list_of_ranges() {
        let prices = list().prices("qwen").unwrap();
        assert_eq!((prices.rates.input, prices.rates.output), (usd("0.05"), usd("0.40")));
        assert_eq!(prices.rates_of(256_001).output, usd("2"));
    }

    #[test]
    fn entries_that_cost_the_same_are_one() {
        let list = list();
        assert_eq!(list.find("same"), Found::As("a/same"));
        assert_eq!(list.find("other"), Found::Several(vec!["a/other", "b/other"]));
        assert_eq!(list.find("anthropic/sonnet"), Found::As("sonnet"));
        assert_eq!(list.find("other/sonnet"), Found::As("sonnet"));
        assert_eq!(list.find("router/anthropic/sonnet"), Found::Exactly("router/anthropic/sonnet"));
        assert_eq!(list.find("sample_spec"), Found::Nothing(None));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let why = |name| list().prices(name).unwrap_err();
        assert_eq!(why("whisper"), "it has no price of input tokens");
        assert_eq!(why("odd"), "its `input_cost_per_token` is not a price");
        assert_eq!(why("list"), "it is not an object of prices");
    }

    #[test]
    fn other_files_are_not_taken_for_a_list() {
        for other in ["", "[]", "models: {a: {input: 1, output: 2}}", r#"{"models": {"a": {"input": 1}}}"#] {
            assert!(List::read(other).unwrap().is_none(), "{other}");
        }
        assert!(List::read(r#"{"a": {"input_cost_per_token": 1e-6}"#).is_err());
    }
}
