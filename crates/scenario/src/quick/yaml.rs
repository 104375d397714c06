//! A quick form written down as a scenario file.

use std::fmt::Write;

use crate::written::{
    Asked, At, Either, Given, OneOrMany, Place, Prompt, Scalar, Scenario, Stage, Target, Timeouts,
};

/// The scenario as YAML; of the keys, those that a quick form can set.
pub(super) fn write(scenario: &Scenario) -> String {
    let mut out = String::new();
    let mut line = |key: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{key}: {value}");
    };
    for (key, value) in [value("name", &scenario.name), value("seed", &scenario.seed)].into_iter().flatten() {
        line(key, value);
    }
    if let Some(target) = scenario.target.as_ref() {
        line("target", mapping(target_of(&target.value)));
    }
    if let Some(OneOrMany(prompts)) = scenario.prompts.as_ref() {
        line("prompts", list(prompts.iter().map(|prompt| mapping(prompt_of(&prompt.value)))));
    }
    if let Some(OneOrMany(stages)) = scenario.load.as_ref() {
        line("load", list(stages.iter().map(|stage| mapping(stage_of(&stage.value)))));
    }
    if let Some(Timeouts { connect, request, idle, grace }) = scenario.timeouts.as_ref() {
        let set = [
            value("connect", connect),
            value("request", request),
            value("idle", idle),
            value("grace", grace),
        ];
        if set.iter().any(Option::is_some) {
            line("timeouts", mapping(set.into()));
        }
    }
    if let Some(Asked(sentences)) = scenario.objectives.as_ref() {
        line("objectives", list(sentences.iter().map(text)));
    }
    if let Some(Either::Single(name)) = scenario.retry.as_ref() {
        line("retry", text(name));
    }
    if let Some((key, value)) = value("record_bodies", &scenario.record_bodies) {
        line(key, value);
    }
    out
}

type Entry = Option<(&'static str, String)>;

fn target_of(target: &Target) -> Vec<Entry> {
    let stub = target
        .stub
        .as_ref()
        .map(|At { value: stub, .. }| ("stub", mapping(vec![value("profile", &stub.profile)])));
    let headers = target.headers.as_ref().filter(|headers| !headers.0.is_empty()).map(|headers| {
        let pairs = headers
            .0
            .iter()
            .map(|header| format!("{}: {}", quoted(&header.name.value), quoted(&header.value.text)));
        ("headers", format!("{{{}}}", pairs.collect::<Vec<_>>().join(", ")))
    });
    vec![
        value("api", &target.api),
        value("url", &target.url),
        stub,
        value("model", &target.model),
        value("tokenizer", &target.tokenizer),
        value("key", &target.key),
        headers,
        value("stream", &target.stream),
        value("ca_file", &target.ca_file),
        value("insecure", &target.insecure),
        value("http", &target.http),
        value("connections", &target.connections),
        value("proxy", &target.proxy),
    ]
}

fn prompt_of(prompt: &Prompt) -> Vec<Entry> {
    vec![
        value("text", &prompt.text),
        value("file", &prompt.file),
        single("input_tokens", &prompt.input_tokens),
        single("max_tokens", &prompt.max_tokens),
    ]
}

fn stage_of(stage: &Stage) -> Vec<Entry> {
    let warmup = stage.warmup.as_ref().map(|warmup| match warmup {
        Either::Single(rate) => ("warmup", text(rate)),
        Either::Other(beside) => ("warmup", mapping(vec![single("users", &beside.value.users)])),
    });
    vec![
        warmup,
        value("hold", &stage.hold),
        single("users", &stage.users),
        value("for", &stage.length),
        value("requests", &stage.requests),
        single("arrivals", &stage.arrivals),
        value("burstiness", &stage.burstiness),
    ]
}

fn value<T>(key: &'static str, given: &Given<Scalar<T>>) -> Entry {
    given.as_ref().map(|scalar| (key, text(scalar)))
}

/// The same of a value that could be a mapping, which no quick form makes it.
fn single<S, T>(key: &'static str, given: &Given<Either<S, T>>) -> Entry {
    match given.as_ref()? {
        Either::Single(scalar) => Some((key, text(scalar))),
        Either::Other(_) => None,
    }
}

/// A value as it is, if it is plainly a number, a word or the like, else quoted.
fn text<T>(scalar: &Scalar<T>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | '-');
    let text = scalar.text.as_str();
    let word = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain);
    let null = ["null", "Null", "NULL"].contains(&text);
    if word && !null && scalar.place != Place::Nowhere { text.into() } else { quoted(text) }
}

/// JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn mapping(entries: Vec<Entry>) -> String {
    let entries = entries.into_iter().flatten().map(|(key, value)| format!("{key}: {value}"));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.map(|item| format!("\n  - {item}")).collect()
}
