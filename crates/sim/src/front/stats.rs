//! What a server tells about itself while it runs: counts, attempts, and how late its tokens left.
//!
//! The loop keeps its own [`Lateness`] and publishes it every [`PUBLISH_EVERY`] and when it stops; counters
//! are published as they change.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use floodline_core::time::Span;

use crate::limits::ledger::{Attempt, Counts};

/// How old what is published may be while the server is busy.
pub(super) const PUBLISH_EVERY: Span = Span::from_millis(100);

/// A look at a server.
///
/// Lateness is the time from a token's being due to its having been handed to the kernel. Tokens that leave
/// together count as late as the first of them, and those of an answer in one piece are due with its last. Tokens
/// that waited because the client did not read are not in it: that is not the server's doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests read in full, whatever was answered.
    pub requests: u64,
    /// Tokens handed to the kernel or about to be, streamed or whole.
    pub tokens: u64,
    /// Connections accepted, those of whoever runs the server left out here and below.
    pub accepted: u64,
    /// Connections open now.
    pub open: u64,
    /// Times that a connection could not be accepted for lack of descriptors or memory.
    pub accept_failures: u64,
    /// Connections that a fault reset as soon as they were made. Those that the system refused are not known.
    pub refused: u64,
    /// Tokens whose lateness is known.
    pub timed: u64,
    /// How many of them were more than a millisecond late.
    pub late_over_1ms: u64,
    /// The median lateness.
    pub late_p50: Span,
    /// The 99th percentile of lateness.
    pub late_p99: Span,
    /// The worst lateness.
    pub late_max: Span,
}

/// What became of the attempts at one provider that records them.
#[derive(Clone, Debug)]
pub struct Tally {
    /// The provider, where it has a name.
    pub provider: Option<Arc<str>>,
    /// Of all attempts.
    pub counts: Counts,
    /// What the limits are called, in their order.
    pub limits: Vec<&'static str>,
}

/// Attempts on their way to whoever takes them.
#[derive(Debug, Default)]
pub struct Taken {
    /// In the order in which they came, of several providers one after another.
    pub attempts: Vec<Attempt>,
    /// How many were left out because they came too fast, or because nobody took them for long.
    pub dropped: u64,
}

/// The most attempts that wait to be taken.
const MOST_WAITING: usize = 200_000;

/// What the loop and the handle share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) cpu_ns: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) tokens: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) accept_failures: AtomicU64,
    pub(super) refused: AtomicU64,
    lateness: Mutex<Lateness>,
    tallies: Mutex<Vec<Tally>>,
    attempts: Mutex<Taken>,
    failed: OnceLock<String>,
}

impl Shared {
    pub(super) fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let lateness = locked(&self.lateness);
        Stats {
            requests: read(&self.requests),
            tokens: read(&self.tokens),
            accepted: read(&self.accepted),
            open: read(&self.open),
            accept_failures: read(&self.accept_failures),
            refused: read(&self.refused),
            timed: lateness.count,
            late_over_1ms: lateness.over_1ms,
            late_p50: lateness.percentile(50),
            late_p99: lateness.percentile(99),
            late_max: lateness.max,
        }
    }

    /// Notes why the loop has ended without being told to.
    pub(super) fn fail(&self, error: &io::Error) {
        // The loop ends once, and so does not come here again.
        let _ = self.failed.set(error.to_string());
    }

    /// What [`Shared::fail`] was told.
    pub(super) fn failed(&self) -> Option<String> {
        self.failed.get().cloned()
    }

    pub(super) fn publish(&self, lateness: &Lateness) {
        locked(&self.lateness).clone_from(lateness);
    }

    /// Where the counts of attempts go, and the attempts.
    pub(super) fn publish_attempts(&self, tallies: Vec<Tally>, fresh: impl FnOnce(&mut Taken)) {
        *locked(&self.tallies) = tallies;
        fresh(&mut locked(&self.attempts));
    }

    pub(super) fn tallies(&self) -> Vec<Tally> {
        locked(&self.tallies).clone()
    }

    pub(super) fn take_attempts(&self) -> Taken {
        std::mem::take(&mut *locked(&self.attempts))
    }
}

impl Taken {
    /// Adds those for which there is room, of which so many were missed before.
    pub(super) fn add<'a>(&mut self, (attempts, missed): (impl ExactSizeIterator<Item = &'a Attempt>, u64)) {
        let room = MOST_WAITING.saturating_sub(self.attempts.len());
        self.dropped += missed + attempts.len().saturating_sub(room) as u64;
        self.attempts.extend(attempts.take(room).cloned());
    }
}

/// What is behind a lock, even if somebody panicked with it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds to a counter that only the calling thread writes: no locked instruction is needed.
pub(super) fn count(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}

/// A histogram of lateness: sixteen buckets to the octave, so a percentile is exact to 6 %.
#[derive(Clone, Debug)]
pub(super) struct Lateness {
    buckets: Box<[u64]>,
    count: u64,
    over_1ms: u64,
    max: Span,
}

const SUB: u32 = 4;

impl Default for Lateness {
    fn default() -> Lateness {
        let buckets = vec![0; (65 - SUB as usize) << SUB].into();
        Lateness { buckets, count: 0, over_1ms: 0, max: Span::ZERO }
    }
}

impl Lateness {
    pub(super) fn record(&mut self, late: Span, tokens: u32) {
        let tokens = u64::from(tokens);
        if let Some(bucket) = self.buckets.get_mut(bucket_of(late.0)) {
            *bucket += tokens;
        }
        self.count += tokens;
        self.max = self.max.max(late);
        if late > Span::from_millis(1) {
            self.over_1ms += tokens;
        }
    }

    /// The upper edge of the bucket in which the value of rank ⌈`percent`·n⌉ lies; zero when there is none.
    fn percentile(&self, percent: u64) -> Span {
        let rank = (self.count * percent).div_ceil(100);
        let mut below = 0;
        for (at, tokens) in self.buckets.iter().enumerate() {
            below += tokens;
            if *tokens > 0 && below >= rank {
                return Span(upper_edge(at)).min(self.max);
            }
        }
        Span::ZERO
    }
}

fn bucket_of(ns: u64) -> usize {
    let octave = (u64::BITS - ns.leading_zeros()).saturating_sub(SUB + 1);
    ((octave as usize) << SUB) + (ns >> octave) as usize
}

fn upper_edge(bucket: usize) -> u64 {
    let octave = (bucket >> SUB).saturating_sub(1);
    let top = (bucket - (octave << SUB)) as u128;
    u64::try_from(((top + 1) << octave) - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_every_value_once() {
        for ns in (0..5_000).chain([u64::MAX / 3, u64::MAX]) {
            let bucket = bucket_of(ns);
            assert!(bucket < Lateness::default().buckets.len());
            assert!(ns <= upper_edge(bucket), "{ns}");
            assert!(bucket == 0 || ns > upper_edge(bucket - 1), "{ns}");
        }
    }

    #[test]
    fn percentiles_have_the_rank_they_say() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.percentile(99), Span::ZERO);
        lateness.record(Span(1_000), 98);
        lateness.record(Span(2_000_000), 1);
        lateness.record(Span(9_000_000), 1);
        assert!(lateness.percentile(50).0.abs_diff(1_000) < 64);
        assert!(lateness.percentile(99).0.abs_diff(2_000_000) < 126_000);
        assert_eq!(lateness.percentile(100), Span(9_000_000));
        assert_eq!((lateness.count, lateness.over_1ms), (100, 2));
    }
}
