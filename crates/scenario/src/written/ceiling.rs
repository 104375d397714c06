//! What a scenario says of a search for its ceiling, as it is written.

use floodline_core::Rate;
use floodline_core::ceiling::By;
use floodline_core::time::Span;
use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;

use super::flow::Percent;
use super::scalar::Choice;
use super::{Given, Scalar, Written, Wrong};

/// How `floodline ceiling` searches for the highest load that meets the objectives; its options go before these.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ceiling {
    /// What the load is counted in: rate (requests a second, whatever the target does) or users (who wait for their
    /// answers); as the scenario's load is unless given.
    pub(crate) by: Given<Scalar<By>>,
    /// What the load has to be, such as 20/s or 64 users; less is exit code 3.
    pub(crate) need: Given<Scalar<LoadFigure>>,
    /// Where to start; at the pace of a single user unless given.
    pub(crate) from: Given<Scalar<LoadFigure>>,
    /// What not to go beyond.
    pub(crate) to: Given<Scalar<LoadFigure>>,
    /// How far the answer's two ends may lie apart; 3% unless given.
    pub(crate) resolution: Given<Scalar<Percent>>,
    /// The longest trial; 30s unless given.
    pub(crate) trial: Given<Scalar<Span>>,
    /// The shortest trial; 5s, or a quarter of the longest, unless given.
    pub(crate) min_trial: Given<Scalar<Span>>,
    /// The search ends with what is known after this time; 30m unless given.
    pub(crate) max_time: Given<Scalar<Span>>,
    /// The search ends with what is known after so many trials; 40 unless given.
    pub(crate) max_trials: Given<Scalar<u32>>,
}

impl Choice for By {
    const WHAT: &'static str = "what a load is counted in";
    const NAMES: &'static [(&'static str, By)] = &[("rate", By::Rate), ("users", By::Users)];
}

/// A load: a rate such as 20/s, or a number of users such as 64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LoadFigure {
    /// It says that it is a rate.
    Rate(Rate),
    /// It says that it is users.
    Users(u32),
    /// It is a number of whatever is searched by.
    Number(Rate),
}

impl LoadFigure {
    /// In requests a second or users; none where it is of the other kind.
    pub(crate) fn in_unit(self, by: By) -> Option<f64> {
        match (self, by) {
            (LoadFigure::Rate(rate) | LoadFigure::Number(rate), By::Rate) => Some(rate.as_per_second()),
            (LoadFigure::Users(users), By::Users) => Some(f64::from(users)),
            (LoadFigure::Number(number), By::Users) => {
                Some(number.as_per_second()).filter(|users| users.fract() == 0.0)
            }
            (LoadFigure::Users(_), By::Rate) | (LoadFigure::Rate(_), By::Users) => None,
        }
    }
}

impl Written for LoadFigure {
    fn read(text: &str) -> Result<LoadFigure, Wrong> {
        let text = text.trim();
        let wrong = || Wrong {
            message: format!("`{text}` is no load"),
            help: Some("write a rate such as 20/s, or a number of users such as 64".into()),
        };
        let number = text.strip_suffix("users").or_else(|| text.strip_suffix("user"));
        match number {
            Some(number) => match number.trim_end().parse() {
                Ok(users @ 1..) => Ok(LoadFigure::Users(users)),
                Ok(0) | Err(_) => Err(wrong()),
            },
            None => {
                let rate = Rate::parse(text).map_err(|_| wrong())?;
                Ok(if text.contains('/') { LoadFigure::Rate(rate) } else { LoadFigure::Number(rate) })
            }
        }
    }
    fn schema() -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "pattern": r"^[0-9]*\.?[0-9]+ *(/ *(s|sec|m|min|h|d)|users?)?$",
            "exclusiveMinimum": 0
        })
    }
}
