//! Another target in place of one that has failed.

use std::sync::Arc;

use floodline_core::Outcome;
use floodline_core::record::AttemptEnd;
use floodline_wire::codec::Codec;

use super::{Flight, Reading, Spare};
use crate::worker::Worker;

impl Flight {
    /// Makes ready for the target that stands in.
    pub(super) fn turn_to(&mut self, spare: &Spare) {
        self.target = spare.target;
        self.codec = codec(&self.worker, &self.reading, spare.target);
        self.streamed = streamed(&self.worker, &self.reading, spare.target);
        if let Some(tab) = &mut self.tab {
            tab.worst = spare.worst;
        }
        if let Some(record) = &mut self.record {
            record.target = self.worker.common.target_names.get(spare.target).cloned();
        }
    }

    /// Keeps what has failed as an attempt, so that another target can be tried.
    pub(super) fn set_aside(&mut self, outcome: Outcome, error: Option<String>) -> Outcome {
        let sent = self.sent.is_some();
        if let Some(record) = &mut self.record {
            record.outcome = outcome;
        }
        if sent {
            self.note_attempt(AttemptEnd::Outcome(outcome));
        }
        if let (Some(record), Some(tab)) = (&mut self.record, &mut self.tab) {
            self.worker.common.ledger.set_aside(record, tab, sent);
            **record = record.renewed();
        }
        (self.sent, self.answer) = (None, None);
        self.failed = Some((outcome, error));
        outcome
    }
}

/// How an answer from a target is read.
pub(super) fn codec(worker: &Worker, reading: &Reading, target: usize) -> Codec {
    match reading {
        Reading::Target => worker.target(target).codec.clone(),
        Reading::Stated(format) => Codec::Own(format.clone()),
        Reading::Anything => Codec::Own(Arc::default()),
    }
}

/// Whether it may be a stream: of answers that are no calls of the API, their content type says so.
pub(super) fn streamed(worker: &Worker, reading: &Reading, target: usize) -> bool {
    worker.target(target).stream || !matches!(reading, Reading::Target)
}

/// Whether another target may do better.
pub(super) fn is_worth_another(outcome: Outcome) -> bool {
    match outcome {
        Outcome::RateLimited
        | Outcome::QuotaExceeded
        | Outcome::Overloaded
        | Outcome::ServerError
        | Outcome::Timeout
        | Outcome::Connection
        | Outcome::Truncated
        | Outcome::Malformed => true,
        Outcome::Ok | Outcome::ClientError | Outcome::CheckFailed | Outcome::Cancelled | Outcome::NotSent => {
            false
        }
    }
}
