//! Steps that send a request of their own: any method, path and body.

use std::sync::Arc;

use floodline_core::journey::Outgoing;
use floodline_core::workload::Head;

use super::scope::Scope;
use crate::template::{JsonTemplate, Template};

/// A request that is no call of the target's API.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) method: String,
    /// Behind the target's base URL.
    pub(crate) path: Template,
    pub(crate) query: Vec<(String, Template)>,
    pub(crate) content: Content,
    /// What answers it accepts, unless the target's own headers say so.
    pub(crate) accept: Option<&'static str>,
    /// What comes before the path: that of each target's base URL.
    pub(crate) bases: Vec<String>,
}

/// What it carries.
#[derive(Debug)]
pub(crate) enum Content {
    Nothing,
    Json(JsonTemplate),
    Form(Vec<(String, Template)>),
    Text(Template),
}

impl Own {
    pub(super) fn make(&self, scope: &Arc<Scope>, target: usize) -> Result<Outgoing, String> {
        let context = scope.context();
        let base = self.bases.get(target).map_or("", String::as_str);
        let mut path = behind(base, &self.path.render(&context)?)?;
        if !self.query.is_empty() {
            let pairs = pairs(&self.query, &context)?;
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&pairs);
        }
        let mut outgoing = Outgoing::default();
        let content_type = match &self.content {
            Content::Nothing => None,
            Content::Json(json) => {
                json.write(&context, &mut outgoing.body)?;
                Some("application/json")
            }
            Content::Form(fields) => {
                outgoing.body = pairs(fields, &context)?.into_bytes();
                Some("application/x-www-form-urlencoded")
            }
            Content::Text(text) => {
                outgoing.body = text.render(&context)?.into_bytes();
                Some("text/plain; charset=utf-8")
            }
        };
        outgoing.head = Some(Box::new(Head {
            method: Some(self.method.as_str().into()),
            path: Some(sendable(&path)?.into()),
            fields: [("accept", self.accept), ("content-type", content_type)]
                .into_iter()
                .filter_map(|(name, value)| Some((name.into(), value?.into())))
                .collect(),
            fault: None,
        }));
        outgoing.input_bound = u32::try_from(outgoing.body.len()).ok();
        Ok(outgoing)
    }
}

/// A path behind that of the target.
fn behind(base: &str, path: &str) -> Result<String, String> {
    let is_whole = |scheme: &str| path.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    if is_whole("http://") || is_whole("https://") {
        return Err(
            "the path is a whole URL, and requests go to the target only: give what stands behind its URL"
                .into(),
        );
    }
    let slash = if path.is_empty() || path.starts_with(['/', '?']) { "" } else { "/" };
    Ok(format!("{base}{slash}{path}"))
}

fn pairs(fields: &[(String, Template)], context: &minijinja::Value) -> Result<String, String> {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        pairs.append_pair(name, &value.render(context)?);
    }
    Ok(pairs.finish())
}

/// The path and query as they can stand in a request: what cannot is percent-encoded.
fn sendable(path: &str) -> Result<String, String> {
    // Whatever the host, it is the path that is looked at.
    let url = url::Url::parse("http://host")
        .and_then(|base| base.join(&format!("/{}", path.trim_start_matches('/'))));
    let url = url.map_err(|e| format!("`{path}` is no path: {e}"))?;
    Ok(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_behind_that_of_the_target() {
        for (path, whole) in [("/u", "/v1/u"), ("u/x", "/v1/u/x"), ("?q=1", "/v1?q=1"), ("", "/v1")] {
            assert_eq!(behind("/v1", path).as_deref(), Ok(whole));
        }
        assert!(behind("/v1", "HTTPS://evil.example/x").unwrap_err().contains("a whole URL"));
    }

    #[test]
    fn paths_hold_nothing_that_could_end_a_line() {
        for (path, sent) in [
            ("/chat", "/chat"),
            ("v1/a b?q=x y", "/v1/a%20b?q=x%20y"),
            ("/a\r\nhost: evil", "/ahost:%20evil"),
            ("//evil/x", "/evil/x"),
            ("/é", "/%C3%A9"),
        ] {
            assert_eq!(sendable(path).unwrap(), sent);
        }
    }
}
