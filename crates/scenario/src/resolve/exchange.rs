//! An application's own API: its requests as templates, and where its answers say what.

use std::sync::Arc;

use floodline_wire::codec::Codec;
use floodline_wire::own::{Format, Kind};
use serde_json::{Map, Value, json};

use super::findings::Findings;
use super::literal;
use crate::template::{JsonTemplate, Template};
use crate::workload::Wanted;
use crate::workload::own::{OwnBody, OwnPath, OwnRequest, checked_method, joined};
use crate::written::{
    At, Given, Header, OwnAnswer, OwnRequest as OwnRequestForm, Place, Scalar, Target, Text, Tree, Wrong,
};

/// How an application is asked and read.
pub(crate) struct Own {
    pub(crate) codec: Codec,
    pub(crate) streamed: bool,
    pub(crate) request: Arc<OwnRequest>,
    /// Of requests that have none of their own.
    pub(crate) method: String,
    /// Path and query of requests that have none of their own.
    pub(crate) path: String,
    pub(crate) content_type: Option<&'static str>,
    /// As it is written, for the plan.
    pub(crate) written: Value,
}

const REQUEST: &str = "such as request: {method: POST, path: /chat, json: {question: '{{ prompt }}'}}";

/// Resolves `request` and `answer` of a target. `base` is the path and the query of its URL; `place` is that of the
/// target, if it needs a request.
pub(crate) fn resolve(
    written: &Target,
    place: Option<Place>,
    model: &str,
    seed: u64,
    base: (&str, Option<&str>),
    findings: &mut Findings<'_>,
) -> Option<Own> {
    let before = findings.count();
    let format = format(written.answer.as_ref().map(|answer| &answer.value), findings);
    let unasked = OwnRequestForm::default();
    let (request, of_request) = match (written.request.as_ref(), place) {
        (Some(At { value, place }), _) => (value, *place),
        (None, None) => (&unasked, Place::Nowhere),
        (None, Some(place)) => {
            findings
                .problem(place, "a target with `api: http` needs a `request`: what is sent")
                .with_help(REQUEST);
            return None;
        }
    };
    let body = body(written, findings);
    let path_text = request.path.as_ref().map_or("", |path| path.text.as_str());
    let path = template(&request.path, findings);
    let method = template(&request.method, findings);
    let (constant_path, own_path) = match path {
        Some(path) if path.plain().is_none() => {
            let query = base.1.map(str::to_owned);
            (String::new(), Some(OwnPath { before: base.0.to_owned(), template: path, query }))
        }
        _ => (path_text.to_owned(), None),
    };
    let has_body = !matches!(body, Some(OwnBody::None));
    let (method, own_method) = match method {
        Some(method) if method.plain().is_none() => ("POST".to_owned(), Some(method)),
        Some(method) => (method.plain().unwrap_or_default().to_owned(), None),
        None => (if has_body { "POST" } else { "GET" }.to_owned(), None),
    };
    let method = match checked_method(&method) {
        Ok(method) => method,
        Err(why) => {
            let place = request.method.as_ref().map_or(of_request, |method| method.place);
            findings.problem(place, why).with_help("such as method: POST");
            return None;
        }
    };
    let mut fields: Vec<(Box<str>, Template)> = Vec::new();
    for header in own_headers(written).filter(|header| is_template(&header.value.text)) {
        let Scalar { text, place, .. } = &header.value;
        if text.contains("${env:") {
            findings
                .secret_problem(*place, "a header holds either a template or a value from the environment")
                .with_help("send them in two headers");
        } else if literal::in_header(&header.name.value, text) {
            findings
                .secret_problem(
                    *place,
                    format!("the value of `{}` must not be written in a scenario", header.name.value),
                )
                .with_help("put it into an environment variable and refer to it: ${env:NAME}");
        } else if let Some(template) = made(Template::new(text), *place, findings) {
            fields.push((header.name.value.to_ascii_lowercase().into(), template));
        }
    }
    let content_type = body.as_ref().and_then(OwnBody::content_type);
    let sources = sources(written);
    let request = OwnRequest {
        method: own_method,
        path: own_path,
        fields,
        body: body?,
        model: model.into(),
        seed,
        reads_messages: sources.iter().any(|source| source.text.contains("messages")),
    };
    for source in sources.iter().filter(|source| source.text.contains("${env:")) {
        if !own_headers(written).any(|header| std::ptr::eq(&header.value, *source)) {
            findings
                .secret_problem(source.place, "of a target's request, only headers can hold ${env:NAME}")
                .with_help(
                    "send it in a header, or make it a step: flow: {steps: [{post: /path, json: {...}}]}",
                );
        }
    }
    if findings.count() > before {
        return None;
    }
    try_out(&request, &sources, findings);
    let format = format?;
    Some(Own {
        streamed: format.kind != Some(Kind::Json),
        codec: Codec::Own(Arc::new(format)),
        method,
        path: joined(base.0, &constant_path, base.1),
        content_type,
        written: as_written(written),
        request: Arc::new(request),
    })
}

