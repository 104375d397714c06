//! One request of a rehearsal, from its being due to its record.

use floodline_core::arrivals::{Arrival, Arrivals};
use floodline_core::limits::Dimension;
use floodline_core::record::{Attempt, AttemptEnd, TokenSource};
use floodline_core::retry::{Dimension as Stated, Refusal, Why};
use floodline_core::{Finish, Moment, Outcome, Phase, Record, Span};

use crate::limits::Ticket;

/// A request that has not ended. Its moments are the provider's, not the run's.
#[derive(Debug)]
pub(super) struct Flight {
    i: u64,
    pub(super) user: Option<u32>,
    phase: Phase,
    scheduled: Moment,
    sent: Moment,
    pub(super) prompt: u32,
    pub(super) output: u32,
    pub(super) ticket: Option<Ticket>,
    pub(super) outcome: Outcome,
    refusal: Option<Refusal>,
    /// Tokens that have come.
    pub(super) told: u32,
    arrivals: Vec<(Moment, u32)>,
}

impl Flight {
    pub(super) fn new(
        i: u64,
        user: Option<u32>,
        phase: Phase,
        (scheduled, sent): (Moment, Moment),
        (prompt, output): (u32, u32),
    ) -> Flight {
        Flight {
            i,
            user,
            phase,
            scheduled,
            sent,
            prompt,
            output,
            ticket: None,
            outcome: Outcome::Cancelled,
            refusal: None,
            told: 0,
            arrivals: Vec::new(),
        }
    }

    /// It is refused; by which limit, where one did it.
    pub(super) fn refuse(&mut self, outcome: Outcome, dimension: Option<Dimension>) {
        self.outcome = outcome;
        let by = dimension.map(|dimension| match dimension {
            Dimension::Requests => Stated::Rpm,
            Dimension::Tokens => Stated::Tpm,
            Dimension::InputTokens => Stated::InputTpm,
            Dimension::OutputTokens => Stated::OutputTpm,
            Dimension::Concurrency => Stated::Concurrency,
        });
        self.refusal = match by {
            Some(by) => Some(Refusal::of(Why::RateLimited, by)),
            None => Refusal::by_outcome(outcome),
        };
    }

    /// So many tokens arrived.
    pub(super) fn tokens(&mut self, at: Moment, count: u32) {
        self.told = self.told.saturating_add(count);
        self.arrivals.push((at, count));
    }

    /// What is kept of it; it ended at `at`, and the run had begun at `base`.
    pub(super) fn record(self, base: Moment, at: Moment) -> Record {
        let own = |moment: Moment| Moment::START + moment.since(base);
        let mut arrivals = Arrivals::default();
        for (at, events) in &self.arrivals {
            arrivals.push(Arrival { at: own(*at), events: *events, lag: Span::ZERO });
        }
        let status = match self.outcome {
            Outcome::Ok => Some(200),
            Outcome::RateLimited => Some(429),
            Outcome::Overloaded => Some(503),
            _ => None,
        };
        let end = AttemptEnd::Outcome(self.outcome);
        let attempt =
            Attempt { refusal: self.refusal, ..Attempt::new(Some(own(self.sent)), own(at), end, status) };
        let mut record = Record::planned(self.i, self.phase, "rehearsed".into(), own(self.scheduled));
        let answered = self.outcome == Outcome::Ok;
        record.sent = Some(own(self.sent));
        record.first_token = arrivals.first();
        record.first_content = arrivals.first();
        record.last = Some(own(at));
        record.outcome = self.outcome;
        record.status = status;
        record.finish = answered.then_some(Finish::Length);
        record.input_tokens = Some(self.prompt);
        record.output_tokens = answered.then_some(self.told);
        record.token_source = answered.then_some(TokenSource::Usage);
        record.attempts = vec![attempt];
        record.late = Some(self.sent.since(self.scheduled));
        record.max_gap = self.arrivals.windows(2).map(|pair| pair[1].0.since(pair[0].0)).max();
        record.arrivals = arrivals;
        record
    }
}
