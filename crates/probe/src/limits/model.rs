//! Small limiters that hypotheses are made of.
//!
//! Each tells what would have to fit into its capacity for a request to be admitted ([`State::need`]). None of them knows its
//! capacity, except to be filled up by refusals that count: so that one replay of the log says for which capacities it
//! comes out as it did. Seconds and tokens are floating point here: nothing is ever measured to more than a few digits.

use std::collections::VecDeque;

/// A way to count, with all of its figures but the capacity. Times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// A bucket that is refilled with `rate` per second.
    Bucket { rate: f64 },
    /// A level that drains with `rate` per second, and admits while it is not above the capacity.
    Leaky { rate: f64 },
    /// Windows one after another, one of which begins at `boundary`.
    Fixed { window: f64, boundary: f64 },
    /// Windows that begin with the first request after the last one.
    FirstHit { window: f64 },
    /// Everything of the last window's length counts.
    Sliding { window: f64 },
    /// This window, and the last one by the share of it that is still in reach.
    Counter { window: f64, boundary: f64 },
}

/// What such a limiter remembers.
#[derive(Clone, Debug)]
pub(super) struct State {
    shape: Shape,
    /// The level, or what is used of the window that is open.
    used: f64,
    /// What was used of the window before.
    before: f64,
    /// When the level was `used`, or when the window began.
    since: f64,
    /// Charges of the last window's length, and a little longer.
    charges: VecDeque<(f64, f64)>,
    total: f64,
}

impl Shape {
    /// Whether it is a level that sinks, and has no window.
    pub(super) fn is_level(&self) -> bool {
        matches!(self, Shape::Bucket { .. } | Shape::Leaky { .. })
    }

    /// The figure that it has in any case: a rate or a window.
    pub(super) fn scale(&self) -> f64 {
        match *self {
            Shape::Bucket { rate } | Shape::Leaky { rate } => rate,
            Shape::Fixed { window, .. }
            | Shape::FirstHit { window }
            | Shape::Sliding { window }
            | Shape::Counter { window, .. } => window,
        }
    }

    /// How long it takes until all of `capacity` is there again.
    pub(super) fn whole(&self, capacity: f64) -> f64 {
        match *self {
            Shape::Bucket { rate } | Shape::Leaky { rate } => capacity / rate,
            Shape::Fixed { window, .. } | Shape::FirstHit { window } | Shape::Sliding { window } => window,
            Shape::Counter { window, .. } => 2.0 * window,
        }
    }
}

impl State {
    pub(super) fn new(shape: Shape) -> State {
        let since = f64::NEG_INFINITY;
        State { shape, used: 0.0, before: 0.0, since, charges: VecDeque::new(), total: 0.0 }
    }

    /// What has to be at most the capacity for a request of `asked` to be admitted at `at`.
    pub(super) fn need(&self, at: f64, asked: f64) -> f64 {
        match self.shape {
            Shape::Leaky { .. } => self.used(at),
            _ => self.used(at) + asked,
        }
    }

    /// What is used at `at`.
    pub(super) fn used(&self, at: f64) -> f64 {
        match self.shape {
            Shape::Bucket { rate } | Shape::Leaky { rate } => {
                if self.used == 0.0 {
                    0.0
                } else {
                    (self.used - (at - self.since).max(0.0) * rate).max(0.0)
                }
            }
            Shape::Fixed { window, boundary } => {
                if start(window, boundary, at) > self.since + window / 2.0 {
                    0.0
                } else {
                    self.used
                }
            }
            Shape::FirstHit { window } => {
                if at >= self.since + window {
                    0.0
                } else {
                    self.used
                }
            }
            Shape::Sliding { window } => {
                let gone = self.charges.iter().take_while(|(from, _)| from + window <= at);
                self.total - gone.map(|(_, amount)| amount).sum::<f64>()
            }
            Shape::Counter { window, boundary } => {
                let start = start(window, boundary, at);
                let (used, before) = match ((start - self.since) / window).round() {
                    n if n < 0.5 => (self.used, self.before),
                    n if n < 1.5 => (0.0, self.used),
                    _ => (0.0, 0.0),
                };
                used + before * (1.0 - (at - start) / window).clamp(0.0, 1.0)
            }
        }
    }

