//! A recorded trace as it is played: which request is wanted when, and how long its prompt and answer are.
//!
//! The rows of one pass are in memory; further passes are not: arrival `i` is row `i mod n` of pass `i div n`.
//! Reading traces, and the part and the speed of them that is played, are left to whoever makes the rows.

mod figures;
pub mod jitter;
pub mod scale;

use std::num::NonZeroU64;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::{Moment, Span};
pub use figures::Lengths;

/// A recorded trace, and how it is played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Where it comes from and what was made of it.
    #[serde(flatten)]
    pub source: Source,
    /// How long it is played.
    #[serde(flatten)]
    pub extent: Extent,
    /// A fingerprint of the rows.
    pub hash: String,
    /// The rows of one pass; not part of `plan.json`.
    #[serde(skip)]
    pub recording: Recording,
    /// How many rows one pass has.
    pub rows: u64,
    /// How many requests are played; none is "without end".
    pub requests: Option<u64>,
    /// From the start to the last of them.
    #[serde(rename = "length_ns")]
    pub length: Option<Span>,
    /// The most of them within any one second.
    pub busiest_second: u64,
    /// How long the prompts are, in tokens.
    pub input_tokens: Lengths,
    /// How long the answers are, in tokens.
    pub output_tokens: Lengths,
}

/// Where a trace comes from, and what was made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The file, as written in the scenario.
    pub file: String,
    /// Its format.
    pub format: String,
    /// How many times faster than recorded.
    pub speed: f64,
    /// The part of the recording that is played, before the speed-up.
    pub window: (Span, Option<Span>),
    /// How many times as many requests as recorded.
    pub scale: f64,
    /// Over how much of the recording's time each request was spread, from its time on.
    #[serde(rename = "jitter_ns")]
    pub jitter: Option<Span>,
}

/// How long a trace is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// How many times it is played, end to end; none is "again and again".
    pub passes: Option<NonZeroU64>,
    /// From the start of one pass to that of the next, after the speed-up; longer than from its first request to
    /// its last.
    #[serde(rename = "period_ns")]
    pub period: Span,
    /// Requests that would be sent at this time or later are not.
    #[serde(rename = "until_ns")]
    pub until: Option<Span>,
    /// No more requests than this.
    pub at_most: Option<u64>,
}

impl Extent {
    /// One pass, all of it.
    pub const ONCE: Extent =
        Extent { passes: Some(NonZeroU64::MIN), period: Span(1), until: None, at_most: None };
}

/// The requests of one pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The requests at the instants they are wanted, in that order.
    pub rows: Arc<[TraceRow]>,
    /// Names of the blocks of prompts: for each row that has some, their number, and the names behind it.
    pub blocks: Arc<[u64]>,
    /// Tokens of a block; the last one of a prompt may be cut short.
    pub block_tokens: u32,
}

/// A request of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceRow {
    /// When it is wanted in the first pass.
    pub at: Moment,
    /// Tokens of its prompt.
    pub input_tokens: u32,
    /// Tokens of its answer.
    pub output_tokens: u32,
    /// Where its blocks begin in [`Recording::blocks`], if they are known.
    pub blocks: Option<BlocksAt>,
    /// 0 for a request of the recording, from 1 on for the copies that a scale above one adds. Copies share blocks
    /// with copies of the same number only, as their originals do.
    pub copy: u32,
}

/// Where the blocks of a row begin. One less than 2³² of them can be told apart, in the room of a `u32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlocksAt(std::num::NonZeroU32);

