//! The target: its address, the model, and as whom it is asked.
//!
//! A key or a secret header is accepted as a reference to an environment variable only. Without a reference, the key
//! in a vendor's usual variable, such as `OPENAI_API_KEY`, is sent to that vendor's host over https and nowhere else.

use floodline_core::faults::Faults;
use floodline_core::plan::{self, Address, Api, StubPace};
use floodline_core::time::Span;
use floodline_wire::codec::Codec;
use floodline_wire::openai::MaxTokensField;
use floodline_wire::tokens::Tokenizer;

use super::findings::Findings;
use super::headers::headers;
use super::proxy::Credentials;
use super::url::{AZURE_VERSION, Asked, base_at, base_path, endpoint};
use super::{connection, exchange, faulty, limited, literal, tokenizer};
use crate::Exchange;
use crate::error::did_you_mean;
use crate::excerpt::mask;
use crate::secret::{Secret, Secrets, key_header};
use crate::workload::Members;
use crate::workload::own::is_header_value;
use crate::written::{At, Place, Stub, Target};

/// A target, what its requests have in common, and its secrets.
pub(crate) struct Resolved {
    pub(crate) target: plan::Target,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) members: Members,
    pub(crate) exchange: Exchange,
    pub(crate) secrets: Secrets,
    /// The path of the target's base URL, without a slash at its end: what requests that are no calls of its API
    /// begin with.
    pub(crate) base_path: String,
}

