//! What steps take from the environment.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::resolve::findings::Findings;
use crate::resolve::target::{is_variable_name, variable};
use crate::secret::Secret;
use crate::written::Place;

/// The variables that steps refer to, and their values.
#[derive(Debug, Default)]
pub(super) struct Environment(BTreeMap<String, Secret>);

impl Environment {
    /// The text with each `${env:NAME}` replaced by an expression of the same meaning.
    pub(super) fn refer(&mut self, text: &str, place: Place, findings: &mut Findings<'_>) -> Option<String> {
        let mut made = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, reference)) = rest.split_once("${env:") {
            made.push_str(before);
            let Some((name, after)) = reference.split_once('}') else {
                findings.problem(place, "this reference has no end").with_help("write ${env:NAME}");
                return None;
            };
            if !is_variable_name(name) {
                findings
                    .secret_problem(place, "this is not the name of an environment variable")
                    .with_help("write ${env:NAME} with the name of the variable, not its value");
                return None;
            }
            if !self.0.contains_key(name) {
                let value = variable(name, place, findings)?;
                self.0.insert(name.to_owned(), Secret::new(value));
            }
            made.push_str(&format!("{{{{ env.{name} }}}}"));
            rest = after;
        }
        made.push_str(rest);
        Some(made)
    }

    /// The same for every string in `value`.
    pub(super) fn refer_in(
        &mut self,
        value: &Value,
        place: Place,
        findings: &mut Findings<'_>,
    ) -> Option<Value> {
        Some(match value {
            Value::String(text) => Value::String(self.refer(text, place, findings)?),
            Value::Array(items) => {
                let items = items.iter().map(|item| self.refer_in(item, place, findings));
                Value::Array(items.collect::<Option<_>>()?)
            }
            Value::Object(members) => {
                let member = |(name, value): (&String, &Value)| {
                    Some((name.clone(), self.refer_in(value, place, findings)?))
                };
                Value::Object(members.iter().map(member).collect::<Option<_>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    /// The names and values.
    pub(super) fn into_values(self) -> BTreeMap<String, Secret> {
        self.0
    }
}