impl BlocksAt {
    /// The blocks from `index` on; none if that is too far.
    pub fn new(index: usize) -> Option<BlocksAt> {
        let index = u32::try_from(index).ok()?;
        std::num::NonZeroU32::new(index.wrapping_add(1)).map(BlocksAt)
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl TraceRow {
    /// A request of the recording without known blocks.
    pub const fn new(at: Moment, input_tokens: u32, output_tokens: u32) -> TraceRow {
        TraceRow { at, input_tokens, output_tokens, blocks: None, copy: 0 }
    }
}

impl Default for Recording {
    fn default() -> Recording {
        Recording { rows: Arc::new([]), blocks: Arc::new([]), block_tokens: 1 }
    }
}

impl From<Vec<TraceRow>> for Recording {
    /// Rows without known blocks.
    fn from(rows: Vec<TraceRow>) -> Recording {
        Recording { rows: rows.into(), ..Recording::default() }
    }
}

impl Recording {
    /// The names of a row's blocks, that of its prompt's beginning first; empty if they are not known.
    pub fn blocks_of(&self, row: &TraceRow) -> &[u64] {
        let Some(at) = row.blocks else { return &[] };
        let Some((&count, names)) = self.blocks.get(at.index()..).and_then(<[u64]>::split_first) else {
            return &[];
        };
        usize::try_from(count).ok().and_then(|count| names.get(..count)).unwrap_or_default()
    }
}

impl Replay {
    /// A replay of a recording whose rows are in the order of their times.
    pub fn new(source: Source, extent: Extent, hash: String, recording: Recording) -> Replay {
        // Passes do not overlap, whatever was asked for.
        let rows = &recording.rows;
        let covered =
            rows.last().zip(rows.first()).map_or(Span::ZERO, |(last, first)| last.at.since(first.at));
        let extent = Extent { period: extent.period.max(covered + Span(1)), ..extent };
        let requests = figures::requests(&recording.rows, extent);
        let mut replay = Replay {
            source,
            extent,
            hash,
            rows: recording.rows.len() as u64,
            recording,
            requests,
            length: None,
            busiest_second: 0,
            input_tokens: Lengths::default(),
            output_tokens: Lengths::default(),
        };
        let last = requests.and_then(|n| replay.arrival(n.checked_sub(1)?));
        replay.length = match (requests, last) {
            (None, _) => None,
            (Some(_), last) => Some(last.map_or(Span::ZERO, |(at, _)| at.since(Moment::START))),
        };
        replay.busiest_second = figures::busiest_second(&replay);
        let played = requests.map_or(replay.rows, |n| n.min(replay.rows)) as usize;
        let played = &replay.recording.rows[..played];
        replay.input_tokens = Lengths::of(played.iter().map(|row| row.input_tokens).collect());
        replay.output_tokens = Lengths::of(played.iter().map(|row| row.output_tokens).collect());
        replay
    }

    /// When arrival `i` is wanted, and its row in [`Recording::rows`]; none behind the last one.
    pub fn arrival(&self, i: u64) -> Option<(Moment, usize)> {
        if self.requests.is_some_and(|requests| i >= requests) {
            return None;
        }
        self.unbounded(i)
    }

    /// How many requests are wanted before `until`.
    pub fn before(&self, until: Moment) -> u64 {
        let wanted = figures::before(&self.recording.rows, self.extent.period, until);
        self.requests.map_or(wanted, |requests| wanted.min(requests))
    }

    /// How many requests there are; none if they never end.
    #[allow(clippy::len_without_is_empty, reason = "a replay of nothing is refused where it is resolved")]
    pub fn len(&self) -> Option<u64> {
        self.requests
    }

    /// From the start to the last request; none if there is none.
    pub fn length(&self) -> Option<Span> {
        self.length
    }

    /// The same as [`arrival`](Self::arrival), whatever ends the replay.
    fn unbounded(&self, i: u64) -> Option<(Moment, usize)> {
        let rows = &self.recording.rows;
        let (pass, row) = (i.checked_div(rows.len() as u64)?, i.checked_rem(rows.len() as u64)?);
        let row = usize::try_from(row).ok()?;
        let start = u64::try_from(u128::from(pass) * u128::from(self.extent.period.0)).unwrap_or(u64::MAX);
        Some((rows.get(row)?.at + Span(start), row))
    }
}

#[cfg(test)]
mod tests;
