//! Requests to an application of one's own: one as a target that is asked again and again, several as a flow.

use std::collections::HashSet;

use super::call::{Answer, Body, Call, Draft};
use super::compose::counted;
use super::headers;
use super::pen::Pen;
use super::tree::{Tree, map};
use super::vault::Vault;

/// Members that usually hold what a person asks.
const QUESTIONS: [&str; 9] =
    ["prompt", "question", "query", "message", "input", "text", "user_input", "q", "content"];

/// What the requests of steps can be.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

const LONGEST_NAME: usize = 24;

type Members = Vec<(String, Tree)>;

/// The members of a scenario for one request, from `target` to `prompts`; none if only a step of a flow can send it.
pub(super) fn one(call: &Call, draft: &Draft, vault: &mut Vault, notes: &mut Vec<String>) -> Option<Members> {
    let mut left_out = Vec::new();
    let mut pen = Pen { vault, call };
    let headers = headers::written(&mut pen, &[], &mut left_out);
    let (of_body, headers): (Vec<_>, Vec<_>) =
        headers.into_iter().partition(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let path = path(&mut pen);
    let body = body(&mut pen);
    let is_filled = is_reference(&path) || body.as_ref().is_some_and(|(_, body)| holds_reference(body));
    if is_filled || !call.known.is_empty() {
        return None;
    }
    say_left_out(left_out, notes);
    let mut request =
        vec![("method".into(), Tree::text(call.method.clone())), ("path".into(), Tree::text(path))];
    if !of_body.is_empty() {
        request.push(("headers".into(), header_map(of_body)));
    }
    let mut prompt = None;
    match body {
        Some(("json", mut json)) => {
            prompt = take_question(&mut json);
            request.push(("json".into(), json));
        }
        Some((name, other)) => request.push((name.into(), other)),
        None => {}
    }
    let mut target = vec![("api".into(), Tree::text("http")), ("url".into(), url(&mut pen))];
    if !headers.is_empty() {
        target.push(("headers".into(), header_map(headers)));
    }
    target.push(("request".into(), Tree::Map(request)));
    if let Some(answer) = &call.answer {
        target.push(("answer".into(), answer_of(answer)));
    }
    target.extend(super::compose::wire(draft));
    let mut members = vec![("target".into(), Tree::Map(target))];
    if let Some(text) = prompt {
        let prompts = Tree::List(vec![map([("text", Tree::Text(text))])]);
        members.push(("prompts".into(), prompts.noted("drawn by weight; {file: prompts.jsonl} has many")));
    }
    Some(members)
}

fn is_reference(text: &str) -> bool {
    text.contains("${env:")
}

fn holds_reference(tree: &Tree) -> bool {
    match tree {
        Tree::Text(text) | Tree::Plain(text) => is_reference(text),
        Tree::Noted(inner, _) => holds_reference(inner),
        Tree::List(items) => items.iter().any(holds_reference),
        Tree::Map(members) => members.iter().any(|(_, value)| holds_reference(value)),
        Tree::Null | Tree::Bool(_) | Tree::Number(_) => false,
    }
}

/// The members of a scenario for several requests, from `target` to `flow`.
pub(super) fn flow(draft: &Draft, vault: &mut Vault, notes: &mut Vec<String>) -> Members {
    let mut left_out = Vec::new();
    let mut each: Vec<Vec<(String, String)>> = Vec::new();
    let (calls, others): (Vec<&Call>, Vec<&Call>) =
        draft.calls.iter().partition(|call| METHODS.contains(&call.method.as_str()));
    if let Some(other) = others.first() {
        let others = counted(others.len(), "request");
        notes.push(format!("left out {others} that no step can send, such as a {} request", other.method));
    }
    for call in &calls {
        each.push(headers::written(&mut Pen { vault, call }, &[], &mut left_out));
    }
    say_left_out(left_out, notes);
    let shared: Vec<(String, String)> = each.first().cloned().unwrap_or_default();
    let shared: Vec<(String, String)> = shared
        .into_iter()
        .filter(|(name, value)| !name.eq_ignore_ascii_case("content-type") && !value.contains("{{"))
        .filter(|header| each.iter().all(|headers| headers.contains(header)))
        .collect();
    let mut target = vec![("api".into(), Tree::text("http"))];
    if let Some(call) = calls.first() {
        target.push(("url".into(), url(&mut Pen { vault, call })));
    }
    let mut names = HashSet::new();
    let mut steps = Vec::new();
    for (call, mut headers) in calls.into_iter().zip(each) {
        headers.retain(|header| !shared.contains(header));
        let mut pen = Pen { vault, call };
        let name = step_name(&mut pen, &mut names);
        steps.push(step(&mut pen, name, headers));
    }
    if !shared.is_empty() {
        target.push(("headers".into(), header_map(shared)));
    }
    target.extend(super::compose::wire(draft));
    let mut members = vec![("target".into(), Tree::Map(target))];
    members.extend(data(draft));
    let steps = Tree::List(steps).noted("each user does these in turn, again and again");
    members.push(("flow".into(), map([("steps", steps)])));
    members
}

fn step(pen: &mut Pen<'_>, name: String, mut headers: Vec<(String, String)>) -> Tree {
    let call = pen.call;
    let (query, fields) = pen.query_and_fields(&call.query);
    let path = format!("{}{query}", pen.path(&call.path));
    let mut step =
        vec![("name".into(), Tree::Text(name)), (call.method.to_ascii_lowercase(), Tree::Text(path))];
    if !fields.is_empty() {
        step.push(("query".into(), header_map(fields)));
    }
    let form = match &call.body {
        Body::Form(form) => pen.fields(form),
        Body::None | Body::Json(_) | Body::Text(_) => None,
    };
    if form.is_some() {
        // A form says itself what it is.
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    }
    if !headers.is_empty() {
        step.push(("headers".into(), header_map(headers)));
    }
    match form {
        Some(form) => step.push(("form".into(), header_map(form))),
        None => step.extend(body(pen).map(|(name, body)| (name.to_owned(), body))),
    }
    if let Some(answer) = &call.answer {
        step.push(("answer".into(), answer_of(answer)));
    }
    if !call.save.is_empty() {
        let saved =
            call.save.iter().map(|(name, from)| (name.clone(), Tree::Text(pen.vault.expression(from))));
        step.push(("save".into(), Tree::Map(saved.collect())));
    }
    if let Some(status) = call.status.filter(|status| (200..400).contains(status)) {
        step.push(("check".into(), Tree::List(vec![Tree::Plain(format!("status == {status}"))])));
    }
    if call.think > 0 {
        step.push(("think".into(), Tree::Plain(super::compose::seconds(call.think))));
    }
    Tree::Map(step)
}

/// A name for a step that no other has.
fn step_name(pen: &mut Pen<'_>, taken: &mut HashSet<String>) -> String {
    let call = pen.call;
    let from_path = || call.path.rsplit('/').map(slug).find(|part| is_telling(part));
    let mut name = call.name.as_deref().map(slug).filter(|name| !name.is_empty()).or_else(from_path);
    name = name.filter(|name| pen.verbatim(name) == *name);
    let name = name.unwrap_or_else(|| if call.path == "/" { "home".into() } else { slug(&call.method) });
    let unique = std::iter::once(name.clone())
        .chain((2..).map(|n: usize| format!("{name}-{n}")))
        .find(|name| !taken.contains(name))
        .unwrap_or(name);
    taken.insert(unique.clone());
    unique
}

fn is_telling(part: &str) -> bool {
    let letters = part.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    letters && part.len() > 1 && part.len() <= LONGEST_NAME && !["api", "rest"].contains(&part)
}

/// Words in small letters, with hyphens between them.
pub(super) fn slug(words: &str) -> String {
    let mut slug = String::new();
    let mut small = false;
    for c in words.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && small {
                slug.push('-');
            }
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    slug.truncate(2 * LONGEST_NAME);
    slug.trim_matches('-').to_owned()
}

fn url(pen: &mut Pen<'_>) -> Tree {
    let base = pen.call.base.clone();
    let base = pen.verbatim(&base);
    Tree::Text(format!("{}{base}", pen.call.origin))
}

fn path(pen: &mut Pen<'_>) -> String {
    let call = pen.call;
    format!("{}{}", pen.path(&call.path), pen.query(&call.query))
}

fn body(pen: &mut Pen<'_>) -> Option<(&'static str, Tree)> {
    let call = pen.call;
    match &call.body {
        Body::None => None,
        Body::Json(json) => Some(("json", pen.json(json, ""))),
        Body::Form(form) => Some(("body", Tree::Text(pen.form(form)))),
        Body::Text(text) => Some(("body", Tree::Text(pen.text(text, "BODY_KEY")))),
    }
}

fn header_map(headers: Vec<(String, String)>) -> Tree {
    Tree::Map(headers.into_iter().map(|(name, value)| (name, Tree::Text(value))).collect())
}

/// A file of data for what the templates name, to be made by whoever runs it.
fn data(draft: &Draft) -> Option<(String, Tree)> {
    let columns = &draft.columns;
    let note = format!("make this file: its first line is {}", columns.join(","));
    let file = map([("file", Tree::text("values.csv").noted(note)), ("order", Tree::text("random"))]);
    (!columns.is_empty()).then(|| ("data".into(), map([("values", file)])))
}

fn answer_of(answer: &Answer) -> Tree {
    let mut members = Vec::new();
    if let Some(format) = answer.format {
        members.push(("format".into(), Tree::text(format)));
    }
    if let Some(text) = &answer.text {
        members.push(("text".into(), Tree::Text(text.clone())));
    }
    if let Some(done) = &answer.done {
        members.push(("done".into(), Tree::Text(done.clone())));
    }
    let tree = Tree::Map(members);
    if answer.guessed { tree.noted("a guess: say where the text is in yours") } else { tree }
}

/// Puts `{{ prompt }}` where a body holds a person's question, and returns the question.
fn take_question(json: &mut Tree) -> Option<String> {
    let Tree::Map(members) = json else { return None };
    let is_question = |value: &Tree| value.as_str().is_some_and(|t| !t.is_empty() && !t.contains(['{', '$']));
    let found =
        QUESTIONS.iter().find_map(|name| members.iter().position(|(n, v)| n == name && is_question(v)));
    let place = match found {
        Some(at) => &mut members[at].1,
        None => {
            let (_, messages) = members.iter_mut().find(|(name, _)| name == "messages")?;
            let Tree::List(messages) = messages else { return None };
            let Tree::Map(last) = messages.last_mut()? else { return None };
            &mut last.iter_mut().find(|(name, value)| name == "content" && is_question(value))?.1
        }
    };
    match std::mem::replace(place, Tree::text("{{ prompt }}")) {
        Tree::Text(question) => Some(question),
        other => {
            *place = other;
            None
        }
    }
}

fn say_left_out(mut names: Vec<String>, notes: &mut Vec<String>) {
    names.sort();
    names.dedup();
    if let Some(at) = names.iter().position(|name| name == "idempotency-key") {
        names.remove(at);
        notes.push("left out the header idempotency-key: it must differ from request to request".into());
    }
    let (names, others): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| headers::is_of_browsers(name));
    if !others.is_empty() {
        notes.push(format!("left out headers whose values cannot be sent: {}", others.join(", ")));
    }
    if !names.is_empty() {
        notes.push(format!("left out headers that browsers add: {}", names.join(", ")));
    }
}
