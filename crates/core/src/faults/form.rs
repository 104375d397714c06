//! A fault as a mapping: written in full, and read from a mapping or a line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Fault;
use super::fields::{Fields, NAMES};
use super::kind::{Cut, Harm, Kind, Named, Slow};
use super::value::{listed_text, thousandths_text};
use super::when::{Key, Nth, Rate, Times, When};
use crate::limits::span_text;
use crate::time::Span;

impl Fault {
    /// Its fields in their order, with what is usual left out.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut given = vec![("kind", self.kind.name().to_owned())];
        let after = |tokens: u32| (tokens != 1).then(|| tokens.to_string());
        let mut add = |name, value: Option<String>| given.extend(value.map(|value| (name, value)));
        match &self.kind {
            Kind::Status { status, message, retry_after } => {
                add("status", Some(status.to_string()));
                add("retry_after", retry_after.map(span_text::text));
                add("message", message.as_deref().map(str::to_owned));
            }
            Kind::Slow(Slow::By(delay)) => add("delay", Some(span_text::text(*delay))),
            Kind::Slow(Slow::Thousandths(thousandths)) => add("factor", Some(thousandths_text(*thousandths))),
            Kind::Stall { after_tokens, lasting } => {
                add("after_tokens", after(*after_tokens));
                add("for", lasting.map(span_text::text));
            }
            Kind::Disconnect { after_tokens, how } => {
                add("after_tokens", after(*after_tokens));
                add("how", (*how != Cut::default()).then(|| how.name().into()));
            }
            Kind::EndEarly { after_tokens } | Kind::Length { after_tokens } => {
                add("after_tokens", after(*after_tokens));
            }
            Kind::Malformed { after_tokens, what } => {
                add("after_tokens", after(*after_tokens));
                add("what", (*what != Harm::default()).then(|| what.name().into()));
            }
            Kind::Error { after_tokens, error } => {
                add("error", Some(Some(*error).name().into()));
                add("after_tokens", after(*after_tokens));
            }
            Kind::ContentType { content_type } => add("content_type", Some(content_type.to_string())),
            Kind::Timeout | Kind::Refuse | Kind::Outage => {}
        }
        let When { times: Times { from, lasting, every }, nth, rate, model, key } = &self.when;
        add("rate", (*rate != Rate::ALL).then(|| rate.to_string()));
        match nth {
            Some(Nth::Listed(ranges)) => add("nth", Some(listed_text(ranges))),
            Some(Nth::Every(every)) => add("every_nth", Some(every.to_string())),
            None => {}
        }
        add("model", model.as_deref().map(str::to_owned));
        add("key", key.as_ref().map(Key::to_string));
        add("from", (*from != Span::ZERO).then(|| span_text::text(*from)));
        add("until", lasting.map(|lasting| span_text::text(*from + lasting)));
        add("every", every.map(span_text::text));
        given.sort_by_key(|(name, _)| NAMES.iter().position(|known| known == name));
        given
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let pairs = self.pairs();
        let mut map = to.serialize_map(Some(pairs.len()))?;
        for (name, value) in &pairs {
            match *name {
                "status" | "after_tokens" | "every_nth" | "factor" => {
                    map.serialize_entry(name, &number(value))?;
                }
                "nth" => map.serialize_entry(name, &nth_items(value))?,
                _ => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

/// A mapping of fields, or a line.
impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Fault, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Fault;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a fault, such as {kind: status, status: 529, rate: 5%} or `status 529 rate 5%`")
            }

            fn visit_str<E: serde::de::Error>(self, line: &str) -> Result<Fault, E> {
                line.parse().map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fault, A::Error> {
                let mut fields = Fields::default();
                while let Some((name, Value(value))) = map.next_entry::<String, Value>()? {
                    fields.push(&name, &value);
                }
                fields.read().map_err(serde::de::Error::custom)
            }
        }

        from.deserialize_any(Read)
    }
}

/// A single value or a list of them, as text.
struct Value(String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a single value, or a list of them")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value(text.into()))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value(number.to_string()))
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value(number.to_string()))
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
                Ok(Value(number.to_string()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut texts = Vec::new();
                while let Some(Value(text)) = items.next_element()? {
                    texts.push(text);
                }
                Ok(Value(texts.join(",")))
            }
        }

        from.deserialize_any(Read)
    }
}

/// A number as one, whole if it is.
fn number(text: &str) -> serde_json::Value {
    let whole = text.parse::<u64>().ok().map(serde_json::Value::from);
    whole.or_else(|| text.parse::<f64>().ok().map(Into::into)).unwrap_or_else(|| text.into())
}

/// The items of a list of requests, numbers as numbers.
fn nth_items(text: &str) -> Vec<serde_json::Value> {
    text.split(',').map(|item| if item.contains('.') { item.into() } else { number(item) }).collect()
}
