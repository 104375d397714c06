//! A limit, made ready for being looked at with every request.

use floodline_core::limits::{Algorithm, Dimension, Estimate, Limit, Start};

/// A limit and the figures that its meters need.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    limit: Limit,
    kind: Kind,
    /// What fits at once.
    pub(super) capacity: u64,
    /// The length of a window in nanoseconds; of a quantised limit, of the short one.
    pub(super) window: u64,
    /// When a window begins, within a window's length.
    pub(super) phase: u64,
    /// Of acceleration: the percent of the window before.
    pub(super) percent: u64,
    /// Least tokens that have to fit for a request to be admitted.
    least: u64,
}

/// Which meter a limit needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bucket,
    Leaky,
    Window,
    WindowFromFirstHit,
    Log,
    Counter,
    Acceleration,
    Open,
}

impl Rule {
    pub(super) fn new(limit: &Limit) -> Rule {
        let mut rule = Rule {
            kind: Kind::Bucket,
            capacity: limit.value,
            window: limit.window.0.max(1),
            phase: 0,
            percent: 0,
            least: u64::from(limit.dimension.is_tokens()),
            limit: limit.clone(),
        };
        if limit.dimension == Dimension::Concurrency {
            rule.kind = Kind::Open;
            return rule;
        }
        rule.kind = match limit.algorithm {
            Algorithm::Bucket { burst } => {
                rule.capacity = burst.unwrap_or(limit.value);
                Kind::Bucket
            }
            Algorithm::Leaky { burst } => {
                rule.capacity = burst.unwrap_or(limit.value);
                Kind::Leaky
            }
            Algorithm::FixedWindow { start: Start::Epoch, phase } => {
                rule.phase = phase.0 % rule.window;
                Kind::Window
            }
            Algorithm::FixedWindow { start: Start::FirstHit, .. } => Kind::WindowFromFirstHit,
            Algorithm::SlidingWindow => Kind::Log,
            Algorithm::SlidingCounter => Kind::Counter,
            Algorithm::Quantised { every } => {
                (rule.capacity, rule.window) = quantum(limit.value, rule.window, every.0);
                Kind::Window
            }
            Algorithm::Acceleration { percent } => {
                rule.percent = percent;
                Kind::Acceleration
            }
        };
        rule
    }

    pub(super) fn limit(&self) -> &Limit {
        &self.limit
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn is_acceleration(&self) -> bool {
        self.kind == Kind::Acceleration
    }

    /// What is refilled per window, for buckets.
    pub(super) fn refill(&self) -> u64 {
        self.limit.value.max(1)
    }

    /// What has to fit for a request to be admitted.
    pub(super) fn asked(&self, estimate: Estimate) -> u64 {
        self.limit.precharged(estimate).max(self.least)
    }
}

/// How many requests each short window admits, and how long it is: the whole requests of `every`, at least one, over
/// the time in which so many are due, so that no fraction is lost.
fn quantum(value: u64, window: u64, every: u64) -> (u64, u64) {
    let (value, window, every) = (u128::from(value.max(1)), u128::from(window), u128::from(every));
    let whole = (value * every / window).max(1);
    let length = (whole * window).div_ceil(value);
    (u64::try_from(whole).unwrap_or(u64::MAX), u64::try_from(length).unwrap_or(u64::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_windows_hold_whole_requests() {
        const S: u64 = 1_000_000_000;
        assert_eq!(quantum(600, 60 * S, S), (10, S));
        assert_eq!(quantum(60, 60 * S, S), (1, S));
        assert_eq!(quantum(90, 60 * S, S), (1, 666_666_667));
        assert_eq!(quantum(5, 10 * S, S / 6), (1, 2 * S));
        assert_eq!(quantum(1, 60 * S, S), (1, 60 * S));
    }
}
