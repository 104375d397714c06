//! A scenario as it is written: every key optional, every value with its position.
//!
//! Values are kept as text and read when they are resolved, so that one pass finds every mistake and
//! an argument of the command line is read by the same code as a value of a file. The JSON schema
//! is derived from these types. No `flatten`, no `untagged`, no internally tagged enum: they lose positions.

mod asked;
mod at;
mod ceiling;
mod connection;
mod corpus;
mod either;
mod exchange;
mod exec;
mod faulty;
mod flow;
mod lengths;
mod limited;
mod prices;
mod rates;
mod retry;
mod scalar;
mod shape;
mod stub_file;
mod trace;
mod users;

pub(crate) use asked::Asked;
pub(crate) use at::{At, Given, OneOrMany, Place};
pub(crate) use ceiling::{Ceiling, LoadFigure};
pub(crate) use corpus::Sampling;
pub(crate) use either::{Either, OtherShape};
pub(crate) use exchange::{OwnAnswer, OwnRequest, Tree};
pub(crate) use exec::Exec;
pub(crate) use faulty::{FaultFile, FaultForm};
pub(crate) use flow::{CheckThat, Checks, Data, DataForm, Flow, Leaves, Named, SaveFrom, Saves, Step};
pub(crate) use lengths::{BinForm, Drawn, Joint, LengthsForm, Number, Prefix, Quoted, Row};
pub(crate) use limited::{LimitForm, Limited};
pub(crate) use prices::{Above, PerMillion, PriceFile, Prices};
pub(crate) use rates::{
    Change, Diurnal, GammaSpread, Pace, Points, RateOrMultiple, RateOrZero, RateRange, SpreadForm, Steps,
    TimeOfDay,
};
pub(crate) use retry::{
    BackoffForm, BreakerForm, BudgetForm, FallbackForm, HonourForm, PolicyName, Retry, RetryForm, Share,
    Then, ThrottleForm,
};
pub(crate) use scalar::{Ratio, Scalar, Text, Written, Wrong};
pub(crate) use shape::{Header, Headers};
pub(crate) use stub_file::{ProviderForm, StubFile};
pub(crate) use trace::{Columns, Format, Passes, Unit};
pub(crate) use users::{
    AsksForm, Average, Beside, BesideForm, ByRate, DrawnAsks, DrawnTime, MedianAndP95, Population, TimeForm,
    UsersForm,
};

use core::net::IpAddr;

use floodline_core::connection::{Connections, Dns, Http};
use floodline_core::objective::Undecided;
use floodline_core::plan::Api;
use floodline_core::schedule::Curve;
use floodline_core::time::Span;
use floodline_core::{Rate, Usd};
use floodline_corpus::{Category, Format as PromptFormat, Turns};
use floodline_wire::openai::MaxTokensField;
use schemars::JsonSchema;
use serde::Deserialize;

