//! Descriptions of APIs (OpenAPI 3.0 and 3.1): operations become requests with bodies made from their schemas.

mod example;
mod operation;

use super::answer;
use super::call::{Address, Answer, Body, Call, Draft, encoded};
use super::compose::listed;
use super::tree::Tree;
use super::vault::{key_variable, owner, vendor};
use super::{broken_json, problem};
use crate::Source;
use crate::error::{Problem, did_you_mean};
use example::Examples;
use operation::{Operation, Parameter};

/// Unless operations are named, no more than these are taken.
const MOST: usize = 20;
/// Where an API is taken to be whose description does not say it.
const SOMEWHERE: &str = "http://127.0.0.1:8000";

const HOW: &str = "the file is a description of an API, as JSON or YAML, that begins with `openapi: 3...`";

/// The requests for the operations that are wanted.
pub(super) fn read(source: &Source<'_>, wanted: &[String]) -> Result<Draft, Problem> {
    let tree = tree(source)?;
    match tree.get("openapi").and_then(Tree::scalar) {
        Some(version) if version.starts_with("3.") => {}
        _ if tree.get("swagger").is_some() => {
            let help = "convert it to OpenAPI 3 first, such as with https://converter.swagger.io";
            return Err(problem(source, None, "this is Swagger 2, and only OpenAPI 3 is read", help));
        }
        _ => return Err(problem(source, None, "this is no OpenAPI 3: it has no `openapi: 3...`", HOW)),
    }
    let operations = operation::all(&tree);
    if operations.is_empty() {
        return Err(problem(source, None, "this API has no operations: there is nothing under `paths`", HOW));
    }
    let mut draft = Draft::default();
    let chosen = chosen(source, &operations, wanted, &mut draft)?;
    let (origin, base) = server(&tree, &mut draft);
    for operation in chosen {
        let call = call(&tree, operation, (&origin, &base), &mut draft);
        draft.calls.push(call);
    }
    let title = tree.at(&["info", "title"]).and_then(Tree::as_str).unwrap_or("");
    draft.name =
        if title.is_empty() { super::compose::name_of(source.name, &draft.calls) } else { title.to_owned() };
    Ok(draft)
}

fn tree(source: &Source<'_>) -> Result<Tree, Problem> {
    if source.text.trim_start().starts_with('{') {
        return Tree::of_json(source.text).map_err(|e| broken_json(source, &e, "JSON", HOW));
    }
    let read = Tree::of_yaml(source.text);
    read.map_err(|error| {
        let line = error.location().map(|location| location.line() as usize);
        problem(source, line.filter(|line| *line > 0), "this is neither JSON nor YAML that can be read", HOW)
    })
}

fn chosen<'a>(
    source: &Source<'_>,
    all: &'a [Operation<'a>],
    wanted: &[String],
    draft: &mut Draft,
) -> Result<Vec<&'a Operation<'a>>, Problem> {
    if !wanted.is_empty() {
        let mut chosen = Vec::new();
        for id in wanted {
            let Some(found) = all.iter().find(|operation| operation.is(id)) else {
                let names: Vec<&str> = all.iter().map(|operation| operation.name.as_str()).collect();
                let help = match did_you_mean(id, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", listed(&names)),
                };
                return Err(problem(source, None, format!("this API has no operation `{id}`"), &help));
            };
            chosen.push(found);
        }
        return Ok(chosen);
    }
    let mut chosen: Vec<&Operation<'_>> = all.iter().filter(|operation| operation.is_ready()).collect();
    chosen.truncate(MOST);
    if chosen.is_empty() {
        let names: Vec<&str> = all.iter().map(|operation| operation.name.as_str()).collect();
        let help = format!("name one with --operation: {}", listed(&names));
        return Err(problem(source, None, "no operation has a JSON body or needs no parameters", &help));
    }
    let others: Vec<&str> = all
        .iter()
        .filter(|o| !chosen.iter().any(|c| std::ptr::eq(*c, *o)))
        .map(|o| o.name.as_str())
        .collect();
    if !others.is_empty() {
        let names = listed(&others);
        draft.notes.push(format!(
            "left out {} of {} operations: {names}; --operation ID takes those that it names",
            others.len(),
            all.len()
        ));
    }
    Ok(chosen)
}

/// Origin and path of the first server.
fn server(tree: &Tree, draft: &mut Draft) -> (String, String) {
    let first = tree.get("servers").and_then(|servers| servers.items().first());
    let mut url = first.and_then(|server| server.str_of("url")).unwrap_or("").to_owned();
    for (name, variable) in first.and_then(|s| s.get("variables")).and_then(Tree::members).unwrap_or_default()
    {
        let value = variable.get("default").and_then(Tree::scalar).unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), &value);
    }
    let absolute =
        url.contains("://").then(|| Address::of(&url)).flatten().filter(|a| !a.origin.contains(['{', '}']));
    let (origin, path) = match absolute {
        Some(address) => (address.origin, address.path),
        None => {
            draft.notes.push(format!(
                "the description names no server's whole address: set `url`, which is {SOMEWHERE} now"
            ));
            let path = if url.starts_with('/') { url } else { String::new() };
            (SOMEWHERE.into(), path)
        }
    };
    (origin, path.trim_end_matches('/').to_owned())
}

