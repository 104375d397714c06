//! What an answer must satisfy.

use std::fmt;
use std::sync::Arc;

use super::scope::{Scope, Seen};
use crate::template::Expression;

/// One thing that an answer must satisfy, and what is said where it does not.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) test: Test,
    /// In place of what would be said.
    pub(crate) message: Option<String>,
}

/// What is tested.
pub(crate) enum Test {
    /// An expression holds.
    Expression(Expression),
    /// The JSON of the answer, or in what the model said, satisfies a schema.
    Schema(Box<jsonschema::Validator>),
    /// A tool is called, with arguments that satisfy a schema.
    Tool { name: String, arguments: Option<Box<jsonschema::Validator>> },
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Expression(expression) => f.debug_tuple("Expression").field(&expression.text).finish(),
            Test::Schema(_) => f.write_str("Schema"),
            Test::Tool { name, .. } => f.debug_tuple("Tool").field(name).finish(),
        }
    }
}

impl Check {
    /// Why the answer fails it, if it does.
    pub(super) fn judge(&self, scope: &Arc<Scope>, seen: &Seen) -> Result<(), String> {
        let said = match self.test.judge(scope, seen) {
            Ok(()) => return Ok(()),
            Err(why) => why,
        };
        Err(self.message.clone().unwrap_or(said))
    }
}

impl Test {
    fn judge(&self, scope: &Arc<Scope>, seen: &Seen) -> Result<(), String> {
        match self {
            Test::Expression(expression) => match expression.holds(&scope.context()) {
                Ok(true) => Ok(()),
                Ok(false) => Err(format!("check failed: {}", expression.text)),
                Err(why) => Err(format!("check failed: {} ({why})", expression.text)),
            },
            Test::Schema(schema) => {
                let json = seen.json();
                if json.is_undefined() {
                    return Err("check failed: the answer is no JSON".into());
                }
                let json = serde_json::to_value(json).map_err(|e| e.to_string())?;
                satisfies(schema, &json, "the answer")
            }
            Test::Tool { name, arguments } => tool(name, arguments.as_deref(), seen),
        }
    }
}

fn tool(name: &str, schema: Option<&jsonschema::Validator>, seen: &Seen) -> Result<(), String> {
    let mut calls = seen.answer.tools.iter().filter(|tool| tool.name == name).peekable();
    if calls.peek().is_none() {
        return Err(format!("check failed: the tool {name} is not called"));
    }
    let Some(schema) = schema else { return Ok(()) };
    calls.try_for_each(|call| {
        let arguments: serde_json::Value = serde_json::from_str(&call.arguments)
            .map_err(|e| format!("check failed: the arguments of {name} are no JSON: {e}"))?;
        satisfies(schema, &arguments, &format!("the arguments of {name}"))
    })
}

fn satisfies(schema: &jsonschema::Validator, json: &serde_json::Value, what: &str) -> Result<(), String> {
    schema.validate(json).map_err(|e| {
        let place = e.instance_path().to_string();
        let at = if place.is_empty() { String::new() } else { format!(" at {place}") };
        // What the answer holds may be a secret, and long: it is not shown.
        format!("check failed: {what} does not satisfy the schema{at}: {}", e.masked())
    })
}