/// A load test of an LLM API: what is asked, of whom, and when.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("anyOf" = [{ "required": ["target"] }, { "required": ["targets"] }]))]
pub(crate) struct Scenario {
    /// What the run is called; the file's name unless given.
    pub(crate) name: Given<Scalar<Text>>,
    /// The seed of every random choice. The same seed sends the same requests at the same times.
    pub(crate) seed: Given<Scalar<u64>>,
    /// Where requests go.
    pub(crate) target: Given<At<Target>>,
    /// Several targets that share the requests by their weights, in place of `target`.
    pub(crate) targets: Given<OneOrMany<At<Target>>>,
    /// The name of the target that is tried when another fails: refused, overloaded, broken or timed out.
    pub(crate) fallback: Given<Scalar<Text>>,
    /// Keys that requests are sent with in turn, or users of a closed loop one each; figures are shown for each.
    pub(crate) keys: Given<At<Keys>>,
    /// What is sent, drawn by weight: one prompt or a list. 32 synthetic tokens unless given.
    pub(crate) prompts: Given<OneOrMany<At<Prompt>>>,
    /// When it is sent: one stage or a list, in order. One user for 30 s unless given.
    pub(crate) load: Given<OneOrMany<At<Stage>>>,
    /// Open loop, sessions or replay: at most this many requests in flight at once; those beyond wait in the order
    /// of their arrival, and their waiting is counted.
    pub(crate) cap: Given<Scalar<u32>>,
    /// What users do, where that is more than to ask once: steps with logins, conversations, tools. The load says when
    /// journeys begin.
    pub(crate) flow: Given<At<Flow>>,
    /// Rows of data for the users of flows, by a name that templates know them by.
    pub(crate) data: Given<Named<DataForm>>,
    /// A program in any language that changes requests before they are sent and judges their answers: it reads a JSON
    /// object on each line of its standard input, and answers each with one.
    pub(crate) exec: Given<At<Exec>>,
    /// Instead of load: several streams of traffic side by side, each with a load of its own.
    pub(crate) scenarios: Given<OneOrMany<At<Part>>>,
    /// What is done about attempts that lead to no answer: none, naive, sdk, backoff, honour_retry_after, or in full.
    /// Nothing is tried again unless given.
    pub(crate) retry: Given<RetryForm>,
    /// What ends the run before its plan does; reaching one is exit code 5.
    pub(crate) limits: Given<Limits>,
    /// What the run is to prove: one sentence or a list, such as ttft p95 < 500ms, errors rate < 1%, goodput > 95%,
    /// gap p99 < 80ms over 10s for 99% of windows. One that is missed is exit code 3.
    pub(crate) objectives: Given<Asked>,
    /// How `floodline ceiling` searches for the highest load that meets the objectives.
    pub(crate) ceiling: Given<Ceiling>,
    /// What is said where the data cannot tell whether an objective is met: pass, fail or invalid; invalid (exit code
    /// 4) unless given.
    pub(crate) undecided: Given<Scalar<Undecided>>,
    /// What the target's model costs: dollars for a million tokens, or a file of prices.
    pub(crate) prices: Given<At<Prices>>,
    /// How long to wait for things.
    pub(crate) timeouts: Given<Timeouts>,
    /// From where on the load generator counts as the bottleneck and the run as invalid.
    pub(crate) health: Given<Health>,
    /// Whether the text of answers is kept in the run's records.
    pub(crate) record_bodies: Given<Scalar<bool>>,
}

impl Scenario {
    /// Whether any of its requests is a call of the target's API.
    pub(crate) fn asks(&self) -> bool {
        let flow = |flow: &Given<At<Flow>>| flow.as_ref().map(|flow| flow.value.asks());
        let whole = flow(&self.flow).filter(|_| self.prompts.is_none());
        match self.scenarios.as_ref() {
            None => whole.unwrap_or(true),
            Some(parts) => parts.0.iter().any(|At { value: part, .. }| match part.prompts.as_ref() {
                None => flow(&part.flow).or(whole).unwrap_or(true),
                Some(_) => true,
            }),
        }
    }
}

/// One stream of traffic beside others.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Part {
    /// Its name in figures and records.
    pub(crate) name: Given<Scalar<Text>>,
    /// When it starts, from the start of the run; at once unless given.
    pub(crate) start: Given<Scalar<Span>>,
    /// What is sent, drawn by weight; the prompts above all scenarios unless given.
    pub(crate) prompts: Given<OneOrMany<At<Prompt>>>,
    /// What its users do; the flow above all scenarios unless given.
    pub(crate) flow: Given<At<Flow>>,
    /// When it is sent: one stage or a list, in order.
    pub(crate) load: Given<OneOrMany<At<Stage>>>,
    /// At most this many of its requests in flight at once; those beyond wait, and their waiting is counted.
    pub(crate) cap: Given<Scalar<u32>>,
}

