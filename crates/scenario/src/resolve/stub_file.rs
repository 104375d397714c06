//! The file of a simulated provider with several providers on one port.

use floodline_core::plan;

use super::findings::Findings;
use super::target;
use crate::error::{Error, Problem};
use crate::parse;
use crate::secret::Secret;
use crate::written::{At, Place, ProviderForm, Scalar, StubFile, Text};
use crate::{Outside, Source};

/// One provider of such a file.
#[derive(Debug)]
pub struct StubProvider {
    /// What it is called; its number in the file unless given.
    pub name: String,
    /// What paths begin with that are its own; empty, or such as `/primary`.
    pub path: String,
    /// The models it serves; any if none are named.
    pub models: Option<Vec<String>>,
    /// The key it takes; any or none without one.
    pub key: Option<Secret>,
    /// Keys that have a name in the ledger and in messages, each behind its name.
    pub key_names: Vec<(String, Secret)>,
    /// The seed of the answers' words.
    pub seed: u64,
    /// Its pace and its limits, as of a scenario's.
    pub stub: plan::Stub,
}

/// Reads the file of a simulated provider.
///
/// # Errors
/// Everything that is wrong with it, with its places.
pub fn read_stub_file(source: &Source<'_>, outside: &dyn Outside) -> Result<Vec<StubProvider>, Error> {
    let written: StubFile = parse::read(source)?;
    let Some(forms) = written.providers.0 else {
        let none = Problem::new("the file names no `providers`").in_file(source.name);
        return Err(none
            .help("such as `providers: [{name: primary, path: /primary, limits: {rpm: 500}}]`")
            .into());
    };
    let mut findings = Findings::new(Some(*source), outside);
    let mut all: Vec<StubProvider> = Vec::new();
    for (number, form) in (1..).zip(&forms.0) {
        let Some(provider) = provider(form, number, &mut findings) else { continue };
        tell_apart(&all, &provider, form.place, &mut findings);
        all.push(provider);
    }
    findings.conclude()?;
    Ok(all)
}

fn provider(
    At { value: form, .. }: &At<ProviderForm>,
    number: usize,
    findings: &mut Findings<'_>,
) -> Option<StubProvider> {
    let name =
        findings.text(&form.name, "the provider's name").unwrap_or_else(|| format!("provider {number}"));
    let path = path(form, findings)?;
    let models = form.models.as_ref().map(|models| {
        if models.value.is_empty() {
            findings
                .problem(models.place, "a provider without any model answers nothing")
                .with_help("leave out `models` for one that serves any");
        }
        models.value.iter().map(|model| model.text.clone()).collect::<Vec<_>>()
    });
    let key = match form.key.as_ref() {
        Some(given) => Some(secret(given, findings)?),
        None => None,
    };
    let named = form.key_names.iter().flat_map(|names| &names.0);
    let named = named.map(|(name, given)| Some((name.value.clone(), secret(given, findings)?)));
    let key_names = named.collect::<Option<Vec<_>>>()?;
    let seed = findings.read(&form.seed).unwrap_or(0);
    let stub = target::stub(&form.stub(), findings)?;
    Some(StubProvider { name, path, models, key, key_names, seed, stub })
}

/// The key that a reference stands for.
fn secret(given: &Scalar<Text>, findings: &mut Findings<'_>) -> Option<Secret> {
    let Some(variable) = target::only_reference(&given.text) else {
        findings
            .secret_problem(given.place, "a key must not be written in a file")
            .with_help("put it into an environment variable and refer to it: ${env:NAME}");
        return None;
    };
    target::variable(variable, given.place, findings).map(Secret::new)
}

/// Without what clients of OpenAI's add to a base URL by themselves.
fn path(form: &ProviderForm, findings: &mut Findings<'_>) -> Option<String> {
    let Some(given) = form.path.as_ref() else { return Some(String::new()) };
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    if !given.text.starts_with('/') || !given.text.chars().all(plain) {
        findings
            .problem(given.place, format!("`{}` is no beginning of a path", given.text))
            .with_help("write a slash and letters, digits or dashes, such as /primary");
        return None;
    }
    let path = given.text.trim_end_matches('/');
    Some(path.strip_suffix("/v1").unwrap_or(path).to_owned())
}

/// Two providers at one path have to differ in their models.
fn tell_apart(before: &[StubProvider], provider: &StubProvider, place: Place, findings: &mut Findings<'_>) {
    let help = "give each a `path`, such as /primary, or `models` of its own";
    for other in before {
        if other.name == provider.name {
            findings.problem(place, format!("two providers are called `{}`", provider.name));
        }
        if other.path != provider.path {
            continue;
        }
        match (&other.models, &provider.models) {
            (None, None) => findings
                .problem(
                    place,
                    format!("`{}` can never be reached: `{}` answers first", provider.name, other.name),
                )
                .with_help(help),
            (Some(theirs), Some(own)) => {
                if let Some(model) = own.iter().find(|model| theirs.contains(model)) {
                    findings
                        .problem(
                            place,
                            format!("`{model}` is served by `{}` at the same path already", other.name),
                        )
                        .with_help(help);
                }
            }
            _ => {}
        }
    }
}
