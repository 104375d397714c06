//! Objectives and rules: sentences of their own language, one or a list of them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::{Place, Scalar, Text};

/// Sentences, each with its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(pub(crate) Vec<Scalar<Text>>);

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Asked, D::Error> {
        let list = Spanned::<Sentences>::deserialize(deserializer)?;
        let place = Place::of(list.referenced);
        let placed = |item: Scalar<Text>| match item.place {
            Place::Nowhere => Scalar { place, ..item },
            Place::Text { .. } | Place::Argument(_) => item,
        };
        Ok(Asked(list.value.0.into_iter().map(placed).collect()))
    }
}

struct Sentences(Vec<Scalar<Text>>);

impl<'de> Deserialize<'de> for Sentences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sentences, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Sentences;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of sentences such as ttft p95 < 500ms")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Sentences, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Sentences(list))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Sentences, E> {
                Ok(Sentences(vec![Scalar::new(text, Place::Nowhere)]))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Asked {
    fn schema_name() -> Cow<'static, str> {
        "Asked".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}
