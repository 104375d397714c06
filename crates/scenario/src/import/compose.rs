//! From requests to a scenario: which form it takes, in what order its keys stand, and what is said about it.

use super::Imported;
use super::call::{Call, Draft, reference};
use super::tree::{Tree, map};
use super::vault::Vault;
use super::yaml::{document, one_line};
use super::{http, llm};

/// So many names of a list are said.
const NAMED: usize = 10;

/// The scenario for a draft that has at least one call, and the notes on it.
pub(super) fn compose(draft: &Draft, word: &str, file: &str) -> Imported {
    let mut vault = Vault::default();
    // Once to learn what the secrets are, and once to write none of them anywhere.
    let mut scratch = Vec::new();
    members(draft, &mut vault, &mut scratch);
    let mut notes = draft.notes.clone();
    let members = members(draft, &mut vault, &mut notes);
    let body = document(&members);
    let variables = variables(&body);
    let mut notes: Vec<String> = notes.iter().map(|note| one_line(&vault.shown(note))).collect();
    for name in &variables {
        let told = draft.variables.iter().find(|(other, _)| other == name).map(|(_, what)| what.as_str());
        let what = told.or_else(|| vault.what(name)).map(|what| format!(": {what}")).unwrap_or_default();
        notes.push(one_line(&vault.shown(&format!("set {name} before the run{what}"))));
    }
    let file = one_line(&vault.shown(if file == "-" { "standard input" } else { file }));
    let mut yaml = format!(
        "# Made by `floodline import {word}` from {file}, to start from: `floodline plan` shows what it would send.\n"
    );
    if !variables.is_empty() {
        yaml.push_str(&format!("# Set before the run: {}.\n", variables.join(", ")));
    }
    yaml.push_str(&body);
    Imported { yaml, notes }
}

fn members(draft: &Draft, vault: &mut Vault, notes: &mut Vec<String>) -> Vec<(String, Tree)> {
    let name = http::slug(&draft.name);
    let name = if name.is_empty() || vault.shown(&name) != name { "imported".into() } else { name };
    let mut members = vec![("name".to_owned(), Tree::Text(name))];
    members.extend(match (llm::scenario(draft, vault, notes), draft.calls.as_slice()) {
        (Some(members), _) => members,
        (None, calls) => match calls {
            [call] => http::one(call, draft, vault, notes),
            _ => None,
        }
        .unwrap_or_else(|| http::flow(draft, vault, notes)),
    });
    let load = map([("users", Tree::Plain("1".into())), ("for", Tree::Plain("30s".into()))]);
    let load = Tree::List(vec![load.noted("or at a rate, whatever the answers do: {hold: 2/s, for: 5m}")]);
    members.push(("load".into(), load));
    let wire = &draft.wire;
    let limits = [("connect", &wire.connect_timeout), ("request", &wire.timeout)];
    let limits: Vec<(String, Tree)> = limits
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Tree::Plain(format!("{}s", value.as_ref()?)))))
        .collect();
    if !limits.is_empty() {
        members.push(("timeouts".into(), Tree::Map(limits)));
    }
    members
}

/// What a target says of its connections.
pub(super) fn wire(draft: &Draft) -> Vec<(String, Tree)> {
    let wire = &draft.wire;
    let text = |text: &Option<String>| text.clone().map(Tree::Text);
    let secure = draft.calls.iter().any(|call| call.origin.starts_with("https"));
    [
        ("http", wire.http2.then(|| Tree::Plain("2".into()))),
        ("proxy", text(&wire.proxy)),
        ("compression", wire.compression.then_some(Tree::Bool(true))),
        ("ca_file", text(&wire.ca_file).filter(|_| secure)),
        ("insecure", (wire.insecure && secure).then(|| Tree::Bool(true).noted("trusts any certificate"))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// The name of a scenario: that of its file, else of the host.
pub(super) fn name_of(file: &str, calls: &[Call]) -> String {
    let stem = file.rsplit(['/', '\\']).next().unwrap_or(file).split('.').next().unwrap_or("");
    match stem {
        "" | "-" => calls.first().map_or("imported", Call::host).to_owned(),
        stem => stem.to_owned(),
    }
}

/// So many of these, as people say it.
pub(super) fn counted(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// Names, of which only the first are said.
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let list = names.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

/// A time as people write it: tenths of a second below ten, whole seconds above.
pub(super) fn seconds(ms: u64) -> String {
    let tenths = ms.saturating_add(50) / 100;
    match tenths {
        100.. => format!("{}s", ms.saturating_add(500) / 1000),
        tenths if tenths % 10 == 0 => format!("{}s", tenths / 10),
        tenths => format!("{}.{}s", tenths / 10, tenths % 10),
    }
}

/// The variables that a text refers to, in its order.
fn variables(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (at, _) in text.match_indices("${env:") {
        if let Some(end) = reference(&text[at..]) {
            let name = &text[at + "${env:".len()..at + end - 1];
            if !names.iter().any(|other| other == name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}
