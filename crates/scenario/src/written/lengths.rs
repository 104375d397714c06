//! How long prompts and answers are, and what prompts share, as it is written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::SeqAccess;

use super::either::mapping;
use super::{At, Either, Given, OtherShape, Scalar, Text, Written, Wrong};

/// A number of tokens, or a distribution of such numbers.
pub(crate) type LengthsForm = Either<u32, Drawn>;

/// A number, or a list of numbers.
pub(crate) type Row = Either<Number, Numbers>;

/// Lengths that are drawn for each request: exactly one of lognormal, normal, gamma, uniform, histogram, values and file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Lengths", extend("minProperties" = 1))]
pub(crate) struct Drawn {
    /// A lognormal distribution, as lengths of real prompts often are: {median: 3000, p95: 9000}.
    pub(crate) lognormal: Given<At<Quoted>>,
    /// A normal distribution: {mean: 500, p95: 900}. What falls below 1 token counts as 1.
    pub(crate) normal: Given<At<Quoted>>,
    /// A gamma distribution: {mean: 400, p95: 1200}.
    pub(crate) gamma: Given<At<Quoted>>,
    /// Every number between two, equally often: [400, 900].
    #[schemars(with = "[u32; 2]")]
    pub(crate) uniform: Given<At<Vec<Scalar<u32>>>>,
    /// Bins in the order of their upper ends, each from the one before on: [{upto: 100, weight: 3}, {upto: 1000, weight: 1}].
    #[schemars(with = "Vec<BinForm>")]
    pub(crate) histogram: Given<At<Vec<At<BinForm>>>>,
    /// Lengths with weights: [[120, 3], [400, 1]]; without a weight it is 1.
    pub(crate) values: Given<At<Vec<Row>>>,
    /// A file of recorded lengths: one on each line, or a column of a CSV or JSONL file.
    pub(crate) file: Given<Scalar<Text>>,
    /// The column of the file, or the member of its JSON objects (usage.prompt_tokens for one within another).
    pub(crate) column: Given<Scalar<Text>>,
    /// The shortest; what would be shorter counts as this long.
    pub(crate) min: Given<Scalar<u32>>,
    /// The longest; what would be longer counts as this long.
    pub(crate) max: Given<Scalar<u32>>,
}

/// A distribution by figures that people know: one of mean and median, and one that says how wide it is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 2, "maxProperties" = 2))]
pub(crate) struct Quoted {
    /// The mean, in tokens.
    pub(crate) mean: Given<Scalar<Number>>,
    /// The median, in tokens.
    pub(crate) median: Given<Scalar<Number>>,
    /// The 90th percentile, in tokens.
    pub(crate) p90: Given<Scalar<Number>>,
    /// The 95th percentile, in tokens.
    pub(crate) p95: Given<Scalar<Number>>,
    /// The 99th percentile, in tokens.
    pub(crate) p99: Given<Scalar<Number>>,
    /// The standard deviation, in tokens.
    pub(crate) sd: Given<Scalar<Number>>,
    /// The standard deviation, in tokens. The same as sd.
    pub(crate) stddev: Given<Scalar<Number>>,
}

/// A bin of a histogram.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Bin", extend("required" = ["upto", "weight"]))]
pub(crate) struct BinForm {
    /// The longest length of the bin.
    pub(crate) upto: Given<Scalar<u32>>,
    /// Its share, against the other weights.
    pub(crate) weight: Given<Scalar<Number>>,
}

/// Prompts and answers whose lengths belong together: pairs, or two columns of a file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Pairs", extend("minProperties" = 1))]
pub(crate) struct Joint {
    /// Tokens of the prompt, tokens of the answer, and optionally a weight: [[120, 80], [3000, 200, 5]].
    pub(crate) pairs: Given<At<Vec<Row>>>,
    /// A CSV or JSONL file of recorded lengths.
    pub(crate) file: Given<Scalar<Text>>,
    /// The column of the prompts' lengths, such as ContextTokens.
    pub(crate) input: Given<Scalar<Text>>,
    /// The column of the answers' lengths, such as GeneratedTokens.
    pub(crate) output: Given<Scalar<Text>>,
}

/// What synthetic prompts share, so that a cache of prefixes can help; it counts towards their length.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(crate) struct Prefix {
    /// Tokens of a system message that is the same for all requests of the prompt.
    pub(crate) system: Given<Scalar<u32>>,
    /// The number of groups of requests; those of one group begin their user message alike.
    pub(crate) groups: Given<Scalar<u32>>,
    /// Tokens that the requests of a group share.
    pub(crate) tokens: Given<Scalar<u32>>,
    /// How unevenly requests fall to groups: the exponent of Zipf's law, so that group k is drawn in proportion to 1/k^skew.
    /// 0, all alike, unless given; about 1 for the popularity of documents.
    pub(crate) skew: Given<Scalar<Number>>,
}

/// A decimal number, zero included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number(pub(crate) f64);

impl Written for Number {
    fn read(text: &str) -> Result<Number, Wrong> {
        let plain = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        match text.replace('_', "").parse::<f64>() {
            Ok(number) if plain && number.is_finite() => Ok(Number(number)),
            Ok(_) | Err(_) => Err(format!("`{text}` is not a number of zero or more").into()),
        }
    }
    fn schema() -> Schema {
        json_schema!({ "type": "number", "minimum": 0 })
    }
}

mapping!(Drawn, "a number of tokens, or a distribution of them");

/// Numbers with their positions.
#[derive(Clone, Debug)]
pub(crate) struct Numbers(pub(crate) Vec<Scalar<Number>>);

impl OtherShape for Numbers {
    const EXPECTED: &'static str = "a list of numbers";

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Numbers, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = list.next_element()? {
            numbers.push(number);
        }
        Ok(Numbers(numbers))
    }
}

impl JsonSchema for Numbers {
    fn schema_name() -> Cow<'static, str> {
        "Numbers".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": Number::schema(), "minItems": 1, "maxItems": 3 })
    }
}
