//! Requests to the APIs of models, recognised by their paths and bodies: these become a target of that API, with
//! `prompts` to be drawn from.

use super::call::{Body, Call, Draft};
use super::compose;
use super::headers;
use super::pen::Pen;
use super::prompts::{self, Prompts};
use super::tree::{Tree, map};
use super::vault::Vault;

/// An API of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    OpenAiChat,
    OpenAiCompletions,
    OpenAiResponses,
    OpenAiEmbeddings,
    Azure,
    Anthropic,
    Gemini,
    Ollama,
    OllamaGenerate,
    Tgi,
}

impl Api {
    /// As scenarios call it.
    const fn word(self) -> &'static str {
        match self {
            Api::OpenAiChat => "openai-chat",
            Api::OpenAiCompletions => "openai-completions",
            Api::OpenAiResponses => "openai-responses",
            Api::OpenAiEmbeddings => "openai-embeddings",
            Api::Azure => "azure-openai",
            Api::Anthropic => "anthropic",
            Api::Gemini => "gemini",
            Api::Ollama => "ollama",
            Api::OllamaGenerate => "ollama-generate",
            Api::Tgi => "tgi",
        }
    }
}

type Members = Vec<(String, Tree)>;

/// What the path of a request says.
#[derive(Debug, PartialEq, Eq)]
struct Endpoint<'a> {
    api: Api,
    /// What stands before the API's own path.
    base: &'a str,
    /// The model, where the path names it.
    model: Option<&'a str>,
    /// Whether the answer is streamed, where the path says it.
    stream: Option<bool>,
}

/// The members of the scenario from `target` to `prompts`, if all requests go to one model of one API in one way.
pub(super) fn scenario(draft: &Draft, vault: &mut Vault, notes: &mut Vec<String>) -> Option<Members> {
    let mut target: Option<Members> = None;
    let mut prompts: Vec<Tree> = Vec::new();
    let mut said = Vec::new();
    for call in &draft.calls {
        let (this, of_this) = one(call, vault, &mut said)?;
        prompts.extend(of_this);
        if target.get_or_insert_with(|| this.clone()) != &this {
            return None;
        }
    }
    said.dedup();
    notes.extend(said);
    let mut target = target?;
    target.extend(compose::wire(draft));
    Some(vec![
        ("target".into(), Tree::Map(target)),
        ("prompts".into(), weighted(prompts).noted("drawn by weight; {file: prompts.jsonl} has many")),
    ])
}

/// The target that a call goes to, and what it asks.
fn one(call: &Call, vault: &mut Vault, notes: &mut Vec<String>) -> Option<(Members, Vec<Tree>)> {
    let Body::Json(body) = &call.body else { return None };
    let path = format!("{}{}", call.base, call.path);
    let endpoint = endpoint(&path, body)?;
    let api = endpoint.api;
    if call.method != "POST" {
        return None;
    }
    let Prompts { asked, rest, stream, max_tokens_field } = prompts::of(api, body)?;
    let mut pen = Pen { vault, call };
    let mut target = vec![("api".to_owned(), Tree::text(api.word()))];
    let base = pen.verbatim(endpoint.base);
    target.push(("url".into(), Tree::Text(format!("{}{base}", call.origin))));
    let model = endpoint.model.map(str::to_owned).or_else(|| body.str_of("model").map(str::to_owned));
    match model {
        Some(model) => target.push(("model".into(), Tree::Text(pen.verbatim(&model)))),
        None if api == Api::Tgi => {}
        None => target.push(("model".into(), Tree::text("NAME").noted("the model that the server serves"))),
    }
    let key = key(&mut pen);
    target.extend(key.clone().map(|key| ("key".to_owned(), Tree::Text(key))));
    let mut but = vec!["authorization", "anthropic-version", "accept"];
    but.extend(headers::KEYS);
    let headers = headers::written(&mut pen, &but, &mut Vec::new());
    if !headers.is_empty() {
        let members = headers.into_iter().map(|(name, value)| (name, Tree::Text(value)));
        target.push(("headers".into(), Tree::Map(members.collect())));
    }
    match endpoint.stream.or(stream) {
        Some(false) if api != Api::OpenAiEmbeddings => {
            let note = "as it was asked; true measures the time to the first token";
            target.push(("stream".into(), Tree::Bool(false).noted(note)));
        }
        _ => {}
    }
    if let Some(field) = max_tokens_field {
        target.push(("max_tokens_field".into(), Tree::text(field)));
    }
    let mut left_out = Vec::new();
    let rest = pen.literal_json(&Tree::Map(rest), &mut left_out);
    if rest.members().is_some_and(|members| !members.is_empty()) {
        target.push(("body".into(), rest));
    }
    if !left_out.is_empty() {
        notes.push(format!("left out of the body: {}, which looks like a secret", left_out.join(", ")));
    }
    if let Some((_, version)) = call.query.iter().find(|(name, _)| name == "api-version") {
        target.push(("api_version".into(), Tree::Text(pen.verbatim(version))));
    }
    let unknown: Vec<&str> = call
        .query
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| !["api-version", "key", "alt"].contains(name))
        .collect();
    if !unknown.is_empty() {
        notes.push(format!("left out of the URL: the parameters {}", unknown.join(", ")));
    }
    // They may hold the only secrets, and those stand elsewhere too.
    pen.query(&call.query);
    let asked = asked.into_iter().map(|prompt| pen.literal_json(&prompt, &mut Vec::new())).collect();
    Some((target, asked))
}

