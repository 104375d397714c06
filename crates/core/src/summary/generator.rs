//! The generator's own health, in numbers.

use serde::{Deserialize, Serialize};

use super::RunInfo;
use crate::connection::Http;
use crate::fold::Fold;
use crate::metric::Metric;
use crate::plan::Plan;
use crate::stats::Quantile;
use crate::time::{Moment, Span};
use crate::verdict::{self, Stamps, Verdict};

/// The generator's own health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// Whether the figures can be believed.
    pub valid: bool,
    /// CPU time, the built-in provider excluded; absent if the run was killed before its first second.
    pub cpu_seconds: Option<f64>,
    /// Share of its core that the busiest worker used.
    pub busiest_worker: Option<f64>,
    /// Token-bearing events.
    pub events: u64,
    /// Events that shared a read with a later one: their stamps are upper bounds.
    pub coalesced: u64,
    /// Share of first tokens that shared a read with later ones; above 1 % TTFT is an upper bound.
    pub coalesced_first: Option<f64>,
    /// Kernel arrival to reading, 99th percentile.
    pub lag_p99_ms: Option<f64>,
    /// What it may be.
    pub lag_allowed_ms: f64,
    /// Sent after schedule, 99th percentile.
    pub late_p99_ms: Option<f64>,
    /// What it may be.
    pub late_allowed_ms: f64,
    /// Where arrival stamps come from.
    pub stamps: Stamps,
    /// The version of HTTP. With 2, a stamp is that of the connection's latest read, whichever stream it was for.
    #[serde(default, skip_serializing_if = "Http::is_usual")]
    pub http: Http,
    /// Worker threads.
    pub workers: u32,
    /// Cores the process could use.
    pub cores: u32,
    /// The most descriptors open at once, and how many could be.
    pub descriptors: Option<(u64, u64)>,
    /// The most TCP sockets of the machine that held a port or had just given one up, and the local ports there
    /// are for one target address.
    pub ports: Option<(u64, u64)>,
    /// Requests that could not be sent for lack of descriptors, ports or memory.
    pub starved: u64,
    /// The largest step of the system clock.
    pub clock_step_ms: f64,
    /// CPU time of the built-in provider, if the run started one.
    pub provider_cpu_seconds: Option<f64>,
    /// How late its tokens left, 99th percentile, where it paced them.
    pub provider_late_p99_ms: Option<f64>,
}

pub(super) fn generator(plan: &Plan, info: &RunInfo, fold: &Fold, verdict: &Verdict) -> Generator {
    let counts = &fold.counts;
    let p99 = |metric| fold.metrics.distribution(metric).quantile(Quantile::P99).map(Span::as_millis_f64);
    let last = fold.samples.last();
    let cpu = fold.finished.as_ref().map(|f| f.cpu).or(last.map(|s| s.cpu));
    Generator {
        valid: verdict.valid,
        cpu_seconds: cpu.map(Span::as_secs_f64),
        busiest_worker: last
            .filter(|s| s.at > Moment::START)
            .map(|s| s.busiest_worker_cpu.as_secs_f64() / s.at.as_secs_f64()),
        events: counts.events,
        coalesced: counts.coalesced,
        coalesced_first: (counts.first_tokens > 0)
            .then(|| counts.coalesced_first as f64 / counts.first_tokens as f64),
        lag_p99_ms: p99(Metric::Lag),
        lag_allowed_ms: verdict::lag_allowed(plan, fold, info.stamps).as_millis_f64(),
        late_p99_ms: p99(Metric::Late),
        late_allowed_ms: verdict::late_allowed(plan, fold).as_millis_f64(),
        stamps: info.stamps,
        http: info.http,
        workers: info.workers,
        cores: info.cores,
        descriptors: fold.samples.iter().map(|s| s.descriptors).max(),
        ports: fold.samples.iter().filter_map(|s| s.ports).max(),
        starved: last.map_or(0, |s| s.starved),
        clock_step_ms: verdict::largest_step(&fold.samples).as_millis_f64(),
        // A provider that has not told yet has not used nothing.
        provider_cpu_seconds: last
            .and_then(|s| s.provider)
            .filter(|p| p.cpu > Span::ZERO)
            .map(|p| p.cpu.as_secs_f64()),
        provider_late_p99_ms: last.and_then(|s| s.provider?.late_p99).map(Span::as_millis_f64),
    }
}
