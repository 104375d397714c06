//! Gemini's own schemas, which are OpenAPI's, as JSON schemas.

use serde_json::{Map, Value, json};

/// `schema` as a JSON schema. One that is a JSON schema already comes back as it was.
pub(super) fn json_schema(schema: Value) -> Value {
    let Value::Object(members) = schema else { return schema };
    let nullable = members.get("nullable") == Some(&Value::Bool(true));
    let mut out = Map::new();
    for (name, value) in members {
        let value = match name.as_str() {
            "type" => lower(value),
            "nullable" | "propertyOrdering" | "property_ordering" | "example" => continue,
            // Numbers of 64 bits are strings in this JSON.
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties" => {
                number(value)
            }
            "items" | "additionalProperties" => json_schema(value),
            "anyOf" | "prefixItems" | "oneOf" | "allOf" => each(value),
            "properties" | "$defs" | "defs" => members_of(value),
            "format" if value == "enum" => continue,
            _ => value,
        };
        let name = match name.as_str() {
            "any_of" => "anyOf".into(),
            "defs" => "$defs".into(),
            "ref" => "$ref".into(),
            _ => name,
        };
        out.insert(name, value);
    }
    if nullable {
        return json!({"anyOf": [Value::Object(out), {"type": "null"}]});
    }
    Value::Object(out)
}

fn lower(kind: Value) -> Value {
    match kind {
        Value::String(kind) => Value::String(kind.to_ascii_lowercase()),
        Value::Array(kinds) => Value::Array(kinds.into_iter().map(lower).collect()),
        other => other,
    }
}

fn number(value: Value) -> Value {
    match value.as_str().and_then(|text| text.parse::<u64>().ok()) {
        Some(number) => number.into(),
        None => value,
    }
}

fn each(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(json_schema).collect()),
        other => other,
    }
}

fn members_of(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, schema)| (name, json_schema(schema))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openapi_becomes_json_schema() {
        let given = json!({"type": "OBJECT", "propertyOrdering": ["a"], "properties": {
            "a": {"type": "ARRAY", "minItems": "2", "items": {"type": "STRING", "nullable": true}}}});
        let schema = json!({"type": "object", "properties": {"a": {"type": "array", "minItems": 2,
            "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}});
        assert_eq!(json_schema(given), schema);
        assert_eq!(json_schema(schema.clone()), schema);
    }
}
