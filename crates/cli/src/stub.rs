//! `floodline stub`: the simulated provider on a port, until it is interrupted.

use std::sync::Arc;

use floodline_core::Span;
use floodline_core::plan::{Stub, StubPace};
use floodline_scenario::Source;
use floodline_sim::front::{Config, Provides, Server, Tally};
use floodline_sim::limits::KeyId;

use crate::args::StubArgs;
use crate::interrupt::Awaited;
use crate::ledger::{Kept, LedgerFile};
use crate::outside::{World, why};
use crate::{Failure, INTERNAL, faults, limits, provider, screen};

/// Serves and returns the exit code.
pub(crate) fn stub(args: StubArgs) -> Result<u8, Failure> {
    let (providers, description) = match &args.config {
        None => one(&args)?,
        Some(path) => several(path)?,
    };
    floodline_engine::health::raise_descriptor_limit();
    let config = Config {
        bind: args.bind,
        port: args.port,
        admin: args.troubles.admin,
        ledger: args.ledger.is_some(),
        providers,
    };
    let server = Server::start(config).map_err(|e| {
        // What the server itself says of it; the rest is the system's.
        if e.get_ref().is_some() {
            return Failure::usage(e);
        }
        let why = match e.kind() {
            std::io::ErrorKind::AddrInUse => {
                "the port is taken; choose another with --port, or 0 for any".into()
            }
            std::io::ErrorKind::PermissionDenied => "not permitted; ports below 1024 need privileges".into(),
            std::io::ErrorKind::AddrNotAvailable => "this machine has no such address; see --bind".into(),
            _ => e.to_string(),
        };
        Failure::usage(format!("cannot listen on {}:{}: {why}", args.bind, args.port))
    })?;
    let server = Arc::new(server);
    let ledger = args.ledger.as_deref().map(|path| {
        let shown = path.display().to_string();
        let trouble = move |e: &std::io::Error| {
            let why = why(e);
            screen::note(&format!(
                "warning: the ledger {shown} cannot be written: {why}; attempts are lost to it"
            ));
        };
        LedgerFile::begin(path, vec![server.clone()], trouble)
            .map_err(|e| Failure::usage(format!("--ledger: cannot write {}: {}", path.display(), why(&e))))
    });
    let ledger = ledger.transpose()?;
    // Before it is said that the stub is there: who reads that may send one at once.
    let ending = Awaited::take_over().map_err(Failure::internal)?;
    if !args.quiet {
        screen::print(&greeting(&args, &description, &server))?;
    }
    ending
        .wait_unless(|| server.failed())
        .map_err(|why| Failure::internal(format!("the simulated provider broke down: {why}")))?;
    server.end();
    let kept = ledger.map(LedgerFile::finish).transpose();
    // Whatever became of the ledger, what was served can be said.
    if !args.quiet {
        screen::print(&farewell(&server))?;
    }
    let kept = kept.map_err(|e| Failure::internal(format!("the ledger could not be written: {e}")))?;
    let Kept { too_fast, unwritten, .. } = kept.unwrap_or_default();
    let lacking =
        [(too_fast, "they came faster than it was written"), (unwritten, "it could not be written")];
    for (attempts, why) in lacking.into_iter().filter(|(attempts, _)| *attempts > 0) {
        let are = if attempts == 1 { "attempt is" } else { "attempts are" };
        screen::note(&format!("{attempts} {are} not in the ledger: {why}"));
    }
    Ok(if unwritten > 0 { INTERNAL } else { 0 })
}

/// The provider of the command line, and what it is in a few words.
fn one(args: &StubArgs) -> Result<(Vec<Provides>, String), Failure> {
    let pace = pacing(args)?;
    let limits = limits::limits(&args.limits)?;
    let faults = faults::faults(&args.troubles)?;
    let stub = Stub { tokens: args.tokens, reasoning: args.reasoning, limits, faults, ..Stub::new(pace) };
    let provides = Provides {
        models: args.models.clone(),
        key: args.key.as_deref().map(|given| key("--key", given)).transpose()?.map(Into::into),
        key_names: args.key_names.iter().map(|given| key_name(given)).collect::<Result<_, _>>()?,
        ..provider::provides(&stub, args.seed)?
    };
    let mut description = describe(args);
    if let Some(limits) = &stub.limits {
        description += &format!("\n  limits    {limits}\n  counted   {}", limits.counted());
    }
    description += &faults::described(&stub.faults);
    Ok((vec![provides], description + "\n"))
}