/// Where requests go, and as whom: an address, or the built-in provider.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Target {
    /// Of several targets: its name in figures and records.
    pub(crate) name: Given<Scalar<Text>>,
    /// Of several targets: its share of the requests, against the other weights; 1 unless given, 0 for one that only
    /// stands in.
    pub(crate) weight: Given<Scalar<u32>>,
    /// The API it speaks; openai-chat unless given. http is an application's own: any method, path and body.
    pub(crate) api: Given<Scalar<Api>>,
    /// What the vendor's SDK takes as base URL, such as https://api.openai.com/v1, https://api.anthropic.com or
    /// https://generativelanguage.googleapis.com. A URL that already ends in the API's path is used as it is.
    pub(crate) url: Given<Scalar<Text>>,
    /// The built-in provider, started with the run; no key and no network needed.
    pub(crate) stub: Given<At<Stub>>,
    /// The model asked for; of azure-openai the deployment. Needed but for tgi and http.
    pub(crate) model: Given<Scalar<Text>>,
    /// azure-openai: the version of the API; 2024-10-21 unless given.
    pub(crate) api_version: Given<Scalar<Text>>,
    /// http: what is sent.
    pub(crate) request: Given<At<OwnRequest>>,
    /// http: where the answer says what.
    pub(crate) answer: Given<At<OwnAnswer>>,
    /// The key, as a reference to an environment variable: ${env:NAME}.
    pub(crate) key: Given<Scalar<Text>>,
    /// Further headers. Values may contain ${env:NAME}, and must for names that carry secrets.
    pub(crate) headers: Given<Headers>,
    /// What tokens are counted with where the server does not count them, or to check that it counts right: o200k_base,
    /// cl100k_base, qwen2, deepseek_v3, tekken, glm4, glm5, or the path of a tokenizer.json. The model's own unless
    /// given, where it is one of these; else o200k_base.
    pub(crate) tokenizer: Given<Scalar<Text>>,
    /// Whether answers are streamed; true unless given.
    pub(crate) stream: Given<Scalar<bool>>,
    /// openai-chat and azure-openai: the field that bounds the answer; max_tokens unless given.
    pub(crate) max_tokens_field: Given<Scalar<MaxTokensField>>,
    /// Further members of the request's body, such as temperature. No secrets: it is written to the run's files.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub(crate) body: Given<At<serde_json::Map<String, serde_json::Value>>>,
    /// A PEM file of certificates to trust besides the system's.
    pub(crate) ca_file: Given<Scalar<Text>>,
    /// Trust any certificate. For tests on your own machine only.
    pub(crate) insecure: Given<Scalar<bool>>,
    /// The version of HTTP: 1, or 2 for many requests at once on one connection; 1 unless given.
    pub(crate) http: Given<Scalar<Http>>,
    /// kept: connections are used again. per_request: a new one for each request. With http: 2 also how many each
    /// worker has. kept, and one with http: 2, unless given.
    pub(crate) connections: Given<Scalar<Connections>>,
    /// The proxy between here and the target: env (what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say, never for
    /// a target on this machine), none, or a URL such as http://proxy.example:3128; env unless given. A URL with a
    /// password is referred to: ${env:NAME}.
    pub(crate) proxy: Given<Scalar<Text>>,
    /// The addresses of this machine that connections are made from, in turn; the system chooses unless given.
    #[schemars(with = "Vec<Scalar<IpAddr>>")]
    pub(crate) source_addresses: Given<Vec<Scalar<IpAddr>>>,
    /// When the host's name is looked up: once before the run, or per_connection, which counts as connecting; once
    /// unless given.
    pub(crate) dns: Given<Scalar<Dns>>,
    /// Whether answers compressed with gzip or br are asked for; false unless given. Compressed answers are read either
    /// way.
    pub(crate) compression: Given<Scalar<bool>>,
}

/// Keys for requests, from one of these.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Keys {
    /// Environment variables, by their names.
    #[schemars(with = "Vec<String>")]
    pub(crate) env: Given<Asked>,
    /// A file with a key on each line, as NAME=value or only the value.
    pub(crate) file: Given<Scalar<Text>>,
}

