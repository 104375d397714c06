//! An exact sliding window: a list of what was charged when.

use std::collections::VecDeque;

use floodline_core::limits::Gauge;
use floodline_core::{Moment, Span};

use super::meter::{Room, left};
use super::rule::Rule;

/// The most entries that are kept of one subject. What comes beyond them is joined with the last and counted from then
/// on, so that never too much is admitted.
const MOST: usize = 65_536;

/// What is in reach, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
    /// Their sum.
    total: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: u64,
    tokens: u64,
}

impl Log {
    pub(super) fn room(&mut self, rule: &Rule, now: Moment, asked: u64) -> Room {
        if asked > rule.capacity {
            return Room::Never;
        }
        self.forget(rule, now);
        let mut above = self.total.saturating_add(asked).saturating_sub(rule.capacity);
        if above == 0 {
            return Room::Fits;
        }
        let freed = self.entries.iter().find(|entry| {
            above = above.saturating_sub(entry.tokens);
            above == 0
        });
        let until = freed.map_or(now.0, |entry| entry.at.saturating_add(rule.window));
        Room::In(Span(until.saturating_sub(now.0)))
    }

    pub(super) fn charge(&mut self, rule: &Rule, now: Moment, tokens: u64) {
        self.forget(rule, now);
        if tokens == 0 {
            return;
        }
        self.total = self.total.saturating_add(tokens);
        let full = self.entries.len() >= MOST;
        match self.entries.back_mut() {
            Some(last) if last.at == now.0 || full => {
                *last = Entry { at: now.0, tokens: last.tokens.saturating_add(tokens) };
            }
            _ => self.entries.push_back(Entry { at: now.0, tokens }),
        }
    }

    /// The newest that fill the window are kept: with them it is as full as with all.
    pub(super) fn charge_what_fits(&mut self, rule: &Rule, now: Moment, tokens: u64) {
        let most = self.total.max(rule.capacity);
        self.charge(rule, now, tokens);
        while self.total > most {
            let Some(first) = self.entries.front_mut() else { return };
            let cut = first.tokens.min(self.total - most);
            first.tokens -= cut;
            self.total -= cut;
            if first.tokens == 0 {
                self.entries.pop_front();
            }
        }
    }

    pub(super) fn give_back(&mut self, rule: &Rule, now: Moment, charged_at: Moment, tokens: u64) {
        self.forget(rule, now);
        // One that is not there any more was forgotten, or joined with the last.
        let place = self.entries.partition_point(|entry| entry.at < charged_at.0);
        let Some(entry) = self.entries.get_mut(place) else { return };
        if entry.at == charged_at.0 || place + 1 == MOST {
            let back = tokens.min(entry.tokens);
            entry.tokens -= back;
            self.total -= back;
        }
    }

    pub(super) fn is_over(&mut self, rule: &Rule, now: Moment) -> bool {
        self.forget(rule, now);
        self.total > rule.capacity
    }

    pub(super) fn is_empty(&self, rule: &Rule, now: Moment) -> bool {
        self.entries.back().is_none_or(|last| last.at.saturating_add(rule.window) <= now.0)
    }

    pub(super) fn gauge(&self, rule: &Rule, now: Moment) -> Gauge {
        let first = self.entries.partition_point(|entry| entry.at.saturating_add(rule.window) <= now.0);
        let gone: u64 = self.entries.iter().take(first).map(|entry| entry.tokens).sum();
        let used = self.total - gone;
        let last = self.entries.back().filter(|_| used > 0);
        let until = last.map_or(now.0, |last| last.at.saturating_add(rule.window));
        let reset = Span(until.saturating_sub(now.0));
        Gauge { limit: rule.limit().value, used, remaining: left(rule.capacity, used), reset }
    }

    /// Drops what is a window old.
    fn forget(&mut self, rule: &Rule, now: Moment) {
        while let Some(first) = self.entries.front() {
            if first.at.saturating_add(rule.window) > now.0 {
                return;
            }
            self.total -= first.tokens;
            self.entries.pop_front();
        }
    }
}
