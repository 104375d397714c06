//! What of an answer is kept for later steps.

use std::sync::Arc;

use minijinja::Value;
use regex::Regex;

use super::scope::{Scope, Seen};
use crate::template::{Expression, found};

/// A value to be kept under a name.
#[derive(Debug)]
pub(crate) struct Save {
    pub(crate) name: Arc<str>,
    pub(crate) from: Source,
}

/// Where the value is found.
#[derive(Debug)]
pub(crate) enum Source {
    /// An expression over the answer and all that is known.
    Expression(Expression),
    /// A path into the body, or into what the model said.
    Json(serde_json_path::JsonPath),
    /// A header field, its name in lower case.
    Header(String),
    /// The first group of a pattern, in the body or in what the model said.
    Regex(Regex),
}

impl Save {
    /// The value; why there is none to be kept, if so.
    pub(super) fn value(&self, scope: &Arc<Scope>, seen: &Seen) -> Result<Value, String> {
        let value = match &self.from {
            Source::Expression(expression) => expression
                .value(&scope.context())
                .map_err(|why| self.nothing(&format!("`{}`: {why}", expression.text)))?,
            Source::Json(path) => at(path, seen).map_err(|why| self.nothing(&why))?,
            Source::Header(name) => {
                let header = seen.answer.headers.iter().find(|(other, _)| other == name);
                header.map_or(Value::UNDEFINED, |(_, value)| Value::from(value.as_str()))
            }
            Source::Regex(regex) => found(regex, &seen.body()),
        };
        match value.is_undefined() {
            true => Err(self.nothing(&self.missing())),
            false => Ok(value),
        }
    }

    fn nothing(&self, why: &str) -> String {
        format!("nothing to save as `{}`: {why}", self.name)
    }

    fn missing(&self) -> String {
        match &self.from {
            Source::Expression(expression) => format!("`{}` is not there", expression.text),
            Source::Json(path) => format!("the answer has nothing at {path}"),
            Source::Header(name) => format!("the answer has no header {name}"),
            Source::Regex(regex) => format!("nothing in the answer matches {regex}"),
        }
    }
}

fn at(path: &serde_json_path::JsonPath, seen: &Seen) -> Result<Value, String> {
    let json = seen.json();
    if json.is_undefined() {
        return Err("the answer is no JSON".into());
    }
    let json = serde_json::to_value(json).map_err(|e| e.to_string())?;
    let found = path.query(&json).first();
    found.map_or(Ok(Value::UNDEFINED), |found| {
        serde::Deserialize::deserialize(found).map_err(|e: serde_json::Error| e.to_string())
    })
}
