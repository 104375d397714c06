//! Flows as they are written: steps, what they save and check, feeders and keys.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use floodline_core::time::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::either::mapping;
use super::users::TimeForm;
use super::{At, Either, Given, Headers, OneOrMany, OwnAnswer, Scalar, Text, Written, Wrong};

/// What a virtual user does.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Flow {
    /// Once for each user, before its first iteration: to log in, to open a session.
    pub(crate) setup: Given<OneOrMany<At<Step>>>,
    /// In each iteration.
    pub(crate) steps: Given<OneOrMany<At<Step>>>,
    /// Once for each user, after its last iteration.
    pub(crate) teardown: Given<OneOrMany<At<Step>>>,
}

impl Flow {
    /// Whether any step says something to the model, over the target's API.
    pub(crate) fn asks(&self) -> bool {
        [&self.setup, &self.steps, &self.teardown].into_iter().any(asks)
    }
}

fn asks(steps: &Given<OneOrMany<At<Step>>>) -> bool {
    steps.iter().flat_map(|steps| &steps.0).any(|At { value: step, .. }| {
        step.ask.is_some()
            || step.tool_result.is_some()
            || step.messages.is_some()
            || asks(&step.steps)
            || asks(&step.otherwise)
            || step.branch.iter().flat_map(|ways| &ways.0).any(|way| asks(&way.value.steps))
    })
}

/// One step: a request (ask, tool_result, messages, get, post, put, patch, delete), or steps that belong together (if,
/// repeat, branch, parallel), or only a pause (think).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "FlowStep")]
pub(crate) struct Step {
    /// Its name in figures and records.
    pub(crate) name: Given<Scalar<Text>>,
    /// Something said to the model, over the target's API: a template. The conversation grows with the real answers.
    pub(crate) ask: Given<Scalar<Text>>,
    /// The result of each tool that the answer before asks for, given back to the model: a template with `call` being
    /// the call.
    pub(crate) tool_result: Given<Scalar<Text>>,
    /// Messages in place of the whole conversation: a list whose strings are templates.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub(crate) messages: Given<At<serde_json::Value>>,
    /// What the model is told at the beginning of a conversation: a template.
    pub(crate) system: Given<Scalar<Text>>,
    /// The tools that the model is offered, in OpenAI's form.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub(crate) tools: Given<At<serde_json::Value>>,
    /// Further members of this step's request, such as temperature or tool_choice.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub(crate) with: Given<At<serde_json::Map<String, serde_json::Value>>>,
    /// The most tokens of the answer.
    pub(crate) max_tokens: Given<Scalar<u32>>,
    /// Which of several conversations it belongs to, by a name of your choice.
    pub(crate) conversation: Given<Scalar<Text>>,
    /// Whether the conversation begins anew with this step; each iteration begins anew anyway.
    pub(crate) new_conversation: Given<Scalar<bool>>,
    /// A GET request to this path behind the target's URL: a template.
    pub(crate) get: Given<Scalar<Text>>,
    /// A POST request to this path.
    pub(crate) post: Given<Scalar<Text>>,
    /// A PUT request to this path.
    pub(crate) put: Given<Scalar<Text>>,
    /// A PATCH request to this path.
    pub(crate) patch: Given<Scalar<Text>>,
    /// A DELETE request to this path.
    pub(crate) delete: Given<Scalar<Text>>,
    /// Header fields of this step's request; their values are templates.
    pub(crate) headers: Given<Headers>,
    /// Parameters behind the path; their values are templates.
    pub(crate) query: Given<Headers>,
    /// The body as JSON whose strings are templates; one that is exactly an expression keeps the type of its value.
    #[schemars(with = "serde_json::Value")]
    pub(crate) json: Given<At<serde_json::Value>>,
    /// The body as the fields of a form; their values are templates.
    pub(crate) form: Given<Headers>,
    /// The body as text: a template.
    pub(crate) body: Given<Scalar<Text>>,
    /// How the answer to a request of its own is read, where it is a model's: where the text stands, and so on.
    pub(crate) answer: Given<At<OwnAnswer>>,
    /// What of the answer is kept for later steps: names with expressions, or {json: $.path}, {header: name}, {regex: "a(.*)b"}.
    pub(crate) save: Given<Saves>,
    /// What the answer must satisfy: expressions, or {json_schema: {...}}, {tool: name, arguments: {...}}. An answer that
    /// does not is check_failed.
    pub(crate) check: Given<Checks>,
    /// How long the user thinks after the answer.
    pub(crate) think: Given<TimeForm>,
    /// Users who leave in the middle of the answer.
    pub(crate) abandon: Given<At<Leaves>>,
    /// Whether the journey goes on when the request does not end well; false unless given.
    pub(crate) may_fail: Given<Scalar<bool>>,
    /// Only where this expression holds: `steps`, else `else`.
    #[serde(rename = "if")]
    pub(crate) condition: Given<Scalar<Text>>,
    /// The steps that belong to if, repeat or parallel.
    pub(crate) steps: Given<OneOrMany<At<Step>>>,
    /// The steps where the condition of if does not hold.
    #[serde(rename = "else")]
    pub(crate) otherwise: Given<OneOrMany<At<Step>>>,
    /// How often `steps` are done: a number, or {until: EXPRESSION, every: 2s, at_most: 30}. Of parallel, how many lanes
    /// there are.
    pub(crate) repeat: Given<RepeatForm>,
    /// One of several ways, drawn by weight.
    pub(crate) branch: Given<OneOrMany<At<Way>>>,
    /// Lanes side by side: each of `steps` is one, or, with `repeat`, all of them together are.
    pub(crate) parallel: Given<At<Lanes>>,
}

