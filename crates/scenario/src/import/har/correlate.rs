//! Values that an answer gave and a later request sends: they must come from the answers of each run, not from the
//! recording.
//!
//! A value counts if it is long enough, is no mere word, stands verbatim in a later request, and was not sent by the
//! browser before: then the server only repeated it.

use std::collections::HashSet;

use super::super::call::{Body, Call};
use super::super::pen::places;
use super::super::tree::Tree;
use super::Seen;
use crate::excerpt::mask_words;

/// Shorter values meet by chance.
const SHORTEST: usize = 8;
/// Longer ones are documents.
const LONGEST: usize = 8192;
/// So many values of one answer are looked for.
const MOST: usize = 4000;

/// Words that mean something else in templates.
const TAKEN: [&str; 19] = [
    "json",
    "text",
    "headers",
    "status",
    "usage",
    "prompt",
    "values",
    "max_tokens",
    "true",
    "false",
    "none",
    "in",
    "is",
    "and",
    "or",
    "not",
    "if",
    "else",
    "loop",
];

/// A value and the expression that takes it from an answer.
struct Offer {
    value: String,
    from: String,
    name: String,
}

/// Marks what is saved and where it is used, and returns the names.
pub(super) fn correlate(calls: &mut [Call], seen: &[Seen]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut done: HashSet<String> = HashSet::new();
    // Most values of most answers are in no request: their first word says so without a search.
    let words = words_sent(calls);
    let sent = |value: &str| {
        value.split(|c: char| !c.is_alphanumeric()).find(|w| !w.is_empty()).is_none_or(|w| words.contains(w))
    };
    for at in 0..calls.len().min(seen.len()) {
        for offer in offers(&seen[at]) {
            if !sent(&offer.value)
                || done.contains(&offer.value)
                || calls[..=at].iter().any(|call| sends(call, &offer.value))
            {
                continue;
            }
            let users: Vec<usize> =
                (at + 1..calls.len()).filter(|&j| sends(&calls[j], &offer.value)).collect();
            if users.is_empty() {
                continue;
            }
            let name = free(&offer.name, &names);
            for user in users {
                calls[user].known.push((offer.value.clone(), format!("{{{{ {name} }}}}")));
            }
            calls[at].save.push((name.clone(), offer.from));
            names.push(name);
            done.insert(offer.value);
        }
    }
    names
}

/// Whether a request sends this value.
fn sends(call: &Call, value: &str) -> bool {
    let mut found = false;
    each_text(call, &mut |text| found = found || places(text, value).next().is_some());
    found
}

/// Every word that any request sends.
fn words_sent(calls: &[Call]) -> HashSet<String> {
    let mut words = HashSet::new();
    for call in calls {
        each_text(call, &mut |text| {
            words.extend(text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
        });
    }
    words
}

/// Every text of a request in which a value can stand.
fn each_text(call: &Call, look: &mut dyn FnMut(&str)) {
    look(&call.path);
    let lists = [&call.query, &call.headers, &call.cookies];
    lists.into_iter().flatten().for_each(|(_, value)| look(value));
    match &call.body {
        Body::None => {}
        Body::Json(tree) => each_leaf(tree, look),
        Body::Form(form) => form.iter().for_each(|(_, value)| look(value)),
        Body::Text(text) => look(text),
    }
}

fn each_leaf(tree: &Tree, look: &mut dyn FnMut(&str)) {
    match tree {
        Tree::Text(text) | Tree::Number(text) => look(text),
        Tree::List(items) => items.iter().for_each(|item| each_leaf(item, look)),
        Tree::Map(members) => members.iter().for_each(|(_, value)| each_leaf(value, look)),
        Tree::Null | Tree::Bool(_) | Tree::Plain(_) | Tree::Noted(..) => {}
    }
}

/// What an answer offers: values of its body, of its headers, of its cookies.
fn offers(seen: &Seen) -> Vec<Offer> {
    const NOISE: [&str; 12] = [
        "date",
        "etag",
        "last-modified",
        "content-type",
        "server",
        "cache-control",
        "expires",
        "vary",
        "alt-svc",
        "age",
        "content-security-policy",
        "report-to",
    ];
    let mut offers = Vec::new();
    if let Some(json) = &seen.json {
        walk(json, "json", "value", &mut offers);
    }
    for (name, value) in &seen.headers {
        let lower = name.to_ascii_lowercase();
        if lower == "set-cookie" {
            let Some((cookie, rest)) = value.split_once('=') else { continue };
            let cookie = cookie.trim();
            let value = rest.split(';').next().unwrap_or("").trim();
            let plain = cookie.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            if plain && counts(value) {
                let name = cookie.replace('.', "[.]");
                let from = format!("headers[\"set-cookie\"] | regex(\"{name}=([^;]*)\")");
                offers.push(Offer { value: value.into(), from, name: identifier(cookie) });
            }
        } else if !NOISE.contains(&lower.as_str()) && counts(value) && is_plain_name(&lower) {
            let from = format!("headers[\"{lower}\"]");
            offers.push(Offer {
                value: value.clone(),
                from,
                name: identifier(lower.trim_start_matches("x-")),
            });
        }
    }
    offers.retain(|offer| mask_words(&offer.from) == offer.from);
    offers
}

fn is_plain_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn walk(tree: &Tree, path: &str, name: &str, offers: &mut Vec<Offer>) {
    if offers.len() >= MOST {
        return;
    }
    match tree {
        Tree::Text(value) | Tree::Number(value) if counts(value) => {
            offers.push(Offer { value: value.clone(), from: path.into(), name: identifier(name) });
        }
        Tree::List(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(item, &format!("{path}[{at}]"), name, offers);
            }
        }
        Tree::Map(members) => {
            for (key, value) in members {
                let simple = is_plain_name(key)
                    && !key.contains('-')
                    && !key.starts_with(|c: char| c.is_ascii_digit());
                let path = match simple && !key.is_empty() {
                    true => format!("{path}.{key}"),
                    false => format!("{path}[{}]", serde_json::Value::from(key.as_str())),
                };
                let name = match key.as_str() {
                    "id" | "value" | "data" | "result" if name != "value" => format!("{name}_{key}"),
                    _ => key.clone(),
                };
                walk(value, &path, &name, offers);
            }
        }
        Tree::Text(_) | Tree::Number(_) | Tree::Null | Tree::Bool(_) | Tree::Plain(_) | Tree::Noted(..) => {}
    }
}

