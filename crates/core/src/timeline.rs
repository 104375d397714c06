//! A run second by second: what was sent, what ended, what arrived.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;
use crate::record::Record;
use crate::stated::Utilisation;
use crate::time::{Moment, Span};

/// Name and version of the format of `timeline.json`.
pub const FORMAT: &str = "floodline-timeline/1";

/// Buckets of one second, warm-up included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    seconds: Vec<Second>,
    /// How much of the stated limits was used.
    pub stated: Utilisation,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Second {
    sent: u64,
    attempts: u64,
    ok: u64,
    errors: u64,
    events: u64,
    output_tokens: u64,
    /// Times to first token in microseconds, by the second of the first token.
    ttft_us: Vec<u32>,
}

/// One second of `timeline.json`. Times are in milliseconds; missing is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Seconds since the start of the run.
    pub t: u64,
    /// Requests sent in it.
    pub sent: u64,
    /// Times that a request was put on the wire in it, retries included.
    #[serde(default)]
    pub attempts: u64,
    /// Requests that ended ok in it.
    pub ok: u64,
    /// Requests that ended in an error in it.
    pub errors: u64,
    /// Token-bearing events that arrived in it.
    pub events: u64,
    /// Output tokens of the requests that ended in it.
    pub output_tokens: u64,
    /// Median time to first token of the first tokens that arrived in it.
    pub ttft_p50: Option<f64>,
    /// 99th percentile of the same.
    pub ttft_p99: Option<f64>,
    /// The largest share that was used of each limit that was stated in it; `summary.json` says what they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stated_used: BTreeMap<String, f64>,
}

/// Longer runs than this are not drawn second by second: ten days.
pub(crate) const MOST_SECONDS: usize = 864_000;

impl Timeline {
    /// Counts one request.
    pub fn record(&mut self, r: &Record) {
        if let Some(second) = r.first_sent().and_then(|at| self.at(at)) {
            second.sent += 1;
        }
        for sent in r.attempts.iter().filter_map(|attempt| attempt.sent) {
            if let Some(second) = self.at(sent) {
                second.attempts += 1;
            }
        }
        self.stated.record(r);
        if let Some(second) = r.over().and_then(|at| self.at(at)) {
            second.ok += u64::from(r.outcome == Outcome::Ok);
            second.errors += u64::from(r.outcome.is_error());
            second.output_tokens += u64::from(r.output_tokens.unwrap_or(0));
        }
        if let (Some(first), Some(sent)) = (r.first_token, r.sent)
            && let Some(second) = self.at(first)
        {
            second.ttft_us.push(u32::try_from(first.since(sent).0 / 1000).unwrap_or(u32::MAX));
        }
        for arrival in r.arrivals.iter() {
            if let Some(second) = self.at(arrival.at) {
                second.events += u64::from(arrival.events);
            }
        }
    }

    fn at(&mut self, moment: Moment) -> Option<&mut Second> {
        let index = usize::try_from(moment.0 / Span::from_secs(1).0).ok().filter(|&i| i < MOST_SECONDS)?;
        if self.seconds.len() <= index {
            self.seconds.resize_with(index + 1, Second::default);
        }
        self.seconds.get_mut(index)
    }

    /// The buckets in order, without holes.
    pub fn buckets(&self) -> Vec<Bucket> {
        let mut stated = self.stated.by_second();
        let bucket = |(t, second): (usize, &Second)| {
            let mut ttft = second.ttft_us.clone();
            ttft.sort_unstable();
            let quantile = |q: crate::stats::Quantile| {
                let rank = q.rank(ttft.len() as u64) as usize;
                ttft.get(rank - 1).map(|&us| f64::from(us) / 1000.0)
            };
            Bucket {
                t: t as u64,
                sent: second.sent,
                attempts: second.attempts,
                ok: second.ok,
                errors: second.errors,
                events: second.events,
                output_tokens: second.output_tokens,
                ttft_p50: quantile(crate::stats::Quantile::P50),
                ttft_p99: quantile(crate::stats::Quantile::P99),
                stated_used: stated.remove(&(t as u64)).unwrap_or_default(),
            }
        };
        self.seconds.iter().enumerate().map(bucket).collect()
    }
}
