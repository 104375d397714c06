//! What those who run the server can ask for and change while it runs, over HTTP on 127.0.0.1.
//!
//! | request | answer |
//! |---|---|
//! | `GET /health` | that it is well |
//! | `GET /stats` | counts, lateness, and how often each fault has struck |
//! | `GET /faults` | the faults, as a list |
//! | `PUT /faults` | other faults: a list of mappings and lines; their times count from now |
//! | `DELETE /faults` | none any more |
//! | `GET /limits` | the limits, in full; `null` without any |
//! | `PUT /limits` | other limits, in full or as figures; nothing of them is used yet |
//! | `DELETE /limits` | none any more |
//! | `GET /ledger` | the newest attempts, a line of JSON each |
//!
//! Where there are several providers, `?provider=NAME` says which one is meant. Faults and limits are those of
//! [`floodline_core::faults`] and [`floodline_core::limits`].
//!
//! Only who speaks with a name of this machine is answered: a page in a browser that has its own name point here is
//! not. Changes need a method that browsers ask about first, and here nobody allows it.

use std::borrow::Cow;

use floodline_core::faults::Faults;
use floodline_core::limits::{Figures, Limits};
use floodline_core::time::{Moment, Span};
use floodline_wire::http1::request::RequestHead;
use serde::Serialize;
use serde_json::{Value, json};

use super::providers::Providers;
use super::request::Request;
use super::respond::Small;
use super::stats::Shared;

/// The paths, with the methods that each knows.
const PATHS: [(&str, &[&str]); 5] = [
    ("/health", &["GET", "HEAD"]),
    ("/stats", &["GET", "HEAD"]),
    ("/faults", &["GET", "HEAD", "PUT", "DELETE"]),
    ("/limits", &["GET", "HEAD", "PUT", "DELETE"]),
    ("/ledger", &["GET", "HEAD"]),
];

/// Why something cannot be done: a status, and a sentence.
struct Wrong(u16, String);

impl Wrong {
    fn request(why: impl Into<String>) -> Wrong {
        Wrong(400, why.into())
    }
}

/// Does what `request` asks for, at `now`.
pub(super) fn reply(request: &Request, providers: &mut Providers, shared: &Shared, now: Moment) -> Small {
    answer(request, providers, shared, now).unwrap_or_else(|Wrong(status, why)| Small {
        status,
        extra: if status == 405 { allowed(&request.head.path) } else { "" },
        ..json_of(&json!({ "error": why }))
    })
}

fn answer(
    request: &Request,
    providers: &mut Providers,
    shared: &Shared,
    now: Moment,
) -> Result<Small, Wrong> {
    let head = &request.head;
    if !head.host.as_deref().is_some_and(is_loopback) {
        return Err(Wrong(
            403,
            "this endpoint answers to 127.0.0.1 and localhost only: send one of them as Host".into(),
        ));
    }
    let method = head.method.name();
    let Some((path, methods)) = PATHS.iter().find(|(path, _)| **path == *head.path) else {
        let paths = PATHS.map(|(path, _)| path).join(", ");
        return Err(Wrong(404, format!("there is no {}: the paths are {paths}", head.path)));
    };
    if !methods.contains(&method) {
        return Err(Wrong(405, format!("{path} knows {} and not {method}", methods.join(", "))));
    }
    let place = || place_of(head, providers);
    match (*path, method) {
        ("/health", _) => Ok(json_of(&json!({ "status": "ok" }))),
        ("/stats", _) => Ok(json_of(&stats(providers, shared))),
        ("/ledger", _) => {
            let mut lines = Vec::new();
            if let Some(ledger) = providers.provider(place()?).and_then(|provider| provider.ledger()) {
                // Writing into a vector cannot fail, and an attempt is nothing that has no JSON.
                let _ = ledger.write_lines(&mut lines);
            }
            Ok(Small { content_type: Cow::Borrowed("application/x-ndjson"), ..Small::json(lines) })
        }
        ("/faults", "PUT") => {
            let place = place()?;
            providers.set_faults(place, read_faults(&request.body)?, now);
            Ok(faults(providers, place))
        }
        ("/faults", "DELETE") => {
            let place = place()?;
            providers.set_faults(place, Faults::default(), now);
            Ok(faults(providers, place))
        }
        ("/faults", _) => Ok(faults(providers, place()?)),
        ("/limits", "PUT" | "DELETE") => {
            let place = place()?;
            let wanted = if method == "PUT" { read_limits(&request.body)? } else { None };
            providers
                .set_limits(place, wanted.as_ref())
                .map_err(|error| Wrong::request(error.to_string()))?;
            Ok(limits(providers, place))
        }
        (_, _) => Ok(limits(providers, place()?)),
    }
}

