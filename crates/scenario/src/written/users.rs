//! Users and sessions as they are written: how many, how long they think and stay, how often they ask.

use floodline_core::Rate;
use floodline_core::time::Span;
use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;

use super::either::mapping;
use super::rates::Pace;
use super::{At, Either, Given, Scalar, Written, Wrong};

/// A number of users, a ramp between two, or the rate that they are to reach.
pub(crate) type UsersForm = Either<Population, ByRate>;

/// A length of time, or how it is drawn.
pub(crate) type TimeForm = Either<Span, DrawnTime>;

/// A number of requests, or how it is drawn.
pub(crate) type AsksForm = Either<u32, DrawnAsks>;

/// How a warm-up or a cool-down is loaded, like the stages beside it: a rate, or users or sessions.
pub(crate) type BesideForm = Either<Pace, Beside>;

/// So many users; `10..100` goes from the one number to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Population {
    pub(crate) from: Option<u32>,
    pub(crate) users: u32,
}

impl Written for Population {
    fn read(text: &str) -> Result<Population, Wrong> {
        let Some((from, to)) = text.split_once("..") else {
            let users = u32::read(text).map_err(|wrong| Wrong {
                help: Some("write a number, or two of a ramp: users: 10..100, over: 2m".into()),
                ..wrong
            })?;
            return Ok(Population { from: None, users });
        };
        let read = |number: &str| {
            u32::read(number.trim()).map_err(|_| Wrong {
                message: format!("`{text}` is not a ramp of users"),
                help: Some("write two numbers, such as 10..100".into()),
            })
        };
        Ok(Population { from: Some(read(from)?), users: read(to)? })
    }
    fn schema() -> Schema {
        json_schema!({
            "type": ["integer", "string"],
            "minimum": 1,
            "maximum": u32::MAX,
            "pattern": r"^[0-9_]+ *(\.\. *[0-9_]+)?$"
        })
    }
}

/// As many users as it takes to send at a rate, by Little's law: rate × (latency + mean time of thinking).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["for_rate", "latency"]))]
pub(crate) struct ByRate {
    /// The rate of requests that is wanted, such as 50/s.
    pub(crate) for_rate: Given<Scalar<Rate>>,
    /// How long an answer is expected to take.
    pub(crate) latency: Given<Scalar<Span>>,
}

mapping!(ByRate, "a number of users, two of a ramp, or the rate that they are to reach");

/// A length of time that is drawn anew each time: exactly one of uniform, exponential and lognormal.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct DrawnTime {
    /// Every length between two alike: [1s, 3s].
    #[schemars(with = "[String; 2]")]
    pub(crate) uniform: Given<At<Vec<Scalar<Span>>>>,
    /// Exponential, of this mean.
    pub(crate) exponential: Given<Scalar<Span>>,
    /// Lognormal: {median: 2s, p95: 10s}.
    pub(crate) lognormal: Given<At<MedianAndP95>>,
}

mapping!(DrawnTime, "a duration, or how it is drawn");

/// A lognormal distribution by two of its quantiles.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["median", "p95"]))]
pub(crate) struct MedianAndP95 {
    /// Half of the lengths are shorter.
    pub(crate) median: Given<Scalar<Span>>,
    /// 95 of a hundred lengths are shorter.
    pub(crate) p95: Given<Scalar<Span>>,
}

/// A number of requests that each session draws for itself: exactly one of uniform and geometric.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct DrawnAsks {
    /// Every number between two alike: [2, 8].
    #[schemars(with = "[u32; 2]")]
    pub(crate) uniform: Given<At<Vec<Scalar<u32>>>>,
    /// Geometric, of this mean: after each answer it goes on with the same probability.
    pub(crate) geometric: Given<Scalar<Average>>,
}

mapping!(DrawnAsks, "a number of requests, or how it is drawn");

/// A mean number of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Average(pub(crate) f64);

impl Written for Average {
    fn read(text: &str) -> Result<Average, Wrong> {
        let plain = text.starts_with(|c: char| c.is_ascii_digit());
        match text.replace('_', "").parse::<f64>() {
            Ok(mean) if plain && (1.0..=1e6).contains(&mean) => Ok(Average(mean)),
            Ok(_) | Err(_) => Err(Wrong {
                message: format!("`{text}` is not a mean number of requests"),
                help: Some(
                    "write a number from 1 on, such as 5 or 2.5: each session asks at least once".into(),
                ),
            }),
        }
    }
    fn schema() -> Schema {
        json_schema!({ "type": "number", "minimum": 1, "maximum": 1_000_000 })
    }
}

/// A warm-up or a cool-down of users or of sessions.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct Beside {
    /// This many users at once, beside stages of users.
    pub(crate) users: Given<UsersForm>,
    /// Sessions at this rate, beside stages of sessions.
    pub(crate) sessions: Given<Scalar<Pace>>,
}

mapping!(Beside, "a rate such as 1/s, a ramp such as 1/s..20/s, or {users: 8}");
