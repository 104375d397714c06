//! The few values that are neither single values nor mappings of fixed keys.

use std::borrow::Cow;
use std::fmt;

use floodline_core::Rate;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::{At, Given, Place, Scalar, Text, Written};

/// Headers in the order they are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers(pub(crate) Vec<Header>);

/// One header.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) name: At<String>,
    pub(crate) value: Scalar<Text>,
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of header names to values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    headers.push(Header { name, value });
                }
                Ok(Headers(headers))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

impl JsonSchema for Headers {
    fn schema_name() -> Cow<'static, str> {
        "Headers".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

/// How a warm-up is loaded: like the stages that follow it.
#[derive(Clone, Debug)]
pub(crate) enum WarmupForm {
    /// `warmup: 1/s`; the position is the key's.
    Rate(Scalar<Rate>),
    /// `warmup: {users: 8}`.
    Users(Scalar<u32>),
}

impl<'de> Deserialize<'de> for WarmupForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = WarmupForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rate such as 1/s, or {users: 8}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<WarmupForm, E> {
                Ok(WarmupForm::Rate(Scalar::new(text, Place::Nowhere)))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<WarmupForm, E> {
                Ok(WarmupForm::Rate(Scalar::new(number, Place::Nowhere)))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<WarmupForm, E> {
                Ok(WarmupForm::Rate(Scalar::new(number, Place::Nowhere)))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<WarmupForm, E> {
                Ok(WarmupForm::Rate(Scalar::new(number, Place::Nowhere)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WarmupForm, A::Error> {
                let WarmupUsers { users } = WarmupUsers::deserialize(MapAccessDeserializer::new(map))?;
                let users = users.0.ok_or_else(|| de::Error::missing_field("users"))?;
                Ok(WarmupForm::Users(users))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A warm-up of users.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct WarmupUsers {
    /// This many users at once.
    users: Given<Scalar<u32>>,
}

impl JsonSchema for WarmupForm {
    fn schema_name() -> Cow<'static, str> {
        "Warmup".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let users = WarmupUsers::json_schema(generator);
        json_schema!({ "anyOf": [Rate::schema(), users] })
    }
}