/// Where keys that nobody names are sent to, and to no other host.
const USUAL_KEYS: [(&str, &[&str]); 4] = [
    ("api.openai.com", &["OPENAI_API_KEY"]),
    ("api.anthropic.com", &["ANTHROPIC_API_KEY"]),
    ("generativelanguage.googleapis.com", &["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
    (".openai.azure.com", &["AZURE_OPENAI_API_KEY"]),
];

/// Resolves a target. An application of which nothing is asked but what steps send themselves (`asks` is false) needs no
/// request.
pub(crate) fn resolve(
    written: Option<&At<Target>>,
    asks: bool,
    seed: u64,
    findings: &mut Findings<'_>,
) -> Option<Resolved> {
    let Some(At { value: written, place }) = written else {
        findings
            .problem(Place::Nowhere, "the scenario has no `target`")
            .with_help("say where requests go: target: {url: http://127.0.0.1:8000/v1, model: NAME} or target: {stub: {}}");
        return None;
    };
    let known = match written.api.0 {
        None => Some(Api::OpenAiChat),
        Some(_) => findings.read(&written.api),
    };
    let api = known.unwrap_or(Api::OpenAiChat);
    let model = model(written, *place, api, findings);
    let stream = stream(written, api, findings);
    let version = api_version(written, api, findings);
    let asked = Asked { api, model: model.as_deref().unwrap_or_default(), stream, version: &version };
    let address = address(written, *place, &asked, findings);
    let key = key(written, address.as_ref(), api, findings);
    let (headers, mut in_headers) = headers(written, key.is_some(), api, findings);
    let codec = Codec::of(api);
    let max_tokens_field = max_tokens_field(written, api, findings);
    let extra = extra_members(written, api, &codec, findings);
    let tokenizer = tokenizer::resolve(&written.tokenizer, model.as_deref().unwrap_or_default(), findings);
    let ca_file = ca_file(written, findings);
    let insecure = findings.read(&written.insecure).unwrap_or(false);
    warn_without_tls(written, address.as_ref(), insecure, findings);
    let connection::Resolved { connection, credentials } =
        connection::resolve(written, *place, address.as_ref(), findings);
    let proxy_authorization = credentials.as_ref().map(Credentials::authorization);
    in_headers.extend(credentials.iter().flat_map(Credentials::secrets));
    let own = match api {
        Api::Http => Some(own(written, asks.then_some(*place), seed, &asked, address.as_ref(), findings)?),
        _ => {
            exchange::refuse(written, findings);
            None
        }
    };
    let (_, address, (tokenizer, named)) = (known?, address?, tokenizer?);
    let provider_path = own.as_ref().map_or_else(|| provider_path(&asked), |own| own.path.clone());
    let model = model?;
    let (key_env, key) = key.unzip();
    let stream = own.as_ref().map_or(stream, |own| own.streamed);
    let codec = own.as_ref().map_or(codec, |own| own.codec.clone());
    let address = match (address, &own) {
        (Address::Url(url), Some(own)) => Address::Url(at_path(&url, &own.path)),
        (address, _) => address,
    };
    let exchange = Exchange {
        codec: codec.clone(),
        method: own.as_ref().map_or("POST", |own| own.method.as_str()).to_owned(),
        content_type: match &own {
            Some(own) => own.content_type.map(str::to_owned),
            None => Some("application/json".into()),
        },
        provider_path,
    };
    Some(Resolved {
        target: plan::Target {
            api,
            address,
            model: model.clone(),
            api_version: (api == Api::AzureOpenAi).then(|| version.clone()),
            exchange: own.as_ref().map(|own| own.written.clone()),
            key_env,
            headers: headers.iter().map(|(name, _)| name.clone()).collect(),
            stream,
            max_tokens_field: max_tokens_field.name().into(),
            body: extra.clone(),
            ca_file,
            insecure,
            tokenizer: Some(named),
            connection,
        },
        tokenizer,
        members: Members { codec, model, stream, max_tokens_field, extra, own: own.map(|own| own.request) },
        exchange,
        secrets: Secrets { key, headers, in_headers, in_steps: Vec::new(), proxy_authorization },
        base_path: written.url.as_ref().map_or_else(String::new, |url| base_path(&url.text)),
    })
}

fn model(written: &Target, place: Place, api: Api, findings: &mut Findings<'_>) -> Option<String> {
    match findings.text(&written.model, "the model's name") {
        Some(model) => Some(model),
        None if written.model.is_some() => None,
        None if written.url.is_none() => Some("floodline-stub".into()),
        // The server has one, or the application knows best.
        None if matches!(api, Api::Tgi | Api::Http) => Some("default".into()),
        None => {
            findings
                .problem(place, "the target has no model")
                .with_help("name the model that the server serves (--model NAME or `model: NAME`); it lists them under /v1/models");
            None
        }
    }
}

/// Whether answers are streamed.
fn stream(written: &Target, api: Api, findings: &mut Findings<'_>) -> bool {
    let given = findings.read(&written.stream);
    let Some(scalar) = written.stream.as_ref() else { return api != Api::OpenAiEmbeddings };
    match (api, given) {
        (Api::OpenAiEmbeddings, Some(true)) => {
            findings.problem(scalar.place, "embeddings are not streamed").with_help("leave out `stream`");
        }
        (Api::Http, Some(_)) => {
            findings
                .problem(
                    scalar.place,
                    "whether an application streams is for its request to ask and its answer to show",
                )
                .with_help("say how the answer is read: answer: {format: json}, sse, ndjson or text");
        }
        _ => {}
    }
    given.unwrap_or(true) && api != Api::OpenAiEmbeddings
}

fn api_version(written: &Target, api: Api, findings: &mut Findings<'_>) -> String {
    if let (Some(scalar), true) = (written.api_version.as_ref(), api != Api::AzureOpenAi) {
        findings
            .problem(scalar.place, "`api_version` goes with `api: azure-openai` only")
            .with_help("leave it out, or put it into the URL or a header");
    }
    findings.text(&written.api_version, "the version").unwrap_or_else(|| AZURE_VERSION.into())
}

fn max_tokens_field(written: &Target, api: Api, findings: &mut Findings<'_>) -> MaxTokensField {
    if let (Some(scalar), false) =
        (written.max_tokens_field.as_ref(), matches!(api, Api::OpenAiChat | Api::AzureOpenAi))
    {
        findings
            .problem(scalar.place, format!("`max_tokens_field` does not go with `api: {}`", api.name()))
            .with_help("this API has one field for the bound: leave it out");
    }
    findings.read(&written.max_tokens_field).unwrap_or_default()
}

/// How an application is asked and read; its path goes behind that of the target's URL.
fn own(
    written: &Target,
    place: Option<Place>,
    seed: u64,
    asked: &Asked<'_>,
    address: Option<&Address>,
    findings: &mut Findings<'_>,
) -> Option<exchange::Own> {
    let url = match address {
        Some(Address::Url(url)) => ::url::Url::parse(url).ok(),
        Some(Address::Stub(_)) | None => None,
    };
    let base = url.as_ref().map_or(("", None), |url| (url.path(), url.query()));
    exchange::resolve(written, place, asked.model, seed, base, findings)
}

/// A URL with another path and query.
fn at_path(url: &str, path: &str) -> String {
    let joined = ::url::Url::parse(url).ok().and_then(|url| {
        let origin = url.origin().ascii_serialization();
        ::url::Url::parse(&format!("{origin}{path}")).ok()
    });
    joined.map_or_else(|| url.to_owned(), String::from)
}

/// Where the built-in provider has an API: a part of a URL without its host.
fn provider_path(asked: &Asked<'_>) -> String {
    const ORIGIN: &str = "http://127.0.0.1";
    let url = endpoint(&base_at(ORIGIN, asked.api), asked).map(|(url, _)| url).unwrap_or_default();
    url.strip_prefix(ORIGIN).unwrap_or_default().to_owned()
}

fn address(
    written: &Target,
    place: Place,
    asked: &Asked<'_>,
    findings: &mut Findings<'_>,
) -> Option<Address> {
    match (&*written.url, &*written.stub) {
        (Some(url), None) => match endpoint(&url.text, asked) {
            Ok((url, warning)) => {
                warning.into_iter().for_each(|warning| findings.warn(warning));
                Some(Address::Url(url))
            }
            Err(wrong) => {
                // A query can carry a secret under a name that no mask knows, or in another encoding.
                let added = match url.text.contains('?') {
                    true => findings.secret_problem(url.place, wrong.message),
                    false => findings.problem(url.place, wrong.message),
                };
                if let Some(help) = wrong.help {
                    added.with_help(help);
                }
                None
            }
        },
        (None, Some(At { value, .. })) => stub(value, findings).map(Address::Stub),
        (Some(url), Some(_)) => {
            findings
                .problem(url.place, "the target has both `url` and `stub`")
                .with_help("keep `url` for a server, or `stub` for the built-in provider");
            None
        }
        (None, None) => {
            findings.problem(place, "the target has no address").with_help(
                "write url: http://127.0.0.1:8000/v1, or stub: {profile: 8b-h100} for the built-in provider",
            );
            None
        }
    }
}

pub(super) fn stub(written: &Stub, findings: &mut Findings<'_>) -> Option<plan::Stub> {
    let profile = findings.text(&written.profile, "the profile's name");
    if let (Some(name), Some(given)) = (&profile, written.profile.as_ref()) {
        let known = findings.outside.stub_profiles();
        if !known.is_empty() && !known.contains(name) {
            let list = format!("the profiles are {}", known.join(", "));
            let help = match did_you_mean(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`? {list}"),
                None => list,
            };
            findings
                .problem(given.place, format!("the built-in provider has no profile `{name}`"))
                .with_help(help);
        }
    }
    let (ttft, gap) = (findings.read(&written.ttft), findings.read(&written.gap));
    let exact = written.ttft.is_some() || written.gap.is_some();
    if let (true, Some(given)) = (exact, written.profile.as_ref()) {
        findings
            .problem(given.place, "a stub has either a profile or an exact pace")
            .with_help("leave out `profile`, or `ttft` and `gap`");
        return None;
    }
    let pace = match exact {
        true => StubPace::Exact { ttft: ttft.unwrap_or(Span::ZERO), gap: gap.unwrap_or(Span::ZERO) },
        false => StubPace::Profile(profile.unwrap_or_else(|| "instant".into())),
    };
    let tokens = findings.above_zero(&written.tokens, "`tokens`");
    let reasoning = findings.read(&written.reasoning).unwrap_or(0);
    let limits = match written.limits.as_ref() {
        Some(written) => Some(limited::resolve(written, findings)?),
        None => None,
    };
    let faults = match written.faults.as_ref() {
        Some(At { value, place }) => faulty::resolve(value, *place, findings)?,
        None => Faults::default(),
    };
    Some(plan::Stub { tokens, reasoning, limits, faults, ..plan::Stub::new(pace) })
}

/// The name of the variable that holds the key, and its value.
fn key(
    written: &Target,
    address: Option<&Address>,
    api: Api,
    findings: &mut Findings<'_>,
) -> Option<(String, Secret)> {
    let Some(given) = written.key.as_ref() else {
        let Some(Address::Url(url)) = address else { return None };
        let names = usual_keys(url)?;
        if has_header(written, key_header(api)) {
            return None;
        }
        for name in names {
            let value = findings.outside.env(name).map(|value| value.trim().to_owned());
            if let Some(value) = value.filter(|value| !value.is_empty() && is_header_value(value)) {
                return Some(((*name).to_owned(), Secret::new(value)));
            }
        }
        let (is, names) = (if names.len() == 1 { "is" } else { "are" }, names.join(" and "));
        findings.warn(format!("no key is sent: {names} {is} not set, and the target names no other"));
        return None;
    };
    let Some(name) = only_reference(&given.text) else {
        match given.place {
            Place::Argument(_) => findings
                .problem(given.place, "this is not the name of an environment variable")
                .with_help("name the variable that holds the key, not the key: --key-env MY_KEY"),
            _ => findings
                .secret_problem(given.place, "a key must not be written in a scenario")
                .with_help("put it into an environment variable and refer to it: ${env:NAME}"),
        }
        return None;
    };
    let value = variable(name, given.place, findings)?;
    Some((name.to_owned(), Secret::new(value)))
}

/// The variables whose keys go to this URL without being named.
fn usual_keys(url: &str) -> Option<&'static [&'static str]> {
    let url = ::url::Url::parse(url).ok()?;
    let host = url.host_str().filter(|_| url.scheme() == "https" && url.port().is_none())?;
    let goes_to = |known: &str| match known.starts_with('.') {
        true => host.ends_with(known),
        false => host == known,
    };
    USUAL_KEYS.into_iter().find(|(known, _)| goes_to(known)).map(|(_, names)| names)
}

fn has_header(written: &Target, name: &str) -> bool {
    let headers = written.headers.iter().flat_map(|headers| &headers.0);
    headers.into_iter().any(|header| header.name.value.eq_ignore_ascii_case(name))
}

/// The name in `${env:NAME}`, if the text is that and nothing else.
pub(super) fn only_reference(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("${env:")?.strip_suffix('}')?;
    is_variable_name(name).then_some(name)
}

pub(super) fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The value of a variable; unset, empty and unprintable ones are problems.
pub(super) fn variable(name: &str, place: Place, findings: &mut Findings<'_>) -> Option<String> {
    let value = findings.outside.env(name).map(|value| value.trim().to_owned());
    match value {
        None if could_be_a_key(name) => {
            findings
                .secret_problem(place, "no environment variable has the name that is given here")
                .with_help("name the variable that holds the key, not the key, such as MY_KEY");
            None
        }
        None => {
            findings
                .problem(place, format!("the environment variable `{name}` is not set"))
                .with_help(format!("set it before the run: export {name}=..."));
            None
        }
        Some(value) if value.is_empty() => {
            findings.problem(place, format!("the environment variable `{name}` is empty"));
            None
        }
        Some(value) if !is_header_value(&value) => {
            findings
                .problem(place, format!("the value of `{name}` cannot be sent in a header"))
                .with_help(NO_HEADER_VALUE);
            None
        }
        Some(value) => Some(value),
    }
}

/// Whether somebody may have given the key itself instead of its variable's name.
fn could_be_a_key(name: &str) -> bool {
    let usual = name.len() < 40 && !name.chars().any(|c| c.is_ascii_lowercase());
    let short = name.len() < 20;
    mask(name) != name || !(usual || short)
}

pub(super) const NO_HEADER_VALUE: &str =
    "it holds a line break, another control character, or a character that is not ASCII";

/// Says that what is given about certificates is for nothing.
fn warn_without_tls(
    written: &Target,
    address: Option<&Address>,
    insecure: bool,
    findings: &mut Findings<'_>,
) {
    let instead = match address {
        Some(Address::Url(url)) if url.starts_with("http://") => "a URL with http://",
        Some(Address::Stub(_)) => "the built-in provider",
        Some(Address::Url(_)) | None => return,
    };
    for (name, given) in [("ca_file", written.ca_file.is_some()), ("insecure", insecure)] {
        if given {
            findings.warn(format!("`{name}` has no effect: {instead} shows no certificate"));
        }
    }
}

/// The path of the certificates, once it is known that they can be read.
fn ca_file(written: &Target, findings: &mut Findings<'_>) -> Option<String> {
    let file = findings.text(&written.ca_file, "the path of the certificates")?;
    let place = written.ca_file.as_ref()?.place;
    findings.file(&At { value: file, place }).map(|(path, _)| path)
}

/// The further members of a body, without those that have a key of their own.
fn extra_members(
    written: &Target,
    api: Api,
    codec: &Codec,
    findings: &mut Findings<'_>,
) -> serde_json::Map<String, serde_json::Value> {
    let Some(At { value, place }) = written.body.as_ref() else { return serde_json::Map::new() };
    if api == Api::Http {
        findings
            .problem(*place, "`body` of the target does not go with `api: http`")
            .with_help("all of the body is in `request`: request: {json: {...}}");
        return serde_json::Map::new();
    }
    let bound = "`max_tokens` of a prompt";
    let bounds: &[(&str, &str)] = match api {
        Api::OpenAiChat | Api::AzureOpenAi => &[
            (MaxTokensField::MaxTokens.name(), bound),
            (
                MaxTokensField::MaxCompletionTokens.name(),
                "`max_tokens` of a prompt, and `max_tokens_field` of the target",
            ),
        ],
        Api::OpenAiCompletions | Api::Anthropic => &[("max_tokens", bound)],
        Api::OpenAiResponses => &[("max_output_tokens", bound)],
        Api::Gemini => &[("generationConfig.maxOutputTokens", bound)],
        Api::Ollama | Api::OllamaGenerate => &[("options.num_predict", bound)],
        Api::Tgi => &[("parameters.max_new_tokens", bound)],
        Api::OpenAiEmbeddings | Api::Http => &[],
    };
    let of_prompt = codec.prompt_members().iter().map(|name| match *name {
        "system" | "systemInstruction" | "system_instruction" => {
            (*name, "a message of the role system in `prompts`")
        }
        name => (name, "`prompts`"),
    });
    let others = [("model", "`model` of the target"), ("stream", "`stream` of the target")];
    for (member, instead) in others.into_iter().chain(of_prompt).chain(bounds.iter().copied()) {
        let found = match member.split_once('.') {
            Some((outer, inner)) => value.get(outer).is_some_and(|outer| outer.get(inner).is_some()),
            None => value.contains_key(member),
        };
        if found {
            findings
                .problem(*place, format!("`{member}` cannot be set in `body`"))
                .with_help(format!("write it as {instead}"));
        }
    }
    for path in literal::in_body(value) {
        findings
            .secret_problem(
                *place,
                format!("`{path}` in `body` looks like a secret: a body is written to files"),
            )
            .with_help("give keys as `key:` or as a header, with ${env:NAME}");
    }
    value.clone()
}
