//! One target, or several that share the requests; and the keys that requests are sent with in turn.

use floodline_core::plan::Split;

use super::findings::Findings;
use super::target::{self, Resolved, is_variable_name, variable};
use crate::secret::Secret;
use crate::workload::own::is_header_value;
use crate::written::{At, Given, Keys, OneOrMany, Place, Scalar, Scenario, Text};

/// The targets of a scenario.
pub(super) struct Targets {
    /// At least one.
    pub(super) all: Vec<Resolved>,
    /// How they share the requests, where there are several.
    pub(super) split: Option<Split>,
}

/// Resolves `target`, or `targets` and `fallback`.
pub(super) fn resolve(scenario: &Scenario, seed: u64, findings: &mut Findings<'_>) -> Option<Targets> {
    let Given(Some(OneOrMany(written))) = &scenario.targets else {
        if let Some(fallback) = scenario.fallback.as_ref() {
            findings
                .problem(fallback.place, "there is only one target, and nothing to fall back to")
                .with_help("list them: targets: [{name: a, url: ...}, {name: b, url: ...}]");
        }
        if let Some(At { value, place }) = scenario.target.as_ref()
            && (value.name.is_some() || value.weight.is_some())
        {
            findings
                .problem(*place, "`name` and `weight` tell several targets apart")
                .with_help("leave them out, or list several under targets:");
        }
        let one = target::resolve(scenario.target.as_ref(), scenario.asks(), seed, findings)?;
        return Some(Targets { all: vec![one], split: None });
    };
    if let Some(At { place, .. }) = scenario.target.as_ref() {
        findings.problem(*place, "`target` stands beside `targets`").with_help("make it one of them");
    }
    let (mut names, mut weights, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for (k, at) in written.iter().enumerate() {
        let At { value, place } = at;
        let name =
            findings.text(&value.name, "the target's name").unwrap_or_else(|| format!("target {}", k + 1));
        if names.contains(&name) {
            findings
                .problem(*place, format!("two targets have the name `{name}`"))
                .with_help("name them apart: figures are shown by name");
        }
        names.push(name);
        weights.push(if value.weight.is_some() { findings.read(&value.weight).unwrap_or(0) } else { 1 });
        all.extend(target::resolve(Some(at), scenario.asks(), seed, findings));
    }
    let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    if total == 0 || total > u64::from(u32::MAX) {
        let place = written.first().map_or(Place::Nowhere, |first| first.place);
        findings
            .problem(place, "the weights of the targets add up to nothing, or to too much")
            .with_help("weights are shares, such as 3 and 1; one that only stands in has weight 0");
    }
    let fallback = fallback(&scenario.fallback, &names, findings);
    if all.len() < written.len() || total == 0 {
        return None;
    }
    let more = all.iter().skip(1).map(|target| target.target.clone()).collect();
    Some(Targets { all, split: Some(Split { names, weights, more, fallback }) })
}

fn fallback(written: &Given<Scalar<Text>>, names: &[String], findings: &mut Findings<'_>) -> Option<usize> {
    let wanted = findings.text(written, "the name of the fallback")?;
    named(&wanted, written.as_ref().map_or(Place::Nowhere, |written| written.place), names, findings)
}

fn named(wanted: &str, place: Place, names: &[String], findings: &mut Findings<'_>) -> Option<usize> {
    let found = names.iter().position(|name| name == wanted);
    if found.is_none() {
        findings
            .problem(place, format!("no target has the name `{wanted}`"))
            .with_help(format!("the targets are {}", names.join(", ")));
    }
    found
}

impl Targets {
    /// Makes the fallback that a retry policy names, at `place`, that of the targets: there is only one.
    pub(super) fn fall_back_to(&mut self, name: &str, place: Place, findings: &mut Findings<'_>) {
        let Some(split) = &mut self.split else {
            findings
                .problem(place, "there is only one target, and nothing to fall back to")
                .with_help("list them: targets: [{name: a, url: ...}, {name: b, url: ...}]");
            return;
        };
        let Some(number) = named(name, place, &split.names, findings) else { return };
        match split.fallback {
            Some(other) if other != number => {
                findings
                    .problem(place, format!("the targets have another fallback, `{}`", split.names[other]))
                    .with_help("keep one of `fallback` and the one of `retry`");
            }
            Some(_) | None => split.fallback = Some(number),
        }
    }
}

/// Names and values of the keys that requests are sent with in turn.
pub(super) fn keys(written: &Given<At<Keys>>, findings: &mut Findings<'_>) -> Option<Vec<(String, Secret)>> {
    let At { value: written, place } = written.as_ref()?;
    let keys = match (written.env.as_ref(), written.file.as_ref()) {
        (Some(names), None) => from_environment(&names.0, findings),
        (None, Some(file)) => from_file(file, findings),
        (None, None) | (Some(_), Some(_)) => {
            findings
                .problem(*place, "keys come from exactly one of `env` and `file`")
                .with_help("write keys: {env: [KEY_A, KEY_B]} or keys: {file: keys.txt}");
            return None;
        }
    };
    if keys.as_ref().is_some_and(Vec::is_empty) {
        findings.problem(*place, "there are no keys here").with_help("write keys: {env: [KEY_A, KEY_B]}");
    }
    keys
}

fn from_environment(names: &[Scalar<Text>], findings: &mut Findings<'_>) -> Option<Vec<(String, Secret)>> {
    let mut keys = Vec::new();
    for Scalar { text, place, .. } in names {
        if !is_variable_name(text) {
            findings
                .secret_problem(*place, "this is not the name of an environment variable")
                .with_help("name the variable that holds the key, not the key, such as MY_KEY");
            continue;
        }
        keys.push((text.clone(), Secret::new(variable(text, *place, findings)?)));
    }
    Some(keys)
}

/// A key on each line: `NAME=value`, or only the value, which is then named after its number.
fn from_file(file: &Scalar<Text>, findings: &mut Findings<'_>) -> Option<Vec<(String, Secret)>> {
    let (_, bytes) = findings.file(&At { value: file.text.clone(), place: file.place })?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut keys: Vec<(String, Secret)> = Vec::new();
    for (k, line) in lines.enumerate() {
        let named = line.split_once('=').filter(|(name, _)| is_variable_name(name.trim()));
        let (name, value) = match named {
            Some((name, value)) => (name.trim().to_owned(), value.trim().trim_matches(['"', '\''])),
            None => (format!("key {}", k + 1), line),
        };
        if !is_header_value(value) || value.is_empty() {
            findings
                .secret_problem(file.place, format!("{name} of this file cannot be sent in a header"))
                .with_help("a key on each line, as NAME=value or only the value");
            return None;
        }
        keys.push((name, Secret::new(value)));
    }
    Some(keys)
}
