//! For how long a trial goes on: until a limiter has shown its ways, until what came before is forgotten, and until what is in
//! flight has ended.

use floodline_core::ceiling::By;
use floodline_core::{Moment, Span};

use super::watch::Watch;
use super::weigh::Weighed;

/// A limiter's window is waited for at least this long: most are a minute, and two of them show it.
pub(super) const WINDOW: Span = Span::from_secs(130);
/// So many refused requests in a row are a window's end, not a bucket's trickle.
const WINDOW_LIKE: u64 = 20;
/// What is in flight when the load has told enough is waited for at least and at most this long.
const DRAIN: (Span, Span) = (Span::from_secs(2), Span::from_secs(30));

impl Watch {
    /// Whether what refusals say is not to be believed yet.
    pub(super) fn waits(&self, weighed: &Weighed, now: Moment, elapsed: Span) -> bool {
        self.undecided(weighed, elapsed) || self.learning(weighed, now) || self.recovering(weighed, now)
    }

    /// Whether refusals may still be the echo of what was sent before the trial, or have shown no whole cycle yet. Where most
    /// requests are admitted, only time tells.
    fn undecided(&self, weighed: &Weighed, elapsed: Span) -> bool {
        if self.trial.flood.is_none() || weighed.pattern.first.is_none() {
            return false;
        }
        let few = self.trial.even && weighed.refused_share() < 0.2;
        let early = elapsed < Span(self.trial.memory.0 + self.trial.memory.0 / 10).min(WINDOW);
        early || (few || weighed.pattern.cycles.is_none()) && elapsed < self.longest_for_window(weighed)
    }

    /// Whether a flood before has used up an allowance that has not come back yet.
    fn recovering(&self, weighed: &Weighed, now: Moment) -> bool {
        let patience = match self.stated_wait {
            // Twice as long as the provider says, in case that it counts the refusals.
            Some(stated) => self.longest.max(stated + stated),
            None => self.longest.max(WINDOW),
        };
        weighed.recovering && now.since(self.from) < patience
    }

    /// Whether it stays to learn a limiter's ways.
    pub(super) fn learning(&self, weighed: &Weighed, now: Moment) -> bool {
        let pattern = &weighed.pattern;
        let Some((first, _)) = pattern.first.filter(|_| self.trial.learn) else { return false };
        let cycles = pattern.cycles.map_or(0, |cycles| cycles.count);
        let even = pattern.cycles.is_some_and(|cycles| cycles.are_even());
        let like_window = pattern.longest_refusal >= WINDOW_LIKE;
        let window = cycles >= 1 && like_window && pattern.longest_run.is_some_and(|run| run >= 10);
        let learned = window || (cycles >= 40 && even);
        let patience = if like_window { self.longest.max(WINDOW) } else { self.longest };
        !learned && now.since(first) < patience
    }

    /// A run of so many requests without a refusal takes its time.
    pub(super) fn longest_for_window(&self, weighed: &Weighed) -> Span {
        let span = self.rows.last().map_or(1.0, |row| row.over.since(self.from).as_secs_f64());
        let per_s = match self.trial.by {
            By::Rate => self.trial.load,
            By::Users => self.rows.len() as f64 / span.max(1e-3),
        };
        let seconds = weighed.needed(self.trial.clean) as f64 / per_s.max(1e-6);
        let longest = self.longest.max(WINDOW);
        let window = Span((seconds * 2e9).min(1e18) as u64)
            .max(weighed.memory())
            .max(self.trial.memory + self.trial.memory);
        self.longest.max(window).min(longest + longest)
    }

    pub(super) fn patience(&self, now: Moment, elapsed: Span) -> Moment {
        // Of answers of which none has come yet, nobody knows how long they take.
        if self.rows.is_empty() {
            return now + DRAIN.1;
        }
        let slowest = self.rows.iter().filter_map(|row| row.latency).fold(0.0, f64::max);
        let wait = Span((slowest * 1.5e6) as u64).max(DRAIN.0).min(DRAIN.1).min(elapsed.max(DRAIN.0));
        now + wait
    }
}
