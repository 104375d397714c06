//! From what a vendor's SDK takes as base URL to the URL that requests are posted to.

use floodline_core::plan::Api;
use url::{Host, ParseError, Url};

use crate::excerpt::{is_secret_query_name, mask};
use crate::written::Wrong;

/// What an API's path depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) api: Api,
    pub(crate) model: &'a str,
    pub(crate) stream: bool,
    /// Of Azure's.
    pub(crate) version: &'a str,
}

/// The version of Azure's API that is asked for where none is named.
pub(crate) const AZURE_VERSION: &str = "2024-10-21";

/// The URL to post to, and a warning if it is probably not what is meant. An application's own URL is only checked.
pub(crate) fn endpoint(base: &str, asked: &Asked<'_>) -> Result<(String, Option<String>), Wrong> {
    let mut url = parse(base.trim())?;
    let path = url.path().trim_end_matches('/').to_owned();
    if asked.api == Api::Http {
        return Ok((url.into(), None));
    }
    if let Some((other, its)) = api_of(&path) {
        if !is_family(asked.api, other) {
            let mut base = url.clone();
            base.set_path(path.strip_suffix(its).unwrap_or(&path));
            let help = match other {
                Some(other) => format!("write api: {}, or the base URL, such as {base}", other.name()),
                None => format!("write the base URL, such as {base}"),
            };
            return Err(wrong("this is the address of another API", help));
        }
        url.set_path(&path);
    } else {
        url.set_path(&format!("{path}{}", rest_of_path(&path, asked)));
    }
    add_query(&mut url, asked);
    let wants_path = matches!(
        asked.api,
        Api::OpenAiChat | Api::OpenAiCompletions | Api::OpenAiResponses | Api::OpenAiEmbeddings
    );
    let warning = (wants_path && path.is_empty())
        .then(|| format!("the URL has no path, so requests go to {url}; most servers answer under /v1"));
    Ok((url.into(), warning))
}

/// The base URL of the built-in provider, which serves every API where its vendor does.
pub(crate) fn base_at(origin: &str, api: Api) -> String {
    match api {
        Api::OpenAiChat | Api::OpenAiCompletions | Api::OpenAiResponses | Api::OpenAiEmbeddings => {
            format!("{origin}/v1")
        }
        Api::AzureOpenAi
        | Api::Anthropic
        | Api::Gemini
        | Api::Ollama
        | Api::OllamaGenerate
        | Api::Tgi
        | Api::Http => origin.to_owned(),
    }
}

/// The API whose path this ends in, and that end. Of OpenAI's list of models it is known only that it is none to post to.
fn api_of(path: &str) -> Option<(Option<Api>, &'static str)> {
    const PATHS: [(&str, Option<Api>); 11] = [
        ("/chat/completions", Some(Api::OpenAiChat)),
        ("/completions", Some(Api::OpenAiCompletions)),
        ("/responses", Some(Api::OpenAiResponses)),
        ("/embeddings", Some(Api::OpenAiEmbeddings)),
        ("/models", None),
        ("/v1/messages", Some(Api::Anthropic)),
        ("/api/chat", Some(Api::Ollama)),
        ("/api/generate", Some(Api::OllamaGenerate)),
        ("/generate_stream", Some(Api::Tgi)),
        ("/generate", Some(Api::Tgi)),
        ("/api/tags", None),
    ];
    if path.ends_with(":generateContent") || path.ends_with(":streamGenerateContent") {
        return Some((Some(Api::Gemini), ""));
    }
    PATHS.into_iter().find(|(end, _)| path.ends_with(end)).map(|(end, api)| (api, end))
}

/// Whether the path of `other` is one of `api`'s: Azure's chats have that of OpenAI's.
fn is_family(api: Api, other: Option<Api>) -> bool {
    Some(api) == other || (api == Api::AzureOpenAi && other == Some(Api::OpenAiChat))
}

/// What is to be added to the path of a base URL.
fn rest_of_path(path: &str, asked: &Asked<'_>) -> String {
    let model = || segment(asked.model.trim_start_matches("models/"));
    // A base may say a part of it already.
    let behind = |part: &str, rest: &str| match path.ends_with(part) {
        true => rest.to_owned(),
        false => format!("{part}{rest}"),
    };
    match asked.api {
        Api::OpenAiChat => "/chat/completions".into(),
        Api::OpenAiCompletions => "/completions".into(),
        Api::OpenAiResponses => "/responses".into(),
        Api::OpenAiEmbeddings => "/embeddings".into(),
        Api::AzureOpenAi if path.ends_with("/openai/v1") || path.contains("/openai/deployments/") => {
            "/chat/completions".into()
        }
        Api::AzureOpenAi => behind("/openai", &format!("/deployments/{}/chat/completions", model())),
        Api::Anthropic => behind("/v1", "/messages"),
        Api::Gemini => {
            let method = if asked.stream { "streamGenerateContent" } else { "generateContent" };
            let rest = format!("/models/{}:{method}", model());
            if path.ends_with("/v1") { rest } else { behind("/v1beta", &rest) }
        }
        Api::Ollama => behind("/api", "/chat"),
        Api::OllamaGenerate => behind("/api", "/generate"),
        Api::Tgi => if asked.stream { "/generate_stream" } else { "/generate" }.into(),
        Api::Http => String::new(),
    }
}

