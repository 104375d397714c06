//! `floodline stub`: the simulated provider on a port, until it is interrupted.

use floodline_core::Span;
use floodline_core::plan::StubPace;
use floodline_sim::front::{Config, Provides, Server, Tally};

use crate::args::StubArgs;
use crate::interrupt::Awaited;
use crate::{Failure, limits, provider, screen};

/// Serves and returns the exit code.
pub(crate) fn stub(args: StubArgs) -> Result<u8, Failure> {
    let pace = provider::pace(&pacing(&args)?)?;
    let limits = limits::limits(&args.limits)?;
    let mut description = describe(&args);
    if let Some(limits) = &limits {
        description += &format!("\n  limits    {}", limits::described(limits));
    }
    floodline_engine::health::raise_descriptor_limit();
    let provides = Provides {
        pace,
        tokens: args.tokens,
        reasoning: args.reasoning,
        seed: args.seed,
        models: args.models,
        key: args.key.as_deref().map(key).transpose()?.map(Into::into),
        limits,
        ..Provides::default()
    };
    let config = Config { bind: args.bind, port: args.port, ..Config::of(provides) };
    let mut server = Server::start(config).map_err(|e| {
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
    // Before it is said that the stub is there: who reads that may send one at once.
    let ending = Awaited::take_over().map_err(Failure::internal)?;
    if !args.quiet {
        screen::print(&format!(
            "floodline stub: {description}\n  base URL  http://{address}/v1   (OpenAI's clients; Ctrl-C ends)\n  \
             others    http://{address}      (Anthropic, Gemini, Ollama, TGI; Azure's endpoint)\n",
            address = server.addr()
        ))?;
    }
    ending
        .wait_unless(|| server.failed())
        .map_err(|why| Failure::internal(format!("the simulated provider broke down: {why}")))?;
    server.end();
    if !args.quiet {
        let (stats, cpu) = (server.stats(), server.cpu());
        let mut said = format!(
            "served {} requests, {} tokens, {:.2} s of CPU\n",
            stats.requests,
            stats.tokens,
            cpu.as_secs_f64()
        );
        server.tallies().iter().for_each(|tally| said += &told(tally));
        screen::print(&said)?;
    }
    Ok(0)
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
    if counts.overloaded > 0 {
        said += &format!(", {} turned away by a full queue", counts.overloaded);
    }
    said + "\n"
}

/// The key itself, or the one that `env:NAME` points to.
fn key(given: &str) -> Result<String, Failure> {
    let Some(name) = given.strip_prefix("env:") else { return Ok(given.to_owned()) };
    std::env::var(name)
        .map_err(|_| Failure::usage(format!("--key: the environment variable {name} is not set")))
}