/// Whether a value is long enough and no mere word. Sentences count: they are the answers in a history of messages.
fn counts(value: &str) -> bool {
    let long = (SHORTEST..=LONGEST).contains(&value.len());
    let sentence = value.trim().contains(' ');
    let digit = value.bytes().any(|b| b.is_ascii_digit());
    let mixed =
        value.bytes().any(|b| b.is_ascii_uppercase()) && value.bytes().any(|b| b.is_ascii_lowercase());
    long && (sentence || digit || mixed && value.len() >= 16)
}

/// A name that templates can use.
fn identifier(words: &str) -> String {
    let mut name = String::new();
    let mut small = false;
    for c in words.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && small {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    name.truncate(32);
    let name = name.trim_end_matches('_');
    let odd = name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || TAKEN.contains(&name);
    if odd { format!("saved_{name}").trim_end_matches('_').to_owned() } else { name.to_owned() }
}

fn free(name: &str, taken: &[String]) -> String {
    std::iter::once(name.to_owned())
        .chain((2..).map(|n: usize| format!("{name}_{n}")))
        .find(|name| !taken.contains(name))
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Call {
        Call { method: "GET".into(), path: path.into(), ..Call::default() }
    }

    fn json(text: &str) -> Seen {
        Seen { headers: Vec::new(), json: Some(Tree::of_json(text).unwrap()) }
    }

    #[test]
    fn what_a_later_request_sends_is_saved_from_the_answer_that_gave_it() {
        let mut calls = [get("/login"), get("/s/abc12345/x"), get("/s/abc12345/y?d=77777777")];
        calls[2].query = vec![("doc".into(), "77777777".into())];
        let seen = [
            json(r#"{"session": {"id": "abc12345"}, "role": "assistant"}"#),
            json(r#"{"docs": [{"id": 77777777}]}"#),
            Seen::default(),
        ];
        assert_eq!(correlate(&mut calls, &seen), ["session_id", "docs_id"]);
        assert_eq!(calls[0].save, [("session_id".into(), "json.session.id".into())]);
        assert_eq!(calls[1].save, [("docs_id".into(), "json.docs[0].id".into())]);
        assert_eq!(calls[2].known.len(), 2);
    }

    #[test]
    fn what_the_server_only_repeats_is_not_saved() {
        let mut calls = [get("/s/abc12345"), get("/s/abc12345")];
        assert!(correlate(&mut calls, &[json(r#"{"id": "abc12345"}"#), Seen::default()]).is_empty());
    }

    #[test]
    fn cookies_and_headers_are_saved_too() {
        let mut calls = [get("/login"), get("/a")];
        calls[1].cookies = vec![("sid".into(), "s3cr3t-sess".into())];
        calls[1].headers = vec![("X-CSRF".into(), "c5rf-t0ken".into())];
        let headers = vec![
            ("Set-Cookie".into(), "sid=s3cr3t-sess; Path=/".into()),
            ("X-Csrf-Token".into(), "c5rf-t0ken".into()),
        ];
        correlate(&mut calls, &[Seen { headers, json: None }, Seen::default()]);
        let save = &calls[0].save;
        assert_eq!(save[0].1, r#"headers["set-cookie"] | regex("sid=([^;]*)")"#);
        assert_eq!(save[1], ("csrf_token".into(), "headers[\"x-csrf-token\"]".into()));
    }
}
