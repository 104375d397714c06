//! From what a vendor's SDK takes as base URL to the URL that requests are posted to.

use floodline_core::plan::Api;
use url::{Host, ParseError, Url};

use crate::excerpt::{is_secret_query_name, mask};
use crate::written::Wrong;

/// The URL to post to, and a warning if it is probably not what is meant.
pub(crate) fn endpoint(base: &str, api: Api) -> Result<(String, Option<String>), Wrong> {
    let Api::OpenAiChat = api;
    let path_of_api = "/chat/completions";
    let mut url = parse(base.trim())?;
    let path = url.path().trim_end_matches('/').to_owned();
    if path.ends_with(path_of_api) {
        url.set_path(&path);
        return Ok((url.into(), None));
    }
    if path.ends_with("/completions") || path.ends_with("/responses") || path.ends_with("/models") {
        return Err(wrong(
            "this is the address of another API",
            format!("write the base URL, such as {}", base_of(&url, &path)),
        ));
    }
    url.set_path(&format!("{path}{path_of_api}"));
    let warning = path
        .is_empty()
        .then(|| format!("the URL has no path, so requests go to {url}; most servers answer under /v1"));
    Ok((url.into(), warning))
}

fn parse(base: &str) -> Result<Url, Wrong> {
    let example = || "a base URL looks like http://127.0.0.1:8000/v1 or https://api.openai.com/v1".to_owned();
    let url = match Url::parse(base) {
        Ok(url) => url,
        Err(ParseError::RelativeUrlWithoutBase) => return Err(without_scheme(base)),
        Err(why) => return Err(wrong(format!("this is not a URL: {why}"), example())),
    };
    // The library would take the path's first part for the host.
    let behind_scheme = base.split_once(':').map_or("", |(_, rest)| rest);
    let names_host = behind_scheme.strip_prefix("//").is_some_and(|rest| !rest.starts_with(['/', '\\']));
    match url.scheme() {
        "http" | "https" if !names_host => return Err(wrong("this URL names no host", example())),
        "http" | "https" => {}
        _ if !base.contains("://") => return Err(without_scheme(base)),
        scheme => {
            return Err(wrong(
                format!("`{scheme}` is not a scheme that can be tested: expected http or https"),
                example(),
            ));
        }
    }
    if url.host().is_none_or(|host| matches!(host, Host::Domain(""))) {
        return Err(wrong("this URL names no host", example()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "a URL must not carry a user name or a password",
            "give credentials as a header: headers: {Authorization: 'Basic ${env:NAME}'}",
        ));
    }
    if let Some((name, _)) = url.query_pairs().find(|(name, _)| is_secret_query_name(name)) {
        return Err(wrong(
            format!("the URL carries `{name}`, which looks like a secret"),
            "give keys as `key:` or as a header, with ${env:NAME}",
        ));
    }
    if url.fragment().is_some() {
        return Err(wrong("a URL to post to has no fragment (`#...`)", example()));
    }
    Ok(url)
}

fn without_scheme(base: &str) -> Wrong {
    let host = base.split('/').next().unwrap_or(base);
    let help = match host.contains('@') || host.is_empty() {
        true => "start it with http:// or https://".to_owned(),
        false => mask(&format!("did you mean http://{base}?")),
    };
    wrong("this URL does not start with http:// or https://", help)
}

fn base_of(url: &Url, path: &str) -> String {
    let mut base = url.clone();
    base.set_path(path.rsplit_once('/').map_or("", |(base, _)| base));
    base.into()
}

fn wrong(message: impl Into<String>, help: impl Into<String>) -> Wrong {
    Wrong { message: message.into(), help: Some(help.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_become_endpoints() {
        for (base, url) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
            ("http://127.0.0.1:8000/v1//", "http://127.0.0.1:8000/v1/chat/completions"),
            ("http://[::1]:8000/v1", "http://[::1]:8000/v1/chat/completions"),
            ("https://h/v1/chat/completions", "https://h/v1/chat/completions"),
            ("https://h/v1/chat/completions/", "https://h/v1/chat/completions"),
            ("https://h/v1?version=2", "https://h/v1/chat/completions?version=2"),
            ("https://h/v1/chat/completions?v=2", "https://h/v1/chat/completions?v=2"),
        ] {
            assert_eq!(endpoint(base, Api::OpenAiChat), Ok((url.into(), None)));
        }
        let (url, warning) = endpoint("http://127.0.0.1:8000", Api::OpenAiChat).unwrap();
        assert_eq!(url, "http://127.0.0.1:8000/chat/completions");
        assert!(warning.is_some());
    }

    #[test]
    fn anything_else_is_refused_with_a_remedy() {
        let refused = |base: &str| {
            let wrong = endpoint(base, Api::OpenAiChat).unwrap_err();
            format!("{} / {}", wrong.message, wrong.help.unwrap())
        };
        assert!(refused("localhost:8000/v1").ends_with("did you mean http://localhost:8000/v1?"));
        assert!(refused("127.0.0.1:8000/v1").ends_with("did you mean http://127.0.0.1:8000/v1?"));
        assert!(refused("ftp://h/v1").contains("`ftp`"));
        assert!(refused("http://").contains("not a URL"));
        assert!(refused("").contains("http"));
        assert!(refused("https://h/v1/completions").ends_with("https://h/v1"));
        for no_host in ["http:///v1", "https:////v1", "http:/v1", "http:v1", "http://\\v1"] {
            assert!(refused(no_host).starts_with("this URL names no host"), "{no_host}");
        }
        for name in ["code", "sas", "sig", "k", "key", "token", "api_key", "api-key", "subscription-key"] {
            assert!(
                refused(&format!("https://h/v1?v=1&{name}=canary")).contains(&format!("`{name}`")),
                "{name}"
            );
        }
        for secret in ["https://me:canary@h/v1", "me:canary@h/v1", "https://h/v1?api_key=canary"] {
            assert!(!refused(secret).contains("canary"), "{secret}");
        }
    }
}
