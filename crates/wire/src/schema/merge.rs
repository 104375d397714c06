//! Two schemas in one, which is satisfied by what satisfies both.

use serde_json::{Map, Value, json};

/// `a` and `b` in one. What cannot be said in one keyword is left to `allOf`.
pub(super) fn merged(a: Value, b: Value) -> Value {
    match (a, b) {
        (Value::Bool(false), _) | (_, Value::Bool(false)) => Value::Bool(false),
        (Value::Object(mut a), Value::Object(b)) => {
            for (name, value) in b {
                match a.remove(&name) {
                    None => {
                        a.insert(name, value);
                    }
                    Some(own) => both(&mut a, name, own, value),
                }
            }
            Value::Object(a)
        }
        (schema @ Value::Object(_), _) | (_, schema) => schema,
    }
}

/// Puts a keyword that both have into `out`.
fn both(out: &mut Map<String, Value>, name: String, a: Value, b: Value) {
    if a == b {
        out.insert(name, a);
        return;
    }
    let value = match name.as_str() {
        "properties" | "patternProperties" | "$defs" | "definitions" | "dependentRequired" => members(a, b),
        "required" => union(a, b),
        "type" => types(a, b),
        "enum" => intersection(a, b),
        "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" | "minContains" => {
            if a.as_f64() >= b.as_f64() { a } else { b }
        }
        "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" | "maxContains" => {
            if a.as_f64() <= b.as_f64() { a } else { b }
        }
        "multipleOf" => multiple(a, b),
        "items" | "additionalProperties" | "contains" | "propertyNames" => merged(a, b),
        "uniqueItems" => Value::Bool(a == true || b == true),
        "prefixItems" => prefix(a, b),
        "const" => {
            // Two different ones: nothing satisfies both.
            out.insert("enum".into(), json!([]));
            a
        }
        "allOf" => chained(a, b),
        "anyOf" | "oneOf" | "$ref" | "not" | "pattern" | "format" => {
            let own = out.remove("allOf").unwrap_or_else(|| json!([]));
            let other = json!([Value::Object([(name.clone(), b)].into_iter().collect())]);
            // A pattern cannot be merged, and the branches of one are chosen apart from those of the other.
            if !matches!(name.as_str(), "pattern" | "format" | "not") {
                out.insert("allOf".into(), chained(own, other));
            }
            a
        }
        // Descriptions and the like.
        _ => a,
    };
    out.insert(name, value);
}

fn members(a: Value, b: Value) -> Value {
    let (Value::Object(mut a), Value::Object(b)) = (a, b) else { return Value::Object(Map::new()) };
    for (name, schema) in b {
        let both = match a.remove(&name) {
            Some(own) => merged(own, schema),
            None => schema,
        };
        a.insert(name, both);
    }
    Value::Object(a)
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => vec![other],
    }
}

fn union(a: Value, b: Value) -> Value {
    let mut all = list(a);
    for item in list(b) {
        if !all.contains(&item) {
            all.push(item);
        }
    }
    Value::Array(all)
}

fn intersection(a: Value, b: Value) -> Value {
    let b = list(b);
    Value::Array(list(a).into_iter().filter(|item| b.contains(item)).collect())
}

fn chained(a: Value, b: Value) -> Value {
    Value::Array(list(a).into_iter().chain(list(b)).collect())
}

/// The types that are allowed by both; whole numbers are numbers.
fn types(a: Value, b: Value) -> Value {
    let (a, b) = (list(a), list(b));
    let allowed = |by: &[Value], kind: &Value| {
        by.contains(kind) || kind == "integer" && by.iter().any(|k| k == "number")
    };
    let mut both: Vec<Value> = Vec::new();
    for (own, other) in [(&a, &b), (&b, &a)] {
        for kind in own {
            if allowed(other, kind) && !both.contains(kind) {
                both.push(kind.clone());
            }
        }
    }
    Value::Array(both)
}

fn prefix(a: Value, b: Value) -> Value {
    let (mut a, mut b) = (list(a).into_iter(), list(b).into_iter());
    let mut all = Vec::new();
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Value::Array(all),
            (Some(one), Some(other)) => all.push(merged(one, other)),
            (Some(one), None) | (None, Some(one)) => all.push(one),
        }
    }
}

/// The least common multiple of whole numbers; of others the larger, which is a guess.
fn multiple(a: Value, b: Value) -> Value {
    fn divisor(a: u64, b: u64) -> u64 {
        if b == 0 { a } else { divisor(b, a % b) }
    }
    match (a.as_u64(), b.as_u64()) {
        (Some(one @ 1..), Some(other @ 1..)) => json!((one / divisor(one, other)).saturating_mul(other)),
        _ if a.as_f64() >= b.as_f64() => a,
        _ => b,
    }
}
