//! Limits of the simulated provider, as the command line asks for them: a preset and figures, or a file.

use std::path::Path;

use floodline_core::finding::{FORMAT, Finding, VERSION};
use floodline_core::limits::{Figures, Limits, LimitsError, Provider};
use floodline_scenario::Source;

use crate::Failure;
use crate::args::LimitArgs;
use crate::outside::{World, why};

/// The limits that the arguments ask for; none without any.
pub(crate) fn limits(args: &LimitArgs) -> Result<Option<Limits>, Failure> {
    let figures = figures(args);
    let plain = figures == Figures::default();
    if let Some(path) = &args.like {
        return match (&args.limits, plain) {
            (None, true) => of_finding(path).map(Some),
            _ => Err(Failure::usage(
                "--like: a finding says all there is to say; change the figures in the limits.yaml beside it, and give \
                 that to --limits",
            )),
        };
    }
    let preset = match args.limits.as_deref() {
        None if plain => return Ok(None),
        None => None,
        Some(named) => match Provider::parse(named) {
            Ok(provider) => Some(provider),
            Err(error) if !is_file(named) => return Err(no_preset(&error)),
            Err(_) if plain => return of_file(named).map(Some),
            Err(_) => {
                return Err(Failure::usage(format!(
                    "--limits: figures go with a preset, and {named} is a file: write them into it"
                )));
            }
        },
    };
    let limits = Figures { preset, ..figures }.limits();
    limits.map(Some).map_err(|error| Failure::usage(format!("limits: {error}")))
}

/// Reads text from a file that the command line names.
pub(crate) fn text(option: &str, path: &str) -> Result<String, Failure> {
    let cannot = |why: String| Failure::usage(format!("{option}: cannot read {path}: {why}"));
    let bytes = std::fs::read(path).map_err(|error| cannot(why(&error)))?;
    String::from_utf8(bytes).map_err(|_| cannot("it is not UTF-8 text".into()))
}

fn of_file(path: &str) -> Result<Limits, Failure> {
    let text = text("--limits", path)?;
    floodline_scenario::read_limits(&Source { name: path, text: &text }, &World).map_err(Failure::usage)
}

/// Limits that behave as what was found out about another target.
fn of_finding(path: &str) -> Result<Limits, Failure> {
    let text = text("--like", path)?;
    let found: Finding = serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("--like: {path} is no finding of `floodline limits`: {error}"))
    })?;
    if *found.format != *FORMAT || found.version > VERSION {
        return Err(Failure::usage(format!(
            "--like: {path} is a {} of version {}, and a {FORMAT} of version {VERSION} is read here",
            found.format, found.version
        )));
    }
    let limits = found.limits().map_err(|error| Failure::usage(format!("--like: {path}: {error}")))?;
    match limits.limits.is_empty() {
        true => {
            Err(Failure::usage(format!("--like: no limit was measured in {path}, so there is none to keep")))
        }
        false => Ok(limits),
    }
}

/// Whether it was meant as the name of a file.
fn is_file(named: &str) -> bool {
    named.contains(['/', '.']) || Path::new(named).exists()
}

fn no_preset(error: &LimitsError) -> Failure {
    Failure::usage(format!("--limits: {error}; or name a file, such as limits.yaml"))
}

/// What the arguments say, without whose limits they are.
fn figures(args: &LimitArgs) -> Figures {
    Figures {
        preset: None,
        window: args.window,
        rpm: args.rpm,
        rph: args.rph,
        rpd: args.rpd,
        tpm: args.tpm,
        tph: args.tph,
        tpd: args.tpd,
        input_tpm: args.input_tpm,
        output_tpm: args.output_tpm,
        concurrency: args.concurrency,
        requests_per_month: args.requests_per_month,
        tokens_per_month: args.tokens_per_month,
        quota: args.quota,
        quota_per: args.quota_per,
        scope: args.scope,
        algorithm: args.algorithm,
        burst: args.burst,
        estimate: args.estimate,
        refusals_count: args.refusals_count,
        retry_after: args.retry_after,
        headers: args.no_limit_headers.then_some(false),
    }
}
