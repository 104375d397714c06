//! This window's count and the last one's: the two-window approximation of a sliding window, and acceleration.

use floodline_core::limits::Gauge;
use floodline_core::{Moment, Span};

use super::meter::{Room, left};
use super::rule::{Kind, Rule};
use super::window::{elapsed, ends_in, number};

/// Counts of the window `number` and of the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pair {
    number: u64,
    current: u64,
    previous: u64,
}

impl Pair {
    pub(super) fn room(&self, rule: &Rule, now: Moment, asked: u64) -> Room {
        let pair = self.at(rule, now);
        if rule.kind() == Kind::Acceleration {
            let fits = pair.current.saturating_add(asked) <= pair.allowed(rule);
            return if fits { Room::Fits } else { Room::In(ends_in(rule, now)) };
        }
        if asked > rule.capacity {
            return Room::Never;
        }
        let gone = elapsed(rule, now);
        if pair.weighed(rule, gone) + units(rule, asked) <= units(rule, rule.capacity) {
            return Room::Fits;
        }
        // The count sinks in this window as the last one leaves, and in the next as this one does.
        let here = fits_from(rule, pair.previous, pair.current.saturating_add(asked));
        let wait = match here {
            Some(from) => from.saturating_sub(gone),
            None => (rule.window - gone)
                .saturating_add(fits_from(rule, pair.current, asked).unwrap_or(rule.window)),
        };
        Room::In(Span(wait))
    }

    pub(super) fn charge(&mut self, rule: &Rule, now: Moment, tokens: u64) {
        *self = self.at(rule, now);
        self.current = self.current.saturating_add(tokens);
    }

    pub(super) fn charge_what_fits(&mut self, rule: &Rule, now: Moment, tokens: u64) {
        *self = self.at(rule, now);
        let most = if rule.kind() == Kind::Acceleration { self.allowed(rule) } else { rule.capacity };
        self.current = self.current.max(self.current.saturating_add(tokens).min(most));
    }

    pub(super) fn give_back(&mut self, rule: &Rule, now: Moment, charged_at: Moment, tokens: u64) {
        *self = self.at(rule, now);
        match self.number - number(rule, charged_at).min(self.number) {
            0 => self.current = self.current.saturating_sub(tokens),
            1 => self.previous = self.previous.saturating_sub(tokens),
            _ => {}
        }
    }

    pub(super) fn is_over(&self, rule: &Rule, now: Moment) -> bool {
        let pair = self.at(rule, now);
        match rule.kind() {
            Kind::Acceleration => pair.current > pair.allowed(rule),
            _ => pair.weighed(rule, elapsed(rule, now)) > units(rule, rule.capacity),
        }
    }

    pub(super) fn is_empty(&self, rule: &Rule, now: Moment) -> bool {
        let pair = self.at(rule, now);
        pair.current == 0 && pair.previous == 0
    }

    pub(super) fn gauge(&self, rule: &Rule, now: Moment) -> Gauge {
        let pair = self.at(rule, now);
        if rule.kind() == Kind::Acceleration {
            let (limit, used) = (pair.allowed(rule), pair.current);
            let reset = if used == 0 { Span::ZERO } else { ends_in(rule, now) };
            return Gauge { limit, used, remaining: left(limit, used), reset };
        }
        let weighed = pair.weighed(rule, elapsed(rule, now)).div_ceil(u128::from(rule.window));
        let used = u64::try_from(weighed).unwrap_or(u64::MAX);
        let reset = match (pair.current, pair.previous) {
            (0, 0) => Span::ZERO,
            (0, _) => ends_in(rule, now),
            _ => ends_in(rule, now) + Span(rule.window),
        };
        Gauge { limit: rule.limit().value, used, remaining: left(rule.capacity, used), reset }
    }

    /// The counts as they are at a moment.
    fn at(&self, rule: &Rule, now: Moment) -> Pair {
        let number = number(rule, now);
        match number.saturating_sub(self.number) {
            0 => *self,
            1 => Pair { number, current: 0, previous: self.current },
            _ => Pair { number, current: 0, previous: 0 },
        }
    }

    /// What the window may hold after the one before.
    fn allowed(&self, rule: &Rule) -> u64 {
        let grown = u128::from(self.previous) * u128::from(rule.percent) / 100;
        rule.capacity.max(u64::try_from(grown).unwrap_or(u64::MAX))
    }

    /// The count in token-nanoseconds, the last window's by the share of it that is still in reach.
    fn weighed(&self, rule: &Rule, gone: u64) -> u128 {
        let reach = rule.window.saturating_sub(gone);
        units(rule, self.current) + u128::from(self.previous) * u128::from(reach)
    }
}

/// The first nanosecond of a window, within it, at which `fading` of the window before and `whole` fit together.
fn fits_from(rule: &Rule, fading: u64, whole: u64) -> Option<u64> {
    let room = rule.capacity.checked_sub(whole)?;
    if fading == 0 {
        return Some(0);
    }
    // fading · (window − from) ≤ room · window
    let reach = units(rule, room) / u128::from(fading);
    Some(rule.window.saturating_sub(u64::try_from(reach).unwrap_or(u64::MAX)))
}

fn units(rule: &Rule, tokens: u64) -> u128 {
    u128::from(tokens) * u128::from(rule.window)
}
