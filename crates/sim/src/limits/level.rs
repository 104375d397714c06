//! A level that drains continuously: the bucket's, and that of leaky utilisation.
//!
//! It is kept in token-nanoseconds: one token is as many as a window has nanoseconds, and each nanosecond drains as many
//! as a window refills tokens. So nothing is ever rounded but what is told.

use floodline_core::limits::Gauge;
use floodline_core::{Moment, Span};

use super::meter::{Room, left};
use super::rule::{Kind, Rule};

/// How full it was at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    at: u64,
    /// Token-nanoseconds, in two halves: a `u128` would make every meter half as large again.
    high: u64,
    low: u64,
}

impl Level {
    pub(super) fn room(&self, rule: &Rule, now: Moment, asked: u64) -> Room {
        let full = units(rule, rule.capacity);
        let level = self.level(rule, now);
        let above = match rule.kind() {
            // Utilisation is looked at before the request is added to it.
            Kind::Leaky => level.saturating_sub(full),
            _ if asked > rule.capacity => return Room::Never,
            _ => level.saturating_add(units(rule, asked)).saturating_sub(full),
        };
        if above == 0 { Room::Fits } else { Room::In(drained_after(rule, above)) }
    }

    pub(super) fn charge(&mut self, rule: &Rule, now: Moment, tokens: u64) {
        let level = self.level(rule, now).saturating_add(units(rule, tokens));
        self.set(now, level);
    }

    pub(super) fn charge_what_fits(&mut self, rule: &Rule, now: Moment, tokens: u64) {
        let level = self.level(rule, now);
        let filled = level.saturating_add(units(rule, tokens)).min(units(rule, rule.capacity));
        self.set(now, level.max(filled));
    }

    pub(super) fn give_back(&mut self, rule: &Rule, now: Moment, tokens: u64) {
        let level = self.level(rule, now).saturating_sub(units(rule, tokens));
        self.set(now, level);
    }

    pub(super) fn is_over(&self, rule: &Rule, now: Moment) -> bool {
        self.level(rule, now) > units(rule, rule.capacity)
    }

    pub(super) fn is_empty(&self, rule: &Rule, now: Moment) -> bool {
        self.level(rule, now) == 0
    }

    pub(super) fn gauge(&self, rule: &Rule, now: Moment) -> Gauge {
        let level = self.level(rule, now);
        let used = divided_up(level, rule.window);
        let reset = drained_after(rule, level);
        Gauge { limit: rule.limit().value, used, remaining: left(rule.capacity, used), reset }
    }

    fn level(&self, rule: &Rule, now: Moment) -> u128 {
        let level = u128::from(self.high) << 64 | u128::from(self.low);
        let passed = now.0.saturating_sub(self.at);
        level.saturating_sub(u128::from(passed) * u128::from(rule.refill()))
    }

    fn set(&mut self, now: Moment, level: u128) {
        *self = Level { at: now.0, high: (level >> 64) as u64, low: level as u64 };
    }
}

/// At most 10¹⁵ tokens of at most 4·10¹⁶ ns each.
fn units(rule: &Rule, tokens: u64) -> u128 {
    u128::from(tokens) * u128::from(rule.window)
}

/// The first whole nanosecond at which so much has drained.
fn drained_after(rule: &Rule, units: u128) -> Span {
    Span(divided_up(units, rule.refill()))
}

/// Rounded up. Most levels fit 64 bits, where division is ten times as fast.
fn divided_up(units: u128, by: u64) -> u64 {
    match u64::try_from(units) {
        Ok(units) => units.div_ceil(by),
        Err(_) => u64::try_from(units.div_ceil(u128::from(by))).unwrap_or(u64::MAX),
    }
}
