//! Faults of the built-in provider as they are written: mappings, or lines that say the same.
//!
//! Values are kept as text: what they mean, and what of them goes together, is known where faults are data
//! (`floodline_core::faults`), whatever the form they are written in.

use floodline_core::faults::{Cut, Failure, Harm};
use floodline_core::time::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess};

use super::either::mapping;
use super::scalar::Choice;
use super::{At, Either, Given, OtherShape, Place, Ratio, Scalar, Share, Text, Written};

/// A line such as `status 529 rate 5%`, or a mapping.
pub(crate) type FaultForm = Either<Text, FaultFields>;

/// One fault: what goes wrong, and with which requests.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["kind"]))]
pub(crate) struct FaultFields {
    /// What goes wrong.
    pub(crate) kind: Given<Scalar<KindName>>,
    /// status: the status of the error, 400 to 599.
    pub(crate) status: Given<Scalar<u32>>,
    /// status: what it says, instead of the API's own words.
    pub(crate) message: Given<Scalar<Text>>,
    /// status: the wait that it states; none unless given.
    pub(crate) retry_after: Given<Scalar<Span>>,
    /// slow: by how much.
    pub(crate) delay: Given<Scalar<Span>>,
    /// slow: how many times as long the first token takes.
    pub(crate) factor: Given<Scalar<Ratio>>,
    /// error: which one.
    pub(crate) error: Given<Scalar<Failure>>,
    /// content_type: the media type of the page; text/html unless given.
    pub(crate) content_type: Given<Scalar<Text>>,
    /// Of what happens inside an answer: after how many tokens of it; 1 unless given.
    pub(crate) after_tokens: Given<Scalar<u32>>,
    /// disconnect: reset unless given.
    pub(crate) how: Given<Scalar<Cut>>,
    /// malformed: event unless given.
    pub(crate) what: Given<Scalar<Harm>>,
    /// How long it lasts: of a stall itself, and of all others the time within which they strike.
    #[serde(rename = "for")]
    pub(crate) lasting: Given<Scalar<Span>>,
    /// The share of the requests that it strikes, such as 5%; all unless given.
    pub(crate) rate: Given<Scalar<Share>>,
    /// Which of the requests that it is meant for, from 1: a list of numbers and ranges such as 10..20.
    pub(crate) nth: Given<Either<Text, Numbers>>,
    /// Every so many of them.
    pub(crate) every_nth: Given<Scalar<u64>>,
    /// For this model only; with a star at its end, for all whose names begin so.
    pub(crate) model: Given<Scalar<Text>>,
    /// With this key only, as a reference to the environment, ${env:NAME}, or by its hash.
    pub(crate) key: Given<Scalar<Text>>,
    /// From this moment on, the start of the provider being 0.
    pub(crate) from: Given<Scalar<Span>>,
    /// Up to this moment.
    pub(crate) until: Given<Scalar<Span>>,
    /// And so again and again, each time so long after the last time began.
    pub(crate) every: Given<Scalar<Span>>,
}

mapping!(
    FaultFields,
    "a mapping such as {kind: status, status: 529, rate: 5%}, or a line such as `status 529 rate 5%`"
);

impl FaultFields {
    /// Every field that is given: its name, its text and its place.
    pub(crate) fn given(&self) -> Vec<(&'static str, String, Place)> {
        fn one<T>(name: &'static str, given: &Given<Scalar<T>>) -> Option<(&'static str, String, Place)> {
            given.as_ref().map(|scalar| (name, scalar.text.clone(), scalar.place))
        }
        let nth = self.nth.as_ref().map(|nth| {
            let text = match nth {
                Either::Single(scalar) => scalar.text.clone(),
                Either::Other(At { value: Numbers(items), .. }) => {
                    items.iter().map(|item| item.text.as_str()).collect::<Vec<_>>().join(",")
                }
            };
            ("nth", text, nth.place())
        });
        let all = [
            one("kind", &self.kind),
            one("status", &self.status),
            one("message", &self.message),
            one("retry_after", &self.retry_after),
            one("delay", &self.delay),
            one("factor", &self.factor),
            one("error", &self.error),
            one("content_type", &self.content_type),
            one("after_tokens", &self.after_tokens),
            one("how", &self.how),
            one("what", &self.what),
            one("for", &self.lasting),
            one("rate", &self.rate),
            nth,
            one("every_nth", &self.every_nth),
            one("model", &self.model),
            one("key", &self.key),
            one("from", &self.from),
            one("until", &self.until),
            one("every", &self.every),
        ];
        all.into_iter().flatten().collect()
    }
}

/// Numbers and ranges.
#[derive(Clone, Debug)]
pub(crate) struct Numbers(pub(crate) Vec<Scalar<Text>>);

impl OtherShape for Numbers {
    const EXPECTED: &'static str = "a number, or a list such as [3, 7, 10..20]";

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Numbers, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Numbers(items))
    }
}

impl JsonSchema for Numbers {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Numbers".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "minItems": 1,
            "items": { "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": r"^[0-9]+\.\.[0-9]+$" }] }
        })
    }
}

/// A file of faults: a list, or the block that stands in a scenario's stub.
#[derive(Clone, Debug)]
pub(crate) struct FaultFile(pub(crate) Vec<FaultForm>);

impl OtherShape for FaultFile {
    const EXPECTED: &'static str = "a list of faults";

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<FaultFile, A::Error> {
        let mut forms = Vec::new();
        while let Some(form) = list.next_element()? {
            forms.push(form);
        }
        Ok(FaultFile(forms))
    }

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<FaultFile, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Block {
            faults: Vec<FaultForm>,
        }
        let block = Block::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        Ok(FaultFile(block.faults))
    }
}

/// The name of a kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KindName;

impl Written for KindName {
    fn read(_: &str) -> Result<KindName, super::Wrong> {
        Ok(KindName)
    }
    fn schema() -> Schema {
        json_schema!({ "enum": floodline_core::faults::Kind::NAMES })
    }
}

impl Choice for Failure {
    const WHAT: &'static str = "an error inside an answer";
    const NAMES: &'static [(&'static str, Failure)] = &[
        ("overloaded", Failure::Overloaded),
        ("rate_limited", Failure::RateLimited),
        ("server_error", Failure::ServerError),
    ];
}

impl Choice for Cut {
    const WHAT: &'static str = "an end of a connection";
    const NAMES: &'static [(&'static str, Cut)] = &[("reset", Cut::Reset), ("close", Cut::Close)];
}

impl Choice for Harm {
    const WHAT: &'static str = "a damage";
    const NAMES: &'static [(&'static str, Harm)] = &[("event", Harm::Event), ("framing", Harm::Framing)];
}
