//! The arguments of `floodline stub`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use floodline_core::Span;
use floodline_core::limits::{AlgorithmName, Figure, Period, RetryAfter, Scope};

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
    /// Tokens of reasoning before each answer; they count in max_tokens
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) reasoning: u32,
    /// Seed of the answers' words
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Serve these models only, separated by commas; others get 404 [default: any name]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) models: Option<Vec<String>>,
    /// Take this key only, others get 401; `env:NAME` reads it from the environment [default: any or none]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Serve the providers that this file lists, each with its own path or models, pace and limits
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["profile", "ttft", "gap", "tokens", "reasoning", "seed", "models", "key"],
        conflicts_with_all = ["LimitArgs"]
    )]
    pub(crate) config: Option<String>,
    /// Print nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    #[command(flatten)]
    pub(crate) troubles: TroubleArgs,

    /// Write what became of each attempt to this file, as JSON lines; replaced if it is there
    #[arg(long, value_name = "FILE", help_heading = "Ledger")]
    pub(crate) ledger: Option<PathBuf>,
    /// Call a key by a name in the ledger and in messages, such as team-a=env:KEY_A; repeatable
    #[arg(long = "key-name", value_name = "NAME=KEY", help_heading = "Ledger", conflicts_with = "config")]
    pub(crate) key_names: Vec<String>,
}

/// What goes wrong, and the endpoint that changes it.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Faults")]
pub(crate) struct TroubleArgs {
    /// What goes wrong, with which requests and when, such as 'status 529 rate 5% from 10s until 40s'; can be given
    /// several times, and the first that strikes a request is the one it meets
    #[arg(long = "fault", value_name = "FAULT", conflicts_with = "config")]
    pub(crate) faults: Vec<String>,
    /// File of faults, which are tried after those of --fault
    #[arg(long = "faults", value_name = "FILE", conflicts_with = "config")]
    pub(crate) file: Option<String>,
    /// Let faults and limits be changed, and attempts be looked at, on this port of 127.0.0.1; 0 takes a free one
    /// [default: no]
    #[arg(long, value_name = "PORT")]
    pub(crate) admin: Option<u16>,
}

/// Limits of a provider: a preset and figures, or a file.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Limit as a provider does: openai, anthropic, azure, azure-ptu, gemini, bedrock, apim, litellm; or as a FILE says
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) limits: Option<String>,
    /// Limit as the target did of which `floodline limits` wrote this finding.json
    #[arg(long, value_name = "FINDING")]
    pub(crate) like: Option<String>,
    /// Requests per minute, such as 500; `off` for none
    #[arg(long, value_name = "N")]
    pub(crate) rpm: Option<Figure>,
    /// Requests per hour
    #[arg(long, value_name = "N")]
    pub(crate) rph: Option<Figure>,
    /// Requests per day
    #[arg(long, value_name = "N")]
    pub(crate) rpd: Option<Figure>,
    /// Requests per month
    #[arg(long, value_name = "N")]
    pub(crate) requests_per_month: Option<Figure>,
    /// Tokens per minute, prompts and answers, such as 30k
    #[arg(long, value_name = "N")]
    pub(crate) tpm: Option<Figure>,
    /// Tokens per hour
    #[arg(long, value_name = "N")]
    pub(crate) tph: Option<Figure>,
    /// Tokens per day
    #[arg(long, value_name = "N")]
    pub(crate) tpd: Option<Figure>,
    /// Tokens per month
    #[arg(long, value_name = "N")]
    pub(crate) tokens_per_month: Option<Figure>,
    /// Prompt tokens per minute
    #[arg(long, value_name = "N")]
    pub(crate) input_tpm: Option<Figure>,
    /// Tokens of answers per minute
    #[arg(long, value_name = "N")]
    pub(crate) output_tpm: Option<Figure>,
    /// Requests at once
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<Figure>,
    /// Tokens of a long-term quota, whose refusal is final (of apim and azure it is 403)
    #[arg(long, value_name = "N")]
    pub(crate) quota: Option<Figure>,
    /// How long the quota is for: hour, day or month [default: month]
    #[arg(long, value_name = "TIME", requires = "quota", hide_possible_values = true, value_parser = period())]
    pub(crate) quota_per: Option<Period>,
    /// How long a minute is: with 10s, `--rpm 5` admits 5 per 10 s. Hours, days and months scale with it
    #[arg(long, value_name = "TIME", value_parser = Span::parse)]
    pub(crate) window: Option<Span>,
    /// Who shares a counter: key, organisation (all), model (all keys, each model), key_and_model. The
    /// counter-key of apim [default: the provider's]
    #[arg(
        long,
        value_name = "WHO",
        visible_alias = "counter-key",
        hide_possible_values = true,
        value_parser = scope()
    )]
    pub(crate) scope: Option<Scope>,
    /// How it is counted: bucket, leaky, fixed_window, sliding_window, sliding_counter, quantised, acceleration
    /// [default: the provider's]
    #[arg(long, value_name = "NAME", hide_possible_values = true, value_parser = algorithm())]
    pub(crate) algorithm: Option<AlgorithmName>,
    /// What fits into a bucket at once [default: the figure]
    #[arg(long, value_name = "N")]
    pub(crate) burst: Option<Figure>,
    /// Whether requests are charged an estimate beforehand: on or off. With off, tokens are charged when
    /// their number is known [default: the provider's]
    #[arg(long, value_name = "on|off", hide_possible_values = true, value_parser = on_or_off())]
    pub(crate) estimate: Option<bool>,
    /// Whether refused requests count, too: on or off. With on, who knocks faster than the limit is not let
    /// in again [default: the provider's; openai and litellm count them]
    #[arg(long, value_name = "on|off", hide_possible_values = true, value_parser = on_or_off())]
    pub(crate) refusals_count: Option<bool>,
    /// What refusals state of the wait: exact, absent, short (half of it) or long (twice) [default: exact]
    #[arg(long, value_name = "HOW", hide_possible_values = true, value_parser = retry_after())]
    pub(crate) retry_after: Option<RetryAfter>,
    /// State in no header what is left
    #[arg(long)]
    pub(crate) no_limit_headers: bool,
}