/// The request of an operation.
fn call<'a>(
    tree: &'a Tree,
    operation: &Operation<'a>,
    (origin, base): (&str, &str),
    draft: &mut Draft,
) -> Call {
    let mut examples = Examples::of(tree);
    let mut call = Call {
        name: Some(operation.name.clone()),
        method: operation.method.to_ascii_uppercase(),
        origin: origin.into(),
        base: base.into(),
        path: operation.path.to_owned(),
        ..Call::default()
    };
    for parameter in &operation.parameters {
        set(&mut call, parameter, &mut examples, draft);
    }
    if let Some(body) = operation.body(tree) {
        let example = examples.of_media(body.media);
        call.body = match (body.form, example) {
            (false, example) => Body::Json(example),
            (true, Tree::Map(members)) => Body::Form(
                members.into_iter().filter_map(|(name, value)| Some((name, value.scalar()?))).collect(),
            ),
            (true, _) => Body::None,
        };
        call.headers.push(("Content-Type".into(), body.content_type.to_owned()));
    } else if operation.has_body() {
        draft.notes.push(format!("{}: its body is neither JSON nor a form, and is left out", operation.name));
    }
    for (name, scheme) in operation.security(tree) {
        secure(&mut call, name, scheme, draft);
    }
    call.answer = answer(tree, operation, &mut examples);
    call
}

/// Puts a parameter where it belongs.
fn set<'a>(call: &mut Call, parameter: &Parameter<'a>, examples: &mut Examples<'a>, draft: &mut Draft) {
    let name = parameter.name;
    let given = examples.given(parameter.tree).and_then(|value| single(&value));
    if parameter.place == "path" {
        let braced = format!("{{{name}}}");
        match given {
            Some(value) => call.path = call.path.replace(&braced, &encoded(&value, "")),
            None => {
                let column: String =
                    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                let column = if column.starts_with(|c: char| c.is_ascii_digit()) {
                    format!("p{column}")
                } else {
                    column
                };
                call.known.push((braced, format!("{{{{ values.{column} }}}}")));
                if !draft.columns.contains(&column) {
                    draft.columns.push(column);
                }
            }
        }
        return;
    }
    if !parameter.required {
        return;
    }
    let value = given.or_else(|| single(&examples.of_media(parameter.tree))).unwrap_or_default();
    match parameter.place {
        "query" => call.query.push((name.to_owned(), value)),
        "cookie" => call.cookies.push((name.to_owned(), value)),
        "header"
            if !["accept", "content-type", "authorization"].contains(&name.to_ascii_lowercase().as_str()) =>
        {
            call.headers.push((name.to_owned(), value));
        }
        _ => {}
    }
}

/// A value as an address has it; of a list, its first.
fn single(value: &Tree) -> Option<String> {
    value.scalar().or_else(|| value.items().first()?.scalar())
}

/// Puts the key where the scheme wants it, as a reference.
fn secure(call: &mut Call, name: &str, scheme: &Tree, draft: &mut Draft) {
    let (owner, host) = (owner(call), call.host().to_owned());
    let kind = scheme.str_of("type").unwrap_or("");
    let method = scheme.str_of("scheme").unwrap_or("").to_ascii_lowercase();
    let (variable, what) = match (kind, method.as_str()) {
        ("http", "basic") => {
            (format!("{owner}_BASIC_AUTH"), format!("the base64 of `user:password` at {host}"))
        }
        ("apiKey", _) => (key_variable(call), format!("the key of {host}")),
        ("http", _) if vendor(call).is_some() => (key_variable(call), format!("the key of {host}")),
        ("http", _) => (format!("{owner}_TOKEN"), format!("the bearer token of {host}")),
        ("oauth2" | "openIdConnect", _) => {
            (format!("{owner}_TOKEN"), format!("an access token of the scheme `{name}` at {host}"))
        }
        _ => return say(draft, format!("the security scheme `{name}` is not taken over")),
    };
    let reference = format!("${{env:{variable}}}");
    if !draft.variables.iter().any(|(other, _)| *other == variable) {
        draft.variables.push((variable, what));
    }
    if kind != "apiKey" {
        let word = if method == "basic" { "Basic" } else { "Bearer" };
        return call.headers.push(("Authorization".into(), format!("{word} {reference}")));
    }
    let place = scheme.str_of("name").unwrap_or("X-API-Key").to_owned();
    match scheme.str_of("in").unwrap_or("header") {
        "query" => call.query.push((place, reference)),
        "cookie" => call.cookies.push((place, reference)),
        _ => call.headers.push((place, reference)),
    }
}

fn say(draft: &mut Draft, note: String) {
    if !draft.notes.contains(&note) {
        draft.notes.push(note);
    }
}

/// How an operation answers when all is well.
fn answer<'a>(tree: &'a Tree, operation: &Operation<'a>, examples: &mut Examples<'a>) -> Option<Answer> {
    let content = operation.answers(tree)?;
    if content.get("text/event-stream").is_some() {
        return Some(answer::unseen_stream());
    }
    let json = content.members()?.iter().find(|(name, _)| name.contains("json"))?;
    answer::of_json(&examples.whole_of_media(&json.1))
}
