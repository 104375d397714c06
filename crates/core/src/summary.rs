//! `summary.json`: every figure of a run, computed from its fold. Keys may be added, never renamed.

mod generator;
mod journeys;
mod local_counts;
mod metric;
mod retries;
mod targets;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::breakdown::{self, Part};
use crate::connection::Http;
use crate::event::Ended;
use crate::fold::{Counts, Fold};
use crate::metric::Metric;
use crate::money::Usd;
use crate::objective::{self, Dimension, Judged};
use crate::outcome::{Finish, Outcome};
use crate::plan::Plan;
use crate::stated::StatedUse;
use crate::time::Span;
use crate::verdict::{self, Stamps, Verdict};
use crate::window::Seen;

pub use generator::Generator;
pub use journeys::Journeys;
pub use metric::MetricSummary;
pub use retries::Retries;

use generator::generator;
use metric::metric;

/// Name and version of the format of `summary.json`.
pub const FORMAT: &str = "floodline-summary/1";

/// Name and version of the format of `run.json`.
pub const RUN_FORMAT: &str = "floodline-run/1";

/// What is known of a run besides its plan and its events: `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// [`RUN_FORMAT`].
    pub format: String,
    /// Version of the program that made the run.
    pub floodline: String,
    /// When it started, RFC 3339 with the local offset.
    pub started: String,
    /// The same as nanoseconds since 1970 on the real-time clock: instants of records count from here.
    pub started_unix_ns: u64,
    /// Fingerprint of the plan.
    pub plan_hash: String,
    /// The machine: operating system, kernel, architecture.
    pub machine: String,
    /// Cores the process may use.
    pub cores: u32,
    /// Worker threads of the generator.
    pub workers: u32,
    /// Where arrival stamps come from.
    pub stamps: Stamps,
    /// Where requests went, the built-in provider's address included.
    pub target: String,
    /// The version of HTTP that was spoken there. With 2, arrivals bear the stamps of their connection's latest read.
    #[serde(default)]
    pub http: Http,
}

/// Every figure of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// [`FORMAT`].
    pub format: String,
    /// What the run is called.
    pub name: String,
    /// When it started, RFC 3339.
    pub started: String,
    /// What ended it; absent if it was killed.
    pub ended: Option<Ended>,
    /// From the start to the end of the last request.
    pub duration_s: f64,
    /// Pass, fail, invalid or stopped, and why.
    pub verdict: Verdict,
    /// Requests of the main phase.
    pub requests: Requests,
    /// Distributions by name.
    pub metrics: BTreeMap<String, MetricSummary>,
    /// Tokens of the main phase.
    pub tokens: Tokens,
    /// From the first sending to the last byte of the main phase.
    pub throughput: Throughput,
    /// Share of planned requests that met every latency objective; absent without such objectives.
    pub goodput: Option<f64>,
    /// What was asked of the run, and what it says to it.
    #[serde(default)]
    pub objectives: Vec<Judged>,
    /// The rules that could have ended the run, and how often there was something for them to see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop_when: Vec<Seen>,
    /// Money.
    pub cost: Cost,
    /// Times a request was put on the wire.
    pub attempts: u64,
    /// Attempts and what trying again came to.
    #[serde(default)]
    pub retries: Retries,
    /// The same by target, of several: each attempt where it went.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub retries_by_target: BTreeMap<String, Retries>,
    /// How much of the limits that the provider states was used, warm-up and cool-down included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stated_limits: Vec<StatedUse>,
    /// Kept connections that the server had closed before any byte of the answer.
    pub reconnects: u64,
    /// Answers by finish reason.
    pub finish: BTreeMap<String, u64>,
    /// What went wrong, most frequent first.
    pub errors: Vec<ErrorLine>,
    /// The generator's own health.
    pub generator: Generator,
    /// What is no failure but casts doubt on a figure, one sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The figures by phase; empty where there was only the main one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_phase: BTreeMap<String, Part>,
    /// The journeys of the main phase; absent without a flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journeys: Option<Journeys>,
    /// Time spent in the user's own programs, which is no part of any other time; absent where there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<MetricSummary>,
    /// Those of the main phase by scenario, as all that follow; empty where there are not two.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_scenario: BTreeMap<String, Part>,
    /// By prompt of the mix.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_prompt: BTreeMap<String, Part>,
    /// By step of a flow, also where there is only one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_step: BTreeMap<String, Part>,
    /// By the key they were sent with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_key: BTreeMap<String, Part>,
    /// By turn of a conversation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", serialize_with = "as_numbers")]
    pub by_turn: BTreeMap<String, Part>,
    /// By target, of several: requests where they ended, attempts and cost where they went.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_target: BTreeMap<String, Part>,
}

