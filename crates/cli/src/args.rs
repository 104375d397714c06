//! The command line, exactly as it can be typed.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Load tests for LLM applications and APIs, with numbers that can be trusted.
#[derive(Debug, Parser)]
#[command(name = "floodline", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
    0  pass
    1  internal error
    2  usage or bad scenario; nothing was sent
    3  failed
    4  INVALID: the generator was the bottleneck
    5  stopped by a limit
  130  interrupted; the run is still recorded";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load a target and measure what comes back
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Serve the simulated provider on a port
    Stub(StubArgs),
    /// Show a recorded run again
    Report(ReportArgs),
}

const RUN_EXAMPLES: &str = "\
Examples:
  floodline run examples/quickstart.yaml
  floodline run --url stub:8b-h100 --concurrency 16 --duration 20s
  floodline run --url http://127.0.0.1:8000/v1 --model m --concurrency 64 --requests 640
  floodline run --url http://127.0.0.1:8000/v1 --model m --rate 20 --duration 5m --warmup 10s

Ctrl-C once ends the run and waits for what is in flight; twice gives it up.
Both leave a readable run.";

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// A scenario file; or say it all with the options below
    pub(crate) scenario: Option<PathBuf>,

    /// Base URL as the vendor's SDK takes it (OpenAI: with /v1), or `stub:` or `stub:PROFILE` for the
    /// built-in provider
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(crate) url: Option<String>,
    /// Model to ask for
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    pub(crate) model: Option<String>,
    /// API that the target speaks [default: openai-chat]
    #[arg(long, value_name = "API", help_heading = "Target")]
    pub(crate) api: Option<String>,
    /// Environment variable that holds the key
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    pub(crate) key_env: Option<String>,
    /// Additional header; its value may hold ${env:NAME}; may be repeated
    #[arg(long = "header", value_name = "K: V", help_heading = "Target")]
    pub(crate) headers: Vec<String>,
    /// Ask for whole answers instead of streams
    #[arg(long, help_heading = "Target")]
    pub(crate) no_stream: bool,
    /// PEM file of certificates to trust besides the system's
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub(crate) ca_file: Option<String>,
    /// Do not check the server's certificate
    #[arg(long, help_heading = "Target")]
    pub(crate) insecure: bool,

    /// Closed loop: this many users, each waiting for its answer before it asks again [default: 1]
    #[arg(long, short, value_name = "USERS", help_heading = "Load")]
    pub(crate) concurrency: Option<u32>,
    /// Open loop: this many requests a second, whatever the target does; also 600/min, 0.5/s
    #[arg(long, value_name = "RATE", help_heading = "Load")]
    pub(crate) rate: Option<String>,
    /// How the requests of an open loop are spread: constant or poisson [default: constant]
    #[arg(long, value_name = "SPREAD", help_heading = "Load")]
    pub(crate) arrivals: Option<String>,
    /// End after this many requests
    #[arg(long, short = 'n', value_name = "N", help_heading = "Load")]
    pub(crate) requests: Option<u64>,
    /// End after this time [default: 30s, if there is no --requests]
    #[arg(long, short, value_name = "TIME", help_heading = "Load")]
    pub(crate) duration: Option<String>,
    /// Run the same load for this time before anything is measured
    #[arg(long, value_name = "TIME", help_heading = "Load")]
    pub(crate) warmup: Option<String>,
    /// Seed of everything random; the same seed sends the same requests at the same times
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub(crate) seed: Option<u64>,

    /// Text of every request
    #[arg(long, value_name = "TEXT", help_heading = "Prompts")]
    pub(crate) prompt: Option<String>,
    /// JSONL file of {"prompt": ...} or {"messages": [...]}
    #[arg(long, value_name = "FILE", help_heading = "Prompts")]
    pub(crate) prompts: Option<String>,
    /// Synthetic prompts of exactly this many tokens, no two alike [default: 32]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    pub(crate) input_tokens: Option<u32>,
    /// Most tokens of an answer [default: 100]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    pub(crate) max_tokens: Option<u32>,

    /// Limit for a whole request [default: 10m]
    #[arg(long, value_name = "TIME", help_heading = "Timeouts")]
    pub(crate) timeout: Option<String>,
    /// Limit between two arrivals of one answer [default: 60s]
    #[arg(long, value_name = "TIME", help_heading = "Timeouts")]
    pub(crate) idle_timeout: Option<String>,
    /// Limit for connecting, TLS included [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = "Timeouts")]
    pub(crate) connect_timeout: Option<String>,

    /// Folder for the run [default: ./runs/NAME-YYYYMMDD-HHMMSS]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Name of the run
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub(crate) name: Option<String>,
    /// Keep the answers' text in the run folder
    #[arg(long, help_heading = "Output")]
    pub(crate) record_bodies: bool,
    /// Print the summary as JSON
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print nothing but errors (and what --json asks for)
    #[arg(long, short, help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Worker threads of the generator [default: half of the cores]
    #[arg(long, value_name = "N", help_heading = "Generator", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) workers: Option<u32>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = STUB_NOTES)]
pub(crate) struct StubArgs {
    /// Port to listen on; 0 takes a free one
    #[arg(long, short, value_name = "PORT", default_value_t = 8080)]
    pub(crate) port: u16,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) bind: IpAddr,
    /// Model of a server's latency: instant, 8b-a100, 8b-h100, 70b-h100-tp8 [default: instant]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["ttft", "gap"])]
    pub(crate) profile: Option<String>,
    /// Exact pacing: from a request's arrival to its first token
    #[arg(long, value_name = "TIME")]
    pub(crate) ttft: Option<String>,
    /// Exact pacing: between tokens
    #[arg(long, value_name = "TIME")]
    pub(crate) gap: Option<String>,
    /// Tokens of an answer that max_tokens does not cut short [default: max_tokens, or 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tokens: Option<u32>,
    /// Seed of the answers' words
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Serve these models only, separated by commas; others get 404 [default: any name]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) models: Option<Vec<String>>,
    /// Take this key only, others get 401; `env:NAME` reads it from the environment [default: any or none]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Print nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

const STUB_NOTES: &str = "\
Serves OpenAI chat completions, streamed and not, at /v1/chat/completions,
with /v1/models and /health. The profiles model continuous batching: queueing,
prefill interference and saturation emerge from the load.";

#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The run's folder
    pub(crate) run: PathBuf,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