fn add_query(url: &mut Url, asked: &Asked<'_>) {
    let has = |url: &Url, name: &str| url.query_pairs().any(|(other, _)| other == name);
    match asked.api {
        Api::AzureOpenAi if !url.path().contains("/openai/v1/") && !has(url, "api-version") => {
            url.query_pairs_mut().append_pair("api-version", asked.version);
        }
        // Without it a stream is a JSON array in pieces.
        Api::Gemini if url.path().ends_with(":streamGenerateContent") && !has(url, "alt") => {
            url.query_pairs_mut().append_pair("alt", "sse");
        }
        _ => {}
    }
}

/// A name as one segment of a path.
fn segment(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b':' | b'@');
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The path of a base URL, without a slash at its end.
pub(crate) fn base_path(base: &str) -> String {
    Url::parse(base.trim()).map_or_else(|_| String::new(), |url| url.path().trim_end_matches('/').to_owned())
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

fn wrong(message: impl Into<String>, help: impl Into<String>) -> Wrong {
    Wrong { message: message.into(), help: Some(help.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(api: Api, stream: bool) -> Asked<'static> {
        Asked { api, model: "m/1", stream, version: AZURE_VERSION }
    }

    #[test]
    fn every_api_has_its_own_path_behind_what_its_sdk_takes() {
        use Api::*;
        const AZURE: &str =
            "https://r.openai.azure.com/openai/deployments/m%2F1/chat/completions?api-version=2024-10-21";
        for (api, stream, base, url) in [
            (OpenAiCompletions, true, "https://h/v1", "https://h/v1/completions"),
            (OpenAiCompletions, true, "https://h/v1/completions", "https://h/v1/completions"),
            (OpenAiResponses, true, "https://h/v1", "https://h/v1/responses"),
            (OpenAiEmbeddings, false, "https://h/v1", "https://h/v1/embeddings"),
            (AzureOpenAi, true, "https://r.openai.azure.com", AZURE),
            (AzureOpenAi, true, "https://r.openai.azure.com/openai/", AZURE),
            (
                AzureOpenAi,
                true,
                "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=1",
                "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=1",
            ),
            (
                AzureOpenAi,
                true,
                "https://r.openai.azure.com/openai/deployments/d",
                "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
            ),
            (
                AzureOpenAi,
                true,
                "https://r.openai.azure.com/openai/v1",
                "https://r.openai.azure.com/openai/v1/chat/completions",
            ),
            (Anthropic, true, "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
            (Anthropic, true, "https://h/proxy/v1/", "https://h/proxy/v1/messages"),
            (Anthropic, true, "https://h/v1/messages", "https://h/v1/messages"),
            (Gemini, true, "https://g", "https://g/v1beta/models/m%2F1:streamGenerateContent?alt=sse"),
            (Gemini, false, "https://g/v1beta", "https://g/v1beta/models/m%2F1:generateContent"),
            (Gemini, true, "https://g/v1", "https://g/v1/models/m%2F1:streamGenerateContent?alt=sse"),
            (Gemini, false, "https://g/v1/models/x:generateContent", "https://g/v1/models/x:generateContent"),
            (Ollama, true, "http://127.0.0.1:11434", "http://127.0.0.1:11434/api/chat"),
            (Ollama, true, "http://127.0.0.1:11434/api", "http://127.0.0.1:11434/api/chat"),
            (OllamaGenerate, true, "http://127.0.0.1:11434", "http://127.0.0.1:11434/api/generate"),
            (Tgi, true, "http://127.0.0.1:8080", "http://127.0.0.1:8080/generate_stream"),
            (Tgi, false, "http://127.0.0.1:8080/", "http://127.0.0.1:8080/generate"),
            (Http, true, "http://127.0.0.1:8080/v2?a=b", "http://127.0.0.1:8080/v2?a=b"),
        ] {
            assert_eq!(endpoint(base, &asked(api, stream)), Ok((url.into(), None)), "{base}");
        }
    }

    #[test]
    fn the_address_of_another_api_is_refused_with_its_name() {
        for (api, base, help) in [
            (
                Api::OpenAiChat,
                "https://h/v1/messages",
                "write api: anthropic, or the base URL, such as https://h/",
            ),
            (
                Api::OpenAiCompletions,
                "https://h/v1/chat/completions",
                "write api: openai-chat, or the base URL, such as https://h/v1",
            ),
            (
                Api::Ollama,
                "http://h/api/generate",
                "write api: ollama-generate, or the base URL, such as http://h/",
            ),
            (Api::OpenAiChat, "https://h/v1/models", "write the base URL, such as https://h/v1"),
        ] {
            assert_eq!(endpoint(base, &asked(api, true)).unwrap_err().help.as_deref(), Some(help));
        }
    }

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
            assert_eq!(endpoint(base, &asked(Api::OpenAiChat, true)), Ok((url.into(), None)));
        }
        let (url, warning) = endpoint("http://127.0.0.1:8000", &asked(Api::OpenAiChat, true)).unwrap();
        assert_eq!(url, "http://127.0.0.1:8000/chat/completions");
        assert!(warning.is_some());
    }

    #[test]
    fn anything_else_is_refused_with_a_remedy() {
        let refused = |base: &str| {
            let wrong = endpoint(base, &asked(Api::OpenAiChat, true)).unwrap_err();
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
