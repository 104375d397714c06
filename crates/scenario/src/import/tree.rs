//! Values as JSON and YAML have them, with the members of mappings in the order in which they were written.
//!
//! What was recorded is written again in its own order, so that people recognise it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Deeper documents are refused: nobody wrote them, and everything that walks them would need as much stack.
const DEEPEST: usize = 96;

/// Deeper values are not written: the reader of scenarios stops at 64 levels, of which the scenario takes its own.
pub(super) const DEEPEST_WRITTEN: usize = 48;

/// Where browsers note who asked for what, call within call. It is long, deep, and nothing of it is needed.
const CALL_STACK: &str = "_initiator";

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    /// Nothing.
    Null,
    /// A truth.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// Several values.
    List(Vec<Tree>),
    /// Values by name, each name once.
    Map(Vec<(String, Tree)>),
    /// Written as it is, such as `20/s`. It is never read, only made here.
    Plain(String),
    /// A value and what is said of it behind its first line.
    Noted(Box<Tree>, String),
}

impl Tree {
    /// Reads JSON.
    ///
    /// # Errors
    /// Those of the library.
    pub(super) fn of_json(text: &str) -> Result<Tree, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let tree = Level(0).deserialize(&mut reader)?;
        reader.end()?;
        Ok(tree)
    }

    /// Reads YAML.
    ///
    /// # Errors
    /// Those of the library.
    pub(super) fn of_yaml(text: &str) -> Result<Tree, serde_saphyr::Error> {
        let mut options = serde_saphyr::Options::default();
        options.with_snippet = false;
        options.strict_booleans = true;
        serde_saphyr::from_str_with_options::<Whole>(text, options).map(|whole| whole.0)
    }

    pub(super) fn text(text: impl Into<String>) -> Tree {
        Tree::Text(text.into())
    }

    /// How many values are one within the other.
    pub(super) fn depth(&self) -> usize {
        match self {
            Tree::List(items) => 1 + items.iter().map(Tree::depth).max().unwrap_or(0),
            Tree::Map(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            Tree::Noted(inner, _) => inner.depth(),
            Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Text(_) | Tree::Plain(_) => 0,
        }
    }

    /// The same value with something said of it.
    pub(super) fn noted(self, note: impl Into<String>) -> Tree {
        Tree::Noted(Box::new(self), note.into())
    }

    /// The member of this name, of a mapping.
    pub(super) fn get(&self, name: &str) -> Option<&Tree> {
        self.members()?.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// What is at the end of these names.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Tree> {
        path.iter().try_fold(self, |tree, name| tree.get(name))
    }

    /// The text of a member.
    pub(super) fn str_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Tree::Bool(it) => Some(*it),
            _ => None,
        }
    }

    /// A number, however it is written.
    pub(super) fn as_f64(&self) -> Option<f64> {
        match self {
            Tree::Number(written) => written.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn items(&self) -> &[Tree] {
        match self {
            Tree::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn members(&self) -> Option<&[(String, Tree)]> {
        match self {
            Tree::Map(members) => Some(members),
            _ => None,
        }
    }

    /// Takes a member out of a mapping.
    pub(super) fn take(&mut self, name: &str) -> Option<Tree> {
        let Tree::Map(members) = self else { return None };
        let at = members.iter().position(|(key, _)| key == name)?;
        Some(members.remove(at).1)
    }

    /// A single value as it would stand in an address; nothing of lists and mappings.
    pub(super) fn scalar(&self) -> Option<String> {
        match self {
            Tree::Text(text) | Tree::Number(text) | Tree::Plain(text) => Some(text.clone()),
            Tree::Bool(it) => Some(it.to_string()),
            Tree::Noted(inner, _) => inner.scalar(),
            Tree::Null | Tree::List(_) | Tree::Map(_) => None,
        }
    }
}

/// A mapping of these members.
pub(super) fn map<const N: usize>(members: [(&str, Tree); N]) -> Tree {
    Tree::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A value of any depth that is allowed, for libraries that ask for a type.
struct Whole(Tree);

impl<'de> serde::Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
        Level(0).deserialize(deserializer).map(Whole)
    }
}

/// A value that many levels below the whole.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn below<E: serde::de::Error>(self) -> Result<Level, E> {
        if self.0 < DEEPEST { Ok(Level(self.0 + 1)) } else { Err(E::custom("it is nested too deeply")) }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(it))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        // JSON's form; what JSON has no form for becomes a text.
        let written = serde_json::Number::from_f64(number).map(|n| Tree::Number(n.to_string()));
        Ok(written.unwrap_or_else(|| Tree::Text(number.to_string())))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Tree, E> {
        Ok(Tree::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let level = self.below::<A::Error>()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(level)? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let level = self.below::<A::Error>()?;
        let mut members: Vec<(String, Tree)> = Vec::new();
        let mut seen = std::collections::HashMap::new();
        // Keys of YAML may be numbers, such as the statuses of answers.
        while let Some(key) = map.next_key_seed(level)? {
            let name = key.scalar().ok_or_else(|| A::Error::custom("a key is no single value"))?;
            if name == CALL_STACK {
                map.next_value::<serde::de::IgnoredAny>()?;
                continue;
            }
            let value = map.next_value_seed(level)?;
            match seen.get(&name) {
                // The last one counts, as in the languages that people use.
                Some(&at) => members[at] = (name, value),
                None => {
                    seen.insert(name.clone(), members.len());
                    members.push((name, value));
                }
            }
        }
        Ok(Tree::Map(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_the_last_of_a_name_counts() {
        let tree = Tree::of_json(r#"{"z": 1, "a": [true, null, 1.5, "x"], "z": 2}"#).unwrap();
        let list = vec![Tree::Bool(true), Tree::Null, Tree::Number("1.5".into()), Tree::text("x")];
        assert_eq!(tree, map([("z", Tree::Number("2".into())), ("a", Tree::List(list))]));
    }

    #[test]
    fn yaml_is_read_alike_and_its_keys_may_be_numbers() {
        let tree = Tree::of_yaml("responses:\n  200: {description: yes, n: 1e3}\n").unwrap();
        assert_eq!(tree.at(&["responses", "200", "description"]), Some(&Tree::text("yes")));
        assert_eq!(tree.at(&["responses", "200", "n"]).and_then(Tree::as_f64), Some(1000.0));
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        for depth in [60, 97, 5000] {
            let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(Tree::of_json(&text).is_ok(), depth < 96);
            assert_eq!(Tree::of_yaml(&text).is_ok(), depth < 96, "{depth}");
        }
        let stack = format!("{{\"_initiator\": {}{}}}", "[".repeat(500), "]".repeat(500));
        assert_eq!(Tree::of_json(&stack).unwrap(), map([]));
        assert_eq!(Tree::of_json("[[1], {\"a\": [[2]]}]").unwrap().depth(), 4);
    }
}
