//! `floodline stub`: the simulated provider on a port, until it is interrupted.

use floodline_core::Span;
use floodline_core::plan::StubPace;
use floodline_sim::front::{Config, Server};

use crate::args::StubArgs;
use crate::interrupt::Awaited;
use crate::{Failure, provider, screen};

/// Serves and returns the exit code.
pub(crate) fn stub(args: StubArgs) -> Result<u8, Failure> {
    let pace = provider::pace(&pacing(&args)?)?;
    let description = describe(&args);
    floodline_engine::health::raise_descriptor_limit();
    let config = Config {
        bind: args.bind,
        port: args.port,
        pace,
        tokens: args.tokens,
        reasoning: args.reasoning,
        seed: args.seed,
        models: args.models,
        key: args.key.as_deref().map(key).transpose()?.map(Into::into),
    };
    let server = Server::start(config).map_err(|e| {
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
    let (stats, cpu) = server.stop();
    if !args.quiet {
        screen::print(&format!(
            "served {} requests, {} tokens, {:.2} s of CPU\n",
            stats.requests,
            stats.tokens,
            cpu.as_secs_f64()
        ))?;
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

/// The key itself, or the one that `env:NAME` points to.
fn key(given: &str) -> Result<String, Failure> {
    let Some(name) = given.strip_prefix("env:") else { return Ok(given.to_owned()) };
    std::env::var(name)
        .map_err(|_| Failure::usage(format!("--key: the environment variable {name} is not set")))
}
