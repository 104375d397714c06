//! The values of a stage that replays a trace.

use std::num::NonZeroU64;

use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;

use super::scalar::Choice;
use super::{Given, Scalar, Text, Written, Wrong};

/// The format of a recorded trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The public Azure LLM inference traces: TIMESTAMP, ContextTokens, GeneratedTokens.
    Azure,
    /// BurstGPT: Timestamp, Request tokens, Response tokens and others.
    BurstGpt,
    /// Mooncake: lines of timestamp, input_length, output_length and hash_ids.
    Mooncake,
    /// CSV with columns that the scenario names.
    Csv,
    /// JSON lines with members that the scenario names.
    Jsonl,
}

impl Choice for Format {
    const WHAT: &'static str = "a format of traces";
    const NAMES: &'static [(&'static str, Format)] = &[
        ("azure", Format::Azure),
        ("burstgpt", Format::BurstGpt),
        ("mooncake", Format::Mooncake),
        ("csv", Format::Csv),
        ("jsonl", Format::Jsonl),
    ];
}

impl Format {
    /// Its name in scenarios and plans.
    pub(crate) fn name(self) -> &'static str {
        Format::NAMES.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }
}

/// How the times of a trace are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    /// Dates and times of day, as in ISO 8601.
    Iso,
}

impl Choice for Unit {
    const WHAT: &'static str = "a unit of times";
    const NAMES: &'static [(&'static str, Unit)] = &[
        ("s", Unit::Seconds),
        ("ms", Unit::Milliseconds),
        ("us", Unit::Microseconds),
        ("ns", Unit::Nanoseconds),
        ("iso", Unit::Iso),
    ];
}

/// How many times a trace is played; none is "again and again".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passes(pub(crate) Option<NonZeroU64>);

impl Written for Passes {
    fn read(text: &str) -> Result<Passes, Wrong> {
        match text {
            "forever" => return Ok(Passes(None)),
            "true" | "True" | "TRUE" => return Ok(Passes(None)),
            "false" | "False" | "FALSE" => return Ok(Passes(Some(NonZeroU64::MIN))),
            _ => {}
        }
        let times = u64::read(text).ok().and_then(NonZeroU64::new);
        let wrong = || Wrong {
            message: format!("`{text}` does not say how often the trace is played"),
            help: Some("write a number of times such as 3, or forever".into()),
        };
        times.map(|times| Passes(Some(times))).ok_or_else(wrong)
    }
    fn schema() -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 1 }, { "type": "boolean" }, { "const": "forever" }
        ] })
    }
}

/// The columns of a trace, or the members of its lines, by their names in the file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["time", "input", "output"]))]
pub(crate) struct Columns {
    /// When a request arrived.
    pub(crate) time: Given<Scalar<Text>>,
    /// Tokens of its prompt.
    pub(crate) input: Given<Scalar<Text>>,
    /// Tokens of its answer.
    pub(crate) output: Given<Scalar<Text>>,
    /// Names of the blocks of its prompt, a list of numbers; in JSON lines only. Prompts that begin with the same
    /// blocks begin with the same text.
    pub(crate) hash_ids: Given<Scalar<Text>>,
}
