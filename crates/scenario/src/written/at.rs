//! Values with their positions, and the two shapes that a key can take.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Where a value was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: it is a default.
    #[default]
    Nowhere,
    /// In the scenario's file; line and column from 1, in characters.
    Text { line: usize, column: usize, chars: usize },
    /// As an argument of the command, such as `--rate`.
    Argument(&'static str),
}

impl Place {
    pub(crate) fn of(location: serde_saphyr::Location) -> Place {
        let whole = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        match location.line() {
            0 => Place::Nowhere,
            line => Place::Text {
                line: whole(line),
                column: whole(location.column()),
                chars: whole(location.span().len()),
            },
        }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(At { value: spanned.value, place: Place::of(spanned.referenced) })
    }
}

/// The value of a key that may be left out. Unlike an `Option`, a key without a value is an error.
#[derive(Clone, Debug)]
pub(crate) struct Given<T>(pub(crate) Option<T>);

impl<T> Default for Given<T> {
    fn default() -> Given<T> {
        Given(None)
    }
}

impl<T> From<T> for Given<T> {
    fn from(value: T) -> Given<T> {
        Given(Some(value))
    }
}

impl<T> Deref for Given<T> {
    type Target = Option<T>;
    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|value| Given(Some(value)))
    }
}

/// A list, or one item that stands for a list of one; never an empty list.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<At<T>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const ONE_AT_LEAST: &str = "a list of at least one mapping, or one mapping";
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Vec<At<T>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of mappings, or one mapping")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                match list.is_empty() {
                    true => Err(de::Error::invalid_value(de::Unexpected::Seq, &ONE_AT_LEAST)),
                    false => Ok(list),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let value = T::deserialize(MapAccessDeserializer::new(map))?;
                Ok(vec![At { value, place: Place::Nowhere }])
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Err(E::invalid_type(de::Unexpected::Str(text), &self))
            }
        }

        let list = Spanned::<Wrapped<T>>::deserialize(deserializer)?;
        let place = Place::of(list.referenced);
        return Ok(OneOrMany(
            list.value
                .0
                .into_iter()
                .map(|item| if item.place == Place::Nowhere { At { place, ..item } } else { item })
                .collect(),
        ));

        struct Wrapped<T>(Vec<At<T>>);

        impl<'de, T: Deserialize<'de>> Deserialize<'de> for Wrapped<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Either(PhantomData)).map(Wrapped)
            }
        }
    }
}

/// Schemas are those of the values.
macro_rules! schema_of_inner {
    ($wrapper:ident) => {
        impl<T: JsonSchema> JsonSchema for $wrapper<T> {
            fn schema_name() -> Cow<'static, str> {
                T::schema_name()
            }
            fn schema_id() -> Cow<'static, str> {
                T::schema_id()
            }
            fn inline_schema() -> bool {
                T::inline_schema()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                T::json_schema(generator)
            }
        }
    };
}

schema_of_inner!(At);
schema_of_inner!(Given);

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}