/// One way of a branch.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Way {
    /// Its share, against the other weights; 1 unless given.
    pub(crate) weight: Given<Scalar<u32>>,
    /// What is done on it.
    pub(crate) steps: Given<OneOrMany<At<Step>>>,
}

/// Lanes side by side.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Lanes {
    /// At most this many at work at once; all of them unless given.
    pub(crate) limit: Given<Scalar<u32>>,
}

/// A number of times, or until something holds.
pub(crate) type RepeatForm = Either<u32, Until>;

/// Again and again until something holds.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Until {
    /// The expression that ends it.
    pub(crate) until: Given<Scalar<Text>>,
    /// From the start of one time to the start of the next; at once unless given.
    pub(crate) every: Given<Scalar<Span>>,
    /// After so many times the journey has failed; 100 unless given.
    pub(crate) at_most: Given<Scalar<u32>>,
}

mapping!(Until, "a number of times such as 3, or {until: EXPRESSION, every: 2s, at_most: 30}");

/// Users who leave in the middle of an answer.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Leaves {
    /// When: so long after the sending.
    pub(crate) after: Given<Scalar<Span>>,
    /// When: after so many token-bearing events.
    pub(crate) after_tokens: Given<Scalar<u32>>,
    /// How many of them do, such as 5%; all unless given.
    pub(crate) share: Given<Scalar<Percent>>,
}

/// A share such as 5% or 0.05, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Percent(pub(crate) u32);

impl Written for Percent {
    fn read(text: &str) -> Result<Percent, Wrong> {
        let text = text.trim();
        let (number, scale) = match text.strip_suffix('%') {
            Some(number) => (number.trim(), 10_000.0),
            None => (text, 1_000_000.0),
        };
        let value: Option<f64> = number.parse().ok();
        match value.map(|value| value * scale).filter(|millionths| (0.0..=1_000_000.0).contains(millionths)) {
            Some(millionths) => Ok(Percent(millionths.round() as u32)),
            None => Err(Wrong {
                message: format!("`{text}` is no share"),
                help: Some("write it as 5% or 0.05, at most 100%".into()),
            }),
        }
    }
    fn schema() -> Schema {
        json_schema!({ "type": ["string", "number"], "pattern": r"^[0-9]*\.?[0-9]+ *%?$" })
    }
}

/// Names, each with something behind it.
#[derive(Clone, Debug)]
pub(crate) struct Named<T>(pub(crate) Vec<(At<String>, T)>);

impl<T> Default for Named<T> {
    fn default() -> Named<T> {
        Named(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Named(pairs))
            }
        }

        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<T>() })
    }
}

/// What is saved, by name.
pub(crate) type Saves = Named<SaveForm>;

/// An expression, or where a value is found.
pub(crate) type SaveForm = Either<Text, SaveFrom>;

/// Where a value is found: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SaveFrom {
    /// A JSON path (RFC 9535) into the body, or into what the model said.
    pub(crate) json: Given<Scalar<Text>>,
    /// The name of a header field of the answer.
    pub(crate) header: Given<Scalar<Text>>,
    /// A regular expression; its first group is kept, or all that it matches.
    pub(crate) regex: Given<Scalar<Text>>,
}

mapping!(
    SaveFrom,
    "an expression such as json.token, or {json: $.token}, {header: x-id} or {regex: \"id=(.*)\"}"
);

/// What an answer must satisfy: one thing or a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks(pub(crate) Vec<CheckForm>);

/// An expression, or something that takes more than one to say.
pub(crate) type CheckForm = Either<Text, CheckThat>;

/// Something that an answer must satisfy: exactly one of expr, json_schema and tool.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CheckThat {
    /// An expression that must hold.
    pub(crate) expr: Given<Scalar<Text>>,
    /// The schema that the JSON of the answer, or in what the model said, must satisfy.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub(crate) json_schema: Given<At<serde_json::Value>>,
    /// A tool that must be called.
    pub(crate) tool: Given<Scalar<Text>>,
    /// The schema that the tool's arguments must satisfy; that of the tool as it was offered unless given.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub(crate) arguments: Given<At<serde_json::Value>>,
    /// What is said where it is not satisfied.
    pub(crate) message: Given<Scalar<Text>>,
}

mapping!(CheckThat, "an expression such as text | length > 20, or {json_schema: {...}} or {tool: NAME}");

impl<'de> Deserialize<'de> for Checks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Checks, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Checks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an expression such as text | length > 20, or a list of them")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Checks, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Checks(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Checks, A::Error> {
                let value = CheckThat::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Checks(vec![Either::Other(At { value, ..At::default() })]))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Checks, E> {
                Ok(Checks(vec![Either::Single(Scalar::new(text, super::Place::Nowhere))]))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for Checks {
    fn schema_name() -> Cow<'static, str> {
        "Checks".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<CheckForm>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// Rows of data for users.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Data {
    /// A CSV file with a head line, or a JSONL file with an object on each line.
    pub(crate) file: Given<Scalar<Text>>,
    /// The order in which rows are drawn: random (any row for each iteration), circular (one after the other and again
    /// from the start), queue (each row once, then no journey begins any more), unique (each user has a row of its own);
    /// random unless given.
    pub(crate) order: Given<Scalar<crate::journey::Order>>,
}

mapping!(Data, "a file such as people.csv, or {file: people.csv, order: unique}");

/// A file, or rows with more said about them.
pub(crate) type DataForm = Either<Text, Data>;