/// Whether `host` is a name of this machine alone, with or without a port.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => return rest.split_once(']').is_some_and(|(address, _)| address == "::1"),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let is_127 = name.parse::<core::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    is_127 || name.eq_ignore_ascii_case("localhost")
}

fn allowed(path: &str) -> &'static str {
    match path {
        "/faults" | "/limits" => "allow: GET, HEAD, PUT, DELETE\r\n",
        _ => "allow: GET, HEAD\r\n",
    }
}

/// The provider that is meant.
fn place_of(head: &RequestHead, providers: &Providers) -> Result<usize, Wrong> {
    let names =
        || providers.names().map(|name| name.unwrap_or("(without a name)")).collect::<Vec<_>>().join(", ");
    match head.query_value("provider") {
        None if providers.names().count() == 1 => Ok(0),
        None => Err(Wrong::request(format!(
            "there are several providers: say ?provider=NAME, one of {}",
            names()
        ))),
        Some(wanted) => providers
            .names()
            .position(|name| name == Some(wanted))
            .ok_or_else(|| Wrong(404, format!("there is no provider `{wanted}`: there are {}", names()))),
    }
}

fn read_faults(body: &[u8]) -> Result<Faults, Wrong> {
    let mut faults: Faults = serde_json::from_slice(body).map_err(|error| {
        let form =
            "write a JSON list such as [\"status 529 rate 5%\", {\"kind\": \"stall\", \"after_tokens\": 20}]";
        match error.classify() {
            serde_json::error::Category::Data if starts_a_list(body) => Wrong::request(error.to_string()),
            _ => Wrong::request(format!("this is no list of faults: {error}; {form}")),
        }
    })?;
    faults.resolve_keys(|_| None).map_err(|name| {
        Wrong::request(format!(
            "the environment is read at the start only, and ${{env:{name}}} cannot be looked up now: \
             name the key by its hash, as the ledger tells it"
        ))
    })?;
    Ok(faults)
}

fn starts_a_list(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"[")
}

/// Limits in full, or as figures; none for `null`.
fn read_limits(body: &[u8]) -> Result<Option<Limits>, Wrong> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Wrong::request(format!(
            "this is no JSON: {error}; write such as {{\"preset\": \"openai\", \"rpm\": 500}}"
        ))
    })?;
    let wrong = |error: serde_json::Error| Wrong::request(error.to_string());
    let limits = match &value {
        Value::Null => return Ok(None),
        Value::Object(members) if members.contains_key("limits") => {
            serde_json::from_value::<Limits>(value).map_err(wrong)?
        }
        _ => serde_json::from_value::<Figures>(value)
            .map_err(wrong)?
            .limits()
            .map_err(|error| Wrong::request(error.to_string()))?,
    };
    Ok(Some(limits))
}

fn faults(providers: &Providers, place: usize) -> Small {
    let none = Faults::default();
    let injector = providers.provider(place).and_then(|provider| provider.injector());
    json_of(injector.map_or(&none, |injector| injector.faults()))
}

fn limits(providers: &Providers, place: usize) -> Small {
    json_of(&providers.provider(place).and_then(|provider| provider.limits()))
}

fn stats(providers: &Providers, shared: &Shared) -> Value {
    let stats = shared.stats();
    let ms = Span::as_millis_f64;
    let each = providers.names().enumerate().map(|(place, name)| {
        let provider = providers.provider(place);
        let injector = provider.and_then(|provider| provider.injector());
        let struck: Vec<Value> = injector.map_or_else(Vec::new, |injector| {
            let faults = injector.faults().iter().zip(injector.struck());
            faults.map(|(fault, struck)| json!({ "fault": fault.to_string(), "struck": struck })).collect()
        });
        let counts = provider.and_then(|provider| provider.ledger()).map(|ledger| *ledger.counts());
        json!({ "name": name, "attempts": counts, "faults": struck })
    });
    json!({
        "requests": stats.requests,
        "tokens": stats.tokens,
        "connections": {
            "accepted": stats.accepted,
            "open": stats.open,
            "reset_at_once": stats.refused,
            "failed": stats.accept_failures,
        },
        "late": {
            "tokens": stats.timed,
            "over_1ms": stats.late_over_1ms,
            "p50_ms": ms(stats.late_p50),
            "p99_ms": ms(stats.late_p99),
            "max_ms": ms(stats.late_max),
        },
        "providers": each.collect::<Vec<_>>(),
    })
}

fn json_of(value: &impl Serialize) -> Small {
    let mut body = serde_json::to_vec(value).unwrap_or_default();
    body.push(b'\n');
    Small::json(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:9", "127.9.9.9", "[::1]", "[::1]:8"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["", "example.com", "localhost.example.com", "127.0.0.1.example.com", "10.0.0.1", "[::2]", "::1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