/// The built-in provider: a model of a server, or exact pacing.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Stub {
    /// A named model of a server, such as instant, 8b-a100, 8b-h100 or 70b-h100-tp8; instant unless given.
    pub(crate) profile: Given<Scalar<Text>>,
    /// Exact pacing: from the request to the first token.
    pub(crate) ttft: Given<Scalar<Span>>,
    /// Exact pacing: between tokens.
    pub(crate) gap: Given<Scalar<Span>>,
    /// Tokens of an answer; as many as the request allows unless given.
    pub(crate) tokens: Given<Scalar<u32>>,
    /// Tokens of reasoning before each answer; none unless given. They count in a request's limit.
    pub(crate) reasoning: Given<Scalar<u32>>,
    /// What it allows, such as {rpm: 500, tpm: 30000} or {preset: anthropic, window: 10s}; everything unless given.
    pub(crate) limits: Given<At<Limited>>,
    /// What goes wrong at it: a list of faults; nothing unless given.
    #[schemars(with = "Vec<FaultForm>")]
    pub(crate) faults: Given<At<Vec<FaultForm>>>,
}

/// One kind of request: exactly one of text, messages, file, input_tokens and lengths.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Prompt {
    /// Its name in figures and records.
    pub(crate) name: Given<Scalar<Text>>,
    /// Its share of the mix, against the other weights; 1 unless given.
    pub(crate) weight: Given<Scalar<u32>>,
    /// The text of one user message.
    pub(crate) text: Given<Scalar<Text>>,
    /// The messages, as the API takes them.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub(crate) messages: Given<At<serde_json::Value>>,
    /// A file of prompts: JSONL with {"prompt": "..."} or {"messages": [...]} on each line and optionally max_tokens,
    /// CSV, plain text, recorded conversations (ShareGPT) or requests of an OpenAI batch.
    pub(crate) file: Given<Scalar<Text>>,
    /// The format of the file; recognised by its ending and its beginning unless given. lines and paragraphs are plain
    /// text, with a prompt on each line, or with blank lines between prompts.
    pub(crate) format: Given<Scalar<PromptFormat>>,
    /// The column of a CSV file, or the member of JSON objects, that has the prompt; that of the name prompt, messages,
    /// text or input unless given.
    pub(crate) column: Given<Scalar<Text>>,
    /// What of a recorded conversation is asked: first (the person's first turn alone) or all (everything up to the
    /// person's last turn); first unless given. The recorded answer bounds the answer unless max_tokens is given.
    pub(crate) turns: Given<Scalar<Turns>>,
    /// How the prompts of the file are chosen; sequential unless given. sequential: request i of the scenario sends
    /// prompt i mod n of the n prompts, in the order of the file and again from the start. random: any prompt at any time.
    /// shuffled: every prompt once, then again in another order. unique: no two users of a closed loop get the same
    /// prompt until all are used up; elsewhere it is shuffled. In a mix, only the turns of those requests that fall to
    /// this prompt are sent.
    pub(crate) sampling: Given<Scalar<Sampling>>,
    /// Only the prompts of the file that are short, medium or long, by their tokens.
    pub(crate) category: Given<Scalar<Category>>,
    /// Prompts of fewer tokens are short; 256 unless given.
    pub(crate) short_below: Given<Scalar<u32>>,
    /// Prompts of this many tokens or more are long; 2048 unless given.
    pub(crate) long_from: Given<Scalar<u32>>,
    /// Only the prompts of the file that have at least this many tokens.
    pub(crate) min_input_tokens: Given<Scalar<u32>>,
    /// Only the prompts of the file that have at most this many tokens.
    pub(crate) max_input_tokens: Given<Scalar<u32>>,
    /// A synthetic prompt of exactly this many tokens, prefixes included: a number, or a distribution such as
    /// {lognormal: {median: 3000, p95: 9000}}, from which each request draws its own.
    pub(crate) input_tokens: Given<LengthsForm>,
    /// The most tokens of the answer: a number, or a distribution from which each request draws its own. The same as
    /// max_tokens.
    pub(crate) output_tokens: Given<LengthsForm>,
    /// The most tokens of the answer: a number, or a distribution from which each request draws its own. A prompt of a
    /// file may set its own.
    pub(crate) max_tokens: Given<LengthsForm>,
    /// Synthetic prompts and answers whose lengths belong together, in place of input_tokens and max_tokens.
    pub(crate) lengths: Given<At<Joint>>,
    /// What synthetic prompts share: a system message, or the beginnings of groups of them.
    pub(crate) prefix: Given<At<Prefix>>,
    /// Whether synthetic prompts differ in all that is not their prefix, so that no cache of prefixes can help with
    /// it; true unless given.
    pub(crate) unique: Given<Scalar<bool>>,
}