/// Finds fault with what goes with an application's own API only.
pub(crate) fn refuse(written: &Target, findings: &mut Findings<'_>) {
    let given = [
        ("request", written.request.as_ref().map(|at| at.place)),
        ("answer", written.answer.as_ref().map(|at| at.place)),
    ];
    for (key, place) in given.into_iter().filter_map(|(key, place)| Some((key, place?))) {
        findings
            .problem(place, format!("`{key}` goes with `api: http` only"))
            .with_help("the other APIs say themselves what is sent and how it is read");
    }
}

/// The headers of the request itself.
pub(crate) fn own_headers(written: &Target) -> impl Iterator<Item = &Header> {
    let headers = written.request.as_ref().and_then(|request| request.value.headers.as_ref());
    headers.into_iter().flat_map(|headers| &headers.0)
}

/// Whether a text has anything to fill in.
pub(crate) fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// How an answer is read; the usual way where nothing is said of it.
pub(super) fn format(written: Option<&OwnAnswer>, findings: &mut Findings<'_>) -> Option<Format> {
    let Some(written) = written else { return Some(Format::default()) };
    let before = findings.count();
    let format = Format {
        kind: findings.read(&written.format),
        text: findings.read(&written.text),
        reasoning: findings.read(&written.reasoning),
        finish: findings.read(&written.finish),
        error: findings.read(&written.error),
        input_tokens: findings.read(&written.input_tokens),
        output_tokens: findings.read(&written.output_tokens),
        done: findings.text(&written.done, "the mark of the end").map(Into::into),
    };
    let paths = [&written.text, &written.reasoning, &written.finish, &written.error];
    let paths = paths.into_iter().chain([&written.input_tokens, &written.output_tokens]);
    let of_path = paths.filter_map(|path| path.as_ref()).map(|path| path.place).next();
    let of_done = written.done.as_ref().map(|done| done.place);
    match (format.kind, of_path, of_done) {
        (Some(Kind::Text), Some(place), _) => {
            findings
                .problem(place, "plain text has no JSON to look into")
                .with_help("leave the paths out, or say format: sse, ndjson or json");
        }
        (Some(kind @ (Kind::Text | Kind::Json)), _, Some(place)) => {
            findings
                .problem(place, format!("`{}` has no events, and so none that ends it", kind.name()))
                .with_help("leave out `done`: the answer is over when its body is");
        }
        _ => {}
    }
    (findings.count() == before).then_some(format)
}

fn body(written: &Target, findings: &mut Findings<'_>) -> Option<OwnBody> {
    let Some(At { value: request, place }) = written.request.as_ref() else { return Some(OwnBody::None) };
    let given = [request.json.is_some(), request.body.is_some(), request.form.is_some()];
    if given.into_iter().filter(|given| *given).count() > 1 {
        findings
            .problem(*place, "a request has one body: `json`, `body` or `form`")
            .with_help("keep one of them");
        return None;
    }
    if let Some(tree) = request.json.as_ref() {
        let before = findings.count();
        tree.texts(&mut |text| {
            made(JsonTemplate::new(&Value::from(text.text.as_str())), text.place, findings);
        });
        let json = tree.to_json();
        for path in json.as_object().map(literal::in_body).unwrap_or_default() {
            findings
                .secret_problem(
                    *place,
                    format!("`{path}` in `json` looks like a secret: a body is written to files"),
                )
                .with_help("give keys as `key:` or as a header, with ${env:NAME}");
        }
        let made = JsonTemplate::new(&json).ok();
        return made.filter(|_| findings.count() == before).map(OwnBody::Json);
    }
    if let Some(text) = request.body.as_ref() {
        return made(Template::new(&text.text), text.place, findings).map(OwnBody::Text);
    }
    if let Some(fields) = request.form.as_ref() {
        let mut form = Vec::new();
        for Header { name, value } in &fields.0 {
            form.push((name.value.clone(), made(Template::new(&value.text), value.place, findings)?));
        }
        return Some(OwnBody::Form(form));
    }
    Some(OwnBody::None)
}

