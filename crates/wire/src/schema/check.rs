//! Whether a value satisfies a schema, as far as the maker of instances needs to know.

use std::cell::Cell;

use serde_json::{Map, Value};

use super::{pattern, resolve};

/// How deep a schema is followed.
const DEEP: usize = 200;
/// How many schemas are looked at: after that nothing holds.
const STEPS: usize = 500_000;

/// Whether `value` satisfies `schema`.
pub(super) fn satisfies(schema: &Value, value: &Value) -> bool {
    satisfies_in(schema, schema, value)
}

/// The same for a part of the schema `root`.
pub(super) fn satisfies_in(root: &Value, schema: &Value, value: &Value) -> bool {
    Checker { root, left: Cell::new(STEPS) }.holds(schema, value, 0)
}

/// Whether two values are the same: 1 and 1.0 are.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

struct Checker<'s> {
    root: &'s Value,
    left: Cell<usize>,
}

impl Checker<'_> {
    fn holds(&self, schema: &Value, value: &Value, depth: usize) -> bool {
        let members = match schema {
            Value::Bool(holds) => return *holds,
            Value::Object(members) => members,
            _ => return true,
        };
        let left = self.left.get();
        if depth > DEEP || left == 0 {
            return false;
        }
        self.left.set(left - 1);
        self.combined(members, value, depth)
            && kind_holds(members, value)
            && match value {
                Value::Object(object) => self.object(members, object, depth),
                Value::Array(items) => self.array(members, items, depth),
                Value::String(text) => string_holds(members, text),
                Value::Number(number) => number.as_f64().is_none_or(|number| number_holds(members, number)),
                Value::Null | Value::Bool(_) => true,
            }
    }

    fn combined(&self, members: &Map<String, Value>, value: &Value, depth: usize) -> bool {
        let holds = |schema: &Value| self.holds(schema, value, depth + 1);
        let branches = |name: &str| members.get(name).and_then(Value::as_array);
        let referred = match members.get("$ref").and_then(Value::as_str) {
            Some(reference) => resolve(self.root, reference).is_none_or(holds),
            None => true,
        };
        let condition = match members.get("if") {
            Some(condition) => members.get(if holds(condition) { "then" } else { "else" }).is_none_or(holds),
            None => true,
        };
        referred
            && condition
            && branches("allOf").is_none_or(|all| all.iter().all(holds))
            && branches("anyOf").is_none_or(|any| any.iter().any(holds))
            && branches("oneOf").is_none_or(|one| one.iter().filter(|schema| holds(schema)).count() == 1)
            && members.get("not").is_none_or(|not| !holds(not))
            && members.get("const").is_none_or(|constant| equal(constant, value))
            && branches("enum").is_none_or(|values| values.iter().any(|one| equal(one, value)))
    }

    fn object(&self, members: &Map<String, Value>, object: &Map<String, Value>, depth: usize) -> bool {
        let holds = |schema: &Value, value: &Value| self.holds(schema, value, depth + 1);
        let properties = members.get("properties").and_then(Value::as_object);
        let patterns = members.get("patternProperties").and_then(Value::as_object);
        let has = |names: &Value| {
            let names = names.as_array().map(Vec::as_slice).unwrap_or_default();
            names.iter().filter_map(Value::as_str).all(|name| object.contains_key(name))
        };
        let member = |(name, value): (&String, &Value)| {
            let own = properties.and_then(|all| all.get(name));
            let matching: Vec<&Value> = patterns
                .into_iter()
                .flatten()
                .filter(|(pattern, _)| pattern::matches(pattern, name) == Some(true))
                .map(|(_, schema)| schema)
                .collect();
            let further =
                members.get("additionalProperties").filter(|_| own.is_none() && matching.is_empty());
            own.is_none_or(|schema| holds(schema, value))
                && matching.iter().all(|schema| holds(schema, value))
                && further.is_none_or(|schema| holds(schema, value))
                && members
                    .get("propertyNames")
                    .is_none_or(|schema| holds(schema, &Value::String(name.clone())))
        };
        let dependent = members.get("dependentRequired").and_then(Value::as_object);
        members.get("required").is_none_or(has)
            && dependent.into_iter().flatten().all(|(name, names)| !object.contains_key(name) || has(names))
            && within(members, "minProperties", "maxProperties", object.len())
            && object.iter().all(member)
    }

    fn array(&self, members: &Map<String, Value>, items: &[Value], depth: usize) -> bool {
        let holds = |schema: &Value, value: &Value| self.holds(schema, value, depth + 1);
        let prefix =
            members.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let rest = items.get(prefix.len()..).unwrap_or_default();
        let contained = |schema: &Value| {
            let count = items.iter().filter(|item| holds(schema, item)).count();
            let least = if members.contains_key("minContains") { 0 } else { 1 };
            count >= least && within(members, "minContains", "maxContains", count)
        };
        within(members, "minItems", "maxItems", items.len())
            && prefix.iter().zip(items).all(|(schema, item)| holds(schema, item))
            && members.get("items").is_none_or(|schema| rest.iter().all(|item| holds(schema, item)))
            && members.get("contains").is_none_or(contained)
            && (members.get("uniqueItems") != Some(&Value::Bool(true))
                || items
                    .iter()
                    .enumerate()
                    .all(|(at, item)| !items[..at].iter().any(|other| equal(other, item))))
    }
}

fn kind_holds(members: &Map<String, Value>, value: &Value) -> bool {
    let is = |kind: &str| match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => {
            kind == "number"
                || kind == "integer"
                    && (!number.is_f64() || number.as_f64().is_some_and(|n| n.fract() == 0.0))
        }
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    };
    match members.get("type") {
        Some(Value::String(kind)) => is(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

fn string_holds(members: &Map<String, Value>, text: &str) -> bool {
    let pattern = members.get("pattern").and_then(Value::as_str);
    within(members, "minLength", "maxLength", text.chars().count())
        && pattern.is_none_or(|pattern| pattern::matches(pattern, text) != Some(false))
}

fn number_holds(members: &Map<String, Value>, number: f64) -> bool {
    let bound = |name: &str| members.get(name).and_then(Value::as_f64);
    bound("minimum").is_none_or(|least| number >= least)
        && bound("maximum").is_none_or(|most| number <= most)
        && bound("exclusiveMinimum").is_none_or(|least| number > least)
        && bound("exclusiveMaximum").is_none_or(|most| number < most)
        && bound("multipleOf").is_none_or(|step| {
            let times = number / step;
            (times - times.round()).abs() < 1e-9 * times.abs().max(1.0)
        })
}

fn within(members: &Map<String, Value>, least: &str, most: &str, count: usize) -> bool {
    let bound = |name: &str| members.get(name).and_then(Value::as_f64);
    bound(least).is_none_or(|least| count as f64 >= least)
        && bound(most).is_none_or(|most| count as f64 <= most)
}
