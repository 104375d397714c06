//! From a path and a body to what is asked, and from what is known to the bodies that need no tokens.

use super::ask::Ask;
use super::fault::{Dialect, Fault};
use super::route::{Endpoint, Route};
use super::vectors::{Embed, EmbedShape};
use crate::http1::request::RequestHead;
use crate::{anthropic, gemini, ollama, openai, tgi};

/// What a request comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// An answer in tokens.
    Answer(Box<Ask>),
    /// Vectors.
    Embed(Embed),
    /// The length of a prompt for this model.
    Count {
        /// The model.
        model: String,
        /// The length.
        tokens: u32,
    },
    /// The models there are.
    Models,
    /// This one of them.
    Model(String),
    /// Something that is always the same.
    Told,
}

/// What the request that came to `route` asks for. Of a server that gives TGI's answers `model` is the one model.
///
/// # Errors
/// The fault to answer with.
pub fn read(route: &Route<'_>, head: &RequestHead, body: &[u8], model: &str) -> Result<Asked, Fault> {
    let name = route.name.as_deref().unwrap_or_default();
    let deployment = route.name.as_deref().filter(|_| route.dialect == Dialect::Azure);
    let azure = route.dialect == Dialect::Azure;
    let array = no_events(head);
    let answer = |ask: Ask| Asked::Answer(Box::new(ask));
    let asked = match route.endpoint {
        Endpoint::Chat => openai::server::parse_chat(body, deployment, azure).map(answer),
        Endpoint::Completions => openai::server::parse_completions(body, deployment, azure).map(answer),
        Endpoint::Responses => openai::server::parse_responses(body).map(answer),
        Endpoint::Embeddings => openai::server::parse_embeddings(body, deployment).map(Asked::Embed),
        Endpoint::Messages => anthropic::server::parse_messages(body).map(answer),
        Endpoint::CountMessages => {
            anthropic::server::parse_count(body).map(|(model, tokens)| Asked::Count { model, tokens })
        }
        Endpoint::Generate => gemini::server::parse_contents(body, name, false, array).map(answer),
        Endpoint::StreamGenerate => gemini::server::parse_contents(body, name, true, array).map(answer),
        Endpoint::CountContents => {
            gemini::server::parse_count(body).map(|tokens| Asked::Count { model: name.into(), tokens })
        }
        Endpoint::EmbedContent => gemini::server::parse_embed(body, name).map(Asked::Embed),
        Endpoint::EmbedContents => gemini::server::parse_embeds(body, name).map(Asked::Embed),
        Endpoint::OllamaChat => ollama::server::parse_chat(body).map(answer),
        Endpoint::OllamaGenerate => ollama::server::parse_generate(body).map(answer),
        Endpoint::OllamaEmbed => ollama::server::parse_embed(body, false).map(Asked::Embed),
        Endpoint::OllamaEmbedOld => ollama::server::parse_embed(body, true).map(Asked::Embed),
        Endpoint::TgiGenerate => tgi::server::parse_generate(body, Some(false), model).map(answer),
        Endpoint::TgiStream => tgi::server::parse_generate(body, Some(true), model).map(answer),
        Endpoint::TgiEither => tgi::server::parse_generate(body, None, model).map(answer),
        Endpoint::Models => Ok(Asked::Models),
        Endpoint::Show => ollama::server::parse_model(body).map(Asked::Model),
        Endpoint::Model => Ok(Asked::Model(name.into())),
        Endpoint::OllamaVersion
        | Endpoint::OllamaRunning
        | Endpoint::TgiInfo
        | Endpoint::Health
        | Endpoint::Root => Ok(Asked::Told),
    };
    asked.map_err(|fault| Fault { dialect: route.dialect, ..fault })
}

/// Whether the answer is a stream that comes as an array: one of Gemini's without `alt=sse`. Errors stand in one, too.
pub fn streams_an_array(head: &RequestHead) -> bool {
    head.path.ends_with(":streamGenerateContent") && no_events(head)
}

fn no_events(head: &RequestHead) -> bool {
    head.query_value("alt") != Some("sse")
}

/// The body of the response that says how long a prompt is.
pub fn count(dialect: Dialect, tokens: u32) -> Vec<u8> {
    match dialect {
        Dialect::Gemini => gemini::server::count_body(tokens),
        _ => anthropic::server::count_body(tokens),
    }
}

/// The body of the response that carries the vectors.
pub fn embeddings(embed: &Embed) -> Vec<u8> {
    match embed.shape {
        EmbedShape::OpenAi { base64 } => openai::server::embeddings_body(embed, base64),
        EmbedShape::Gemini => gemini::server::embeddings_body(embed, false),
        EmbedShape::GeminiBatch => gemini::server::embeddings_body(embed, true),
        EmbedShape::Ollama => ollama::server::embeddings_body(embed, false),
        EmbedShape::OllamaOld => ollama::server::embeddings_body(embed, true),
    }
}

/// The body of the response that lists the models; `created` in Unix seconds.
pub fn models(dialect: Dialect, models: &[&str], created: u64) -> Vec<u8> {
    match dialect {
        Dialect::OpenAi | Dialect::Azure | Dialect::Tgi => openai::server::models_body(models, created),
        Dialect::Anthropic => anthropic::server::models_body(models, created),
        Dialect::Gemini => gemini::server::models_body(models),
        Dialect::Ollama => ollama::server::models_body(models, created),
    }
}

/// The body of the response about one model.
pub fn model(dialect: Dialect, model: &str, created: u64) -> Vec<u8> {
    match dialect {
        Dialect::OpenAi | Dialect::Azure | Dialect::Tgi => openai::server::model_body(model, created),
        Dialect::Anthropic => anthropic::server::model_body(model, created),
        Dialect::Gemini => gemini::server::model_body(model),
        Dialect::Ollama => ollama::server::show_body(created),
    }
}

/// The body of a response that is always the same, and its media type. Of TGI `model` is the one model.
pub fn told(endpoint: Endpoint, model: &str) -> (Vec<u8>, &'static str) {
    let json = "application/json";
    match endpoint {
        Endpoint::OllamaVersion => (ollama::server::version_body(), json),
        Endpoint::OllamaRunning => (ollama::server::running_body(), json),
        Endpoint::TgiInfo => (tgi::server::info_body(model), json),
        Endpoint::Root => (b"Ollama is running".to_vec(), "text/plain; charset=utf-8"),
        _ => (b"{\"status\":\"ok\"}".to_vec(), json),
    }
}
