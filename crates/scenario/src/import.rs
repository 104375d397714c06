//! Scenarios to start from, made of what people have: curl commands, recordings of a browser, descriptions of an API.
//!
//! Text in, text out. What is written is a scenario as a person would write it, with comments at what to change, and
//! beside it come notes: what was left out, what was replaced, what to set. Every importer reads its format into
//! [calls](call), literally; one [writer](compose) makes the scenario of them, so that all three treat secrets,
//! templates and the APIs of models alike.
//!
//! No secret of what was read is in what is written: values with the names of secrets and values that look like keys
//! become `${env:NAME}`, wherever they stand.

mod answer;
mod call;
mod compose;
mod curl;
mod har;
mod headers;
mod http;
mod llm;
mod openapi;
mod pen;
mod prompts;
mod tree;
mod vault;
mod yaml;

use crate::Source;
use crate::error::{Error, Problem};
use crate::excerpt::mask_words;

/// What a file is, and what is wanted of it.
#[derive(Clone, Debug)]
pub enum Format {
    /// Commands as shells have them.
    Curl,
    /// A recording of a browser.
    Har {
        /// The host whose requests are taken; the one with the most unless given.
        host: Option<String>,
    },
    /// A description of an API, as JSON or YAML.
    OpenApi {
        /// The operations that are taken, by their `operationId`; those that need the least unless given.
        operations: Vec<String>,
    },
}

/// A scenario and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The scenario's text.
    pub yaml: String,
    /// One sentence each.
    pub notes: Vec<String>,
}

/// Makes a scenario of a file.
///
/// # Errors
/// If the file is not what it is said to be, or holds nothing to make a scenario of.
pub fn import(format: &Format, source: &Source<'_>) -> Result<Imported, Error> {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(source.text);
    let source = Source { text, ..*source };
    let (draft, word) = match format {
        Format::Curl => (curl::read(&source), "curl"),
        Format::Har { host } => (har::read(&source, host.as_deref()), "har"),
        Format::OpenApi { operations } => (openapi::read(&source, operations), "openapi"),
    };
    Ok(compose::compose(&draft?, word, source.name))
}

/// A problem with a line of a file. The line itself is not shown: it may be all secrets.
fn problem(source: &Source<'_>, line: Option<usize>, message: impl Into<String>, help: &str) -> Problem {
    let name = if source.name == "-" { "standard input" } else { source.name };
    let place = line.map_or_else(|| name.to_owned(), |line| format!("{name}:{line}"));
    Problem::new(message).help(help).in_file(mask_words(&place))
}

/// A problem that the JSON library found.
fn broken_json(source: &Source<'_>, error: &serde_json::Error, what: &str, help: &str) -> Problem {
    let why = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early".to_owned(),
        // Of other errors the library quotes the file.
        _ if error.to_string().contains("nested too deeply") || error.to_string().contains("recursion") => {
            "it is nested too deeply".to_owned()
        }
        _ => format!("it breaks off at column {}", error.column()),
    };
    problem(source, Some(error.line().max(1)), format!("this is not {what}: {why}"), help)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::template::{Expression, Template};

    fn templates(value: &Value) {
        match value {
            Value::String(text) => {
                Template::new(text).map_err(|e| e.message).expect(text);
            }
            Value::Array(items) => items.iter().for_each(templates),
            Value::Object(members) => members.values().for_each(templates),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn expressions<'a>(values: impl Iterator<Item = &'a Value>) -> usize {
        let mut seen = 0;
        for text in values.filter_map(Value::as_str) {
            Expression::new(text).map_err(|e| e.message).expect(text);
            seen += 1;
        }
        seen
    }

    #[test]
    fn templates_and_expressions_of_a_flow_are_such() {
        let text = include_str!("../tests/fixtures/import/chat.har");
        let imported = import(&Format::Har { host: None }, &Source { name: "chat.har", text }).unwrap();
        let scenario: Value = serde_saphyr::from_str(&imported.yaml).unwrap();
        let steps = scenario["flow"]["steps"].as_array().unwrap();
        templates(&Value::Array(steps.clone()));
        let of_steps = |step: &Value| {
            let saved = step["save"].as_object().map_or(0, |saved| expressions(saved.values()));
            saved + step["check"].as_array().map_or(0, |checks| expressions(checks.iter()))
        };
        assert_eq!(steps.iter().map(of_steps).sum::<usize>(), 7);
    }
}
