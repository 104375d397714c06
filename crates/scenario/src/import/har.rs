//! Recordings of a browser (HAR 1.2): what it asked an application, in the order of time.
//!
//! Pages' furniture is left out: pictures, fonts, styles, scripts. What one answer gave and a later request needs
//! (sessions, tokens, ids) is [saved](correlate) from the answer of each run.

mod correlate;

use super::answer;
use super::call::{Address, Answer, Body, Call, Draft};
use super::compose::{counted, listed, name_of};
use super::tree::Tree;
use super::{broken_json, problem};
use crate::Source;
use crate::error::Problem;
use crate::resolve::date;

/// Longer pauses are no thinking: somebody left.
const LONGEST_THINK: u64 = 60_000;
/// Shorter ones are the browser's own.
const SHORTEST_THINK: u64 = 200;

const HOW: &str = "record with the browser's developer tools: Network, then \"Save all as HAR with content\"";

/// A recorded request and its answer.
struct Entry {
    call: Call,
    /// Milliseconds from 1970.
    start: i64,
    /// Milliseconds that it took.
    took: f64,
    seen: Seen,
}

/// What an answer held.
#[derive(Debug, Default)]
struct Seen {
    headers: Vec<(String, String)>,
    json: Option<Tree>,
}

/// The requests of a recording.
pub(super) fn read(source: &Source<'_>, host: Option<&str>) -> Result<Draft, Problem> {
    let tree = Tree::of_json(source.text).map_err(|e| broken_json(source, &e, "a recording (HAR)", HOW))?;
    let Some(entries) = tree.at(&["log", "entries"]) else {
        return Err(problem(source, None, "this is no recording: it has no `log` with `entries`", HOW));
    };
    if entries.items().is_empty() {
        return Err(problem(source, None, "the recording has no entries", HOW));
    }
    let mut draft = Draft::default();
    let mut furniture = 0;
    let mut unread = 0;
    let mut kept = Vec::new();
    for entry in entries.items() {
        match read_entry(entry) {
            Some(entry) if is_furniture(&entry.0, &entry.1) => furniture += 1,
            Some((read, _)) => kept.push(read),
            None => unread += 1,
        }
    }
    kept.sort_by_key(|entry| entry.start);
    if furniture > 0 {
        draft.notes.push(format!(
            "left out {} for pictures, fonts, styles, scripts and the like",
            counted(furniture, "request")
        ));
    }
    if unread > 0 {
        draft.notes.push(format!("left out {} that could not be read as HTTP", counted(unread, "request")));
    }
    let kept = one_host_only(kept, host, source, &mut draft)?;
    if kept.is_empty() {
        let help = "record while you use the application; pages, forms and calls of an API are taken, their furniture is not";
        return Err(problem(source, None, "the recording has no request to make a step of", help));
    }
    draft.calls = steps(kept, &mut draft.notes);
    draft.name = name_of(source.name, &draft.calls);
    Ok(draft)
}

/// An entry, and what kind of thing was asked for.
fn read_entry(entry: &Tree) -> Option<(Entry, String)> {
    let request = entry.get("request")?;
    let response = entry.get("response");
    let address = Address::of(request.str_of("url").filter(|url| url.starts_with("http"))?)?;
    let mut call =
        Call { origin: address.origin, path: address.path, query: address.query, ..Call::default() };
    call.method = request.str_of("method")?.to_ascii_uppercase();
    for (name, value) in named(request.get("headers")) {
        match name.to_ascii_lowercase().as_str() {
            "cookie" => {
                for cookie in value.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()) {
                    let (name, value) = cookie.split_once('=').unwrap_or(("", cookie));
                    call.cookies.push((name.trim().to_owned(), value.trim().to_owned()));
                }
            }
            name if name.starts_with(':') => {}
            _ => call.headers.push((name, value)),
        }
    }
    if call.cookies.is_empty() {
        call.cookies = named(request.get("cookies"));
    }
    if let Some(login) = address.login.filter(|_| call.header("authorization").is_none()) {
        call.headers.push(("Authorization".into(), format!("Basic {login}")));
    }
    if let Some(data) = request.get("postData") {
        let given = call.header("content-type").or(data.str_of("mimeType")).unwrap_or("").to_owned();
        call.body = match data.str_of("text") {
            Some(text) if !text.is_empty() => Call::body_of(text, &given),
            _ => match named(data.get("params")) {
                params if params.is_empty() => Body::None,
                params => Body::Form(params),
            },
        };
        if call.header("content-type").is_none() && !given.is_empty() && !matches!(call.body, Body::None) {
            call.headers.push(("Content-Type".into(), given));
        }
    }
    let content = response.and_then(|response| response.get("content"));
    let content_type =
        content.and_then(|content| content.str_of("mimeType")).unwrap_or("").to_ascii_lowercase();
    let encoded = content.and_then(|content| content.str_of("encoding")).is_some_and(|e| !e.is_empty());
    let text = content.and_then(|content| content.str_of("text")).filter(|_| !encoded).unwrap_or("");
    let json = if content_type.contains("json") { Tree::of_json(text).ok() } else { None };
    call.answer = answer_of(&content_type, text, json.as_ref());
    let status = response.and_then(|r| r.get("status")).and_then(Tree::as_f64).unwrap_or(0.0);
    call.status = (100.0..600.0).contains(&status).then_some(status as u16);
    let start = entry.str_of("startedDateTime").and_then(date).unwrap_or(0) / 1_000_000;
    let took = entry.get("time").and_then(Tree::as_f64).unwrap_or(0.0).clamp(0.0, 1e9);
    let headers = named(response.and_then(|response| response.get("headers")));
    let kind = entry.str_of("_resourceType").unwrap_or("").to_ascii_lowercase();
    let kind = if kind.is_empty() { content_type } else { format!("{kind} {content_type}") };
    Some((Entry { call, start, took, seen: Seen { headers, json } }, kind))
}

