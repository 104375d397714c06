//! Reading the JSON of requests member by member, without a tree of what nobody asks for.
//!
//! Here is what all APIs read alike; what they say of a member that is not as it should be is their own.

use std::borrow::Cow;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// The members of a JSON object in their order. Of two with one name the later counts; null is as good as none.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// Why a text is no JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoObject {
    /// It is no JSON at all.
    NoJson,
    /// It is JSON of another kind.
    Other(Kind),
}

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Boolean,
    Null,
    Integer,
    Decimal,
}

impl<'a> Members<'a> {
    /// Reads a body.
    pub(crate) fn of_body(body: &'a [u8]) -> Result<Members<'a>, NoObject> {
        let text = std::str::from_utf8(body).map_err(|_| NoObject::NoJson)?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| NoObject::NoJson)?;
        Members::of(raw).ok_or(NoObject::Other(Kind::of(raw)))
    }

    /// The members of `raw`, if it is an object.
    pub(crate) fn of(raw: &'a RawValue) -> Option<Members<'a>> {
        raw.get().starts_with('{').then(|| serde_json::from_str(raw.get()).ok())?
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(member, _)| member == name);
        found.map(|(_, raw)| *raw).filter(|raw| raw.get() != "null")
    }

    /// The first of `names` that is there.
    pub(crate) fn first_of(&self, names: &[&str]) -> Option<&'a RawValue> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The text of `name`; none if there is no such member or if it is no string.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        text(self.get(name)?)
    }

    /// The members of the object `name`; none if there is no such member or if it is no object.
    pub(crate) fn object(&self, name: &str) -> Option<Members<'a>> {
        Members::of(self.get(name)?)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), raw)) = map.next_entry()? {
                    members.push((name, raw));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// A string that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Kind {
    pub(crate) fn of(raw: &RawValue) -> Kind {
        match raw.get().as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ if raw.get().contains(['.', 'e', 'E']) => Kind::Decimal,
            _ => Kind::Integer,
        }
    }
}

/// The text, if it is a string.
pub(crate) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let Name(text) = serde_json::from_str(raw.get()).ok()?;
    Some(text)
}

/// The truth value, if it is one.
pub(crate) fn boolean(raw: &RawValue) -> Option<bool> {
    serde_json::from_str(raw.get()).ok()
}

/// The items, if it is an array.
pub(crate) fn items(raw: &RawValue) -> Option<Vec<&RawValue>> {
    raw.get().starts_with('[').then(|| serde_json::from_str(raw.get()).ok())?
}

/// The whole value.
pub(crate) fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// A whole number, however large or small; none for decimals and what is no number.
pub(crate) fn integer(raw: &RawValue) -> Option<i128> {
    match serde_json::from_str::<Value>(raw.get()) {
        Ok(Value::Number(number)) if !number.is_f64() => number.as_i128(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_name_and_null_is_none() {
        let members = Members::of_body(br#" {"a":1,"b":null,"\u0063":"x\n","a":[2]} "#).unwrap();
        assert_eq!(members.get("a").unwrap().get(), "[2]");
        assert!(members.get("b").is_none());
        assert_eq!(members.text("c").as_deref(), Some("x\n"));
        assert_eq!(members.first_of(&["z", "c"]).map(Kind::of), Some(Kind::String));
        assert!(members.object("c").is_none());
    }

    #[test]
    fn what_is_no_object_is_told_apart() {
        let why = |body: &[u8]| Members::of_body(body).unwrap_err();
        assert_eq!(why(b"{"), NoObject::NoJson);
        assert_eq!(why(b"\xff"), NoObject::NoJson);
        assert_eq!(why(b"[]"), NoObject::Other(Kind::Array));
        assert_eq!(why(b"1.5"), NoObject::Other(Kind::Decimal));
    }
}
