//! The counter of one limit for one subject, whichever way it counts.

use floodline_core::limits::Gauge;
use floodline_core::{Moment, Span};

use super::level::Level;
use super::log::Log;
use super::pair::Pair;
use super::rule::{Kind, Rule};
use super::window::Window;

/// A counter: 32 bytes, and the list of a sliding window beside it.
#[derive(Clone, Debug)]
pub(super) enum Meter {
    Level(Level),
    Window(Window),
    Pair(Pair),
    Log(Box<Log>),
    Open(u64),
}

/// Whether a request fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Fits,
    /// It would, after so long.
    In(Span),
    /// It would, when others have ended.
    Unknown,
    /// It is larger than what fits at once.
    Never,
}

impl Meter {
    pub(super) fn new(kind: Kind) -> Meter {
        match kind {
            Kind::Bucket | Kind::Leaky => Meter::Level(Level::default()),
            Kind::Window | Kind::WindowFromFirstHit => Meter::Window(Window::default()),
            Kind::Counter | Kind::Acceleration => Meter::Pair(Pair::default()),
            Kind::Log => Meter::Log(Box::default()),
            Kind::Open => Meter::Open(0),
        }
    }

    /// Whether `asked` more fit.
    pub(super) fn room(&mut self, rule: &Rule, now: Moment, asked: u64) -> Room {
        match self {
            Meter::Level(level) => level.room(rule, now, asked),
            Meter::Window(window) => window.room(rule, now, asked),
            Meter::Pair(pair) => pair.room(rule, now, asked),
            Meter::Log(log) => log.room(rule, now, asked),
            Meter::Open(open) if *open < rule.capacity => Room::Fits,
            Meter::Open(_) => Room::Unknown,
        }
    }

    /// Charges `tokens`, whether they fit or not.
    pub(super) fn charge(&mut self, rule: &Rule, now: Moment, tokens: u64) {
        match self {
            Meter::Level(level) => level.charge(rule, now, tokens),
            Meter::Window(window) => window.charge(rule, now, tokens),
            Meter::Pair(pair) => pair.charge(rule, now, tokens),
            Meter::Log(log) => log.charge(rule, now, tokens),
            Meter::Open(open) => *open = open.saturating_add(tokens),
        }
    }

    /// Charges as many of `tokens` as fit, for a request that is refused: the limit stays full, and does not grow.
    pub(super) fn charge_what_fits(&mut self, rule: &Rule, now: Moment, tokens: u64) {
        match self {
            Meter::Level(level) => level.charge_what_fits(rule, now, tokens),
            Meter::Window(window) => window.charge_what_fits(rule, now, tokens),
            Meter::Pair(pair) => pair.charge_what_fits(rule, now, tokens),
            Meter::Log(log) => log.charge_what_fits(rule, now, tokens),
            Meter::Open(_) => {}
        }
    }

    /// Gives back some of what was charged at a moment, as far as it still counts.
    pub(super) fn give_back(&mut self, rule: &Rule, now: Moment, charged_at: Moment, tokens: u64) {
        match self {
            Meter::Level(level) => level.give_back(rule, now, tokens),
            Meter::Window(window) => window.give_back(rule, now, charged_at, tokens),
            Meter::Pair(pair) => pair.give_back(rule, now, charged_at, tokens),
            Meter::Log(log) => log.give_back(rule, now, charged_at, tokens),
            Meter::Open(open) => *open = open.saturating_sub(tokens),
        }
    }

    /// Whether more is used than there is.
    pub(super) fn is_over(&mut self, rule: &Rule, now: Moment) -> bool {
        match self {
            Meter::Level(level) => level.is_over(rule, now),
            Meter::Window(window) => window.is_over(rule, now),
            Meter::Pair(pair) => pair.is_over(rule, now),
            Meter::Log(log) => log.is_over(rule, now),
            Meter::Open(open) => *open > rule.capacity,
        }
    }

    /// Whether it is as one that never counted anything.
    pub(super) fn is_empty(&self, rule: &Rule, now: Moment) -> bool {
        match self {
            Meter::Level(level) => level.is_empty(rule, now),
            Meter::Window(window) => window.is_empty(rule, now),
            Meter::Pair(pair) => pair.is_empty(rule, now),
            Meter::Log(log) => log.is_empty(rule, now),
            Meter::Open(open) => *open == 0,
        }
    }

    /// Where it stands.
    pub(super) fn gauge(&self, rule: &Rule, now: Moment) -> Gauge {
        match self {
            Meter::Level(level) => level.gauge(rule, now),
            Meter::Window(window) => window.gauge(rule, now),
            Meter::Pair(pair) => pair.gauge(rule, now),
            Meter::Log(log) => log.gauge(rule, now),
            Meter::Open(open) => Gauge {
                limit: rule.capacity,
                used: *open,
                remaining: left(rule.capacity, *open),
                reset: Span::ZERO,
            },
        }
    }
}

/// What is left, below zero if more was used.
pub(super) fn left(capacity: u64, used: u64) -> i64 {
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    if used <= capacity { signed(capacity - used) } else { -signed(used - capacity) }
}