fn answer_of(content_type: &str, text: &str, json: Option<&Tree>) -> Option<Answer> {
    if content_type.contains("text/event-stream") {
        let seen = answer::of_events(text);
        return Some(if seen.text.is_some() { seen } else { answer::unseen_stream() });
    }
    if content_type.contains("ndjson")
        || content_type.contains("jsonl")
        || content_type.contains("x-json-stream")
    {
        return Some(answer::of_lines(text));
    }
    answer::of_json(json?)
}

/// Names and values, as recordings list them.
fn named(list: Option<&Tree>) -> Vec<(String, String)> {
    let items = list.map(Tree::items).unwrap_or_default();
    let pair =
        |item: &Tree| Some((item.str_of("name")?.to_owned(), item.str_of("value").unwrap_or("").to_owned()));
    items.iter().filter_map(pair).collect()
}

/// Whether it is something that a page only needs to look right.
fn is_furniture(entry: &Entry, kind: &str) -> bool {
    const KINDS: [&str; 18] = [
        "image",
        "font",
        "stylesheet",
        "text/css",
        "script",
        "javascript",
        "ecmascript",
        "media",
        "video/",
        "audio/",
        "manifest",
        "wasm",
        "websocket",
        "ping",
        "preflight",
        "prefetch",
        "texttrack",
        "cspviolationreport",
    ];
    const ENDINGS: [&str; 16] = [
        ".js", ".mjs", ".css", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".webp", ".woff", ".woff2",
        ".ttf", ".map", ".wasm", ".mp4",
    ];
    let path = entry.call.path.to_ascii_lowercase();
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&entry.call.method.as_str());
    KINDS.iter().any(|word| kind.contains(word))
        || ENDINGS.iter().any(|ending| path.ends_with(ending))
        || path.starts_with("/cdn-cgi/")
        || !known
}

/// The entries of one host: the one that is wanted, else the one with the most that carry a body or answer with data.
fn one_host_only(
    entries: Vec<Entry>,
    wanted: Option<&str>,
    source: &Source<'_>,
    draft: &mut Draft,
) -> Result<Vec<Entry>, Problem> {
    let mut hosts: Vec<(String, usize, usize)> = Vec::new();
    for entry in &entries {
        let weight = 1 + 4 * usize::from(entry.seen.json.is_some() || !matches!(entry.call.body, Body::None));
        match hosts.iter_mut().find(|(origin, _, _)| *origin == entry.call.origin) {
            Some((_, count, sum)) => {
                *count += 1;
                *sum += weight;
            }
            None => hosts.push((entry.call.origin.clone(), 1, weight)),
        }
    }
    let bare = |origin: &str| origin.split_once("://").map_or(String::new(), |(_, host)| host.to_owned());
    let main = match wanted {
        Some(wanted) => {
            let wanted =
                wanted.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
            let is = |origin: &str| bare(origin) == wanted || bare(origin).split(':').next() == Some(wanted);
            match hosts.iter().find(|(origin, _, _)| is(origin)) {
                Some((origin, _, _)) => origin.clone(),
                None => {
                    let all: Vec<String> = hosts.iter().map(|(origin, _, _)| bare(origin)).collect();
                    let help = format!("hosts of this recording: {}", all.join(", "));
                    return Err(problem(
                        source,
                        None,
                        "the recording has no request to the host that --host names",
                        &help,
                    ));
                }
            }
        }
        None => {
            let Some(most) = hosts.iter().map(|(_, _, sum)| *sum).max() else { return Ok(Vec::new()) };
            hosts
                .iter()
                .find(|(_, _, sum)| *sum == most)
                .map(|(origin, _, _)| origin.clone())
                .unwrap_or_default()
        }
    };
    let others: Vec<String> = hosts
        .iter()
        .filter(|(origin, _, _)| *origin != main)
        .map(|(origin, count, _)| format!("{} ({count})", bare(origin)))
        .collect();
    if !others.is_empty() {
        draft.notes.push(format!(
            "left out the requests to other hosts: {}; --host NAME takes those of another",
            others.join(", ")
        ));
    }
    Ok(entries.into_iter().filter(|entry| entry.call.origin == main).collect())
}

/// The calls, with the pauses between them and what flows from answers into requests.
fn steps(entries: Vec<Entry>, notes: &mut Vec<String>) -> Vec<Call> {
    let mut cut = 0;
    let mut thinks = Vec::new();
    for pair in entries.windows(2) {
        let [this, next] = pair else { continue };
        let gap = (next.start as f64 - (this.start as f64 + this.took)).max(0.0) as u64;
        cut += usize::from(gap > LONGEST_THINK);
        thinks.push(if gap < SHORTEST_THINK { 0 } else { gap.min(LONGEST_THINK) });
    }
    if cut > 0 {
        notes.push(format!("cut {} to a minute: somebody was away", counted(cut, "pause")));
    }
    let (mut calls, seen): (Vec<Call>, Vec<Seen>) =
        entries.into_iter().map(|entry| (entry.call, entry.seen)).unzip();
    for (call, think) in calls.iter_mut().zip(thinks) {
        call.think = think;
    }
    let saved = correlate::correlate(&mut calls, &seen);
    if !saved.is_empty() {
        notes.push(format!("taken from answers in each run: {}", listed(&saved)));
    }
    calls
}
