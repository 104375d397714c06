//! A counter that is set back at the end of each window.

use floodline_core::limits::Gauge;
use floodline_core::{Moment, Span};

use super::meter::{Room, left};
use super::rule::{Kind, Rule};

/// What is used of the window that began at `start`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// From the epoch: the number of the window, counted from one. From the first hit: the nanosecond at which it
    /// began, and one more. Zero before there was any.
    start: u64,
    used: u64,
}

impl Window {
    pub(super) fn room(&self, rule: &Rule, now: Moment, asked: u64) -> Room {
        if asked > rule.capacity {
            return Room::Never;
        }
        match self.used(rule, now).saturating_add(asked) <= rule.capacity {
            true => Room::Fits,
            false => Room::In(self.ends_in(rule, now)),
        }
    }

    pub(super) fn charge(&mut self, rule: &Rule, now: Moment, tokens: u64) {
        let used = self.used(rule, now).saturating_add(tokens);
        *self = Window { start: self.current(rule, now), used };
    }

    pub(super) fn charge_what_fits(&mut self, rule: &Rule, now: Moment, tokens: u64) {
        let before = self.used(rule, now);
        let used = before.max(before.saturating_add(tokens).min(rule.capacity));
        *self = Window { start: self.current(rule, now), used };
    }

    /// What was charged to a window that is over is not given back to another.
    pub(super) fn give_back(&mut self, rule: &Rule, now: Moment, charged_at: Moment, tokens: u64) {
        let same = match rule.kind() {
            Kind::Window => number(rule, charged_at) == number(rule, now),
            _ => self.is_open(rule, now) && charged_at.0 >= self.start - 1,
        };
        if same {
            self.used = self.used(rule, now).saturating_sub(tokens);
            self.start = self.current(rule, now);
        }
    }

    pub(super) fn is_over(&self, rule: &Rule, now: Moment) -> bool {
        self.used(rule, now) > rule.capacity
    }

    pub(super) fn is_empty(&self, rule: &Rule, now: Moment) -> bool {
        // From the first hit, an open window is remembered even if all of it was given back.
        self.used(rule, now) == 0 && !(rule.kind() == Kind::WindowFromFirstHit && self.is_open(rule, now))
    }

    pub(super) fn gauge(&self, rule: &Rule, now: Moment) -> Gauge {
        let used = self.used(rule, now);
        let reset = if used == 0 { Span::ZERO } else { self.ends_in(rule, now) };
        Gauge { limit: rule.limit().value, used, remaining: left(rule.capacity, used), reset }
    }

    fn used(&self, rule: &Rule, now: Moment) -> u64 {
        if self.is_open(rule, now) { self.used } else { 0 }
    }

    fn is_open(&self, rule: &Rule, now: Moment) -> bool {
        match rule.kind() {
            Kind::Window => self.start == number(rule, now),
            _ => self.start > 0 && now.0 < (self.start - 1).saturating_add(rule.window),
        }
    }

    /// What `start` is of the window that `now` is in.
    fn current(&self, rule: &Rule, now: Moment) -> u64 {
        match rule.kind() {
            Kind::Window => number(rule, now),
            _ if self.is_open(rule, now) => self.start,
            _ => now.0.saturating_add(1),
        }
    }

    fn ends_in(&self, rule: &Rule, now: Moment) -> Span {
        match rule.kind() {
            Kind::Window => ends_in(rule, now),
            _ => Span((self.start.saturating_sub(1)).saturating_add(rule.window).saturating_sub(now.0)),
        }
    }
}

/// The number of the window that a moment is in, counted from one.
pub(super) fn number(rule: &Rule, now: Moment) -> u64 {
    let shifted = u128::from(now.0) + u128::from(rule.window - rule.phase);
    u64::try_from(shifted / u128::from(rule.window) + 1).unwrap_or(u64::MAX)
}

/// Until the next window.
pub(super) fn ends_in(rule: &Rule, now: Moment) -> Span {
    Span(rule.window - elapsed(rule, now))
}

/// Since the window began.
pub(super) fn elapsed(rule: &Rule, now: Moment) -> u64 {
    let shifted = u128::from(now.0) + u128::from(rule.window - rule.phase);
    u64::try_from(shifted % u128::from(rule.window)).unwrap_or(0)
}