fn template(given: &Given<Scalar<Text>>, findings: &mut Findings<'_>) -> Option<Template> {
    let scalar = given.as_ref()?;
    made(Template::new(&scalar.text), scalar.place, findings)
}

fn made<T>(template: Result<T, Wrong>, place: Place, findings: &mut Findings<'_>) -> Option<T> {
    match template {
        Ok(template) => Some(template),
        Err(wrong) => {
            let added = findings.problem(place, wrong.message);
            if let Some(help) = wrong.help {
                added.with_help(help);
            }
            None
        }
    }
}

/// All texts of a request that may be templates.
fn sources(written: &Target) -> Vec<&Scalar<Text>> {
    let mut all: Vec<&Scalar<Text>> = Vec::new();
    let Some(At { value: request, .. }) = written.request.as_ref() else { return all };
    all.extend(
        [&request.method, &request.path, &request.body].into_iter().filter_map(|given| given.as_ref()),
    );
    if let Some(tree) = request.json.as_ref() {
        tree.texts(&mut |text| all.push(text));
    }
    all.extend(request.form.iter().flat_map(|form| &form.0).map(|field| &field.value));
    all.extend(own_headers(written).map(|header| &header.value));
    all
}

/// Fills every template in once: a name that no request has is found before the first one is sent.
fn try_out(request: &OwnRequest, sources: &[&Scalar<Text>], findings: &mut Findings<'_>) {
    let context =
        request.context(Wanted { i: 0, max_tokens: Some(1) }, br#"[{"role":"user","content":"Hello"}]"#);
    for source in sources.iter().filter(|source| is_template(&source.text)) {
        let tried = JsonTemplate::new(&Value::from(source.text.as_str()))
            .map_err(|wrong| wrong.message)
            .and_then(|template| template.write(&context, &mut Vec::new()));
        if let Err(why) = tried {
            findings
                .problem(source.place, format!("this template cannot be filled in: {why}"))
                .with_help("it can use prompt, messages, model, max_tokens, i and seed");
        }
    }
}

/// What the plan keeps: texts as they are written, secrets as references.
fn as_written(written: &Target) -> Value {
    let text = |given: &Given<Scalar<Text>>| given.as_ref().map(|scalar| Value::from(scalar.text.as_str()));
    let fields = |headers: &Given<crate::written::Headers>| {
        let headers = headers.as_ref()?;
        let pairs = headers.0.iter().map(|h| (h.name.value.clone(), Value::from(h.value.text.as_str())));
        Some(Value::Object(pairs.collect::<Map<_, _>>()))
    };
    let kept = |members: Vec<(&str, Option<Value>)>| {
        let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(members.collect::<Map<_, _>>())
    };
    let request = written.request.as_ref().map(|At { value: request, .. }| {
        kept(vec![
            ("method", text(&request.method)),
            ("path", text(&request.path)),
            ("headers", fields(&request.headers)),
            ("json", request.json.as_ref().map(Tree::to_json)),
            ("body", text(&request.body)),
            ("form", fields(&request.form)),
        ])
    });
    let path = |given: &Given<Scalar<floodline_wire::own::Path>>| {
        given.as_ref().map(|scalar| Value::from(scalar.text.as_str()))
    };
    let answer = written.answer.as_ref().map(|At { value: answer, .. }| {
        kept(vec![
            ("format", answer.format.as_ref().map(|scalar| Value::from(scalar.text.as_str()))),
            ("text", path(&answer.text)),
            ("reasoning", path(&answer.reasoning)),
            ("done", text(&answer.done)),
            ("finish", path(&answer.finish)),
            ("error", path(&answer.error)),
            ("input_tokens", path(&answer.input_tokens)),
            ("output_tokens", path(&answer.output_tokens)),
        ])
    });
    json!({ "request": request, "answer": answer })
}
