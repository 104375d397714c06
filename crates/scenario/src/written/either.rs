//! A value that is single or of another shape: a mapping, or a list.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_saphyr::Spanned;

use super::{At, Place, Scalar, Written};

/// A single value, or something of another shape.
#[derive(Clone, Debug)]
pub(crate) enum Either<S, T> {
    Single(Scalar<S>),
    Other(At<T>),
}

impl<S, T> Either<S, T> {
    pub(crate) fn place(&self) -> Place {
        match self {
            Either::Single(scalar) => scalar.place,
            Either::Other(at) => at.place,
        }
    }
}

impl<S, T> From<Scalar<S>> for Either<S, T> {
    fn from(scalar: Scalar<S>) -> Either<S, T> {
        Either::Single(scalar)
    }
}

/// What can stand where a single value can.
pub(crate) trait OtherShape: Sized {
    /// What belongs here, for messages.
    const EXPECTED: &'static str;

    fn from_map<'de, A: MapAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(de::Error::invalid_type(Unexpected::Map, &Self::EXPECTED))
    }

    fn from_list<'de, A: SeqAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(de::Error::invalid_type(Unexpected::Seq, &Self::EXPECTED))
    }
}

/// A mapping that can stand where a single value can.
macro_rules! mapping {
    ($type:ty, $expected:literal) => {
        impl $crate::written::OtherShape for $type {
            const EXPECTED: &'static str = $expected;

            fn from_map<'de, A: serde::de::MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
                serde::Deserialize::deserialize(serde::de::value::MapAccessDeserializer::new(map))
            }
        }
    };
}
pub(super) use mapping;

impl<'de, S: Written, T: OtherShape> Deserialize<'de> for Either<S, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Shaped<T>>::deserialize(deserializer)?;
        let place = Place::of(referenced);
        Ok(match value {
            Shaped::Single(text) => Either::Single(Scalar::new(text, place)),
            Shaped::Other(value) => Either::Other(At { value, place }),
        })
    }
}

/// The same without a position.
enum Shaped<T> {
    Single(String),
    Other(T),
}

impl<'de, T: OtherShape> Deserialize<'de> for Shaped<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<T>(PhantomData<T>);

        impl<'de, T: OtherShape> Visitor<'de> for Any<T> {
            type Value = Shaped<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Shaped<T>, E> {
                Ok(Shaped::Single(text.into()))
            }
            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Shaped<T>, E> {
                Ok(Shaped::Single(truth.to_string()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Shaped<T>, E> {
                Ok(Shaped::Single(number.to_string()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Shaped<T>, E> {
                Ok(Shaped::Single(number.to_string()))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Shaped<T>, E> {
                Ok(Shaped::Single(number.to_string()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Shaped<T>, A::Error> {
                T::from_map(map).map(Shaped::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Shaped<T>, A::Error> {
                T::from_list(list).map(Shaped::Other)
            }
        }

        deserializer.deserialize_any(Any(PhantomData))
    }
}

impl<S: Written, T: JsonSchema> JsonSchema for Either<S, T> {
    fn schema_name() -> Cow<'static, str> {
        format!("ValueOr{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [S::schema(), generator.subschema_for::<T>()] })
    }
}
