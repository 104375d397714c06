//! JSON whose strings are templates.

use minijinja::Value;
use serde_json::Value as Json;

use super::{Expression, Template, only_expression};
use crate::written::Wrong;

/// JSON to be filled in.
#[derive(Debug)]
pub(crate) enum JsonTemplate {
    /// Nothing in it is to be filled in: written as it stands.
    Constant(Box<[u8]>),
    /// A string with expressions in it.
    Text(Template),
    /// A value of any type.
    Value(Expression),
    /// A list.
    List(Vec<JsonTemplate>),
    /// An object, in the order in which it is written.
    Object(Vec<(Box<[u8]>, JsonTemplate)>),
}

impl JsonTemplate {
    /// Compiles what stands in the strings of `json`.
    pub(crate) fn new(json: &Json) -> Result<JsonTemplate, Wrong> {
        let made = match json {
            Json::String(text) => match only_expression(text) {
                Some(_) => JsonTemplate::Value(Expression::new(text)?),
                None => match Template::new(text)? {
                    Template::Plain(_) => JsonTemplate::constant(json),
                    filled => JsonTemplate::Text(filled),
                },
            },
            Json::Array(items) => {
                let items = items.iter().map(JsonTemplate::new).collect::<Result<Vec<_>, _>>()?;
                match items.iter().all(JsonTemplate::is_constant) {
                    true => JsonTemplate::constant(json),
                    false => JsonTemplate::List(items),
                }
            }
            Json::Object(members) => {
                let member = |(name, value): (&String, &Json)| {
                    let name = Json::String(name.clone()).to_string().into_bytes();
                    Ok((name.into_boxed_slice(), JsonTemplate::new(value)?))
                };
                let members = members.iter().map(member).collect::<Result<Vec<_>, Wrong>>()?;
                match members.iter().all(|(_, value)| value.is_constant()) {
                    true => JsonTemplate::constant(json),
                    false => JsonTemplate::Object(members),
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => JsonTemplate::constant(json),
        };
        Ok(made)
    }

    /// Appends the JSON, filled in, to `out`.
    pub(crate) fn write(&self, context: &Value, out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            JsonTemplate::Constant(bytes) => out.extend_from_slice(bytes),
            JsonTemplate::Text(template) => write(out, &template.render(context)?)?,
            JsonTemplate::Value(expression) => {
                let value = expression.value(context)?;
                if value.is_undefined() {
                    return Err(format!("`{}` is not defined", expression.text));
                }
                write(out, &value)?;
            }
            JsonTemplate::List(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    item.write(context, out)?;
                }
                out.push(b']');
            }
            JsonTemplate::Object(members) => {
                out.push(b'{');
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(name);
                    out.push(b':');
                    value.write(context, out)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }

    fn constant(json: &Json) -> JsonTemplate {
        JsonTemplate::Constant(json.to_string().into_bytes().into())
    }

    fn is_constant(&self) -> bool {
        matches!(self, JsonTemplate::Constant(_))
    }
}

fn write<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), String> {
    serde_json::to_writer(out, value).map_err(|e| format!("this cannot be written as JSON: {e}"))
}

#[cfg(test)]
mod tests {
    use minijinja::context;
    use serde_json::json;

    use super::*;

    fn filled(json: Json, context: Value) -> Result<String, String> {
        let mut out = Vec::new();
        JsonTemplate::new(&json).unwrap().write(&context, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_string_that_is_one_expression_keeps_its_type() {
        let context = context! { n => 3, list => vec![1, 2], name => "a\"b", yes => true };
        let json = json!({"n": "{{ n }}", "text": "n is {{ n }}", "list": ["{{ list }}", 1, null], "q": "{{ name }}",
            "both": "{{ n }}{{ n }}", "plain": "x", "not": "{{ not yes }}"});
        let written = filled(json, context).unwrap();
        let read: Json = serde_json::from_str(&written).unwrap();
        assert_eq!(
            read,
            json!({"n": 3, "text": "n is 3", "list": [[1, 2], 1, null], "q": "a\"b", "both": "33", "plain": "x", "not": false})
        );
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        assert!(filled(json!({"a": "{{ nobody }}"}), context! {}).unwrap_err().contains("nobody"));
        assert!(filled(json!(["x {{ nobody }}"]), context! {}).is_err());
    }

    #[test]
    fn constant_json_is_written_as_it_stands() {
        let json = json!({"b": [1, {"c": "d"}], "a": 1.5});
        assert!(matches!(JsonTemplate::new(&json).unwrap(), JsonTemplate::Constant(_)));
        assert_eq!(filled(json, context! {}).unwrap(), r#"{"a":1.5,"b":[1,{"c":"d"}]}"#);
    }
}
