//! The judge's own clock: every reading of time in the benchmark is made here.
//!
//! Ground truth and Floodline's records are joined on `CLOCK_REALTIME`, because that is the clock the kernel
//! stamps packets with. Durations of whole processes are taken on `CLOCK_MONOTONIC`.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

use rustix::event::Timespec;
use rustix::time::{ClockId, clock_gettime};

/// An instant of the real-time clock, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wall(pub(crate) i64);

impl Wall {
    /// The instant it is.
    pub(crate) fn now() -> Wall {
        Wall(read(ClockId::Realtime))
    }

    /// Nanoseconds from `earlier` to here; negative if it is not earlier.
    pub(crate) const fn since(self, earlier: Wall) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Wall {
    type Output = Wall;

    fn add(self, rhs: Duration) -> Wall {
        Wall(self.0.saturating_add(i64::try_from(rhs.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A span being timed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(i64);

impl Stopwatch {
    /// Starts timing.
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(read(ClockId::Monotonic))
    }

    /// What has passed since the start.
    pub(crate) fn elapsed(self) -> Duration {
        nanos(read(ClockId::Monotonic) - self.0)
    }
}

/// Real time less monotonic time, in nanoseconds: it changes only when someone sets the clock.
pub(crate) fn realtime_offset() -> i64 {
    read(ClockId::Realtime) - read(ClockId::Monotonic)
}

/// Lets another process get on, for want of anything to wait for.
pub(crate) fn pause(span: Duration) {
    // An interruption only makes the pause shorter, and every caller looks again.
    let _ = rustix::event::poll(&mut [], Some(&timespec(span)));
}

/// `span` as the kernel takes it.
pub(crate) fn timespec(span: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(span.subsec_nanos()),
    }
}

/// A count of nanoseconds as a span; 0 if it is negative.
pub(crate) fn nanos(count: i64) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(0))
}

fn read(clock: ClockId) -> i64 {
    let t = clock_gettime(clock);
    t.tv_sec * 1_000_000_000 + t.tv_nsec
}