    /// Charges an admitted request.
    pub(super) fn charge(&mut self, at: f64, amount: f64) {
        match self.shape {
            Shape::Bucket { .. } | Shape::Leaky { .. } => {
                self.used = (self.used(at) + amount).max(0.0);
                self.since = at;
            }
            Shape::Fixed { window, boundary } => {
                self.used = (self.used(at) + amount).max(0.0);
                self.since = start(window, boundary, at).max(self.since);
            }
            Shape::FirstHit { window } => {
                if at >= self.since + window {
                    (self.since, self.used) = (at, 0.0);
                }
                self.used = (self.used + amount).max(0.0);
            }
            Shape::Sliding { window } => {
                // What an event that is a little late may still have to see is kept a little longer.
                while let Some(&(_, amount)) =
                    self.charges.front().filter(|(from, _)| from + 1.3 * window < at)
                {
                    self.total -= amount;
                    self.charges.pop_front();
                }
                self.charges.push_back((at, amount));
                self.total += amount;
            }
            Shape::Counter { window, boundary } => {
                let start = start(window, boundary, at).max(self.since);
                (self.used, self.before) = match ((start - self.since) / window).round() {
                    n if n < 0.5 => (self.used, self.before),
                    n if n < 1.5 => (0.0, self.used),
                    _ => (0.0, 0.0),
                };
                self.used = (self.used + amount).max(0.0);
                self.since = start;
            }
        }
    }

    /// Settles a request that was charged at `from`.
    pub(super) fn settle(&mut self, at: f64, from: f64, more: f64) {
        if more > 0.0 {
            return self.charge(at, more);
        }
        match self.shape {
            Shape::Bucket { .. } | Shape::Leaky { .. } => self.charge(at, more),
            Shape::Fixed { window, boundary } | Shape::Counter { window, boundary } => {
                if start(window, boundary, from) + window / 2.0 > start(window, boundary, at) {
                    self.charge(at, more);
                }
            }
            Shape::FirstHit { window } => {
                if at < self.since + window && from >= self.since {
                    self.charge(at, more);
                }
            }
            Shape::Sliding { .. } => {
                if let Some(charge) = self.charges.iter_mut().find(|(charged, _)| *charged >= from) {
                    let back = (-more).min(charge.1);
                    charge.1 -= back;
                    self.total -= back;
                }
            }
        }
    }

    /// Charges a refused request, as far as there is room: the newest that fill the capacity count.
    pub(super) fn fill(&mut self, at: f64, amount: f64, capacity: f64) {
        let used = self.used(at);
        match self.shape {
            Shape::Sliding { window } => {
                self.charge(at, amount);
                let mut above = self.used(at) - capacity.max(used);
                for (from, amount) in &mut self.charges {
                    if *from + window <= at {
                        continue;
                    }
                    if above <= 0.0 {
                        break;
                    }
                    let cut = amount.min(above);
                    *amount -= cut;
                    above -= cut;
                    self.total -= cut;
                }
            }
            // This window is filled as if there had been none before.
            Shape::Counter { .. } => {
                self.charge(at, 0.0);
                self.charge(at, (capacity - self.used).min(amount).max(0.0));
            }
            Shape::Bucket { .. } | Shape::Leaky { .. } | Shape::Fixed { .. } | Shape::FirstHit { .. } => {
                self.charge(at, (capacity - used).min(amount).max(0.0));
            }
        }
    }

    /// How long after `at` a request of `asked` fits into `capacity` if nothing else happens; infinite if it never does.
    pub(super) fn wait(&self, at: f64, asked: f64, capacity: f64) -> f64 {
        let leaky = matches!(self.shape, Shape::Leaky { .. });
        if self.need(at, asked) <= capacity {
            return 0.0;
        }
        if asked > capacity && !leaky {
            return f64::INFINITY;
        }
        match self.shape {
            Shape::Bucket { rate } | Shape::Leaky { rate } => (self.need(at, asked) - capacity) / rate,
            Shape::Fixed { window, boundary } => start(window, boundary, at) + window - at,
            Shape::FirstHit { window } => self.since + window - at,
            Shape::Sliding { window } => {
                let fits = self.charges.iter().map(|(from, _)| from + window).filter(|free| *free > at);
                let mut fits = fits.filter(|free| self.need(*free, asked) <= capacity);
                fits.next().map_or(f64::INFINITY, |free| free - at)
            }
            Shape::Counter { window, .. } => {
                // It sinks in a straight line within each window; two of them are all there is to look at.
                let steps = (0..=200).map(|step| f64::from(step) * window / 100.0);
                let mut fits = steps.filter(|step| self.need(at + step, asked) <= capacity);
                fits.next().unwrap_or(f64::INFINITY)
            }
        }
    }
}

/// When the window began in which `at` is.
fn start(window: f64, boundary: f64, at: f64) -> f64 {
    boundary + ((at - boundary) / window).floor() * window
}
