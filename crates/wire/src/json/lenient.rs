//! JSON read in one pass without insisting on types: what is not as expected counts as absent, and of
//! a repeated member the last counts, as it does for most readers of JSON.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What can be read from a JSON object, member by member.
pub(crate) trait Members<'de>: Default {
    /// Takes the value of the member called `name` out of `map`, or [skips](skip) it.
    fn member<A: MapAccess<'de>>(&mut self, name: &[u8], map: &mut A) -> Result<(), A::Error>;
}

/// Passes over a value, whatever it is.
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// Names the members of an object that are kept: each goes to the field behind its name.
macro_rules! members {
    ($($object:ident { $($name:literal => $field:ident),* $(,)? })*) => {$(
        impl<'a> $crate::json::lenient::Members<'a> for $object<'a> {
            fn member<A: serde::de::MapAccess<'a>>(
                &mut self,
                name: &[u8],
                map: &mut A,
            ) -> Result<(), A::Error> {
                match name {
                    $($name => self.$field = map.next_value()?,)*
                    _ => $crate::json::lenient::skip(map)?,
                }
                Ok(())
            }
        }
    )*};
}

pub(crate) use members;

/// Reads a text that is one JSON object; `None` if it is anything else.
pub(crate) fn object<'a, T: Members<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str::<Object<T>>(text).ok()?.0
}

/// Reads a value that is seldom there, and so is not read together with what it stands in.
pub(crate) fn inner<'a, T: Deserialize<'a> + Default>(raw: &'a RawValue) -> T {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// Whether `data` is a whole JSON object and nothing else.
pub(crate) fn is_object(data: &[u8]) -> bool {
    /// An object of which nothing is kept.
    #[derive(Default)]
    struct Any;
    impl<'de> Members<'de> for Any {
        fn member<A: MapAccess<'de>>(&mut self, _: &[u8], map: &mut A) -> Result<(), A::Error> {
            skip(map)
        }
    }
    let text = String::from_utf8_lossy(data);
    serde_json::from_str::<Object<Any>>(&text).is_ok_and(|object| object.0.is_some())
}

/// A JSON object read as `T`; `None` if it was any other value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<T>(pub(crate) Option<T>);

/// The items of a JSON array; empty if it was any other value.
#[derive(Clone, Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for Object<T> {
    fn default() -> Object<T> {
        Object(None)
    }
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List(Vec::new())
    }
}

impl<T> List<Object<T>> {
    /// Those items that are objects.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|item| item.0.as_ref())
    }
}

impl<'de, T: Members<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<List<T>, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

struct ListVisitor<T>(PhantomData<T>);

/// The name of a member, as bytes: those of a string may hold half of a surrogate pair.
pub(crate) struct Name<'de>(pub(crate) Cow<'de, [u8]>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name<'de>, D::Error> {
        deserializer.deserialize_bytes(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_bytes<E>(self, name: &'de [u8]) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_vec())))
    }
}

/// Accepts every scalar and makes nothing of it.
macro_rules! ignore_scalars {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON value")
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

impl<'de, T: Members<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    ignore_scalars!();

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<T>, A::Error> {
        let mut object = T::default();
        while let Some(Name(name)) = map.next_key()? {
            object.member(&name, &mut map)?;
        }
        Ok(Object(Some(object)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Object<T>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Object(None))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    ignore_scalars!();

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<List<T>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(List(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(List(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Outer {
        list: List<Object<Inner>>,
    }

    #[derive(Default)]
    struct Inner {
        a: u8,
    }

    impl<'de> Members<'de> for Outer {
        fn member<A: MapAccess<'de>>(&mut self, name: &[u8], map: &mut A) -> Result<(), A::Error> {
            match name {
                b"list" => self.list = map.next_value()?,
                _ => skip(map)?,
            }
            Ok(())
        }
    }

    impl<'de> Members<'de> for Inner {
        fn member<A: MapAccess<'de>>(&mut self, name: &[u8], map: &mut A) -> Result<(), A::Error> {
            match name {
                b"a" => self.a = map.next_value()?,
                _ => skip(map)?,
            }
            Ok(())
        }
    }

    #[test]
    fn the_last_of_repeated_members_counts_and_names_may_be_escaped() {
        let read = |text: &str| serde_json::from_str::<Object<Inner>>(text).unwrap().0.unwrap().a;
        assert_eq!(read(r#"{"a":1,"a":2}"#), 2);
        assert_eq!(read(r#"{"\u0061":3,"\ud83d":{},"b":0}"#), 3);
    }

    #[test]
    fn other_types_count_as_absent() {
        let read = |text: &str| -> Option<Vec<Option<u8>>> {
            let outer: Object<Outer> = serde_json::from_str(text).ok()?;
            Some(outer.0?.list.0.into_iter().map(|item| item.0.map(|inner| inner.a)).collect())
        };
        let text = r#"{"list":[{"a":1},null,true,-1,1.5,1e400,"x\n",["y",{}],{"a":2,"b":{}}],"other":[]}"#;
        assert_eq!(
            read(&text.replace("1e400", "12345678901234567890123")),
            Some(vec![Some(1), None, None, None, None, None, None, None, Some(2)])
        );
        for odd in ["{}", r#"{"list":null}"#, r#"{"list":{"a":[1]}}"#, r#"{"list":"x"}"#, r#"{"list":7}"#] {
            assert_eq!(read(odd), Some(vec![]), "{odd}");
        }
        for other in ["[]", "null", "7", r#""x""#, "{", r#"{"list":[}"#] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
