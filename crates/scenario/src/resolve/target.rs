//! The target: its address, the model, and as whom it is asked.
//!
//! A key or a secret header is accepted as a reference to an environment variable only. Without a
//! reference, the key in `OPENAI_API_KEY` is sent to `https://api.openai.com` and nowhere else.

use floodline_core::plan::{self, Address, Api, StubPace};
use floodline_core::time::Span;
use floodline_wire::openai::MaxTokensField;
use floodline_wire::tokens::Tokenizer;

use super::findings::Findings;
use super::url::endpoint;
use super::{literal, tokenizer};
use crate::error::did_you_mean;
use crate::excerpt::mask;
use crate::secret::{Secret, Secrets};
use crate::workload::Members;
use crate::written::{At, Given, Header, Place, Scalar, Stub, Target};

/// A target, what its requests have in common, and its secrets.
pub(crate) struct Resolved {
    pub(crate) target: plan::Target,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) members: Members,
    pub(crate) secrets: Secrets,
}

const USUAL_KEY: &str = "OPENAI_API_KEY";
const USUAL_KEY_GOES_TO: &str = "https://api.openai.com/";

pub(crate) fn resolve(written: &Given<At<Target>>, findings: &mut Findings<'_>) -> Option<Resolved> {
    let Given(Some(At { value: written, place })) = written else {
        findings
            .problem(Place::Nowhere, "the scenario has no `target`")
            .with_help("say where requests go: target: {url: http://127.0.0.1:8000/v1, model: NAME} or target: {stub: {}}");
        return None;
    };
    let api = match written.api.0 {
        None => Some(Api::OpenAiChat),
        Some(_) => findings.read(&written.api),
    };
    let address = address(written, *place, api.unwrap_or(Api::OpenAiChat), findings);
    let model = match (findings.text(&written.model, "the model's name"), &address) {
        (Some(model), _) => Some(model),
        (None, Some(Address::Stub(_))) => Some("floodline-stub".into()),
        (None, Some(Address::Url(_))) if written.model.is_none() => {
            findings
                .problem(*place, "the target has no model")
                .with_help("name the model that the server serves (--model NAME or `model: NAME`); it lists them under /v1/models");
            None
        }
        (None, _) => None,
    };
    let key = key(written, address.as_ref(), findings);
    let (headers, in_headers) = headers(written, key.is_some(), findings);
    let max_tokens_field = findings.read(&written.max_tokens_field).unwrap_or_default();
    let extra = extra_members(written, findings);
    let tokenizer = tokenizer::resolve(&written.tokenizer, model.as_deref().unwrap_or_default(), findings);
    let stream = findings.read(&written.stream).unwrap_or(true);
    let ca_file = ca_file(written, findings);
    let insecure = findings.read(&written.insecure).unwrap_or(false);
    warn_without_tls(written, address.as_ref(), insecure, findings);
    let (api, address, model, (tokenizer, named)) = (api?, address?, model?, tokenizer?);
    let (key_env, key) = key.unzip();
    Some(Resolved {
        target: plan::Target {
            api,
            address,
            model: model.clone(),
            key_env,
            headers: headers.iter().map(|(name, _)| name.clone()).collect(),
            stream,
            max_tokens_field: max_tokens_field.name().into(),
            body: extra.clone(),
            ca_file,
            insecure,
            tokenizer: Some(named),
        },
        tokenizer,
        members: Members { model, stream, max_tokens_field, extra },
        secrets: Secrets { key, headers, in_headers },
    })
}