/// Requests of the main phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// As many as the plan wanted; in a closed loop without a number, as many as were started.
    pub planned: u64,
    /// Put on the wire.
    pub sent: u64,
    /// Answered well.
    pub ok: u64,
    /// Ended in an error.
    pub failed: u64,
    /// Each planned request once.
    pub by_outcome: BTreeMap<String, u64>,
    /// Requests of the warm-up, which are in no other figure.
    pub warmup: u64,
    /// Requests of the cool-down, which are in no other figure.
    #[serde(default)]
    pub cooldown: u64,
}

/// Tokens of the main phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// Of prompts.
    pub input: u64,
    /// Of answers; absent if nobody counted them.
    pub output: Option<u64>,
    /// Who counted the output: `usage`, `tokenizer:…`, `mixed` or `unknown`.
    pub source: String,
    /// The server's counts against our own, of texts that both counted; absent if there are none.
    #[serde(default)]
    pub local: Option<LocalCounts>,
}

/// The server's counts against our own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalCounts {
    /// The name of our tokenizer.
    pub tokenizer: String,
    /// Of answers: a sample of those that were shown whole. A token per answer is allowed for, its end.
    pub output: Option<LocalCount>,
    /// Of prompts whose length the plan knows. The chat template is allowed for, with 16 tokens per prompt.
    pub input: Option<LocalCount>,
}

/// Two counts of the same texts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalCount {
    /// How many texts.
    pub texts: u64,
    /// Our count.
    pub counted: u64,
    /// The server's count.
    pub stated: u64,
    /// By how much the server's exceeds ours beyond what is allowed for, as a fraction of ours.
    pub difference: Option<f64>,
}

/// Per second, from the first sending to the last byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Requests answered well.
    pub requests_per_s: Option<f64>,
    /// Tokens of answers.
    pub output_tokens_per_s: Option<f64>,
    /// Token-bearing events.
    pub events_per_s: Option<f64>,
}

/// Money; absent without prices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// What the whole run cost, warm-up included: an exact decimal.
    pub spent_usd: Option<String>,
    /// The most that was reserved at once.
    pub reserved_max_usd: Option<String>,
}

/// One way in which requests went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorLine {
    /// The outcome.
    pub outcome: Outcome,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// What was said.
    pub message: String,
    /// How often.
    pub count: u64,
}

impl RunSummary {
    /// The figures of a run.
    pub fn new(plan: &Plan, info: &RunInfo, fold: &Fold) -> RunSummary {
        let objectives = objective::judge(plan, fold);
        let verdict = verdict::judge(plan, fold, &objectives, info.stamps);
        let counts = &fold.counts;
        let requests = requests(plan, fold);
        let tokens = Tokens { local: local_counts::of(plan, counts), ..tokens(counts) };
        let by_name = |dimension| fold.breakdowns.by_name(dimension);
        let journeys = journeys::of(plan, fold);
        let by_step = match journeys {
            Some(_) => fold.breakdowns.by_any_name(Dimension::Step, counts, &fold.metrics),
            None => by_name(Dimension::Step),
        };
        let in_metrics = |metric: &Metric| *metric != Metric::Hook;
        RunSummary {
            format: FORMAT.into(),
            name: plan.name.clone(),
            started: info.started.clone(),
            ended: fold.finished.as_ref().map(|f| f.why.clone()),
            duration_s: duration(fold).as_secs_f64(),
            generator: generator(plan, info, fold, &verdict),
            verdict,
            warnings: warnings(fold, &tokens),
            metrics: Metric::ALL
                .into_iter()
                .filter(in_metrics)
                .map(|m| (m.name().to_owned(), metric(fold, m)))
                .collect(),
            journeys,
            hooks: Some(metric(fold, Metric::Hook)).filter(|hooks| hooks.count > 0),
            throughput: throughput(counts, tokens.output),
            tokens,
            goodput: counts.good.map(|good| good as f64 / requests.planned.max(1) as f64),
            objectives,
            stop_when: fold.stop_rules.seen().cloned().collect(),
            cost: Cost {
                spent_usd: fold.spent.map(Usd::to_decimal),
                reserved_max_usd: reserved_max(plan, fold),
            },
            attempts: counts.attempts,
            retries: (&counts.tries).into(),
            retries_by_target: fold
                .targets
                .several()
                .map(|(name, at)| (name.to_owned(), (&at.tries).into()))
                .collect(),
            stated_limits: fold.timeline.stated.all(),
            reconnects: counts.reconnects,
            finish: Finish::ALL
                .into_iter()
                .map(|f| (f.name().to_owned(), counts.finish[f as usize]))
                .filter(|(_, n)| *n > 0)
                .collect(),
            errors: errors(fold),
            by_phase: fold.breakdowns.by_phase(counts, &fold.metrics),
            by_scenario: by_name(Dimension::Scenario),
            by_prompt: by_name(Dimension::Mix),
            by_step,
            by_key: by_name(Dimension::Key),
            by_turn: by_name(Dimension::Turn),
            by_target: targets::of(fold),
            requests,
        }
    }
}

