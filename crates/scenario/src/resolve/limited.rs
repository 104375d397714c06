//! Limits of the built-in provider: from what is written to what the limiter keeps.

use std::collections::BTreeMap;

use floodline_core::limits::{Figure, Figures, Limit, Limits, LimitsError, Provider};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::findings::Findings;
use crate::error::{Error, Problem};
use crate::parse;
use crate::written::{At, Given, LimitForm, Limited, Place, Scalar, Written};
use crate::{Outside, Source};

/// Reads a file of limits: what stands under `limits:` of a scenario's stub, or that whole block.
///
/// # Errors
/// Everything that is wrong with it, with its places.
pub fn read_limits(source: &Source<'_>, outside: &dyn Outside) -> Result<Limits, Error> {
    let written = match parse::read::<BlockShape>(source) {
        Ok(_) => parse::read::<Block>(source)?.limits,
        Err(_) => At { value: parse::read::<Limited>(source)?, place: Place::Nowhere },
    };
    let mut findings = Findings::new(Some(*source), outside);
    let limits = resolve(&written, &mut findings);
    findings.conclude()?;
    limits.ok_or_else(|| Problem::new("the limits cannot be read").in_file(source.name).into())
}

/// A file that holds the block as it stands in a scenario, under its name.
#[derive(Deserialize)]
struct Block {
    limits: At<Limited>,
}

/// What such a file looks like, whatever is wrong within: `limits:` of a file that holds limits alone is a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockShape {
    #[serde(rename = "limits")]
    _limits: BTreeMap<String, IgnoredAny>,
}

/// What the limits come to, if nothing is wrong with them.
pub(crate) fn resolve(written: &At<Limited>, findings: &mut Findings<'_>) -> Option<Limits> {
    let At { value: written, place } = written;
    let before = findings.count();
    let figures = figures(written, findings);
    let listed = written.limits.iter().flatten().filter_map(|limit| in_full(limit, findings));
    let listed = listed.collect::<Vec<_>>();
    let provider = findings.read(&written.provider);
    let organisation = findings.text(&written.organisation, "the organisation's name");
    let unstated = findings.read(&written.unstated_max_tokens);
    if findings.count() > before {
        return None;
    }
    let of_the_list =
        Figures { retry_after: figures.retry_after, headers: figures.headers, ..Figures::default() };
    let alone = written.limits.is_some() && figures == of_the_list;
    let mut limits = match alone {
        true => bare(&figures, provider.unwrap_or_default()),
        false => match figures.limits() {
            Ok(limits) => limits,
            Err(error) => return wrong(*place, &error, findings),
        },
    };
    limits.limits.extend(listed);
    limits.provider = provider.unwrap_or(limits.provider);
    limits.organisation = organisation.map_or(limits.organisation, Into::into);
    limits.unstated_max_tokens = unstated.unwrap_or(limits.unstated_max_tokens);
    match limits.check() {
        Ok(()) if limits.limits.is_empty() => {
            findings
                .problem(*place, "these limits limit nothing")
                .with_help("write a figure such as rpm: 500, a preset such as openai, or limits in full");
            None
        }
        Ok(()) => Some(limits),
        Err(error) => wrong(*place, &error, findings),
    }
}

/// Limits of a provider without any.
fn bare(figures: &Figures, provider: Provider) -> Limits {
    let mut limits = Limits { limits: Vec::new(), ..Limits::preset(provider) };
    limits.retry_after = figures.retry_after.unwrap_or(limits.retry_after);
    limits.headers = figures.headers.unwrap_or(limits.headers);
    limits
}

fn wrong(place: Place, error: &LimitsError, findings: &mut Findings<'_>) -> Option<Limits> {
    findings.problem(place, error.to_string());
    None
}

