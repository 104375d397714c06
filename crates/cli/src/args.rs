//! The command line, exactly as it can be typed.

mod ceiling;
mod identify;
mod import;
mod scenario;
mod stub;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) use ceiling::CeilingArgs;
pub(crate) use identify::IdentifyArgs;
pub(crate) use import::{ImportArgs, ImportFile, ImportFrom};
pub(crate) use scenario::ScenarioArgs;
pub(crate) use stub::{LimitArgs, StubArgs, TroubleArgs};

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
    4  INVALID: the generator was the bottleneck, or the data too few for a verdict
    5  stopped by a limit
  130  interrupted; the run is still recorded";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load a target and measure what comes back
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Search for the highest load that still meets the objectives
    Ceiling(Box<CeilingArgs>),
    /// Show what would be sent and what it can cost, and send nothing
    Plan(Box<PlanArgs>),
    /// Print when each request would be sent, and send none
    Arrivals(Box<ArrivalsArgs>),
    /// Serve the simulated provider on a port
    Stub(Box<StubArgs>),
    /// Find out what limits a target: which rate limiter stands in front of it
    Limits(Box<IdentifyArgs>),
    /// Show a recorded run again
    Report(ReportArgs),
    /// Make corpora of prompts
    Corpus(CorpusArgs),
    /// Write a scenario to start from, of curl commands, a recording or a description of an API
    Import(ImportArgs),
}

const RUN_EXAMPLES: &str = "\
Examples:
  floodline run examples/quickstart.yaml
  floodline run --url stub:8b-h100 --concurrency 16 --duration 20s
  floodline run --url http://127.0.0.1:8000/v1 --model m --concurrency 64 --requests 640
  floodline run --url http://127.0.0.1:8000/v1 --model m --rate 20 --duration 5m --warmup 10s
  floodline run examples/quickstart.yaml --compare-retries none,naive,openai-sdk,honour_retry_after

Ctrl-C once ends the run and waits for what is in flight; twice gives it up.
Both leave a readable run.";

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArgs,

    /// Make the run once under each of these retry policies, one after the other, and show what came of each; `scenario`
    /// is the one that stands in the file
    #[arg(
        long,
        value_name = "POLICY,...",
        value_delimiter = ',',
        help_heading = "Retries",
        conflicts_with = "retry"
    )]
    pub(crate) compare_retries: Vec<String>,

    /// Start even if it can cost more than goes without asking
    #[arg(long, short = 'y', help_heading = "Money")]
    pub(crate) yes: bool,

    /// Folder for the run [default: ./runs/NAME-YYYYMMDD-HHMMSS]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
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
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArgs,

    /// Print the plan and what is expected of it as JSON
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = ARRIVALS_NOTES)]
pub(crate) struct ArrivalsArgs {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArgs,

    /// Print at most this many
    #[arg(long, value_name = "N", help_heading = "What is printed")]
    pub(crate) count: Option<u64>,
    /// Print those before this time only, such as 10m
    #[arg(long, value_name = "TIME", help_heading = "What is printed")]
    pub(crate) until: Option<String>,
    /// Print how many there are in each second instead
    #[arg(long, help_heading = "What is printed")]
    pub(crate) per_second: bool,
}

const ARRIVALS_NOTES: &str = "\
Each line: arrival index (from 0), nanoseconds from the start, scenario, phase;
separated by tabs. With --per-second: the second (from 0), the requests planned
in it and, where there are several scenarios, those of each of them.

The list is a function of the scenario and its seed alone: the same for any number
of workers, on any machine. Give a seed (`seed:` or --seed) to get the same list
again. Closed loops send when answers come, and have no planned times.

Examples:
  floodline arrivals examples/quickstart.yaml --count 10
  floodline arrivals --rate 600/min --arrivals poisson --duration 1h --seed 7 --per-second";

#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The run's folder
    pub(crate) run: PathBuf,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CorpusArgs {
    #[command(subcommand)]
    pub(crate) command: CorpusCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CorpusCommand {
    /// Make a corpus from production logs, without personal data
    #[command(after_help = CORPUS_BUILD_NOTES)]
    Build(Box<CorpusBuildArgs>),
}

const CORPUS_BUILD_NOTES: &str = "\
Reads JSON lines or JSON documents: requests to OpenAI and Anthropic (alone, in
batches, or beside their answers), LiteLLM's logs, OpenTelemetry spans.

What is found becomes a placeholder such as <EMAIL_1>, the same for the same
value within one prompt. Loopback addresses and net masks stay. Forms are found,
not meanings: look at a --dry-run, and at the corpus, before you share it.

Examples:
  floodline corpus build gateway.jsonl --out corpus.jsonl --sample 1000
  floodline corpus build spans.json --dry-run --names customers.txt";

#[derive(Debug, clap::Args)]
pub(crate) struct CorpusBuildArgs {
    /// Log files
    #[arg(required = true)]
    pub(crate) logs: Vec<PathBuf>,
    /// File for the corpus, one JSON object a line; replaced if it is there
    #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
    pub(crate) out: Option<PathBuf>,
    /// Draw this many prompts, all with the same chance [default: take all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sample: Option<u32>,
    /// Seed of the draw
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Format of the logs: auto, openai, anthropic, litellm, otel
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub(crate) format: String,
    /// Fewest tokens of a prompt
    #[arg(long, value_name = "N")]
    pub(crate) min_tokens: Option<u32>,
    /// Most tokens of a prompt
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u32>,
    /// Model whose vocabulary counts the tokens [default: o200k_base, of newer OpenAI models]
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,

    /// Take out these kinds only: email, phone, card, iban, ip, key, name [default: all]
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', help_heading = "Personal data")]
    pub(crate) remove: Option<Vec<String>>,
    /// Do not take out these kinds
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', help_heading = "Personal data")]
    pub(crate) keep: Vec<String>,
    /// Names to take out, one a line; without a list only the names of participants are
    #[arg(long, value_name = "FILE", help_heading = "Personal data")]
    pub(crate) names: Option<PathBuf>,
    /// Write no corpus; show what would be taken out, already masked
    #[arg(long, help_heading = "Personal data")]
    pub(crate) dry_run: bool,

    /// File for the report, as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) report: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}
