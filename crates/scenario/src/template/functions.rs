//! What expressions of scenarios know beyond minijinja's own: looking into texts and JSON.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use minijinja::value::Object;
use minijinja::{Environment, Error, ErrorKind, Value};
use regex::Regex;
use serde::Deserialize;

/// Adds filters and tests to the language.
pub(super) fn add_to(language: &mut Environment<'static>) {
    language.add_filter("fromjson", from_json);
    language.add_filter("regex", |text: &str, pattern: &str| -> Result<Value, Error> {
        Ok(found(&compiled(pattern)?, text))
    });
    language.add_filter("path", |value: Value, path: &str| -> Result<Value, Error> {
        let json = serde_json::to_value(&value).map_err(|e| refused(e.to_string()))?;
        at_path(&json, path).map_err(refused)
    });
    language.add_filter("called", |calls: Value, name: &str| -> Result<Value, Error> {
        for call in calls.try_iter()? {
            if call.get_attr("name")?.as_str() == Some(name) {
                return Ok(call);
            }
        }
        Ok(Value::from(()))
    });
    language.add_test("containing", |text: Value, part: Value| -> Result<bool, Error> {
        match (text.as_str(), part.as_str()) {
            (Some(text), Some(part)) => Ok(text.contains(part)),
            _ => Ok(text.try_iter()?.any(|item| item == part)),
        }
    });
    language.add_test("matching", |text: &str, pattern: &str| -> Result<bool, Error> {
        Ok(compiled(pattern)?.is_match(text))
    });
}

/// The value at an RFC 9535 path: the first, where there are several; none where there is none.
pub(crate) fn at_path(json: &serde_json::Value, path: &str) -> Result<Value, String> {
    let whole = if path.starts_with('$') { path.to_owned() } else { format!("$.{path}") };
    let path =
        serde_json_path::JsonPath::parse(&whole).map_err(|e| format!("`{path}` is no JSON path: {e}"))?;
    path.query(json)
        .first()
        .map_or(Ok(Value::UNDEFINED), |found| Value::deserialize(found).map_err(|e| e.to_string()))
}

/// The first group of the first match, or all of it where there is no group; none where nothing matches.
pub(crate) fn found(regex: &Regex, text: &str) -> Value {
    let Some(captures) = regex.captures(text) else { return Value::UNDEFINED };
    let matched = captures.get(1).or_else(|| captures.get(0));
    matched.map_or(Value::UNDEFINED, |matched| Value::from(matched.as_str()))
}

fn from_json(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|e| refused(format!("this is no JSON: {e}")))
}

/// A pattern, compiled: once, as long as there are not too many of them.
fn compiled(pattern: &str) -> Result<Regex, Error> {
    const MOST: usize = 256;
    static KNOWN: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = known.get(pattern) {
        return Ok(regex.clone());
    }
    let regex =
        Regex::new(pattern).map_err(|e| refused(format!("`{pattern}` is no regular expression: {e}")))?;
    if known.len() < MOST {
        known.insert(pattern.to_owned(), regex.clone());
    }
    Ok(regex)
}

fn refused(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

/// Makes a mapping of names to values that is looked into and never copied.
pub(crate) fn lookup<T: Fn(&str) -> Option<Value> + Send + Sync + 'static>(names: T) -> Value {
    struct Lookup<T>(T);

    impl<T> std::fmt::Debug for Lookup<T> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("names")
        }
    }

    impl<T: Fn(&str) -> Option<Value> + Send + Sync> Object for Lookup<T> {
        fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
            (self.0)(key.as_str()?)
        }
        fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
            (self.0)(key)
        }
        fn is_true(self: &Arc<Self>) -> bool {
            true
        }
    }

    Value::from_object(Lookup(names))
}
