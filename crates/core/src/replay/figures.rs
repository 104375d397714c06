//! What can be said of a replay before it starts: how many requests, how close together, and how long they are.

use serde::{Deserialize, Serialize};

use super::{Extent, Replay, TraceRow};
use crate::time::{Moment, Span};

/// How long prompts or answers are, in tokens. Percentiles are exact, at rank ⌈p·n⌉; of no requests, all are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lengths {
    /// The arithmetic mean.
    pub mean: f64,
    /// The median.
    pub p50: u32,
    /// The 90th percentile.
    pub p90: u32,
    /// The 99th percentile.
    pub p99: u32,
    /// The longest.
    pub max: u32,
}

impl Lengths {
    /// The figures of these lengths.
    pub fn of(mut lengths: Vec<u32>) -> Lengths {
        let n = lengths.len();
        if n == 0 {
            return Lengths::default();
        }
        let sum: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
        let mut rank = |percent: usize| {
            let at = (n * percent).div_ceil(100).saturating_sub(1);
            *lengths.select_nth_unstable(at).1
        };
        Lengths { mean: sum as f64 / n as f64, p50: rank(50), p90: rank(90), p99: rank(99), max: rank(100) }
    }
}

/// How many requests are played; none if they never end.
pub(super) fn requests(rows: &[TraceRow], extent: Extent) -> Option<u64> {
    let bounds = [
        extent.passes.map(|passes| passes.get().saturating_mul(rows.len() as u64)),
        extent.until.map(|until| before(rows, extent.period, Moment::START + until)),
        extent.at_most,
        // Of nothing, no number of passes makes something.
        rows.is_empty().then_some(0),
    ];
    bounds.into_iter().flatten().min()
}

/// How many requests of endless passes are wanted before `at`.
pub(super) fn before(rows: &[TraceRow], period: Span, at: Moment) -> u64 {
    let Some(first) = rows.first().filter(|first| first.at < at) else { return 0 };
    // A pass may begin with a pause, and then overlaps the next one by as much; counted from its first row, it does not.
    let since = at.since(first.at).0;
    let (passes, rest) = (since / period.0.max(1), since % period.0.max(1));
    let of_last = rows.partition_point(|row| row.at.since(first.at).0 < rest);
    passes.saturating_mul(rows.len() as u64).saturating_add(of_last as u64)
}

/// The most requests within any one second, wherever it begins.
pub(super) fn busiest_second(replay: &Replay) -> u64 {
    let rows = &replay.recording.rows;
    let starts = replay.requests.unwrap_or(u64::MAX).min(rows.len() as u64);
    let busy = |i: u64| {
        let (at, _) = replay.arrival(i)?;
        let end = before(rows, replay.extent.period, at + Span::from_secs(1));
        Some(replay.requests.map_or(end, |requests| end.min(requests)) - i)
    };
    (0..starts).filter_map(busy).max().unwrap_or(0)
}
