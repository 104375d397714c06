//! Prices as they are written, in a scenario and in a file of prices.

use std::fmt;

use floodline_core::Usd;
use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::{At, Given, OneOrMany, Scalar, Text, Written, Wrong};

/// What the model costs, in US dollars for a million tokens; or a file that says so.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Prices {
    /// A file of prices: {models: {NAME: {input: $2.50, output: $10}}} in YAML or JSON, or LiteLLM's
    /// model_prices_and_context_window.json.
    pub(crate) file: Given<Scalar<Text>>,
    /// The model's name in the file; that of the target unless given.
    pub(crate) model: Given<Scalar<Text>>,
    /// Tokens of the prompt.
    pub(crate) input: Given<Scalar<PerMillion>>,
    /// Tokens of the prompt that are read from a cache; as input unless given.
    pub(crate) cached_input: Given<Scalar<PerMillion>>,
    /// Tokens of the prompt that are written to a cache; as input unless given.
    pub(crate) cache_write: Given<Scalar<PerMillion>>,
    /// Tokens of the answer.
    pub(crate) output: Given<Scalar<PerMillion>>,
    /// Tokens of the answer that are spent on reasoning; as output unless given.
    pub(crate) reasoning: Given<Scalar<PerMillion>>,
    /// What a request costs besides its tokens, in dollars.
    pub(crate) request: Given<Scalar<Usd>>,
    /// The most tokens that the model answers with, where a prompt sets no bound.
    pub(crate) max_output_tokens: Given<Scalar<u32>>,
    /// Other prices of requests with long prompts, for the whole request.
    pub(crate) above: Given<OneOrMany<At<Above>>>,
}

/// Prices of requests whose prompt is longer than a number of tokens; those that are missing are as below it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["tokens"]))]
pub(crate) struct Above {
    /// Longer than this many tokens.
    pub(crate) tokens: Given<Scalar<u32>>,
    /// Tokens of the prompt.
    pub(crate) input: Given<Scalar<PerMillion>>,
    /// Tokens of the prompt that are read from a cache.
    pub(crate) cached_input: Given<Scalar<PerMillion>>,
    /// Tokens of the prompt that are written to a cache.
    pub(crate) cache_write: Given<Scalar<PerMillion>>,
    /// Tokens of the answer.
    pub(crate) output: Given<Scalar<PerMillion>>,
    /// Tokens of the answer that are spent on reasoning.
    pub(crate) reasoning: Given<Scalar<PerMillion>>,
}

/// A file of prices in Floodline's own form.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PriceFile {
    pub(crate) models: Given<Models>,
}

/// Models by name, in the order they are written.
#[derive(Debug, Default)]
pub(crate) struct Models(pub(crate) Vec<(String, At<Prices>)>);

impl<'de> Deserialize<'de> for Models {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Models;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of model names to prices")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Models, A::Error> {
                let mut models = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    models.push(pair);
                }
                Ok(Models(models))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// The price of a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PerMillion(pub(crate) Usd);

impl Written for PerMillion {
    fn read(text: &str) -> Result<PerMillion, Wrong> {
        let for_a_million =
            |usd: Usd| format!("prices are of a million tokens: did you mean {}?", usd.times(1_000_000));
        // Nobody sells tokens at a tenth of a cent for a million, but price lists quote them singly. Taken for
        // the price of a million, that would make a spend limit worthless.
        let single = Usd::parse_scientific(text).ok().filter(|usd| !usd.is_zero() && is_of_one_token(*usd));
        if let Some(usd) = single {
            let message = format!("`{text}` looks like the price of a single token");
            return Err(Wrong { message, help: Some(for_a_million(usd)) });
        }
        Usd::parse(text).map(PerMillion).map_err(Wrong::from)
    }
    fn schema() -> Schema {
        Usd::schema()
    }
}

fn is_of_one_token(usd: Usd) -> bool {
    usd.times(1000) < Usd::dollars(1)
}

impl Written for Usd {
    fn read(text: &str) -> Result<Usd, Wrong> {
        Usd::parse(text).map_err(Wrong::from)
    }
    fn schema() -> Schema {
        json_schema!({ "type": ["string", "number"], "pattern": r"^\$? *[0-9_]*\.?[0-9]+$", "minimum": 0 })
    }
}
