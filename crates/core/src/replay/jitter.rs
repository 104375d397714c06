//! Spreading of times that a recording has rounded: each over a stretch behind it.
//!
//! A trace whose times come in buckets would be played as bursts that never were. Each time is moved by a random
//! part of the bucket, a function of seed and row alone. The moved times are then handed out in order, so
//! that requests keep the order of the recording, in which one may have been the answer to another.

use crate::random::{Purpose, Stream};
use crate::time::Span;

use super::TraceRow;

/// The stream of the displacements; those of a scale are 0 and 1.
const STREAM: u64 = 2;

/// Moves each of the rows, which are in the order of their times, by a time uniform in [0, `width`).
pub fn spread(rows: &mut [TraceRow], width: Span, seed: u64) {
    let mut stream = Stream::new(seed, Purpose::Trace, STREAM);
    let mut times: Vec<_> = rows.iter().map(|row| row.at + part_of(width, &mut stream)).collect();
    times.sort_unstable();
    rows.iter_mut().zip(times).for_each(|(row, at)| row.at = at);
}

/// A time uniform in [0, `width`).
pub(super) fn part_of(width: Span, stream: &mut Stream) -> Span {
    Span(((u128::from(stream.bits()) * u128::from(width.0)) >> 64) as u64)
}
