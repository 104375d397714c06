//! Which path is what, on one port for all APIs.

use std::borrow::Cow;

use super::fault::Dialect;
use crate::http1::request::{Method, RequestHead};

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route<'p> {
    /// Whose shapes the answer has.
    pub dialect: Dialect,
    /// What is asked.
    pub endpoint: Endpoint,
    /// The model or deployment that the path names.
    pub name: Option<Cow<'p, str>>,
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's completions of old.
    Completions,
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's embeddings.
    Embeddings,
    /// The models there are, in the dialect's shape.
    Models,
    /// One of them.
    Model,
    /// One of Ollama's, which is named in the body.
    Show,
    /// Anthropic's messages.
    Messages,
    /// The length of such a prompt.
    CountMessages,
    /// Gemini's contents, whole.
    Generate,
    /// The same, streamed.
    StreamGenerate,
    /// The length of such a prompt.
    CountContents,
    /// Gemini's embedding of one content.
    EmbedContent,
    /// The same of several.
    EmbedContents,
    /// Ollama's chat.
    OllamaChat,
    /// Ollama's generation.
    OllamaGenerate,
    /// Ollama's embeddings.
    OllamaEmbed,
    /// The same of old.
    OllamaEmbedOld,
    /// Ollama's version.
    OllamaVersion,
    /// The models that Ollama has loaded.
    OllamaRunning,
    /// Text generation inference, whole.
    TgiGenerate,
    /// The same, streamed.
    TgiStream,
    /// The same, as the body says.
    TgiEither,
    /// About the server.
    TgiInfo,
    /// Whether the server is well.
    Health,
    /// Whether there is a server.
    Root,
}

impl Endpoint {
    /// Whether it is asked by POST; by GET and HEAD otherwise.
    pub fn is_posted(self) -> bool {
        !matches!(
            self,
            Endpoint::Models
                | Endpoint::Model
                | Endpoint::OllamaVersion
                | Endpoint::OllamaRunning
                | Endpoint::TgiInfo
                | Endpoint::Health
                | Endpoint::Root
        )
    }
}

impl<'p> Route<'p> {
    /// What `head` asks for; nothing if its path is none of ours. The method is looked at where it decides.
    pub fn of(head: &'p RequestHead) -> Option<Route<'p>> {
        let path = head.path.strip_suffix('/').unwrap_or(&head.path);
        if let Some(rest) = path.strip_prefix("/openai/") {
            return azure(rest);
        }
        if let Some(rest) = path.strip_prefix("/api/") {
            return ollama(rest);
        }
        if let Some(rest) = path.strip_prefix("/v1beta/") {
            return gemini(rest);
        }
        if let Some(found) = tgi(path, &head.method) {
            return Some(found);
        }
        let path = path.strip_prefix("/v1").unwrap_or(path).strip_prefix('/')?;
        if let Some(rest) = path.strip_prefix("messages") {
            return anthropic(rest);
        }
        let name = path.strip_prefix("models/");
        if name.is_some_and(|name| name.contains(':')) && head.method == Method::Post {
            return gemini(path);
        }
        let found = openai(path, Dialect::OpenAi)?;
        match found.endpoint {
            Endpoint::Models | Endpoint::Model => Some(Route { dialect: dialect_of_models(head), ..found }),
            _ => Some(found),
        }
    }

    /// Whose path it is, even if there is nothing at it.
    pub fn dialect_of(head: &RequestHead) -> Dialect {
        if let Some(route) = Route::of(head) {
            return route.dialect;
        }
        let path = &*head.path;
        let starts = |starts: &[&str]| starts.iter().any(|start| path.starts_with(start));
        match () {
            () if starts(&["/openai/"]) => Dialect::Azure,
            () if starts(&["/api/"]) => Dialect::Ollama,
            () if starts(&["/v1beta"]) => Dialect::Gemini,
            () if starts(&["/v1/messages", "/messages"]) => Dialect::Anthropic,
            () if starts(&["/generate"]) => Dialect::Tgi,
            () => dialect_of_models(head),
        }
    }
}

/// Three APIs list their models at one path: their clients are told apart by how they send their key.
fn dialect_of_models(head: &RequestHead) -> Dialect {
    if head.anthropic_version.is_some() {
        return Dialect::Anthropic;
    }
    let googles = head.google_key.is_some() || head.query_value("key").is_some();
    if googles { Dialect::Gemini } else { Dialect::OpenAi }
}

fn route<'p>(dialect: Dialect, endpoint: Endpoint) -> Option<Route<'p>> {
    Some(Route { dialect, endpoint, name: None })
}

fn named(dialect: Dialect, endpoint: Endpoint, name: &str) -> Option<Route<'_>> {
    (!name.is_empty()).then(|| Route { dialect, endpoint, name: Some(percent_decoded(name)) })
}

