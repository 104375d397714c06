//! The request of a step: something said to the model, or a request of its own.

use std::sync::Arc;

use floodline_wire::codec::Codec;
use floodline_wire::own::Format;
use serde_json::{Map, Value};

use super::env::Environment;
use super::verdict;
use crate::journey::{Ask, Content, Own, Request, Says, What};
use crate::resolve::findings::Findings;
use crate::resolve::headers::refused_name;
use crate::resolve::target::Resolved as Target;
use crate::resolve::{exchange, literal};
use crate::template::{JsonTemplate, Template};
use crate::written::{At, Given, Headers, Place, Scalar, Step, Text};

/// A resolved request step.
pub(super) struct Made {
    /// What it sends, in a few words.
    pub(super) what: String,
    /// Whether it says something to the model.
    pub(super) asks: bool,
    pub(super) max_tokens: Option<u32>,
    /// Missing when the target is.
    pub(super) request: Option<Request>,
}

/// What steps are resolved with.
pub(super) struct With<'a> {
    /// None after a problem with them: steps are checked only.
    pub(super) targets: &'a [Target],
    pub(super) environment: &'a mut Environment,
}

/// Whatever the answer is, something can be made of it.
const ACCEPT: &str = "application/json, text/event-stream;q=0.9, */*;q=0.8";

pub(super) fn resolve(
    step: &Step,
    place: Place,
    with: &mut With<'_>,
    findings: &mut Findings<'_>,
) -> Option<Made> {
    let before = findings.count();
    for header in step.headers.iter().flat_map(|headers| &headers.0) {
        let name = header.name.value.to_ascii_lowercase();
        if let Some((problem, help)) = refused_name(&name, None).filter(|_| name != "content-type") {
            findings.problem(header.name.place, problem).with_help(help);
        }
    }
    let headers = headers(&step.headers, with, findings);
    let saves = verdict::saves(&step.save, findings);
    let checks = verdict::checks(&step.check, &step.tools, findings);
    let line = own_line(step);
    let asks = line.is_none();
    let max_tokens = findings.above_zero(&step.max_tokens, "`max_tokens`");
    let answer = step.answer.as_ref().and_then(|answer| exchange::format(Some(&answer.value), findings));
    let answer = answer.map(Arc::new);
    let made = match line {
        Some(line) => own(step, line, accept(answer.as_ref(), with.targets.first()), with, findings),
        None => ask(step, place, max_tokens, with, findings),
    };
    let (what, sent) = made?;
    let request = sent.map(|sent| Request { what: sent, answer, headers, saves, checks });
    (findings.count() == before).then_some(Made { what, asks, max_tokens, request })
}

/// Method and path of a request of its own, if the step is one.
fn own_line(step: &Step) -> Option<(&'static str, &Scalar<Text>)> {
    let lines = [
        ("GET", &step.get),
        ("POST", &step.post),
        ("PUT", &step.put),
        ("PATCH", &step.patch),
        ("DELETE", &step.delete),
    ];
    lines.into_iter().find_map(|(method, path)| Some((method, path.as_ref()?)))
}

