//! The provider's side of rate limits: the header fields that state what is left, and refusals, in each provider's own
//! names, formats and words.
//!
//! What is decided is handed in ([`Refusal`], [`Standing`]); here it is only told. The client's side, which reads all
//! this again, is [`limits`](crate::limits) and [`error`](crate::error).

mod anthropic;
mod apim;
mod azure;
mod bedrock;
mod clock;
mod gemini;
mod litellm;
mod openai;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use floodline_core::Span;
use floodline_core::limits::{Dimension, Gauge, Limits, Period, Provider, Refusal, RetryAfter, Standing};

use crate::server::Dialect;

/// What the words need to know of a request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Whose API was called.
    pub dialect: Dialect,
    /// The model, or the deployment.
    pub model: &'a str,
    /// What a message may call the key: never the key itself.
    pub key_name: &'a str,
    /// The operation, as Azure names it, such as `ChatCompletions_Create`.
    pub operation: &'a str,
    /// The version of the API that was asked for, where there are such.
    pub api_version: Option<&'a str>,
    /// The identifier of the request.
    pub request_id: &'a str,
    /// When it is answered, since 1970.
    pub at: Span,
}

/// Header fields, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(Cow<'static, str>, String)>);

/// A refusal as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Fields that belong to the refusal, the statements of limits among them.
    pub fields: Fields,
    /// The body, JSON. Inside a stream that has begun it is the payload of an error event.
    pub body: String,
}

/// `Date`, of a time since 1970. Instants in other fields are told relative to it.
pub fn date(at: Span) -> String {
    clock::http_date(at)
}

/// The fields of an answer that is given.
pub fn admitted(limits: &Limits, standing: &Standing, asked: &Asked<'_>) -> Fields {
    let mut fields = Fields::default();
    if limits.headers {
        state(limits, standing, asked, &mut fields);
    }
    fields
}

/// A refusal. `standing` is that of the moment of the refusal.
pub fn refused(limits: &Limits, standing: &Standing, refusal: &Refusal, asked: &Asked<'_>) -> Answer {
    let mut fields = admitted(limits, standing, asked);
    let told = Told { limits, standing, refusal, asked, wait: stated_wait(limits, refusal) };
    let (status, body) = match voice(limits.provider, asked.dialect) {
        Provider::OpenAi => openai::refuse(&told, &mut fields),
        Provider::Anthropic => anthropic::refuse(&told, &mut fields),
        Provider::Azure | Provider::AzurePtu => azure::refuse(&told, &mut fields),
        Provider::Gemini => gemini::refuse(&told),
        Provider::Bedrock => bedrock::refuse(&told, &mut fields),
        Provider::Apim => apim::refuse(&told, &mut fields),
        Provider::LiteLlm => litellm::refuse(&told, &mut fields),
    };
    Answer { status, fields, body }
}

/// A refusal and all that its words may need.
struct Told<'a> {
    limits: &'a Limits,
    standing: &'a Standing,
    refusal: &'a Refusal,
    asked: &'a Asked<'a>,
    /// The wait that is stated, if one is.
    wait: Option<Span>,
}

impl Fields {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// Appends them as lines of an HTTP/1 head.
    pub fn write_http1(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.0 {
            for part in [name.as_ref(), ": ", value.as_str(), "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
    }

    fn add(&mut self, name: impl Into<Cow<'static, str>>, value: impl ToString) {
        self.0.push((name.into(), value.to_string()));
    }
}

/// In whose words a provider speaks to a caller of this API.
///
/// OpenAI serves its own API only, and stands for "no provider in particular" as well: who calls another provider's API
/// is told in that one's words, or the client would not understand. All others speak as they do.
fn voice(provider: Provider, dialect: Dialect) -> Provider {
    match (provider, dialect) {
        (Provider::OpenAi, Dialect::Azure) => Provider::Azure,
        (Provider::OpenAi, Dialect::Anthropic) => Provider::Anthropic,
        (Provider::OpenAi, Dialect::Gemini) => Provider::Gemini,
        (provider, _) => provider,
    }
}

/// States what is left.
fn state(limits: &Limits, standing: &Standing, asked: &Asked<'_>, fields: &mut Fields) {
    match voice(limits.provider, asked.dialect) {
        Provider::OpenAi => openai::state(limits, standing, fields),
        Provider::Anthropic => anthropic::state(limits, standing, asked, fields),
        Provider::Azure | Provider::AzurePtu => azure::state(limits, standing, fields),
        // These two state nothing.
        Provider::Gemini | Provider::Bedrock => {}
        Provider::Apim => apim::state(limits, standing, fields),
        Provider::LiteLlm => litellm::state(limits, standing, fields),
    }
}

/// The wait that a refusal states: none for what waiting does not help, and as dishonest as is asked for.
fn stated_wait(limits: &Limits, refusal: &Refusal) -> Option<Span> {
    let wait = refusal.wait.filter(|_| !refusal.permanent())?;
    match limits.retry_after {
        RetryAfter::Exact => Some(wait),
        RetryAfter::Absent => None,
        RetryAfter::Short => Some(Span(wait.0 / 2)),
        RetryAfter::Long => Some(Span(wait.0.saturating_mul(2))),
    }
}

/// The gauges that headers tell: those of a minute.
fn by_the_minute(limits: &Limits, standing: &Standing, dimension: Dimension) -> Option<Gauge> {
    standing.of(limits, dimension, Period::Minute)
}

/// A text as JSON. Bodies are put together by hand so that their members stand in the provider's order.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What a count of tokens is called in a sentence.
fn words(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Requests => "requests",
        Dimension::Tokens => "tokens",
        Dimension::InputTokens => "input tokens",
        Dimension::OutputTokens => "output tokens",
        Dimension::Concurrency => "concurrent requests",
    }
}
