//! The front's clock, one of the two places of the program that read the time.
//!
//! It counts from the start of the server, on the monotonic clock. Kernel stamps of arriving bytes are
//! on the wall clock; they are carried over by their age.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use floodline_core::time::{Moment, Span};
use rustix::time::{ClockId, clock_gettime};

/// No stamp is taken to be older than this. An older one means that the wall clock was set.
const MAX_AGE: Span = Span::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock of the simulated provider")]
    pub(crate) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment(Span::from(self.start.elapsed()).0)
    }

    /// The moment of a wall-clock stamp, never in the future.
    pub(crate) fn moment_of(&self, stamp: Duration) -> Moment {
        let age = Span::from(since_epoch().saturating_sub(stamp));
        let age = if age > MAX_AGE { Span::ZERO } else { age };
        Moment(self.now().0.saturating_sub(age.0))
    }

    /// The time of day, since 1970, for what an answer says of it.
    pub(crate) fn since_1970(&self) -> Span {
        since_epoch().into()
    }
}

/// CPU time of the calling thread.
pub(crate) fn thread_cpu() -> Span {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Span(u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[expect(clippy::disallowed_methods, reason = "this is the clock of the simulated provider")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}
