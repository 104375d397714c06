//! Secrets that are written out where a reference to the environment belongs.
//!
//! What a scenario says is kept in the plan and in the files of a run, so that a literal secret would
//! end up in them. Nothing here knows values: only names, and the beginnings of vendors' keys.

use serde_json::{Map, Value};

use crate::excerpt::{is_secret_name, mask_words};

/// Members of bodies that have the names of secrets, but are none.
const NO_SECRETS: [&str; 5] = ["prompt_cache_key", "bos_token", "eos_token", "pad_token", "stop_token"];

/// Whether a member of a body only has the name of a secret.
pub(crate) fn is_harmless_member(name: &str) -> bool {
    NO_SECRETS.contains(&name)
}

/// Whether a header's value, as it is written, holds a secret outside its references.
pub(super) fn in_header(name: &str, text: &str) -> bool {
    looks_like_a_key(text) || is_secret_name(name) && !only_references(text)
}

/// A text with what templates fill in replaced by references, which are no secrets either.
pub(super) fn without_templates(text: &str) -> String {
    let mut left = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("{{") {
        left.push_str(before);
        let Some((_, after)) = inside.split_once("}}") else { break };
        left.push_str("${env:FILLED_IN}");
        rest = after;
    }
    left.push_str(rest);
    left
}

/// The same of every text in a body, less those that are nothing but references.
pub(super) fn members_without_templates(members: &Map<String, Value>) -> Map<String, Value> {
    fn strip(value: &Value) -> Value {
        match value {
            Value::String(text) if only_references(&without_templates(text)) => Value::Null,
            Value::Array(items) => items.iter().map(strip).collect(),
            Value::Object(members) => members_without_templates(members).into(),
            other => other.clone(),
        }
    }
    members.iter().map(|(name, value)| (name.clone(), strip(value))).collect()
}

/// Whether the text has a part that looks like a vendor's key.
pub(super) fn looks_like_a_key(text: &str) -> bool {
    mask_words(text) != text
}

/// Whether a text is made of references, ahead of which a scheme (`Bearer `) or a name (`session=`) may stand.
fn only_references(text: &str) -> bool {
    const SEPARATORS: [char; 3] = [';', ',', ' '];
    let is_word = |word: &str| {
        word.len() <= 16 && word.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_'))
    };
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once("${env:") {
        let before = before.trim_start_matches(SEPARATORS);
        if !before.is_empty() && !before.strip_suffix([' ', '=']).is_some_and(is_word) {
            return false;
        }
        // A reference without its end is a mistake of its own, and reported as one.
        rest = reference.split_once('}').map_or("", |(_, after)| after);
    }
    text.contains("${env:") && rest.trim_matches(SEPARATORS).is_empty()
}

/// The paths of the texts in a body that have the names of secrets, such as `metadata.password`.
pub(super) fn in_body(body: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    walk(body, "", &mut found);
    found
}

/// The depth is bounded by that of the YAML the body was read from.
fn walk(members: &Map<String, Value>, above: &str, found: &mut Vec<String>) {
    for (name, value) in members {
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        let secret = is_secret_name(name) && !is_harmless_member(name);
        walk_value(value, secret, &path, found);
    }
}

fn walk_value(value: &Value, secret: bool, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if secret && !text.is_empty() => found.push(path.to_owned()),
        Value::Array(items) => items.iter().for_each(|item| walk_value(item, secret, path, found)),
        // The schema of a tool may describe a member `api_key`: it is what stands in there that counts.
        Value::Object(members) => walk(members, path, found),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_references_only_schemes_and_names_may_stand() {
        for fine in
            ["${env:X}", "Bearer ${env:X}", "Basic ${env:X}", "s=${env:X}", "s=${env:X}; csrf-id=${env:Y}; "]
        {
            assert!(!in_header("Cookie", fine), "{fine}");
        }
        for literal in [
            "canary",
            "Bearer canary",
            "Bearer literal-${env:X}",
            "${env:X}canary",
            "c4n4ry ${env:X}",
            "s=${env:X}; t=canary",
            "averyveryverylongword ${env:X}",
        ] {
            assert!(in_header("Authorization", literal), "{literal}");
        }
    }

    #[test]
    fn other_headers_may_hold_anything_but_a_vendors_key() {
        for (value, secret) in
            [("search", false), ("team ${env:X}", false), ("sk-canary", true), ("a Bearer canary", true)]
        {
            assert_eq!(in_header("X-Team", value), secret, "{value}");
        }
    }

    #[test]
    fn texts_under_the_names_of_secrets_are_found_at_any_depth() {
        let body = serde_json::json!({
            "api_key": "x",
            "metadata": {"password": "x", "team": "search"},
            "list": [{"token": ["x"]}],
            "prompt_cache_key": "tenant",
            "max_tokens": 5,
            "tools": [{"parameters": {"properties": {"api_key": {"type": "string"}}, "required": ["api_key"]}}],
        });
        let mut found = in_body(body.as_object().unwrap());
        found.sort();
        assert_eq!(found, ["api_key", "list.token", "metadata.password"]);
    }
}