fn own(
    step: &Step,
    (method, path): (&'static str, &Scalar<Text>),
    accept: Option<&'static str>,
    with: &mut With<'_>,
    findings: &mut Findings<'_>,
) -> Option<(String, Option<What>)> {
    let strays = [
        ("system", step.system.is_some()),
        ("tools", step.tools.is_some()),
        ("with", step.with.is_some()),
        ("max_tokens", step.max_tokens.is_some()),
        ("conversation", step.conversation.is_some()),
        ("new_conversation", step.new_conversation.is_some()),
    ];
    for (key, _) in strays.into_iter().filter(|(_, given)| *given) {
        findings
            .problem(path.place, format!("`{key}` has no meaning in a request of its own"))
            .with_help("it belongs to a step that says something to the model: ask, tool_result or messages");
    }
    // The path is shown: it names the step where it has no other name.
    if literal::looks_like_a_key(&path.text) {
        findings
            .secret_problem(path.place, "the path of a step must not hold a key")
            .with_help("put it into an environment variable and refer to it: ${env:NAME}");
        return None;
    }
    let what = format!("{method} {}", path.text);
    let template = text(path, with, findings);
    let query = headers(&step.query, with, findings);
    let content = content(step, with, findings);
    let bases: Vec<String> = with.targets.iter().map(|target| target.base_path.clone()).collect();
    let made = || {
        let (method, path, content) = (method.into(), template?, content?);
        Some(What::Own(Own { method, path, query, content, accept, bases }))
    };
    Some((what, made()))
}

/// What a request of its own accepts; nothing is said of it where all requests of the target say something.
fn accept(answer: Option<&Arc<Format>>, target: Option<&Target>) -> Option<&'static str> {
    let named = target
        .is_some_and(|target| target.target.headers.iter().any(|name| name.eq_ignore_ascii_case("accept")));
    (!named).then(|| answer.map_or(ACCEPT, |format| Codec::Own(format.clone()).accept(true)))
}

fn content(step: &Step, with: &mut With<'_>, findings: &mut Findings<'_>) -> Option<Content> {
    let given = [
        step.json.as_ref().map(|json| json.place),
        step.form.as_ref().and_then(|form| form.0.first()).map(|field| field.name.place),
        step.body.as_ref().map(|body| body.place),
    ];
    if let [_, second, ..] = given.into_iter().flatten().collect::<Vec<_>>()[..] {
        findings.problem(second, "a request has one body: json, form or body").with_help("keep one of them");
        return None;
    }
    if let Some(At { value, place }) = step.json.as_ref() {
        refuse_secrets(value, *place, findings);
        return json(value, *place, with, findings).map(Content::Json);
    }
    if step.form.is_some() {
        return Some(Content::Form(headers(&step.form, with, findings)));
    }
    match step.body.as_ref() {
        Some(body) => text(body, with, findings).map(Content::Text),
        None => Some(Content::Nothing),
    }
}

fn ask(
    step: &Step,
    place: Place,
    max_tokens: Option<u32>,
    with: &mut With<'_>,
    findings: &mut Findings<'_>,
) -> Option<(String, Option<What>)> {
    for (key, given) in [
        ("json", step.json.is_some()),
        ("form", step.form.is_some()),
        ("body", step.body.is_some()),
        ("query", step.query.is_some()),
    ] {
        if given {
            findings
                .problem(place, format!("`{key}` has no meaning in a step that says something to the model"))
                .with_help("its body is made by the target's API; further members go under `with`");
        }
    }
    if let Some(At { place, .. }) = step.answer.as_ref() {
        findings
            .problem(*place, "`answer` has no meaning in a step that says something to the model")
            .with_help("the target says how its answers are read; leave it out");
    }
    let (what, says) = if let Some(question) = step.ask.as_ref() {
        ("ask", text(question, with, findings).map(Says::Question))
    } else if let Some(result) = step.tool_result.as_ref() {
        ("give tool results", text(result, with, findings).map(Says::Results))
    } else {
        let At { value, place } = step.messages.as_ref()?;
        ("send messages", json(value, *place, with, findings).map(Says::Messages))
    };
    let system = step.system.as_ref().and_then(|system| text(system, with, findings));
    let conversation = findings.text(&step.conversation, "the conversation's name").unwrap_or_default();
    let fresh = findings.read(&step.new_conversation).unwrap_or(false);
    let extra = extra(step, findings);
    let mut members = Vec::new();
    for target in with.targets {
        members.push(target.members.with(tools(step, &extra, target, findings)));
    }
    let made = || {
        Some(What::Ask(Ask {
            conversation: conversation.into(),
            fresh,
            says: says?,
            system,
            frames: members.iter().map(|members| members.frame(max_tokens.is_some())).collect(),
            max_tokens,
        }))
    };
    Some((what.into(), made()))
}