fn period() -> impl TypedValueParser<Value = Period> {
    PossibleValuesParser::new(["hour", "day", "month"]).try_map(|name| read::<Period>(&name))
}

fn scope() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(["key", "organisation", "model", "key_and_model"])
        .try_map(|name| read::<Scope>(&name))
}

fn algorithm() -> impl TypedValueParser<Value = AlgorithmName> {
    PossibleValuesParser::new([
        "bucket",
        "leaky",
        "fixed_window",
        "sliding_window",
        "sliding_counter",
        "quantised",
        "acceleration",
    ])
    .try_map(|name| read::<AlgorithmName>(&name))
}

fn retry_after() -> impl TypedValueParser<Value = RetryAfter> {
    PossibleValuesParser::new(["exact", "absent", "short", "long"]).try_map(|name| read::<RetryAfter>(&name))
}

fn on_or_off() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["on", "off"]).map(|name| name == "on")
}

/// The value that files call by this name.
fn read<T: serde::de::DeserializeOwned>(name: &str) -> Result<T, serde_json::Error> {
    serde_json::from_value(name.into())
}

const STUB_NOTES: &str = "\
Serves every API on one port: OpenAI (chat, completions, Responses, embeddings,
models), Azure, Anthropic, Gemini, Ollama, TGI. The profiles model continuous
batching: queueing, prefill interference and saturation emerge from the load.

With limits, requests are refused as the provider refuses them: its status,
header fields, wait and words. Without a preset they are OpenAI's buckets, in the
words of the API that is called. Keys are told apart by their hash.

With faults, requests meet them: status N, timeout, slow TIME or Nx, stall,
disconnect, end_early, malformed, error NAME, length N, content_type TYPE, refuse,
outage; 'after N tokens', 'for TIME'. Whom: rate 5%, nth 3,7 or 1..5, every_nth N,
model NAME, key ${env:NAME}, from TIME, until TIME, every TIME.

Examples:
  floodline stub --profile 8b-h100
  floodline stub --limits openai --rpm 500 --tpm 30000
  floodline stub --rpm 5 --window 10s                    5 requests per 10 s
  floodline stub --limits anthropic --output-tpm 2k --ttft 200ms --gap 10ms
  floodline stub --limits apim --tpm 5000 --quota 1m --quota-per day --estimate off
  floodline stub --fault 'status 529 rate 5%' --fault 'stall after 20 tokens for 10s nth 3,7'
  floodline stub --fault 'outage from 1m for 30s every 5m' --fault 'slow 4x rate 10%'
  floodline stub --faults faults.yaml --admin 9090       changed live: PUT 127.0.0.1:9090/faults
  floodline stub --limits limits.yaml --ledger attempts.jsonl
  floodline stub --like runs/app-limits-20260101-120000/finding.json
  floodline stub --config examples/stub/two-providers.yaml";