/// A stretch of the load: exactly one of warmup, hold, users, sessions, replay and cooldown.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Stage {
    /// Sent but not measured; first. A rate such as 1/s, or {users: 8} or {sessions: 1/s} ahead of such stages.
    pub(crate) warmup: Given<BesideForm>,
    /// Open loop: a rate such as 20/s, 600/min or 0.5/s, held whatever the target does.
    pub(crate) hold: Given<Scalar<Rate>>,
    /// Open loop: from one rate to another, such as 1/s..20/s or 0..20/s, within the time that `over` says.
    pub(crate) ramp: Given<Scalar<RateRange>>,
    /// Open loop: a staircase of rates.
    pub(crate) steps: Given<At<Steps>>,
    /// Open loop: a rate for a short time, such as 100/s, or a multiple of the rate before, such as 5x; once, or again
    /// and again with `every` and `times`.
    pub(crate) burst: Given<Scalar<RateOrMultiple>>,
    /// Open loop: straight up to this rate, or this multiple of the rate before, and straight down again.
    pub(crate) spike: Given<Scalar<RateOrMultiple>>,
    /// Open loop: a day's curve, in a day of any length.
    pub(crate) diurnal: Given<At<Diurnal>>,
    /// Open loop: nothing is sent for this time.
    pub(crate) pause: Given<Scalar<Span>>,
    /// Closed loop: this many users who wait for their answer before they ask again. 10..100 ramps from the one
    /// number to the other, {for_rate: 50/s, latency: 5s} is as many as it takes to reach a rate.
    pub(crate) users: Given<UsersForm>,
    /// Users who arrive at this rate, or on a ramp such as 1/s..5/s, ask a few times (iterations) or for a while (stay), and leave.
    pub(crate) sessions: Given<Scalar<Pace>>,
    /// The requests of a recorded trace, at their times: a file.
    pub(crate) replay: Given<Scalar<Text>>,
    /// Sent but not measured; last. Written like warmup.
    pub(crate) cooldown: Given<BesideForm>,
    /// How long it lasts, such as 30s or 10m.
    #[serde(rename = "for")]
    pub(crate) length: Given<Scalar<Span>>,
    /// How long a ramp takes.
    pub(crate) over: Given<Scalar<Span>>,
    /// The run ends after this many measured requests.
    pub(crate) requests: Given<Scalar<u64>>,
    /// How long a user or a session thinks after an answer, before it asks again; not at all unless given.
    pub(crate) think: Given<TimeForm>,
    /// How often each user or session asks before it leaves.
    pub(crate) iterations: Given<AsksForm>,
    /// How long a session stays: who becomes free later than that leaves.
    pub(crate) stay: Given<TimeForm>,
    /// How the arrivals of a rate or of sessions are spread; constant unless given.
    pub(crate) arrivals: Given<SpreadForm>,
    /// Of gamma arrivals: 1 is Poisson, below it they come in bursts, above it evenly.
    pub(crate) burstiness: Given<Scalar<Number>>,
    /// The way of a ramp: linear, or exponential (by the same factor in equal times); linear unless given.
    pub(crate) curve: Given<Scalar<Curve>>,
    /// Of a burst: from the start of one to the start of the next.
    pub(crate) every: Given<Scalar<Span>>,
    /// Of a burst that comes again: how many there are.
    pub(crate) times: Given<Scalar<u32>>,
    /// Of a spike or of a burst that comes again: the rate around it; the rate before unless given.
    pub(crate) base: Given<Scalar<RateOrZero>>,
    /// The format of the trace; recognised by its content unless given.
    pub(crate) format: Given<Scalar<Format>>,
    /// The columns of a trace of another format, by their names: {time: ts, input: prompt_tokens, output: completion_tokens}.
    pub(crate) columns: Given<At<Columns>>,
    /// The unit of the trace's times; that of the format, or recognised, unless given.
    pub(crate) unit: Given<Scalar<Unit>>,
    /// Whether requests of a BurstGPT trace that failed, those without an answer, are played too; false unless given.
    pub(crate) keep_failed: Given<Scalar<bool>>,
    /// Tokens of a block of the trace's hash_ids; 512 unless given.
    pub(crate) block_tokens: Given<Scalar<u32>>,
    /// Spreads each request over this much of the recording's time, from its time on, for traces whose times are rounded.
    pub(crate) jitter: Given<Scalar<Span>>,
    /// How many times as many requests as recorded, in the same shape: 0.1 leaves one in ten, 2.5 adds copies.
    pub(crate) scale: Given<Scalar<Ratio>>,
    /// How many times the trace is played, end to end, or forever; once unless given.
    #[serde(rename = "loop")]
    pub(crate) passes: Given<Scalar<Passes>>,
    /// How many times faster than recorded the trace is played.
    pub(crate) speed: Given<Scalar<Ratio>>,
    /// Where in the trace to start, from its first request.
    pub(crate) from: Given<Scalar<Span>>,
    /// Where in the trace to stop, from its first request; the end is not included.
    pub(crate) to: Given<Scalar<Span>>,
}

