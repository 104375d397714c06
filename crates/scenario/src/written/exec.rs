//! Programs of the user's, as they are written.

use std::borrow::Cow;
use std::fmt;

use floodline_core::time::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use super::{Given, Scalar};

/// A program in any language that changes requests before they are sent and judges their answers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Exec {
    /// The program and its arguments: a list, or a text that is split at blanks. It is started in the scenario's folder.
    pub(crate) command: Given<Command>,
    /// Whether it is asked before each request is sent; true unless given.
    pub(crate) before: Given<Scalar<bool>>,
    /// Whether it is asked what it thinks of each answer that is otherwise ok; true unless given.
    pub(crate) after: Given<Scalar<bool>>,
    /// How many of it run side by side; 1 unless given.
    pub(crate) processes: Given<Scalar<u32>>,
    /// How long each reply may take; 10s unless given.
    pub(crate) timeout: Given<Scalar<Span>>,
}

/// A program and its arguments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Command, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Command;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a program with its arguments, such as [python3, hook.py]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Command, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Command(list))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Command, E> {
                Ok(Command(text.split_whitespace().map(str::to_owned).collect()))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Command {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}
