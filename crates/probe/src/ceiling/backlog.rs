//! Whether requests pile up: what was due of a load less what has ended.
//!
//! It is told only where the plan says when requests are due. The first half of a trial is left out: what grows there only
//! fills the target.

use floodline_core::ceiling::Times;
use floodline_core::{Moment, Span};

use super::steady::{Drift, drift};
use super::watch::Watch;

/// How the number of requests in flight develops.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backlog {
    drift: Drift,
    /// Over the time that was looked at, in requests.
    grown: f64,
    /// Against what is offered.
    relative: f64,
    /// What ended a second meanwhile.
    pub(super) ended_per_s: Option<f64>,
    /// Whether the time that was looked at is long against the answers that ended last.
    settled: bool,
    /// How many unhurried answers the trial has lasted.
    answers: f64,
}

/// With fewer requests that ended, a backlog is the start of any load.
const FEWEST: usize = 10;
/// Looks at a backlog.
const LOOKS: usize = 24;

/// A backlog that grows by less of what is offered than this is not told from one that stands still.
const LEAST_GROWTH: f64 = 0.004;

impl Backlog {
    /// The number of requests in flight over the second half of the trial: what was due less what has ended.
    pub(super) fn of(watch: &Watch, now: Moment, complete: bool) -> Backlog {
        let Some(rate) = watch.offered() else { return Backlog::default() };
        // What ended in the last moments may not have been told yet.
        let lag = if complete { Span::ZERO } else { Span::from_millis(300) };
        let end = Moment(now.0.saturating_sub(lag.0));
        let middle = watch.from + Span(end.since(watch.from).0 / 2);
        let length = end.since(middle).as_secs_f64();
        // Requests pile up until the first ones end, whatever the load.
        let first: Vec<f64> = watch.rows.iter().take(20).filter_map(|row| row.latency).collect();
        let answer = Times::of(first).p50.map(|ms| Span((ms * 1e6) as u64)).max(watch.unloaded());
        // Where nothing has ended and nothing is known, it may be that answers take long.
        let Some(answer) = answer else { return Backlog::default() };
        if watch.rows.len() < FEWEST || length <= 0.0 || end.since(watch.from).0 / 4 < answer.0 {
            return Backlog::default();
        }
        let mut ended: Vec<u64> = watch.rows.iter().map(|row| row.over.0).collect();
        ended.sort_unstable();
        let by = |times: &[u64], at: Moment| times.partition_point(|t| *t <= at.0) as f64;
        let step = length / LOOKS as f64;
        let looks: Vec<f64> = (0..=LOOKS)
            .map(|k| {
                let at = middle + Span((k as f64 * step * 1e9) as u64);
                by(&watch.due, at) - by(&ended, at)
            })
            .collect();
        let drift = drift(&looks, step);
        let latest = watch.rows.iter().rev().take(20).filter_map(|row| row.latency).collect();
        let latest = Times::of(latest).p50.unwrap_or(f64::INFINITY);
        Backlog {
            settled: length * 1e3 > 3.0 * latest,
            answers: end.since(watch.from).0 as f64 / answer.0.max(1) as f64,
            drift,
            grown: looks.last().copied().unwrap_or(0.0) - looks.first().copied().unwrap_or(0.0),
            relative: drift.per_second / rate.max(1e-9),
            ended_per_s: Some((by(&ended, end) - by(&ended, middle)) / length),
        }
    }

    /// By how many requests a second the backlog grows, if it does so with this score at least.
    pub(super) fn falls_behind(&self, score: f64) -> Option<f64> {
        let Backlog { drift, grown, relative, .. } = *self;
        (drift.score > score && relative > LEAST_GROWTH && grown >= 3.0).then_some(drift.per_second)
    }

    /// The same where it is plain before the trial has had its time: the load is far beyond what is borne, or the backlog
    /// still grows long after the first answers. What grows at first only fills the target.
    pub(super) fn falls_far_behind(&self) -> Option<f64> {
        let Backlog { relative, settled, answers, .. } = *self;
        let plain = (relative > 0.25 && answers > 8.0) || settled;
        self.falls_behind(4.5).filter(|_| plain)
    }
}