fn openai(path: &str, dialect: Dialect) -> Option<Route<'_>> {
    match path {
        "chat/completions" => route(dialect, Endpoint::Chat),
        "completions" => route(dialect, Endpoint::Completions),
        "responses" => route(dialect, Endpoint::Responses),
        "embeddings" => route(dialect, Endpoint::Embeddings),
        "models" => route(dialect, Endpoint::Models),
        "health" => route(dialect, Endpoint::Health),
        other => named(dialect, Endpoint::Model, other.strip_prefix("models/")?),
    }
}

fn azure(path: &str) -> Option<Route<'_>> {
    let Some(rest) = path.strip_prefix("deployments/") else {
        return openai(path.strip_prefix("v1/").unwrap_or(path), Dialect::Azure)
            .filter(|found| found.endpoint != Endpoint::Health);
    };
    let (deployment, operation) = rest.split_once('/')?;
    let found = openai(operation, Dialect::Azure).filter(|found| {
        matches!(found.endpoint, Endpoint::Chat | Endpoint::Completions | Endpoint::Embeddings)
    })?;
    named(Dialect::Azure, found.endpoint, deployment)
}

fn anthropic(rest: &str) -> Option<Route<'_>> {
    match rest {
        "" => route(Dialect::Anthropic, Endpoint::Messages),
        "/count_tokens" => route(Dialect::Anthropic, Endpoint::CountMessages),
        _ => None,
    }
}

fn gemini(path: &str) -> Option<Route<'_>> {
    if path == "models" {
        return route(Dialect::Gemini, Endpoint::Models);
    }
    let name = path.strip_prefix("models/")?;
    let Some((model, operation)) = name.rsplit_once(':') else {
        return named(Dialect::Gemini, Endpoint::Model, name);
    };
    let endpoint = match operation {
        "generateContent" => Endpoint::Generate,
        "streamGenerateContent" => Endpoint::StreamGenerate,
        "countTokens" => Endpoint::CountContents,
        "embedContent" => Endpoint::EmbedContent,
        "batchEmbedContents" => Endpoint::EmbedContents,
        _ => return None,
    };
    named(Dialect::Gemini, endpoint, model)
}

fn ollama(path: &str) -> Option<Route<'_>> {
    let endpoint = match path {
        "chat" => Endpoint::OllamaChat,
        "generate" => Endpoint::OllamaGenerate,
        "embed" => Endpoint::OllamaEmbed,
        "embeddings" => Endpoint::OllamaEmbedOld,
        "tags" => Endpoint::Models,
        "show" => Endpoint::Show,
        "version" => Endpoint::OllamaVersion,
        "ps" => Endpoint::OllamaRunning,
        _ => return None,
    };
    route(Dialect::Ollama, endpoint)
}

fn tgi<'p>(path: &str, method: &Method) -> Option<Route<'p>> {
    match path {
        "/generate" => route(Dialect::Tgi, Endpoint::TgiGenerate),
        "/generate_stream" => route(Dialect::Tgi, Endpoint::TgiStream),
        "/info" => route(Dialect::Tgi, Endpoint::TgiInfo),
        "" if *method == Method::Post => route(Dialect::Tgi, Endpoint::TgiEither),
        "" => route(Dialect::Ollama, Endpoint::Root),
        _ => None,
    }
}

