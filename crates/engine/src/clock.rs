//! The engine's clock: one of the two places that read the time.
//!
//! Instants of a run are taken from the real-time clock, because that is what the kernel stamps
//! arrivals with; waiting is done on the monotonic clock. How far the two drift apart is sampled, and a
//! step of the real-time clock makes the run invalid.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use floodline_core::{Moment, Span};
use rustix::time::{ClockId, clock_gettime};

/// The clock of one run.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin_unix_ns: u64,
    origin: Instant,
}

impl Clock {
    /// A clock whose moment zero is so far ahead: time to have every thread in its place.
    pub fn starting_in(ahead: Span) -> Clock {
        Clock { origin_unix_ns: unix_ns() + ahead.0, origin: monotonic() + Duration::from(ahead) }
    }

    /// Now, on the clock that stamps arrivals.
    pub fn now(&self) -> Moment {
        self.at_unix(unix_ns())
    }

    /// The moment of an instant given in nanoseconds since 1970.
    pub fn at_unix(&self, ns: u64) -> Moment {
        Moment(ns.saturating_sub(self.origin_unix_ns))
    }

    /// Moment zero in nanoseconds since 1970.
    pub fn origin_unix_ns(&self) -> u64 {
        self.origin_unix_ns
    }

    /// Time since the start on the clock that never steps; zero before it.
    pub fn elapsed(&self) -> Span {
        Span::from(monotonic().saturating_duration_since(self.origin))
    }

    /// How long to wait for `at`; none if it has come.
    pub fn until(&self, at: Moment) -> Option<Duration> {
        let at = self.origin + Duration::from_nanos(at.0);
        Some(at.saturating_duration_since(monotonic())).filter(|left| !left.is_zero())
    }

    /// How far the real-time clock has moved against the monotonic one since the start, in nanoseconds.
    ///
    /// The two are read one after the other; of several readings the one that was least disturbed counts.
    pub fn drift_ns(&self) -> i64 {
        let read = || {
            let before = self.elapsed();
            let real = unix_ns() as i64 - self.origin_unix_ns as i64;
            let after = self.elapsed();
            (after - before, real - ((before.0 + after.0) / 2) as i64)
        };
        (0..READINGS).map(|_| read()).min_by_key(|(width, _)| *width).map_or(0, |(_, drift)| drift)
    }
}

/// Readings of both clocks for one look at their drift.
const READINGS: u32 = 5;

/// CPU time of the calling thread.
pub fn thread_cpu() -> Span {
    cpu(ClockId::ThreadCPUTime)
}

/// CPU time of the process, user and system, from its start.
pub fn process_cpu() -> Span {
    cpu(ClockId::ProcessCPUTime)
}

fn cpu(clock: ClockId) -> Span {
    let t = clock_gettime(clock);
    Span(t.tv_sec.unsigned_abs() * 1_000_000_000 + t.tv_nsec.unsigned_abs())
}

#[expect(clippy::disallowed_methods, reason = "this module owns the engine's clock")]
fn monotonic() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this module owns the engine's clock")]
fn unix_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| Span::from(d).0)
}