/// What casts doubt on a figure.
fn warnings(fold: &Fold, tokens: &Tokens) -> Vec<String> {
    let overrun = fold.finished.as_ref().and_then(|finished| finished.books?.overrun);
    let counts = tokens.local.iter().flat_map(LocalCounts::warnings);
    counts.chain(overrun.map(|overrun| overrun.to_string())).collect()
}

/// The most that was reserved at once, where a limit on spending made that necessary.
fn reserved_max(plan: &Plan, fold: &Fold) -> Option<String> {
    plan.limits.spend?;
    Some(fold.finished.as_ref()?.books?.reserved_max.usd.to_decimal())
}

fn duration(fold: &Fold) -> Span {
    let last = fold.counts.window.map(|(_, last)| last);
    let sampled = fold.samples.last().map(|s| s.at);
    let end = fold.finished.as_ref().map(|f| f.at).or(last.max(sampled)).unwrap_or_default();
    end.since(crate::Moment::START)
}

fn requests(plan: &Plan, fold: &Fold) -> Requests {
    let counts = &fold.counts;
    let ended = counts.ended();
    // What the plan wanted and the run did not get round to was not sent either. Of a run that was killed, some of
    // it was: what its last sample knew to be sent and no record tells of.
    let unrecorded = match (&fold.finished, fold.samples.last()) {
        (None, Some(sample)) => sample.sent.saturating_sub(fold.times_sent),
        _ => 0,
    };
    let planned = ended + fold.unsent(plan).max(unrecorded);
    let mut by_outcome: BTreeMap<String, u64> =
        Outcome::ALL.into_iter().map(|o| (o.name().to_owned(), counts.of(o))).collect();
    *by_outcome.entry(Outcome::Cancelled.name().to_owned()).or_default() += unrecorded;
    *by_outcome.entry(Outcome::NotSent.name().to_owned()).or_default() += planned - ended - unrecorded;
    Requests {
        planned,
        sent: counts.sent,
        ok: counts.of(Outcome::Ok),
        failed: counts.errors(),
        by_outcome,
        warmup: fold.warmup,
        cooldown: fold.cooldown,
    }
}

/// Writes names that are numbers in their order, and those that are none after them.
fn as_numbers<S: Serializer>(parts: &BTreeMap<String, Part>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(breakdown::in_order_of_numbers(parts))
}

/// What went through per second, from the first sending to the last byte.
pub(crate) fn throughput(counts: &Counts, output: Option<u64>) -> Throughput {
    let seconds = counts.window.map(|(first, last)| last.since(first).as_secs_f64()).filter(|&s| s > 0.0);
    let per_second = |n: u64| seconds.map(|s| n as f64 / s);
    Throughput {
        requests_per_s: per_second(counts.of(Outcome::Ok)),
        output_tokens_per_s: output.and_then(per_second),
        events_per_s: per_second(counts.events),
    }
}

/// The tokens of some requests.
pub(crate) fn tokens(counts: &Counts) -> Tokens {
    let mut sources = counts.token_sources.keys();
    let source = match (sources.next(), sources.next()) {
        (None, _) => "unknown".into(),
        (Some(only), None) => only.to_string(),
        (Some(_), Some(_)) => "mixed".into(),
    };
    Tokens {
        input: counts.input_tokens,
        output: (!counts.token_sources.is_empty()).then_some(counts.output_tokens),
        source,
        local: None,
    }
}

fn errors(fold: &Fold) -> Vec<ErrorLine> {
    let mut lines: Vec<ErrorLine> = fold
        .faults
        .iter()
        .map(|(fault, &count)| ErrorLine {
            outcome: fault.outcome,
            status: fault.status,
            message: fault.message.clone(),
            count,
        })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.count));
    lines
}
