//! An application's own API as it is written: what is sent, and where its answers say what.

use floodline_wire::own::{Kind, Path};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

use super::{Given, Headers, Place, Scalar, Text};

/// What is sent to an application. All texts are templates: {{ prompt }}, {{ messages }}, {{ model }},
/// {{ max_tokens }}, {{ i }} (the number of the request) and {{ seed }}.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OwnRequest {
    /// The method; POST where there is a body, else GET, unless given.
    pub(crate) method: Given<Scalar<Text>>,
    /// Path and query behind the target's URL, such as /chat.
    pub(crate) path: Given<Scalar<Text>>,
    /// Headers of the request. Their values are templates or hold ${env:NAME}, not both.
    pub(crate) headers: Given<Headers>,
    /// The body as JSON, whose texts are templates; a text that is exactly one {{ expression }} keeps its type.
    #[schemars(with = "serde_json::Value")]
    pub(crate) json: Given<Tree>,
    /// The body as it is.
    pub(crate) body: Given<Scalar<Text>>,
    /// The body as the fields of a form.
    pub(crate) form: Given<Headers>,
}

/// Where the answers of an application say what.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OwnAnswer {
    /// How its events are told apart: sse, ndjson, text (as it comes) or json (one answer, no stream); by the content
    /// type of the answer unless given.
    pub(crate) format: Given<Scalar<Kind>>,
    /// Where the text stands in the JSON of an event, such as $.delta.text; the event itself is the text unless given.
    pub(crate) text: Given<Scalar<Path>>,
    /// Where reasoning stands.
    pub(crate) reasoning: Given<Scalar<Path>>,
    /// The event that ends the stream, such as [DONE].
    pub(crate) done: Given<Scalar<Text>>,
    /// Where it is said why the answer ended (stop, length and the like), or that it did (true).
    pub(crate) finish: Given<Scalar<Path>>,
    /// Where an error is reported.
    pub(crate) error: Given<Scalar<Path>>,
    /// Where the tokens of the prompt are counted.
    pub(crate) input_tokens: Given<Scalar<Path>>,
    /// Where the tokens of the answer are counted.
    pub(crate) output_tokens: Given<Scalar<Path>>,
}

/// JSON as it is written, with the places of its texts.
#[derive(Debug)]
pub(crate) enum Tree {
    /// What is no text and has none in it.
    Constant(Value),
    Text(Scalar<Text>),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// The JSON.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Tree::Constant(value) => value.clone(),
            Tree::Text(text) => Value::from(text.text.as_str()),
            Tree::List(items) => items.iter().map(Tree::to_json).collect(),
            Tree::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), value.to_json()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// Hands out its texts, in order.
    pub(crate) fn texts<'a>(&'a self, each: &mut dyn FnMut(&'a Scalar<Text>)) {
        match self {
            Tree::Constant(_) => {}
            Tree::Text(text) => each(text),
            Tree::List(items) => items.iter().for_each(|item| item.texts(each)),
            Tree::Object(members) => members.iter().for_each(|(_, value)| value.texts(each)),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Shaped>::deserialize(deserializer)?;
        Ok(match value {
            Shaped::Constant(value) => Tree::Constant(value),
            Shaped::Text(text) => Tree::Text(Scalar::new(text, Place::of(referenced))),
            Shaped::List(items) => Tree::List(items),
            Shaped::Object(members) => Tree::Object(members),
        })
    }
}

/// The same without a position.
enum Shaped {
    Constant(Value),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Shaped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shaped, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Shaped;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("any JSON value")
            }
            fn visit_unit<E>(self) -> Result<Shaped, E> {
                Ok(Shaped::Constant(Value::Null))
            }
            fn visit_none<E>(self) -> Result<Shaped, E> {
                Ok(Shaped::Constant(Value::Null))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Shaped, E> {
                Ok(Shaped::Constant(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Shaped, E> {
                Ok(Shaped::Constant(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Shaped, E> {
                Ok(Shaped::Constant(value.into()))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Shaped, E> {
                let number = Number::from_f64(value).ok_or_else(|| E::custom("JSON has no such number"))?;
                Ok(Shaped::Constant(number.into()))
            }
            fn visit_str<E>(self, text: &str) -> Result<Shaped, E> {
                Ok(Shaped::Text(text.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shaped, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Shaped::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shaped, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Shaped::Object(members))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
