//! What every command that takes a scenario can be given instead of one, or on top of it.

use std::path::PathBuf;

/// A scenario file, or the quick form: the whole scenario by options.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ScenarioArgs {
    /// A scenario file; or say it all with the options below
    pub(crate) scenario: Option<PathBuf>,

    /// Base URL as the vendor's SDK takes it (OpenAI: with /v1, Anthropic: without), or `stub:` or `stub:PROFILE` for the
    /// built-in provider
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(crate) url: Option<String>,
    /// Model to ask for
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    pub(crate) model: Option<String>,
    /// API that the target speaks: openai-chat, openai-completions, openai-responses, openai-embeddings, azure-openai,
    /// anthropic, gemini, ollama, ollama-generate, tgi [default: openai-chat]
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
    /// What to count tokens with: o200k_base, cl100k_base, qwen2, deepseek_v3, tekken, glm4, glm5, or the path of a
    /// tokenizer.json [default: the model's own if it is one of these, else o200k_base]
    #[arg(long, value_name = "NAME|FILE", help_heading = "Target")]
    pub(crate) tokenizer: Option<String>,
    /// PEM file of certificates to trust besides the system's
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub(crate) ca_file: Option<String>,
    /// Do not check the server's certificate
    #[arg(long, help_heading = "Target")]
    pub(crate) insecure: bool,
    /// Speak HTTP/2: many requests at once on one connection
    #[arg(long, help_heading = "Target")]
    pub(crate) http2: bool,
    /// Proxy between here and the target: env (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY), none, or a URL [default: env]
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(crate) proxy: Option<String>,
    /// Open a new connection for each request
    #[arg(long, help_heading = "Target")]
    pub(crate) no_keep_alive: bool,

    /// Closed loop: this many users, each waiting for its answer before it asks again [default: 1]
    #[arg(long, short, value_name = "USERS", help_heading = "Load")]
    pub(crate) concurrency: Option<u32>,
    /// Open loop: this many requests a second, whatever the target does; also 600/min, 0.5/s
    #[arg(long, value_name = "RATE", help_heading = "Load")]
    pub(crate) rate: Option<String>,
    /// How the requests of an open loop are spread: constant, poisson, uniform or gamma [default: constant]
    #[arg(long, value_name = "SPREAD", help_heading = "Load")]
    pub(crate) arrivals: Option<String>,
    /// Of gamma arrivals: 1 is Poisson, below it they come in bursts, above it evenly
    #[arg(long, value_name = "SHAPE", help_heading = "Load")]
    pub(crate) burstiness: Option<String>,
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
    /// File of prompts: JSONL, CSV, plain text, ShareGPT or an OpenAI batch
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

    /// How refused requests are tried again: none, naive, fixed:1s, backoff, backoff:full, backoff:equal,
    /// backoff:decorrelated, sdk, openai-sdk, anthropic-sdk, google-sdk, aws, honour_retry_after [default: none]
    #[arg(long, value_name = "POLICY", help_heading = "Retries")]
    pub(crate) retry: Option<String>,
    /// Whether `retry` is one of those that --compare-retries names.
    #[arg(skip)]
    pub(crate) compares_retries: bool,

    /// What the run is to prove, such as 'ttft p95 < 500ms' or 'errors rate < 1%'; may be repeated
    #[arg(long = "objective", value_name = "TEXT", help_heading = "Objectives")]
    pub(crate) objectives: Vec<String>,

    /// Name of the run
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub(crate) name: Option<String>,
    /// Keep the answers' text in the run folder
    #[arg(long, help_heading = "Output")]
    pub(crate) record_bodies: bool,
}
