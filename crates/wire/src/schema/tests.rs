//! Instances held against another implementation of JSON Schema.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Schemas as people write them.
fn written() -> Vec<Value> {
    vec![
        json!(true),
        json!({}),
        json!({"type": "string"}),
        json!({"type": ["null", "integer"], "minimum": 3}),
        json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}},
            "required": ["city", "unit"], "additionalProperties": false}),
        json!({"type": "object", "properties": {"a": {"type": "integer", "minimum": 5, "maximum": 5},
            "b": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
            "c": {"type": "integer", "multipleOf": 7, "minimum": 100, "maximum": 106},
            "d": {"type": "number", "multipleOf": 0.25, "minimum": 1.1},
            "e": {"type": "integer", "exclusiveMinimum": -3, "exclusiveMaximum": -1},
            "f": {"type": "integer", "minimum": 9007199254740993i64},
            "g": {"type": "integer", "minimum": 0.5, "maximum": 1.5}},
            "required": ["a", "b", "c", "d", "e", "f", "g"]}),
        json!({"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "minItems": 10,
            "maxItems": 10, "uniqueItems": true}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}], "items": false}),
        json!({"type": "array", "prefixItems": [{"const": 1}], "items": {"type": "null"}, "minItems": 4}),
        json!({"type": "array", "contains": {"const": "x"}, "items": {"type": "string"}, "minContains": 2}),
        json!({"type": "string", "minLength": 80, "maxLength": 81}),
        json!({"type": "string", "maxLength": 2}),
        json!({"type": "string", "pattern": "^[A-Z]{2}[0-9]+$", "minLength": 9, "maxLength": 12}),
        json!({"type": "string", "format": "date-time"}),
        json!({"type": "string", "format": "email"}),
        json!({"type": "string", "format": "uuid"}),
        json!({"type": "string", "format": "ipv6"}),
        json!({"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"a": {"minLength": 9}, "b": {"type": "boolean"}}, "required": ["b"]}]}),
        json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        json!({"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]}),
        json!({"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}},
            "required": ["kind", "x"]}, {"type": "object", "properties": {"kind": {"const": "b"}},
            "required": ["kind"]}]}),
        json!({"type": "integer", "minimum": 0, "maximum": 3, "not": {"enum": [0, 1, 3]}}),
        json!({"enum": [1, "a", null, {"b": []}]}),
        json!({"type": "string", "enum": ["long enough", "no"], "minLength": 5}),
        json!({"const": {"a": [1, 2.5]}}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3}),
        json!({"type": "object", "patternProperties": {"^x_": {"type": "integer"}}, "additionalProperties": false,
            "minProperties": 2}),
        json!({"type": "object", "propertyNames": {"pattern": "^[a-z]{3}$"}, "minProperties": 1}),
        json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"],
            "dependentRequired": {"a": ["b"]}}),
        json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {
            "value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "required": ["value", "next", "children"], "additionalProperties": false}}}),
        json!({"type": "object", "properties": {"tree": {"$ref": "#"}}}),
        json!({"definitions": {"a/b": {"type": "boolean"}}, "$ref": "#/definitions/a~1b"}),
        json!({"type": "object", "properties": {"country": {"enum": ["us", "de"]}}, "required": ["country"],
            "if": {"properties": {"country": {"const": "us"}}},
            "then": {"properties": {"zip": {"pattern": "^[0-9]{5}$"}}, "required": ["zip"]},
            "else": {"properties": {"plz": {"type": "integer"}}, "required": ["plz"]}}),
        json!({"type": ["object", "null"], "properties": {"steps": {"type": "array", "minItems": 2, "items": {
            "type": "object", "properties": {"explanation": {"type": "string"}, "output": {"type": "string"}},
            "required": ["explanation", "output"]}}, "final_answer": {"type": "string"}},
            "required": ["steps", "final_answer"]}),
        json!({"type": "object", "properties": {"x": {"allOf": [{"$ref": "#/$defs/positive"}], "maximum": 4}},
            "required": ["x"], "$defs": {"positive": {"type": "integer", "minimum": 1}}}),
        json!({"allOf": [{"anyOf": [{"minimum": 10}, {"maximum": -10}]}, {"type": "integer"}], "multipleOf": 4}),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn instances_satisfy_their_schemas(seed: u64) {
        for schema in written() {
            let made = instance(&schema, seed);
            let judge = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
            prop_assert!(judge.is_valid(&made), "{schema}: {made}");
            prop_assert!(check::satisfies(&schema, &made));
            prop_assert_eq!(&made, &instance(&schema, seed));
        }
    }

    /// Whatever is given as a schema: no panic, and no end that does not come.
    #[test]
    fn anything_may_be_given_as_a_schema(seed: u64, name in "[a-zA-Z$]{1,12}", number in any::<i64>()) {
        for value in [json!(number), json!(name), json!([number]), json!({name.clone(): number}), json!(null)] {
            for keyword in ["type", "enum", "minimum", "multipleOf", "required", "properties", "items", "anyOf", "$ref",
                "pattern", "minItems", "if", "maxLength", "prefixItems", "contains"] {
                instance(&json!({keyword: value, "type": "object", "properties": {"a": {keyword: value}}, "required": ["a"]}), seed);
                instance(&json!({keyword: value}), seed);
            }
        }
    }
}

#[test]
fn schemas_without_end_or_without_instance_come_to_an_end() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"type": "array", "items": {"$ref": "#"}, "minItems": 2}),
        json!({"type": "string", "minLength": 4_000_000_000u64}),
        json!({"type": "array", "minItems": 4_000_000_000u64, "items": {"const": 1}}),
        json!(false),
        json!({"enum": []}),
    ] {
        instance(&schema, 7);
    }
}
