//! Headers and cookies: which are the request's own, and what of them is a secret.

use super::call::{Body, Call, reference};
use super::pen::Pen;
use super::vault::{key_variable, owner, vendor};
use crate::excerpt::is_secret_name;
use crate::workload::own::is_header_value;

/// What Floodline or the connection sets.
const OF_THE_CONNECTION: [&str; 14] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "te",
    "keep-alive",
    "upgrade",
    "proxy-connection",
    "proxy-authorization",
    "expect",
    "trailer",
    "http2-settings",
    "cookie",
];

/// What browsers send on their own account; no server needs it.
const OF_THE_BROWSER: [&str; 13] = [
    "accept-language",
    "cache-control",
    "dnt",
    "if-modified-since",
    "if-none-match",
    "origin",
    "pragma",
    "priority",
    "referer",
    "upgrade-insecure-requests",
    "user-agent",
    "x-client-data",
    "x-requested-with",
];

/// Headers that carry a key and nothing else.
pub(super) const KEYS: [&str; 3] = ["x-api-key", "api-key", "x-goog-api-key"];

/// The headers of a call as they are to be sent, and the names of those that were left out though somebody may miss
/// them.
pub(super) fn written(pen: &mut Pen<'_>, but: &[&str], left_out: &mut Vec<String>) -> Vec<(String, String)> {
    let call = pen.call;
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in &call.headers {
        let lower = name.to_ascii_lowercase();
        let repeated = headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        if but.contains(&lower.as_str()) || is_implied(call, &lower, value) || !is_name(name) || repeated {
            // They may hold secrets all the same, which stand elsewhere too.
            if is_secret_name(&lower) {
                value_of(pen, &lower, value);
            }
            continue;
        }
        if lower == "idempotency-key" || OF_THE_BROWSER.contains(&lower.as_str()) {
            left_out.push(lower);
            continue;
        }
        let value = value_of(pen, &lower, value);
        if !is_header_value(&value) {
            left_out.push(lower);
            continue;
        }
        headers.push((pen.verbatim(name), value));
    }
    if let Some(cookie) = cookies(pen) {
        headers.push(("Cookie".into(), cookie));
    }
    headers
}

/// Whether browsers send a header of this name on their own account.
pub(super) fn is_of_browsers(name: &str) -> bool {
    OF_THE_BROWSER.contains(&name)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

fn is_implied(call: &Call, name: &str, value: &str) -> bool {
    let json = value.to_ascii_lowercase().contains("json");
    match name {
        "content-type" => match &call.body {
            Body::None => true,
            Body::Json(_) => json,
            Body::Form(_) | Body::Text(_) => false,
        },
        "accept" => value.trim() == "*/*" || json || value.contains("text/html"),
        name => {
            OF_THE_CONNECTION.contains(&name) || name.starts_with("sec-") || name.starts_with("x-stainless-")
        }
    }
}

/// The value of a header: whole, or without what is a secret.
pub(super) fn value_of(pen: &mut Pen<'_>, name: &str, value: &str) -> String {
    let call = pen.call;
    if matches!(name, "authorization" | "proxy-authorization") {
        return authorization(pen, value);
    }
    if KEYS.contains(&name) {
        return key(pen, value, &format!("the header `{name}`"));
    }
    if is_secret_name(name) {
        let variable = name.strip_prefix("x-").unwrap_or(name);
        return pen.secret(value, variable, &format!("the header `{name}` of {}", call.host()));
    }
    pen.text(value, name)
}

/// A key as vendors call it.
pub(super) fn key(pen: &mut Pen<'_>, value: &str, what: &str) -> String {
    let call = pen.call;
    pen.secret(value, &key_variable(call), &format!("{what} of {}", call.host()))
}

fn authorization(pen: &mut Pen<'_>, value: &str) -> String {
    let call = pen.call;
    let (scheme, credentials) = value.trim().split_once(' ').unwrap_or(("", value.trim()));
    let credentials = credentials.trim();
    let owner = owner(call);
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" if vendor(call).is_some() => format!("Bearer {}", key(pen, credentials, "the key")),
        "bearer" => {
            let what = format!("the bearer token of {}", call.host());
            format!("Bearer {}", pen.secret(credentials, &format!("{owner}_TOKEN"), &what))
        }
        "basic" => {
            if let Some((_, password)) = credentials.split_once(':').filter(|(_, p)| !p.is_empty()) {
                pen.vault.keep(password, "BASIC_PASSWORD", "the password");
            }
            let what = format!("the base64 of `user:password` at {}", call.host());
            format!("Basic {}", pen.secret(credentials, &format!("{owner}_BASIC_AUTH"), &what))
        }
        _ => {
            let what = format!("the header `Authorization` of {}", call.host());
            pen.secret(value.trim(), &format!("{owner}_AUTHORIZATION"), &what)
        }
    }
}

/// Cookies that earlier answers set, by their names; the others as one reference.
fn cookies(pen: &mut Pen<'_>) -> Option<String> {
    let call = pen.call;
    let mut parts = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for (name, value) in &call.cookies {
        let known = call.known.iter().find(|(known, _)| known == value);
        match known {
            // `-b "$COOKIES"` has them all.
            None if reference(value) == Some(value.len()) && name.is_empty() => parts.push(value.clone()),
            None if reference(value) == Some(value.len()) => {
                parts.push(format!("{}={value}", pen.verbatim(name)))
            }
            Some((_, template)) => parts.push(format!("{}={template}", pen.verbatim(name))),
            None => {
                pen.vault.keep(value, &format!("COOKIE_{name}"), &format!("the cookie `{name}`"));
                others.push(if name.is_empty() { value.clone() } else { format!("{name}={value}") });
            }
        }
    }
    if !others.is_empty() {
        let what = format!("the header `Cookie` of {}, such as `name=value; name=value`", call.host());
        parts.push(pen.secret(&others.join("; "), &format!("{}_COOKIES", owner(call)), &what));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