/// Those of a file.
fn several(path: &str) -> Result<(Vec<Provides>, String), Failure> {
    let text = limits::text("--config", path)?;
    let source = Source { name: path, text: &text };
    let listed = floodline_scenario::read_stub_file(&source, &World).map_err(Failure::usage)?;
    let (mut providers, mut description) = (Vec::new(), format!("{} providers\n", listed.len()));
    for listed in listed {
        let place = match &listed.models {
            None if listed.path.is_empty() => "any model".into(),
            None => listed.path.clone(),
            Some(models) => format!("{} {}", listed.path, models.join(", ")).trim().to_owned(),
        };
        let limits = listed.stub.limits.as_ref();
        let counted = limits.map_or_else(String::new, |limits| format!("{:11} {}\n", "", limits.counted()));
        let limits = limits.map_or("no limits".into(), ToString::to_string);
        let faults: Vec<String> = listed.stub.faults.iter().map(ToString::to_string).collect();
        let faults = if faults.is_empty() { String::new() } else { format!("; {}", faults.join("; ")) };
        description += &format!("  {:<9} {place}; {limits}{faults}\n{counted}", listed.name);
        providers.push(Provides {
            name: Some(listed.name.into()),
            path: listed.path.into(),
            models: listed.models,
            key: listed.key.map(|key| key.expose().to_owned().into()),
            key_names: listed
                .key_names
                .into_iter()
                .map(|(name, key)| (KeyId::of(key.expose()), name.into()))
                .collect(),
            ..provider::provides(&listed.stub, listed.seed)?
        });
    }
    Ok((providers, description))
}

fn greeting(args: &StubArgs, description: &str, server: &Server) -> String {
    let address = server.addr();
    let path = if args.config.is_some() { "/PATH" } else { "" };
    let mut said = format!(
        "floodline stub: {description}  base URL  http://{address}{path}/v1   (OpenAI's clients; Ctrl-C ends)\n  \
         others    http://{address}{path}      (Anthropic, Gemini, Ollama, TGI; Azure's endpoint)\n"
    );
    if let Some(admin) = server.admin_addr() {
        said += &format!("  admin     http://{admin}   (/faults, /limits, /stats, /ledger)\n");
    }
    if let Some(path) = &args.ledger {
        said += &format!("  ledger    {}\n", path.display());
    }
    said
}

fn farewell(server: &Server) -> String {
    let (stats, cpu) = (server.stats(), server.cpu());
    let mut said = format!(
        "served {} requests, {} tokens, {:.2} s of CPU\n",
        stats.requests,
        stats.tokens,
        cpu.as_secs_f64()
    );
    if stats.refused > 0 {
        said += &format!("  {} connections reset by a fault\n", stats.refused);
    }
    said.extend(server.tallies().iter().map(told));
    said
}

/// What became of the attempts at a provider.
fn told(tally: &Tally) -> String {
    let name = tally.provider.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    let counts = &tally.counts;
    let by_limit = tally.limits.iter().zip(counts.refused_by_limit).filter(|(_, count)| *count > 0);
    let by_limit = by_limit.map(|(limit, count)| format!("{count} by {limit}")).collect::<Vec<_>>();
    let mut said = format!("  {name}{} admitted, {} refused", counts.admitted, counts.refused);
    if !by_limit.is_empty() {
        said += &format!(" ({})", by_limit.join(", "));
    }
    if counts.struck > 0 {
        said += &format!(", {} struck by a fault", counts.struck);
    }
    if counts.shut_out > 0 {
        said += &format!(", {} of them shut out", counts.shut_out);
    }
    if counts.overloaded > 0 {
        said += &format!(", {} turned away by a full queue", counts.overloaded);
    }
    said + "\n"
}

fn pacing(args: &StubArgs) -> Result<StubPace, Failure> {
    let time = |option: &str, text: &Option<String>| match text {
        None => Ok(Span::ZERO),
        Some(text) => Span::parse(text).map_err(|e| Failure::usage(format!("{option}: {e}"))),
    };
    if args.ttft.is_none() && args.gap.is_none() {
        return Ok(StubPace::Profile(args.profile.clone().unwrap_or_else(|| "instant".into())));
    }
    Ok(StubPace::Exact { ttft: time("--ttft", &args.ttft)?, gap: time("--gap", &args.gap)? })
}

fn describe(args: &StubArgs) -> String {
    let pace = match (&args.profile, &args.ttft, &args.gap) {
        (Some(profile), ..) => format!("profile {profile}"),
        (None, None, None) => "profile instant".into(),
        (None, ttft, gap) => {
            let shown = |time: &Option<String>| time.clone().unwrap_or_else(|| "0 ms".into());
            format!("first token after {}, then one every {}", shown(ttft), shown(gap))
        }
    };
    let mut said = pace;
    if let Some(tokens) = args.tokens {
        said += &format!(", answers of {tokens} tokens");
    }
    if args.reasoning > 0 {
        said += &format!(", {} tokens of reasoning before each", args.reasoning);
    }
    said
}

/// The key itself, or the one that `env:NAME` points to.
fn key(option: &str, given: &str) -> Result<String, Failure> {
    let Some(name) = given.strip_prefix("env:") else { return Ok(given.to_owned()) };
    std::env::var(name)
        .map_err(|_| Failure::usage(format!("{option}: the environment variable {name} is not set")))
}

/// A key by its hash, and what it is to be called.
fn key_name(given: &str) -> Result<(KeyId, Box<str>), Failure> {
    let Some((name, given)) = given.split_once('=').filter(|(name, key)| !name.is_empty() && !key.is_empty())
    else {
        // What was given may be a key, and is not shown.
        return Err(Failure::usage(
            "--key-name: write a name, an equals sign and a key, such as team-a=env:KEY_A",
        ));
    };
    Ok((KeyId::of(&key("--key-name", given)?), name.into()))
}