/// The names under which APIs are asked for several answers.
const CHOICES: [&str; 4] = ["n", "best_of", "candidateCount", "candidate_count"];

/// Members that only this step's requests have, but for its tools.
fn extra(step: &Step, findings: &mut Findings<'_>) -> Map<String, Value> {
    let extra = step.with.as_ref().map_or_else(Map::new, |with| with.value.clone());
    if let Some(At { place, .. }) = step.with.as_ref() {
        refuse_secrets(&Value::Object(extra.clone()), *place, findings);
        if let Some(name) = CHOICES.iter().find(|name| extra.contains_key(**name)) {
            findings
                .problem(
                    *place,
                    format!("`{name}` of a step asks for several answers, each of which is paid"),
                )
                .with_help(format!(
                    "write it in the target's `body`, where the spend limit counts it, or leave out `{name}`"
                ));
        }
    }
    if let Some(At { value, place }) = step.tools.as_ref()
        && value.as_array().is_none_or(Vec::is_empty)
    {
        findings.problem(*place, "`tools` must be a list of tools").with_help(
            "such as [{type: function, function: {name: weather, parameters: {type: object, properties: {...}}}}]",
        );
    }
    extra
}

/// The same with the step's tools, as the target's API takes them.
fn tools(
    step: &Step,
    extra: &Map<String, Value>,
    target: &Target,
    findings: &mut Findings<'_>,
) -> Map<String, Value> {
    let mut all = extra.clone();
    if let Some(At { value: Value::Array(tools), place }) = step.tools.as_ref() {
        let offered = offered(tools, target);
        if offered.is_empty() {
            findings
                .problem(*place, "the API of the target knows no tools")
                .with_help("leave out `tools`, or use an API that has them, such as openai-chat");
        }
        all.extend(offered);
    }
    all
}

/// Tools in the form in which the target's API takes them.
fn offered(tools: &[Value], target: &Target) -> Map<String, Value> {
    let mut written = b"{".to_vec();
    target.members.codec.write_tools(tools, &mut written);
    written.push(b'}');
    serde_json::from_slice(&written).unwrap_or_default()
}

fn headers(
    written: &Given<Headers>,
    with: &mut With<'_>,
    findings: &mut Findings<'_>,
) -> Vec<(String, Template)> {
    let mut made: Vec<(String, Template)> = Vec::new();
    for header in written.iter().flat_map(|headers| &headers.0) {
        let name = &header.name.value;
        // What a template fills in is no secret that stands in the file.
        if literal::in_header(name, &literal::without_templates(&header.value.text)) {
            findings
                .secret_problem(
                    header.value.place,
                    format!("the value of `{name}` must not be written in a scenario"),
                )
                .with_help("put it into an environment variable and refer to it: ${env:NAME}");
            continue;
        }
        made.extend(text(&header.value, with, findings).map(|value| (name.clone(), value)));
    }
    made
}

fn text(written: &Scalar<Text>, with: &mut With<'_>, findings: &mut Findings<'_>) -> Option<Template> {
    let text = with.environment.refer(&written.text, written.place, findings)?;
    Template::new(&text).map_err(|wrong| findings.wrong(written.place, wrong)).ok()
}

fn json(
    value: &Value,
    place: Place,
    with: &mut With<'_>,
    findings: &mut Findings<'_>,
) -> Option<JsonTemplate> {
    let value = with.environment.refer_in(value, place, findings)?;
    JsonTemplate::new(&value).map_err(|wrong| findings.wrong(place, wrong)).ok()
}

fn refuse_secrets(value: &Value, place: Place, findings: &mut Findings<'_>) {
    let Value::Object(members) = value else { return };
    for path in literal::in_body(&literal::members_without_templates(members)) {
        findings
            .secret_problem(place, format!("the value of `{path}` must not be written in a scenario"))
            .with_help(
                "put it into an environment variable and refer to it: ${env:NAME}, or take it from `data:`",
            );
    }
}
