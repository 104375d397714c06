//! The arguments of `floodline limits`.

use std::path::PathBuf;

use floodline_core::Span;
use floodline_core::money::Usd;

use super::ScenarioArgs;

#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct IdentifyArgs {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArgs,

    /// I may test this target: its owner knows, and its rules allow it. Not needed on this machine
    #[arg(long, help_heading = "Experiment")]
    pub(crate) i_may_test_this: bool,
    /// The window of its limits, such as 60s, if you know it [default: found out]
    #[arg(long, value_name = "TIME", value_parser = Span::parse, help_heading = "Experiment")]
    pub(crate) window_hint: Option<Span>,
    /// Environment variables that hold keys, such as KEY_A,KEY_B: two tell whether keys share a limit
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Experiment")]
    pub(crate) keys_env: Vec<String>,
    /// Send at most this many requests
    #[arg(long, value_name = "N", default_value_t = 3_000, help_heading = "Experiment",
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_requests: u64,
    /// Take at most this long; what is not known by then is left open
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = Span::parse, help_heading = "Experiment")]
    pub(crate) max_time: Span,
    /// Spend at most this much, such as $0.50: a guarantee, which needs prices in the scenario [default: $1 where there
    /// are prices]
    #[arg(long, value_name = "USD", value_parser = Usd::parse, help_heading = "Experiment")]
    pub(crate) spend: Option<Usd>,
    /// The longest prompt to send, in tokens
    #[arg(long, value_name = "N", default_value_t = 2_048, help_heading = "Experiment",
        value_parser = clap::value_parser!(u32).range(32..=1_000_000))]
    pub(crate) longest_prompt: u32,

    /// Folder for what is found [default: ./runs/NAME-limits-YYYYMMDD-HHMMSS]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Print the finding as JSON
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print nothing but errors (and what --json asks for)
    #[arg(long, short, help_heading = "Output")]
    pub(crate) quiet: bool,
}

const NOTES: &str = "\
Finds out from outside what limits a target: which of requests, tokens and
concurrency bind, at which value, how they are counted and over which window, what
is charged before an answer, whether refusals count, whether keys share a limit, and
whether Retry-After is honest. It needs no header fields; what they claim is held
against what was measured. Of the scenario it takes the target, the prices and the
limits, of which --max-requests and --max-time are narrowed; what it sends it designs
itself, so that --requests, --duration and --warmup are refused.

It goes until something refuses, again and again: do it where you may. A minute's
window takes some minutes, and --max-time has to leave room for them.

Files in the folder: finding.json, finding.md, finding.html, limits.yaml (a stub that
behaves the same), probes.jsonl (what was sent, and what came back).
Exit codes: 0 done, or out of time or requests; 3 the target does not answer as it
should; 5 the spend limit was reached; 130 interrupted, with what was known by then.

Examples:
  floodline limits --url http://127.0.0.1:8080/v1 --model m --window-hint 3s
  floodline limits app.yaml --keys-env KEY_A,KEY_B --spend $0.50 --i-may-test-this
  floodline stub --like runs/app-limits-20260101-120000/finding.json";
