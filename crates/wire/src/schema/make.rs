//! Making an instance, keyword by keyword.

use std::cell::Cell;

use serde_json::{Map, Value};

use super::merge::merged;
use super::{Draw, check, number, pattern, resolve, text};

/// Below this depth optional members are left out and lists are as short as may be.
const DEEP: usize = 5;
/// Below this depth nothing more is made: the schema demands an endless instance.
const TOO_DEEP: usize = 40;
/// However many values a schema demands, no more are made: one that refers to itself twice has no end.
const MOST_VALUES: usize = 20_000;

/// One attempt at an instance.
pub(super) fn make(schema: &Value, seed: u64) -> Value {
    Maker { root: schema, left: Cell::new(MOST_VALUES) }.any(schema, Draw(seed), 0)
}

struct Maker<'s> {
    root: &'s Value,
    /// How many values may still be made.
    left: Cell<usize>,
}

impl Maker<'_> {
    fn any(&self, schema: &Value, draw: Draw, depth: usize) -> Value {
        let Value::Object(members) = schema else { return Value::String(text::words(draw, 1, 3)) };
        let left = self.left.get();
        if depth > TOO_DEEP || left == 0 {
            return Value::Null;
        }
        self.left.set(left - 1);
        // One after the other, what says its constraints elsewhere is replaced by what it means.
        if let Some(plain) = self.simpler(members, draw, depth) {
            return self.any(&plain, draw.part(1), depth + 1);
        }
        if let Some(value) = members.get("const") {
            return value.clone();
        }
        if let Some(Value::Array(values)) = members.get("enum") {
            return self.one_of_values(schema, values, draw);
        }
        match self.kind(members, draw) {
            "object" => Value::Object(self.object(members, draw, depth)),
            "array" => Value::Array(self.array(members, draw, depth)),
            "string" => Value::String(text::string(members, draw)),
            "integer" => number::integer(members, draw),
            "number" => number::number(members, draw),
            "boolean" => Value::Bool(draw.below(2) == 1),
            _ => Value::Null,
        }
    }

    /// The same with one indirection less: a reference followed, a branch chosen, parts merged.
    fn simpler(&self, members: &Map<String, Value>, draw: Draw, depth: usize) -> Option<Value> {
        let without = |name: &str| {
            let mut rest = members.clone();
            rest.remove(name);
            Value::Object(rest)
        };
        if let Some(Value::String(reference)) = members.get("$ref") {
            let target = resolve(self.root, reference).cloned().unwrap_or(Value::Bool(true));
            return Some(merged(without("$ref"), target));
        }
        if let Some(Value::Array(parts)) = members.get("allOf") {
            let parts = parts.iter().cloned();
            return Some(parts.fold(without("allOf"), merged));
        }
        for name in ["anyOf", "oneOf"] {
            if let Some(Value::Array(branches)) = members.get(name) {
                let chosen = self.branch(branches, draw.part(2), depth);
                return Some(merged(without(name), chosen.cloned().unwrap_or(Value::Bool(true))));
            }
        }
        if let Some(condition) = members.get("if") {
            let mut rest = members.clone();
            for name in ["if", "then", "else"] {
                rest.remove(name);
            }
            let rest = Value::Object(rest);
            return Some(match (draw.below(2), members.get("then"), members.get("else")) {
                (0, then, _) | (_, then, None) => {
                    let rest = merged(rest, condition.clone());
                    merged(rest, then.cloned().unwrap_or(Value::Bool(true)))
                }
                (_, _, Some(otherwise)) => merged(rest, otherwise.clone()),
            });
        }
        None
    }

    /// A branch; in the depth one that goes no deeper, if there is one.
    fn branch<'b>(&self, branches: &'b [Value], draw: Draw, depth: usize) -> Option<&'b Value> {
        if depth >= DEEP {
            let weight = |branch: &&Value| match branch.get("type").and_then(Value::as_str) {
                Some("null" | "boolean" | "integer" | "number" | "string") => 0,
                _ if branch.get("const").is_some() || branch.get("enum").is_some() => 0,
                Some("array") => 1,
                Some(_) => 2,
                None => 3,
            };
            return branches.iter().min_by_key(weight);
        }
        let possible: Vec<&Value> = branches.iter().filter(|branch| **branch != Value::Bool(false)).collect();
        // Most people want to see the branch that is not null.
        let said: Vec<&Value> = possible
            .iter()
            .copied()
            .filter(|branch| branch.get("type").is_none_or(|t| t != "null"))
            .collect();
        let from = if said.is_empty() || draw.part(3).below(8) == 0 { possible } else { said };
        from.get(draw.below(from.len())).copied()
    }

    fn one_of_values(&self, schema: &Value, values: &[Value], draw: Draw) -> Value {
        let fit = |value: &&Value| check::satisfies_in(self.root, schema, value);
        let fitting: Vec<&Value> = values.iter().filter(fit).collect();
        fitting.get(draw.below(fitting.len())).map_or(Value::Null, |value| (*value).clone())
    }

    /// What the instance is: as the type says, or else as its other keywords suggest.
    fn kind<'m>(&self, members: &'m Map<String, Value>, draw: Draw) -> &'m str {
        match members.get("type") {
            Some(Value::String(kind)) => kind,
            Some(Value::Array(kinds)) => {
                let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
                let said: Vec<&str> = kinds.iter().copied().filter(|kind| *kind != "null").collect();
                let from = if said.is_empty() { kinds } else { said };
                from.get(draw.below(from.len())).copied().unwrap_or("null")
            }
            _ => {
                let has = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
                match () {
                    () if has(&[
                        "properties",
                        "required",
                        "additionalProperties",
                        "minProperties",
                        "patternProperties",
                    ]) =>
                    {
                        "object"
                    }
                    () if has(&["items", "prefixItems", "minItems", "contains"]) => "array",
                    () if has(&[
                        "minimum",
                        "maximum",
                        "exclusiveMinimum",
                        "exclusiveMaximum",
                        "multipleOf",
                    ]) =>
                    {
                        "number"
                    }
                    () => "string",
                }
            }
        }
    }

    fn object(&self, members: &Map<String, Value>, draw: Draw, depth: usize) -> Map<String, Value> {
        let empty = Map::new();
        let properties = members.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required: Vec<&str> = strings(members.get("required"));
        let most = count(members, "maxProperties").unwrap_or(usize::MAX);
        let least = count(members, "minProperties").unwrap_or(0);
        let mut object = Map::new();
        let mut wanted: Vec<&str> = required.clone();
        // What is optional may be left out; a few attempts do.
        let keeps_optional = depth < DEEP && draw.part(4).below(4) != 0;
        for name in properties.keys() {
            if !wanted.contains(&name.as_str()) && (keeps_optional || wanted.len() < least) {
                wanted.push(name);
            }
        }
        for dependent in dependents(members, &wanted) {
            wanted.push(dependent);
        }
        for name in wanted.into_iter().take(most.max(required.len())) {
            let schema = self.member(members, properties, name);
            if schema == Value::Bool(false) && !required.contains(&name) {
                continue;
            }
            object.insert(name.into(), self.any(&schema, draw.member(name), depth + 1));
        }
        let further = members.get("additionalProperties");
        let shows_further = further.is_some_and(Value::is_object) && properties.is_empty() && depth < DEEP;
        let enough = least.max(usize::from(shows_further)).min(most);
        for index in 0..enough.saturating_mul(4) {
            if object.len() >= enough {
                break;
            }
            let draw = draw.part(100 + index as u64);
            let name = self.name(members, draw);
            let schema = self.member(members, properties, &name);
            object.insert(name, self.any(&schema, draw, depth + 1));
        }
        object
    }

    /// What a member has to satisfy.
    fn member(&self, members: &Map<String, Value>, properties: &Map<String, Value>, name: &str) -> Value {
        let patterns = members.get("patternProperties").and_then(Value::as_object);
        let matching = patterns
            .into_iter()
            .flatten()
            .filter(|(pattern, _)| pattern::matches(pattern, name) == Some(true))
            .map(|(_, schema)| schema.clone());
        let own = properties.get(name).cloned().into_iter();
        match own.chain(matching).reduce(merged) {
            Some(schema) => schema,
            None => members.get("additionalProperties").cloned().unwrap_or(Value::Bool(true)),
        }
    }

    /// A name for a member that the schema does not name.
    fn name(&self, members: &Map<String, Value>, draw: Draw) -> String {
        let patterns = members.get("patternProperties").and_then(Value::as_object);
        if let Some(pattern) = patterns.and_then(|all| all.keys().next())
            && let Some(name) = pattern::example(pattern, draw, 0)
        {
            // Others have to be called differently.
            let longer = format!("{name}{}", draw.part(6).below(1_000));
            return if pattern::matches(pattern, &longer) == Some(true) { longer } else { name };
        }
        match members.get("propertyNames") {
            Some(Value::Object(names)) => {
                let mut names = names.clone();
                names.insert("type".into(), "string".into());
                self.any(&Value::Object(names), draw, 0).as_str().unwrap_or("key").into()
            }
            _ => text::words(draw, 1, 1),
        }
    }

    fn array(&self, members: &Map<String, Value>, draw: Draw, depth: usize) -> Vec<Value> {
        let least = count(members, "minItems").unwrap_or(0);
        let most = count(members, "maxItems").unwrap_or(usize::MAX);
        let prefix =
            members.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let items = members.get("items");
        let contains = members.get("contains");
        let wanted = match (depth >= DEEP, items) {
            (true, _) => least,
            (false, Some(Value::Bool(false))) => prefix.len(),
            (false, None) if prefix.is_empty() && contains.is_none() => least,
            (false, None) => least.max(prefix.len()),
            (false, Some(_)) => {
                least.max(prefix.len()) + 1 + draw.part(5).below(3).saturating_sub(least.min(2))
            }
        };
        let contained = contains.map_or(0, |_| count(members, "minContains").unwrap_or(1));
        let length = wanted.max(least).max(prefix.len().min(least) + contained).min(most).min(MOST_ITEMS);
        let unique = members.get("uniqueItems") == Some(&Value::Bool(true));
        let mut array: Vec<Value> = Vec::new();
        for index in 0..length {
            let own = prefix.get(index).or(items).cloned().unwrap_or(Value::Bool(true));
            // The last ones are those that must be contained.
            let schema = match contains {
                Some(contains) if index + contained >= length => merged(own, contains.clone()),
                _ => own,
            };
            let item = |attempt: u64| {
                self.any(&schema, draw.part(1_000 + index as u64 + attempt * 65_537), depth + 1)
            };
            let found = (0..if unique { 50 } else { 1 })
                .map(item)
                .find(|item| !unique || !array.iter().any(|other| check::equal(other, item)));
            match found {
                Some(item) => array.push(item),
                None => break,
            }
        }
        array
    }
}

/// However many items a schema demands, no more are made.
const MOST_ITEMS: usize = 10_000;

fn strings(value: Option<&Value>) -> Vec<&str> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).collect()
}

pub(super) fn count(members: &Map<String, Value>, name: &str) -> Option<usize> {
    let number = members.get(name)?;
    let whole = number.as_u64().or_else(|| number.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64))?;
    Some(usize::try_from(whole).unwrap_or(usize::MAX))
}

/// The members that must be there because others are.
fn dependents<'m>(members: &'m Map<String, Value>, wanted: &[&str]) -> Vec<&'m str> {
    let Some(dependent) = members.get("dependentRequired").and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut further: Vec<&str> = Vec::new();
    for (name, demanded) in dependent {
        if wanted.contains(&name.as_str()) {
            further.extend(strings(Some(demanded)).into_iter().filter(|name| !wanted.contains(name)));
        }
    }
    further.sort_unstable();
    further.dedup();
    further
}
