//! Values that must never be seen: the key and the header values of a run.

use std::fmt;

use floodline_core::plan::Api;

/// A value that goes to the target and nowhere else: it cannot be printed or serialised by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    pub(crate) fn new(value: impl Into<Box<str>>) -> Secret {
        Secret(value.into())
    }

    /// The value itself, for the request's head only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The secrets of a run, by the names that its plan holds.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// The value of the plan's `key_env`.
    pub key: Option<Secret>,
    /// Names and values of the plan's additional headers, in its order.
    pub headers: Vec<(String, Secret)>,
    /// What those headers took from the environment.
    pub(crate) in_headers: Vec<Secret>,
}

impl Secrets {
    /// The headers to send, names and final values: the key as `api` wants it, then the additional ones.
    pub fn request_headers(&self, api: Api) -> Vec<(String, Secret)> {
        let key = self.key.as_ref().map(|key| match api {
            Api::OpenAiChat => ("authorization".to_owned(), Secret::new(format!("Bearer {}", key.expose()))),
        });
        key.into_iter().chain(self.headers.iter().cloned()).collect()
    }

    /// Every value that must not appear in anything written, for scrubbing what a server echoes. A header's
    /// literal text is none: it stands in the scenario, and may be a word of any answer.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.key.iter().chain(&self.in_headers).map(Secret::expose)
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
        };
        let sent = secrets.request_headers(Api::OpenAiChat);
        assert_eq!(sent[0].1.expose(), "Bearer canary-1");
        assert_eq!(sent[1].1.expose(), "canary-2");
        assert!(!format!("{secrets:?}{sent:?}").contains("canary"));
    }
}