/// What ends the run before its plan does.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Time since the start.
    pub(crate) duration: Given<Scalar<Span>>,
    /// Requests sent.
    pub(crate) requests: Given<Scalar<u64>>,
    /// Input and output tokens of ended requests.
    pub(crate) tokens: Given<Scalar<u64>>,
    /// Requests that ended in an error.
    pub(crate) errors: Given<Scalar<u64>>,
    /// Money, such as $5.00: never exceeded, since each request reserves its worst case. Needs prices.
    pub(crate) spend: Given<Scalar<Usd>>,
    /// A run that can cost more than this needs --yes; $10 unless given or there is a spend limit.
    pub(crate) confirm_above: Given<Scalar<Usd>>,
    /// Rules that end the run when they hold over their window, the last 10 s unless they say another, such as
    /// errors rate > 20% over 10s.
    pub(crate) stop_when: Given<Asked>,
}

/// How long to wait for things.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Timeouts {
    /// For connecting; 10s unless given.
    pub(crate) connect: Given<Scalar<Span>>,
    /// For the whole request; 10m unless given.
    pub(crate) request: Given<Scalar<Span>>,
    /// Between two arrivals of one answer; 60s unless given.
    pub(crate) idle: Given<Scalar<Span>>,
    /// For requests still in flight when the run ends; 30s unless given.
    pub(crate) grace: Given<Scalar<Span>>,
}

/// From where on the load generator counts as the bottleneck.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Health {
    /// The 99th percentile of lateness; the larger of 5 ms and 5 % of the median TTFT unless given.
    pub(crate) late_p99: Given<Scalar<Span>>,
    /// The 99th percentile of lag; the larger of 5 ms and the median gap unless given.
    pub(crate) lag_p99: Given<Scalar<Span>>,
}