fn address(written: &Target, place: Place, api: Api, findings: &mut Findings<'_>) -> Option<Address> {
    match (&*written.url, &*written.stub) {
        (Some(url), None) => match endpoint(&url.text, api) {
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

fn stub(written: &Stub, findings: &mut Findings<'_>) -> Option<plan::Stub> {
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
    Some(plan::Stub { pace, tokens: findings.above_zero(&written.tokens, "`tokens`") })
}

/// The name of the variable that holds the key, and its value.
fn key(written: &Target, address: Option<&Address>, findings: &mut Findings<'_>) -> Option<(String, Secret)> {
    let Some(given) = written.key.as_ref() else {
        let Some(Address::Url(url)) = address else { return None };
        if !url.starts_with(USUAL_KEY_GOES_TO) || has_authorization(written) {
            return None;
        }
        let value = findings.outside.env(USUAL_KEY).map(|value| value.trim().to_owned());
        let Some(value) = value.filter(|value| !value.is_empty() && is_header_value(value)) else {
            findings.warn(format!("no key is sent: {USUAL_KEY} is not set, and the target names no other"));
            return None;
        };
        return Some((USUAL_KEY.into(), Secret::new(value)));
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

fn has_authorization(written: &Target) -> bool {
    let headers = written.headers.iter().flat_map(|headers| &headers.0);
    headers.into_iter().any(|header| header.name.value.eq_ignore_ascii_case("authorization"))
}

/// The name in `${env:NAME}`, if the text is that and nothing else.
fn only_reference(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("${env:")?.strip_suffix('}')?;
    is_variable_name(name).then_some(name)
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The value of a variable; unset, empty and unprintable ones are problems.
fn variable(name: &str, place: Place, findings: &mut Findings<'_>) -> Option<String> {
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

const NO_HEADER_VALUE: &str =
    "it holds a line break, another control character, or a character that is not ASCII";

fn is_header_value(value: &str) -> bool {
    value.chars().all(|c| c == '\t' || c == ' ' || c.is_ascii_graphic())
}

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

/// Names and values of the headers, and what of the values came from the environment.
type Headers = (Vec<(String, Secret)>, Vec<Secret>);

fn headers(written: &Target, has_key: bool, findings: &mut Findings<'_>) -> Headers {
    let mut headers: Vec<(String, Secret)> = Vec::new();
    let mut taken = Vec::new();
    for header in written.headers.iter().flat_map(|headers| &headers.0) {
        let name = header.name.value.to_ascii_lowercase();
        if let Some((problem, help)) = refused_name(&name, has_key) {
            findings.problem(header.name.place, problem).with_help(help);
        } else if headers.iter().any(|(other, _)| *other == name) {
            findings.problem(header.name.place, format!("the header `{name}` is given twice"));
        } else if let Some(value) = header_value(header, &mut taken, findings) {
            headers.push((name, Secret::new(value)));
        }
    }
    (headers, taken)
}

/// Why a header of this name cannot be set, and what to do instead.
fn refused_name(name: &str, has_key: bool) -> Option<(String, &'static str)> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match name {
        "host" | "content-length" | "content-type" | "transfer-encoding" | "connection"
        | "accept-encoding" => {
            Some((format!("the header `{name}` is set by Floodline itself"), "leave it out"))
        }
        "authorization" if has_key => {
            Some(("the target has both a key and an `authorization` header".into(), "keep one of the two"))
        }
        name if name.is_empty() || !name.chars().all(is_token) => Some((
            "this is not the name of a header".into(),
            "write it as `Name: value`, such as `X-Team: search`",
        )),
        _ => None,
    }
}

/// The value of a header, with its references replaced; what they refer to is added to `taken`.
fn header_value(header: &Header, taken: &mut Vec<Secret>, findings: &mut Findings<'_>) -> Option<String> {
    let Header { name, value: Scalar { text, place, .. } } = header;
    if literal::in_header(&name.value, text) {
        let help = match text.contains("${env:") {
            false => "put it into an environment variable and refer to it: ${env:NAME}",
            true => "put all of it into the environment variable, but for a scheme: 'Bearer ${env:NAME}'",
        };
        let message = format!("the value of `{}` must not be written in a scenario", name.value);
        findings.secret_problem(*place, message).with_help(help);
        return None;
    }
    let mut value = String::new();
    let mut rest = text.as_str();
    while let Some((before, reference)) = rest.split_once("${env:") {
        let name = reference.split_once('}').filter(|(name, _)| is_variable_name(name));
        let Some((name, after)) = name else {
            findings
                .secret_problem(*place, "this reference is not complete")
                .with_help("write it as ${env:NAME}");
            return None;
        };
        value.push_str(before);
        let referred = variable(name, *place, findings)?;
        value.push_str(&referred);
        taken.push(Secret::new(referred));
        rest = after;
    }
    value.push_str(rest);
    if !is_header_value(&value) {
        findings
            .secret_problem(*place, format!("the value of `{}` cannot be sent in a header", name.value))
            .with_help(NO_HEADER_VALUE);
        return None;
    }
    Some(value)
}

/// The further members of a body, without those that have a key of their own.
fn extra_members(
    written: &Target,
    findings: &mut Findings<'_>,
) -> serde_json::Map<String, serde_json::Value> {
    let Some(At { value, place }) = written.body.as_ref() else { return serde_json::Map::new() };
    for (member, instead) in [
        ("model", "`model` of the target"),
        ("messages", "`prompts`"),
        ("stream", "`stream` of the target"),
        (MaxTokensField::MaxTokens.name(), "`max_tokens` of a prompt"),
        (
            MaxTokensField::MaxCompletionTokens.name(),
            "`max_tokens` of a prompt, and `max_tokens_field` of the target",
        ),
    ] {
        if value.contains_key(member) {
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