/// Resolves `%2F` and the like; what is no such thing, or gives no text, stays as it is.
pub(crate) fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let (mut decoded, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [byte, after @ ..] = rest {
        let escaped = match (byte, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::request::parse_request;

    fn asked(line: &str, fields: &str) -> Option<(Dialect, Endpoint, Option<String>)> {
        let bytes = format!("{line} HTTP/1.1\r\n{fields}\r\n");
        let (head, _) = parse_request(bytes.as_bytes()).unwrap().unwrap();
        Route::of(&head).map(|route| (route.dialect, route.endpoint, route.name.map(Cow::into_owned)))
    }

    #[test]
    fn true_paths_of_every_api() {
        use {Dialect as D, Endpoint as E};
        for (line, dialect, endpoint, name) in [
            ("POST /v1/chat/completions", D::OpenAi, E::Chat, None),
            ("POST /chat/completions/", D::OpenAi, E::Chat, None),
            ("POST /v1/completions", D::OpenAi, E::Completions, None),
            ("POST /v1/responses", D::OpenAi, E::Responses, None),
            ("POST /embeddings", D::OpenAi, E::Embeddings, None),
            ("GET /v1/models", D::OpenAi, E::Models, None),
            ("GET /v1/models/org%2Fa", D::OpenAi, E::Model, Some("org/a")),
            ("POST /openai/deployments/d/chat/completions?api-version=1", D::Azure, E::Chat, Some("d")),
            ("POST /openai/deployments/d/embeddings", D::Azure, E::Embeddings, Some("d")),
            ("POST /openai/v1/responses", D::Azure, E::Responses, None),
            ("POST /openai/responses?api-version=preview", D::Azure, E::Responses, None),
            ("POST /v1/messages", D::Anthropic, E::Messages, None),
            ("POST /v1/messages/count_tokens", D::Anthropic, E::CountMessages, None),
            ("POST /v1beta/models/g:generateContent", D::Gemini, E::Generate, Some("g")),
            ("POST /v1/models/g:streamGenerateContent?alt=sse", D::Gemini, E::StreamGenerate, Some("g")),
            ("POST /v1beta/models/g:countTokens", D::Gemini, E::CountContents, Some("g")),
            ("POST /v1beta/models/g:batchEmbedContents", D::Gemini, E::EmbedContents, Some("g")),
            ("GET /v1beta/models/g", D::Gemini, E::Model, Some("g")),
            ("GET /v1/models?key=k", D::Gemini, E::Models, None),
            ("GET /v1/models/llama:7b", D::OpenAi, E::Model, Some("llama:7b")),
            ("POST /api/chat", D::Ollama, E::OllamaChat, None),
            ("GET /api/tags", D::Ollama, E::Models, None),
            ("POST /generate", D::Tgi, E::TgiGenerate, None),
            ("POST /generate_stream", D::Tgi, E::TgiStream, None),
            ("POST /", D::Tgi, E::TgiEither, None),
            ("GET /", D::Ollama, E::Root, None),
            ("GET /health", D::OpenAi, E::Health, None),
        ] {
            assert_eq!(asked(line, ""), Some((dialect, endpoint, name.map(String::from))), "{line}");
        }
        for line in [
            "GET /v2/models",
            "GET /v1beta/x",
            "POST /openai/deployments/d/models",
            "POST /api/x",
            "POST /v1/messages/x",
        ] {
            assert_eq!(asked(line, ""), None, "{line}");
        }
    }

    #[test]
    fn lists_of_models_are_told_apart_by_the_key() {
        let dialect = |fields: &str| asked("GET /v1/models", fields).unwrap().0;
        assert_eq!(dialect("authorization: Bearer k\r\n"), Dialect::OpenAi);
        assert_eq!(dialect("x-api-key: k\r\nanthropic-version: 2023-06-01\r\n"), Dialect::Anthropic);
        assert_eq!(dialect("x-goog-api-key: k\r\n"), Dialect::Gemini);
    }

    #[test]
    fn escapes_in_a_path_are_resolved() {
        for (text, decoded) in [
            ("plain", "plain"),
            ("org%2Fmodel%20x", "org/model x"),
            ("%c3%a9%41", "éA"),
            ("%ff", "%ff"),
            ("%", "%"),
            ("%4", "%4"),
            ("%+1%zz%%41", "%+1%zz%A"),
        ] {
            assert_eq!(percent_decoded(text), decoded);
        }
    }
}