/// The API that a path belongs to. Paths that applications have too count only with the body of the API.
fn endpoint<'a>(path: &'a str, body: &Tree) -> Option<Endpoint<'a>> {
    let path = path.trim_end_matches('/');
    let has = |name: &str| body.get(name).is_some();
    let plain = |api, base| Some(Endpoint { api, base, model: None, stream: None });
    if let Some((base, rest)) = path.split_once("/openai/deployments/") {
        let (model, operation) = rest.split_once('/')?;
        let chat = operation == "chat/completions" && has("messages");
        return chat.then_some(Endpoint { api: Api::Azure, base, model: Some(model), stream: None });
    }
    for (operation, stream) in [(":streamGenerateContent", true), (":generateContent", false)] {
        if let Some(rest) = path.strip_suffix(operation) {
            let (before, model) = rest.rsplit_once("/models/")?;
            let base = before.rsplit_once('/').map_or("", |(base, _)| base);
            return has("contents").then_some(Endpoint {
                api: Api::Gemini,
                base,
                model: Some(model),
                stream: Some(stream),
            });
        }
    }
    if let Some(base) = path.strip_suffix("/chat/completions") {
        return if has("messages") { plain(Api::OpenAiChat, base) } else { None };
    }
    if let Some(base) = path.strip_suffix("/v1/messages") {
        return if has("messages") { plain(Api::Anthropic, base) } else { None };
    }
    for (operation, api, member) in [
        ("/completions", Api::OpenAiCompletions, "prompt"),
        ("/responses", Api::OpenAiResponses, "input"),
        ("/embeddings", Api::OpenAiEmbeddings, "input"),
    ] {
        if let Some(base) = path.strip_suffix(operation) {
            return if has(member) && has("model") { plain(api, base) } else { None };
        }
    }
    for (operation, api, member) in
        [("/api/chat", Api::Ollama, "messages"), ("/api/generate", Api::OllamaGenerate, "prompt")]
    {
        if let Some(base) = path.strip_suffix(operation) {
            return if has(member) && has("model") { plain(api, base) } else { None };
        }
    }
    for (operation, stream) in [("/generate_stream", true), ("/generate", false)] {
        if let Some(base) = path.strip_suffix(operation) {
            let tgi = Endpoint { api: Api::Tgi, base, model: None, stream: Some(stream) };
            return has("inputs").then_some(tgi);
        }
    }
    None
}

/// The key, wherever the request has it, as a reference.
fn key(pen: &mut Pen<'_>) -> Option<String> {
    let call = pen.call;
    let mut found = None;
    for name in headers::KEYS {
        if let Some(value) = call.header(name) {
            found = found.or(Some(headers::key(pen, value, "the key")));
        }
    }
    if let Some(value) = call.header("authorization") {
        let (scheme, bare) = value.trim().split_once(' ').unwrap_or(("", value.trim()));
        let bare = if scheme.eq_ignore_ascii_case("bearer") || scheme.is_empty() { bare } else { value };
        found = found.or(Some(headers::key(pen, bare.trim(), "the key")));
    }
    if let Some((_, value)) = call.query.iter().find(|(name, _)| name == "key") {
        found = found.or(Some(headers::key(pen, value, "the key")));
    }
    found.filter(|key| super::call::reference(key) == Some(key.len()))
}

/// The same prompt once, with its weight.
fn weighted(prompts: Vec<Tree>) -> Tree {
    let mut each: Vec<(Tree, usize)> = Vec::new();
    for prompt in prompts {
        match each.iter_mut().find(|(other, _)| *other == prompt) {
            Some((_, weight)) => *weight += 1,
            None => each.push((prompt, 1)),
        }
    }
    let written = each.into_iter().map(|(prompt, weight)| match (prompt, weight) {
        (Tree::Map(members), 2..) => {
            let Tree::Map(mut all) = map([("weight", Tree::Plain(weight.to_string()))]) else {
                return Tree::Null;
            };
            all.extend(members);
            Tree::Map(all)
        }
        (prompt, _) => prompt,
    });
    Tree::List(written.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apis_are_recognised_by_path_and_body() {
        let body = Tree::of_json(
            r#"{"model": "m", "messages": [], "prompt": "", "input": "", "contents": [], "inputs": ""}"#,
        );
        let body = body.unwrap();
        for (path, api, base, model) in [
            ("/v1/chat/completions", Api::OpenAiChat, "/v1", None),
            ("/openai/deployments/d/chat/completions", Api::Azure, "", Some("d")),
            ("/v1/messages", Api::Anthropic, "", None),
            ("/v1beta/models/g-2:streamGenerateContent", Api::Gemini, "", Some("g-2")),
            ("/v1/completions", Api::OpenAiCompletions, "/v1", None),
            ("/v1/responses", Api::OpenAiResponses, "/v1", None),
            ("/v1/embeddings", Api::OpenAiEmbeddings, "/v1", None),
            ("/api/chat", Api::Ollama, "", None),
            ("/x/api/generate", Api::OllamaGenerate, "/x", None),
            ("/generate_stream", Api::Tgi, "", None),
        ] {
            let found = endpoint(path, &body).unwrap();
            assert_eq!((found.api, found.base, found.model), (api, base, model), "{path}");
        }
        let own = Tree::of_json(r#"{"messages": [], "session": "x"}"#).unwrap();
        assert_eq!(endpoint("/api/chat", &own), None);
    }
}
