//! Headers of a target: which names can be set, and values that hold no secret but by reference.

use floodline_core::plan::Api;

use super::findings::Findings;
use super::target::{NO_HEADER_VALUE, is_variable_name, variable};
use super::{exchange, literal};
use crate::secret::{Secret, key_header};
use crate::workload::own::is_header_value;
use crate::written::{Header, Scalar, Target};

/// Names and values of the headers, and what of the values came from the environment.
pub(super) type Headers = (Vec<(String, Secret)>, Vec<Secret>);

/// The headers of a target, but for those of its key.
pub(super) fn headers(written: &Target, has_key: bool, api: Api, findings: &mut Findings<'_>) -> Headers {
    let mut headers: Vec<(String, Secret)> = Vec::new();
    let mut taken = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let of_target = written.headers.iter().flat_map(|headers| &headers.0).map(|header| (header, false));
    for (header, own) in of_target.chain(exchange::own_headers(written).map(|header| (header, true))) {
        let name = header.name.value.to_ascii_lowercase();
        let key = has_key.then(|| key_header(api));
        // A body of an application's own may be of any type.
        let refused = refused_name(&name, key).filter(|_| !(own && name == "content-type"));
        if let Some((problem, help)) = refused {
            findings.problem(header.name.place, problem).with_help(help);
            continue;
        }
        if names.contains(&name) {
            findings.problem(header.name.place, format!("the header `{name}` is given twice"));
            continue;
        }
        names.push(name.clone());
        if own && exchange::is_template(&header.value.text) {
            if name == "content-type" {
                findings
                    .problem(header.value.place, "the type of the body is the same for all requests")
                    .with_help("write it out");
            }
        } else if let Some(value) = header_value(header, &mut taken, findings) {
            headers.push((name, Secret::new(value)));
        }
    }
    (headers, taken)
}

/// Why a header of this name cannot be set, and what to do instead; `key` is the header of a key that is given.
pub(super) fn refused_name(name: &str, key: Option<&str>) -> Option<(String, &'static str)> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match name {
        "host" | "content-length" | "content-type" | "transfer-encoding" | "connection"
        | "accept-encoding" => {
            Some((format!("the header `{name}` is set by Floodline itself"), "leave it out"))
        }
        name if key == Some(name) => {
            let article = if name.starts_with('a') { "an" } else { "a" };
            Some((format!("the target has both a key and {article} `{name}` header"), "keep one of the two"))
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
