//! Values that must never be seen: the key and the header values of a run.

use std::fmt;

use floodline_core::plan::Api;

/// A value that goes to the target and nowhere else: it cannot be printed or serialised by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// A value that must never be seen.
    pub fn new(value: impl Into<Box<str>>) -> Secret {
        Secret(value.into())
    }

    /// The value itself, for the request's head only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The header that carries it as a key, as `api` wants it.
    pub fn header(&self, api: Api) -> (String, Secret) {
        let name = key_header(api);
        match name {
            "authorization" => (name.to_owned(), Secret::new(format!("Bearer {}", self.expose()))),
            _ => (name.to_owned(), self.clone()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The header that Anthropic insists on, and the version of the API that is spoken here.
const ANTHROPIC_VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// The name of the header that carries an API's key.
pub(crate) const fn key_header(api: Api) -> &'static str {
    match api {
        Api::OpenAiChat
        | Api::OpenAiCompletions
        | Api::OpenAiResponses
        | Api::OpenAiEmbeddings
        | Api::Ollama
        | Api::OllamaGenerate
        | Api::Tgi
        | Api::Http => "authorization",
        Api::AzureOpenAi => "api-key",
        Api::Anthropic => "x-api-key",
        Api::Gemini => "x-goog-api-key",
    }
}

/// The secrets of a run, by the names that its plan holds.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// The value of the plan's `key_env`.
    pub key: Option<Secret>,
    /// Names and values of the plan's additional headers, in its order.
    pub headers: Vec<(String, Secret)>,
    /// What the plan's proxy is to be told in `proxy-authorization`, if it wants to be told anything.
    pub proxy_authorization: Option<Secret>,
    /// What those headers took from the environment, and the proxy's password.
    pub(crate) in_headers: Vec<Secret>,
    /// What the steps of flows took from the environment.
    pub(crate) in_steps: Vec<Secret>,
}

impl Secrets {
    /// The headers to send, names and final values: the key as `api` wants it, then the additional ones, and what else
    /// `api` insists on.
    pub fn request_headers(&self, api: Api) -> Vec<(String, Secret)> {
        let key = self.key.as_ref().map(|key| key.header(api));
        let has = |name: &str| self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        let version = (api == Api::Anthropic && !has(ANTHROPIC_VERSION.0))
            .then(|| (ANTHROPIC_VERSION.0.to_owned(), Secret::new(ANTHROPIC_VERSION.1)));
        key.into_iter().chain(self.headers.iter().cloned()).chain(version).collect()
    }

    /// Every value that must not appear in anything written, for scrubbing what a server echoes. A header's
    /// literal text is none: it stands in the scenario, and may be a word of any answer.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.key.iter().chain(&self.in_headers).chain(&self.in_steps).map(Secret::expose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_sent_but_not_shown() {
        let secrets = Secrets {
            key: Some(Secret::new("canary-1")),
            headers: vec![("x-team".into(), Secret::new("canary-2"))],
            in_headers: vec![Secret::new("canary-2")],
            proxy_authorization: Some(Secret::new("Basic canary-3")),
            in_steps: Vec::new(),
        };
        let sent = secrets.request_headers(Api::OpenAiChat);
        assert_eq!(sent[0].1.expose(), "Bearer canary-1");
        assert_eq!(sent[1].1.expose(), "canary-2");
        assert!(!format!("{secrets:?}{sent:?}").contains("canary"));
    }

    #[test]
    fn each_api_gets_its_key_where_it_looks_for_it() {
        let secrets = Secrets { key: Some(Secret::new("canary")), ..Secrets::default() };
        let sent = |api| {
            let headers = secrets.request_headers(api);
            headers.into_iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect::<Vec<_>>()
        };
        assert_eq!(sent(Api::OpenAiResponses), ["authorization: Bearer canary"]);
        assert_eq!(sent(Api::AzureOpenAi), ["api-key: canary"]);
        assert_eq!(sent(Api::Gemini), ["x-goog-api-key: canary"]);
        assert_eq!(sent(Api::Anthropic), ["x-api-key: canary", "anthropic-version: 2023-06-01"]);
        let own = ("Anthropic-Version".to_owned(), Secret::new("2026-10-21"));
        let secrets = Secrets { headers: vec![own], ..secrets.clone() };
        assert_eq!(secrets.request_headers(Api::Anthropic).len(), 2);
    }
}
