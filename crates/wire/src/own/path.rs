//! Paths into JSON, such as `$.choices[0].delta['text']`, followed in one pass and without a tree.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::lenient::Name;

/// A path into JSON. It may lead to several places, by `[*]`, or to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: Box<str>,
    steps: Box<[Step]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(Box<str>),
    Index(usize),
    /// Every item of a list, or every member of an object.
    All,
}

/// What is no path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// Characters before the fault.
    pub at: usize,
    /// What is wrong there, and what may stand there instead.
    pub message: &'static str,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {})", self.message, self.at + 1)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Path {
    /// Reads a path: members by `.name` or `['name']`, items by `[0]`, all of them by `[*]`; `$` at its start is
    /// optional.
    ///
    /// # Errors
    /// Where it is none, and why.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        let mut reader = Reader { chars: text.trim().chars().collect(), at: 0 };
        let steps = reader.path()?;
        Ok(Path { text: text.trim().into(), steps: steps.into() })
    }

    /// Hands every value that the path leads to in `json` to `found`, in order. False if `json` is no JSON.
    pub(crate) fn find<'a>(&self, json: &'a str, found: &mut impl FnMut(&'a RawValue)) -> bool {
        let mut reader = serde_json::Deserializer::from_str(json);
        Walk { steps: &self.steps, found }.deserialize(&mut reader).is_ok() && reader.end().is_ok()
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn path(&mut self) -> Result<Vec<Step>, PathError> {
        let mut steps = Vec::new();
        match self.peek() {
            None => return Err(self.fault("the path is empty: write one such as $.delta.text")),
            Some('$') => self.at += 1,
            Some('.' | '[') => {}
            Some(_) => steps.push(self.name()?),
        }
        while let Some(c) = self.peek() {
            match c {
                '.' => {
                    self.at += 1;
                    match self.peek() {
                        Some('.') => {
                            return Err(self.fault("`..` is not understood: name every member on the way"));
                        }
                        Some('*') => {
                            self.at += 1;
                            steps.push(Step::All);
                        }
                        _ => steps.push(self.name()?),
                    }
                }
                '[' => {
                    self.at += 1;
                    steps.push(self.bracket()?);
                }
                _ => return Err(self.fault("expected `.name` or `[...]`")),
            }
        }
        Ok(steps)
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn fault(&self, message: &'static str) -> PathError {
        PathError { at: self.at, message }
    }

    fn name(&mut self) -> Result<Step, PathError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | '$')) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.fault("expected the name of a member; others than words are quoted: ['a name']"));
        }
        Ok(Step::Member(self.chars[start..self.at].iter().collect::<String>().into()))
    }

    /// What stands between brackets, of which the first has been read.
    fn bracket(&mut self) -> Result<Step, PathError> {
        let step = match self.peek() {
            Some('*') => {
                self.at += 1;
                Step::All
            }
            Some(quote @ ('\'' | '"')) => self.quoted(quote)?,
            Some(c) if c.is_ascii_digit() => {
                let start = self.at;
                while self.peek().is_some_and(|c| c.is_ascii_digit()) {
                    self.at += 1;
                }
                let digits: String = self.chars[start..self.at].iter().collect();
                let index =
                    digits.parse().map_err(|_| PathError { at: start, message: "this index is too large" });
                Step::Index(index?)
            }
            Some('?' | '(' | '-') => {
                return Err(self.fault("filters, scripts and negative indexes are not understood"));
            }
            _ => return Err(self.fault("expected an index, a quoted name or `*`")),
        };
        match self.peek() {
            Some(']') => self.at += 1,
            Some(':' | ',') => {
                return Err(self.fault("slices and lists are not understood: one index, or `*`"));
            }
            _ => return Err(self.fault("expected `]`")),
        }
        Ok(step)
    }

    fn quoted(&mut self, quote: char) -> Result<Step, PathError> {
        let start = self.at;
        self.at += 1;
        let mut name = String::new();
        loop {
            match self.peek() {
                None => return Err(PathError { at: start, message: "this quote is not closed" }),
                Some('\\') => {
                    self.at += 1;
                    name.extend(self.peek());
                }
                Some(c) if c == quote => break,
                Some(c) => name.push(c),
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(Step::Member(name.into()))
    }
}

/// Follows the rest of a path from the value that is read.
struct Walk<'p, F> {
    steps: &'p [Step],
    found: &'p mut F,
}

impl<'de, F: FnMut(&'de RawValue)> DeserializeSeed<'de> for Walk<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.steps.is_empty() {
            let value = <&RawValue as serde::Deserialize>::deserialize(deserializer)?;
            (self.found)(value);
            return Ok(());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Walk<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Walk { steps, found } = self;
        while let Some(Name(name)) = map.next_key()? {
            let leads = match &steps[0] {
                Step::Member(member) => member.as_bytes() == &*name,
                Step::All => true,
                Step::Index(_) => false,
            };
            match leads {
                true => map.next_value_seed(Walk { steps: &steps[1..], found: &mut *found })?,
                false => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Walk { steps, found } = self;
        for at in 0.. {
            let leads = match &steps[0] {
                Step::Index(index) => *index == at,
                Step::All => true,
                Step::Member(_) => false,
            };
            let more = match leads {
                true => items.next_element_seed(Walk { steps: &steps[1..], found: &mut *found })?.is_some(),
                false => items.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_bytes<E>(self, _: &[u8]) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, json: &str) -> Vec<String> {
        let mut found = Vec::new();
        assert!(Path::parse(path).unwrap().find(json, &mut |raw| found.push(raw.get().to_owned())), "{json}");
        found
    }

    #[test]
    fn paths_lead_to_values() {
        let json = r#"{"a":{"b c":[1,{"d":"x"},null]},"e":[{"t":"p"},{"u":0},{"t":"q"}],"n":-1.5}"#;
        for (path, expected) in [
            ("$.a['b c'][1].d", vec![r#""x""#]),
            ("a[\"b c\"][0]", vec!["1"]),
            ("$.e[*].t", vec![r#""p""#, r#""q""#]),
            ("e.*.t", vec![r#""p""#, r#""q""#]),
            ("$['n']", vec!["-1.5"]),
            ("$.a.nothing", vec![]),
            ("$.n.deeper", vec![]),
            ("$.e[9]", vec![]),
            ("$", vec![json]),
        ] {
            assert_eq!(found(path, json), expected, "{path}");
        }
        assert_eq!(found("[1]", "[1,2,3]"), ["2"]);
        assert_eq!(found(r"$['it\'s']", r#"{"it's":1}"#), ["1"]);
    }

    #[test]
    fn what_is_no_path_is_refused_where_it_stops_being_one() {
        for (wrong, at) in [
            ("", 0),
            ("$..x", 2),
            ("$.", 2),
            ("$.a b", 3),
            ("a[", 2),
            ("a[1", 3),
            ("a[1:2]", 3),
            ("a[-1]", 2),
            ("a['x]", 2),
            ("a[99999999999999999999999]", 2),
        ] {
            assert_eq!(Path::parse(wrong).unwrap_err().at, at, "{wrong}");
        }
        assert_eq!(
            Path::parse("$..x").unwrap_err().to_string(),
            "`..` is not understood: name every member on the way (at character 3)"
        );
    }

    #[test]
    fn what_is_no_json_is_said_to_be_none() {
        for wrong in ["", "{", "[DONE]", "{} x", "text"] {
            assert!(!Path::parse("$.a").unwrap().find(wrong, &mut |_| {}), "{wrong}");
        }
    }
}