fn figures(written: &Limited, findings: &mut Findings<'_>) -> Figures {
    Figures {
        preset: findings.read(&written.preset),
        window: findings.above_zero(&written.window, "the window"),
        rpm: findings.read(&written.rpm),
        rph: findings.read(&written.rph),
        rpd: findings.read(&written.rpd),
        tpm: findings.read(&written.tpm),
        tph: findings.read(&written.tph),
        tpd: findings.read(&written.tpd),
        input_tpm: findings.read(&written.input_tpm),
        output_tpm: findings.read(&written.output_tpm),
        concurrency: findings.read(&written.concurrency),
        requests_per_month: findings.read(&written.requests_per_month),
        tokens_per_month: findings.read(&written.tokens_per_month),
        quota: findings.read(&written.quota),
        quota_per: findings.read(&written.quota_per),
        scope: findings.read(&written.scope),
        algorithm: findings.read(&written.algorithm),
        burst: findings.read(&written.burst),
        estimate: findings.read(&written.estimate),
        refusals_count: findings.read(&written.refusals_count),
        retry_after: findings.read(&written.retry_after),
        headers: findings.read(&written.headers),
    }
}

/// A limit of the list. What goes with what is known where limits are data.
fn in_full(At { value: form, place }: &At<LimitForm>, findings: &mut Findings<'_>) -> Option<Limit> {
    let before = findings.count();
    let mut data = Map::new();
    let mut put = Put { data: &mut data, findings };
    put.named("dimension", &form.dimension);
    put.figure("value", &form.value);
    put.named("per", &form.per);
    put.text("window", &form.window);
    put.named("algorithm", &form.algorithm);
    put.figure("burst", &form.burst);
    put.named("start", &form.start);
    put.text("phase", &form.phase);
    put.text("every", &form.every);
    put.named("percent", &form.percent);
    put.named("precharge", &form.precharge);
    put.named("settlement", &form.settlement);
    put.named("live", &form.live);
    put.named("refusals_count", &form.refusals_count);
    put.named("scope", &form.scope);
    put.named("quota", &form.quota);
    put.named("counts_cached", &form.counts_cached);
    put.named("output_weight", &form.output_weight);
    if findings.count() > before {
        return None;
    }
    for (name, given) in [("dimension", form.dimension.is_some()), ("value", form.value.is_some())] {
        if !given {
            findings
                .problem(*place, format!("a limit needs its `{name}`"))
                .with_help("such as {dimension: requests, value: 500, per: minute}");
            return None;
        }
    }
    match serde_json::from_value(Value::Object(data)) {
        Ok(limit) => Some(limit),
        Err(error) => {
            findings.problem(*place, error.to_string());
            None
        }
    }
}

/// Values on their way from what is written to data.
struct Put<'p, 'f> {
    data: &'p mut Map<String, Value>,
    findings: &'p mut Findings<'f>,
}

impl Put<'_, '_> {
    /// A value that data has as it is read.
    fn named<T: Written + serde::Serialize>(&mut self, name: &str, given: &Given<Scalar<T>>) {
        let value = self.findings.read(given).and_then(|value| serde_json::to_value(value).ok());
        self.data.extend(value.map(|value| (name.to_owned(), value)));
    }

    /// The same of a figure, which a limit cannot do without.
    fn figure(&mut self, name: &str, given: &Given<Scalar<Figure>>) {
        match (self.findings.read(given), given.as_ref()) {
            (Some(Figure::Of(value)), _) => {
                self.data.insert(name.to_owned(), value.into());
            }
            (Some(Figure::Off), Some(scalar)) => {
                self.findings
                    .problem(scalar.place, format!("`{name}` of a limit cannot be off"))
                    .with_help("leave the limit out");
            }
            _ => {}
        }
    }

    /// A value that data has as text.
    fn text<T: Written>(&mut self, name: &str, given: &Given<Scalar<T>>) {
        if let (Some(_), Some(scalar)) = (self.findings.read(given), given.as_ref()) {
            self.data.insert(name.to_owned(), scalar.text.as_str().into());
        }
    }
}
