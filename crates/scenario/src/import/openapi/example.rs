//! Values that satisfy a schema: those that it gives itself, else plain ones of its type.

use super::super::tree::{DEEPEST_WRITTEN, Tree};
use super::operation::followed;

/// Schemas may contain themselves: from here on, only what ends soon is written.
const DEEPEST: usize = 8;
/// Values of one body; schemas that branch could ask for millions.
const MOST: usize = 400;
/// Of a schema that requires nothing, so many members are shown.
const OPTIONAL: usize = 8;

/// Makes values.
pub(super) struct Examples<'a> {
    whole: &'a Tree,
    left: usize,
    /// Whether members that are not required are written too.
    all: bool,
}

impl<'a> Examples<'a> {
    pub(super) fn of(whole: &'a Tree) -> Examples<'a> {
        Examples { whole, left: MOST, all: false }
    }

    /// The value of a body or a parameter: one that the description gives, else one of its schema.
    pub(super) fn of_media(&mut self, media: &'a Tree) -> Tree {
        self.left = MOST;
        let value = match (self.given_beside(media), media.get("schema")) {
            (Some(given), _) => given,
            (None, Some(schema)) => self.of_schema(schema, "", 0),
            (None, None) => Tree::text("text"),
        };
        if value.depth() <= DEEPEST_WRITTEN { value } else { Tree::Null }
    }

    /// The same with everything that the schema knows, to see what an answer holds.
    pub(super) fn whole_of_media(&mut self, media: &'a Tree) -> Tree {
        self.all = true;
        let value = self.of_media(media);
        self.all = false;
        value
    }

    /// A value that the description itself gives for a parameter.
    pub(super) fn given(&self, parameter: &'a Tree) -> Option<Tree> {
        let own_value = || own(followed(self.whole, parameter.get("schema")?));
        self.given_beside(parameter).or_else(own_value)
    }

    /// `example` or the first of `examples`, which stand beside a schema.
    fn given_beside(&self, media: &Tree) -> Option<Tree> {
        if let Some(example) = media.get("example") {
            return Some(example.clone());
        }
        let (_, first) = media.get("examples")?.members()?.first()?;
        followed(self.whole, first).get("value").cloned()
    }

    fn of_schema(&mut self, schema: &'a Tree, name: &str, depth: usize) -> Tree {
        let schema = followed(self.whole, schema);
        if let Some(given) = own(schema) {
            return given;
        }
        self.left = self.left.saturating_sub(1);
        if depth > DEEPEST || self.left == 0 {
            return Tree::Null;
        }
        let all = schema.get("allOf").map(Tree::items).unwrap_or_default();
        if !all.is_empty() {
            return self.merged(schema, all, name, depth);
        }
        for choice in ["oneOf", "anyOf"] {
            let choices = schema.get(choice).map(Tree::items).unwrap_or_default();
            let some = choices.iter().find(|choice| choice.str_of("type") != Some("null"));
            if let Some(first) = some {
                return self.of_schema(first, name, depth + 1);
            }
        }
        match kind(schema) {
            "object" => Tree::Map(self.members(schema, depth)),
            "array" => match schema.get("items") {
                Some(items) => Tree::List(vec![self.of_schema(items, name, depth + 1)]),
                None => Tree::List(Vec::new()),
            },
            "integer" => {
                Tree::Number(least(schema).map_or("1".into(), |least| format!("{:.0}", least.ceil())))
            }
            "number" => Tree::Number(least(schema).map_or("1".into(), number)),
            "boolean" => Tree::Bool(false),
            "null" => Tree::Null,
            _ => Tree::Text(text(schema, name)),
        }
    }

    /// All that the parts require, in one.
    fn merged(&mut self, schema: &'a Tree, parts: &'a [Tree], name: &str, depth: usize) -> Tree {
        let mut members: Vec<(String, Tree)> = Vec::new();
        let mut other = None;
        for part in parts {
            match self.of_schema(part, name, depth + 1) {
                Tree::Map(more) => members.extend(more),
                value => other = other.or(Some(value)),
            }
        }
        members.extend(self.members(schema, depth));
        let mut once: Vec<(String, Tree)> = Vec::new();
        for member in members {
            if !once.iter().any(|(name, _)| *name == member.0) {
                once.push(member);
            }
        }
        match other {
            Some(value) if once.is_empty() => value,
            _ => Tree::Map(once),
        }
    }

    /// Members that are required, and those that come with an example.
    fn members(&mut self, schema: &'a Tree, depth: usize) -> Vec<(String, Tree)> {
        let required = schema.get("required").map(Tree::items).unwrap_or_default();
        let properties = schema.get("properties").and_then(Tree::members).unwrap_or_default();
        let open = required.is_empty() && depth == 0;
        let mut members = Vec::new();
        for (name, property) in properties {
            let inner = followed(self.whole, property);
            let read_only = inner.get("readOnly").and_then(Tree::as_bool) == Some(true);
            let is_required = required.iter().any(|item| item.as_str() == Some(name));
            let wanted =
                self.all || is_required || inner.get("example").is_some() || open && members.len() < OPTIONAL;
            if wanted && (self.all || !read_only) && self.left > 0 {
                members.push((name.clone(), self.of_schema(property, name, depth + 1)));
            }
        }
        members
    }
}

/// The value that a schema itself gives.
fn own(schema: &Tree) -> Option<Tree> {
    let first = |name: &str| schema.get(name).and_then(|list| list.items().first());
    let given = schema.get("example").or_else(|| first("examples")).or_else(|| schema.get("const"));
    let given = given.or_else(|| schema.get("default")).or_else(|| first("enum"));
    given.filter(|value| **value != Tree::Null).cloned()
}

/// The type of a schema, which 3.1 lets be several; by its keys where it is not said.
fn kind(schema: &Tree) -> &str {
    let several = schema.get("type").map(Tree::items).unwrap_or_default();
    let first = several.iter().filter_map(Tree::as_str).find(|kind| *kind != "null");
    match schema.str_of("type").or(first) {
        Some(kind) => kind,
        None if schema.get("properties").is_some() || schema.get("additionalProperties").is_some() => {
            "object"
        }
        None if schema.get("items").is_some() => "array",
        None => "string",
    }
}

fn least(schema: &Tree) -> Option<f64> {
    let least = schema.get("minimum").and_then(Tree::as_f64)?;
    let above = schema.get("exclusiveMinimum").and_then(Tree::as_bool) == Some(true);
    let least = if above { least + 1.0 } else { least };
    (least.is_finite() && least.abs() < 1e15).then(|| if least > 0.0 { least } else { least.max(0.0) })
}

fn number(value: f64) -> String {
    serde_json::Number::from_f64(value).map_or("1".into(), |n| n.to_string())
}

fn text(schema: &Tree, name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let plain = match schema.str_of("format").unwrap_or("") {
        "date-time" => "2026-01-01T12:00:00Z",
        "date" => "2026-01-01",
        "time" => "12:00:00",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "email" => "user@example.com",
        "uri" | "url" => "https://example.com/",
        "ipv4" => "192.0.2.1",
        "byte" | "binary" => "",
        _ if ["question", "prompt", "query", "message", "input", "content", "text"]
            .contains(&lower.as_str()) =>
        {
            "What can you do for me?"
        }
        _ if lower == "role" => "user",
        _ if lower == "model" => "NAME",
        _ => "text",
    };
    let mut text = plain.to_owned();
    let fewest = schema.get("minLength").and_then(Tree::as_f64).unwrap_or(0.0).clamp(0.0, 200.0) as usize;
    while text.chars().count() < fewest {
        text.push('x');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(schema: &str) -> String {
        let whole = Tree::of_yaml(schema).unwrap();
        let tree = Tree::Map(vec![("schema".into(), whole.clone())]);
        let whole = Tree::Map(vec![("components".into(), whole)]);
        let value = Examples::of(&whole).of_media(&tree);
        let it = Tree::Map(vec![("it".into(), value)]);
        super::super::super::yaml::document(&[("all".into(), it)]).trim_end().to_owned()
    }

    #[test]
    fn values_are_those_that_a_schema_gives_or_plain_ones() {
        for (schema, value) in [
            ("{type: string, example: x}", "it: x"),
            ("{type: string, enum: [b, c]}", "it: b"),
            ("{type: [null, integer], minimum: 2.5}", "it: 3"),
            ("{type: array, items: {type: number}}", "it: [1]"),
            ("{anyOf: [{type: 'null'}, {type: boolean}]}", "it: false"),
            (
                "{allOf: [{type: object, required: [a], properties: {a: {const: 1}, b: {}}}, {properties: {c: {format: uuid}}}]}",
                "it: {a: 1}",
            ),
            (
                "{type: object, required: [a], properties: {a: {default: 7}, b: {example: 8}, c: {type: string}}}",
                "it: {a: 7, b: 8}",
            ),
            ("{type: string, minLength: 6}", "it: textxx"),
        ] {
            assert_eq!(example(schema), format!("all: {{{value}}}"), "{schema}");
        }
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let text = example(
            "{type: object, required: [a, b], properties: {a: {$ref: '#/components'}, b: {$ref: '#/components'}}}",
        );
        assert!(text.len() < 40_000, "{}", text.len());
    }
}
