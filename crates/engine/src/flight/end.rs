//! The end of an attempt, and that of its request.

use floodline_core::Outcome;
use floodline_core::journey::Answered;
use floodline_core::record::AttemptEnd;

use super::{Flight, Reading, judge};
use crate::answer::Judged;
use crate::counter::ToCount;
use crate::socket::Socket;
use crate::worker::Ended;

impl Flight {
    /// Ends with whatever the answer says, complete or cut; keeps the connection if it may be used again.
    pub(super) async fn answered(
        &mut self,
        complete: bool,
        socket: Option<Socket>,
        broke: Option<std::io::Error>,
    ) -> Outcome {
        let is_judged = self.is_judged();
        let (Some(answer), Some(record)) = (self.answer.take(), &mut self.record) else {
            return Outcome::Cancelled;
        };
        let Judged { outcome, error, refusal, reusable, mut to_count, said, heard } =
            answer.finish(complete, record);
        let seen = is_judged.then(|| judge::answered(outcome, record, self.sent, said.as_deref(), heard));
        self.again.refusal = refusal;
        let by_program = self.worker.common.hooks.as_ref().is_some_and(|hooks| hooks.hook.after);
        self.whole = complete && !by_program;
        if self.worker.common.keep_text {
            record.text = said.map(|said| said.text);
        }
        if let Some(socket) = socket.filter(|_| reusable) {
            self.worker.put_idle(self.target, socket);
        }
        if let (Some(seen), true) = (&seen, outcome == Outcome::Ok) {
            self.found = Some((outcome, to_count));
            let judged = self.judged(seen).await;
            to_count = self.found.take().and_then(|(_, to_count)| to_count);
            if let Err(why) = judged {
                self.refused = Some(Box::new(seen.clone()));
                return self.close(Outcome::CheckFailed, Some(why), to_count);
            }
        }
        self.refused = seen.filter(|_| outcome != Outcome::Ok).map(Box::new);
        let error = match (error, broke) {
            (Some(error), Some(broke)) => Some(format!("{error} ({broke})")),
            (error, _) => error,
        };
        self.close(outcome, error, to_count)
    }

    /// What those who judge the answer have against it.
    async fn judged(&mut self, answered: &Answered) -> Result<(), String> {
        if let Some(judge) = self.judge.take() {
            judge(answered)?;
        }
        self.approved(answered).await
    }

    /// Ends without a whole answer.
    pub(super) fn end(&mut self, outcome: Outcome, error: Option<String>) -> Outcome {
        let to_count = match (self.answer.take(), &mut self.record) {
            (Some(answer), Some(record)) => answer.give_up(record),
            _ => None,
        };
        self.close(outcome, error, to_count)
    }

    fn close(&mut self, outcome: Outcome, mut error: Option<String>, to_count: Option<ToCount>) -> Outcome {
        // What a request of its own brings is no model's, unless the scenario says where that stands.
        let to_count = to_count.filter(|_| !matches!(self.reading, Reading::Anything));
        // Whoever leaves asks for no other attempt; but breaker and budget hear of the end of the one that was out.
        let next = self.decide(outcome, &mut error).filter(|_| !self.left);
        if self.sent.is_some() || !matches!(outcome, Outcome::NotSent | Outcome::Cancelled) {
            self.note_attempt(AttemptEnd::Outcome(outcome));
        }
        match next {
            Some(next) => self.set_aside(outcome, error, to_count, next),
            None => self.conclude(outcome, error, to_count),
        }
    }

    /// Ends the request.
    pub(super) fn conclude(
        &mut self,
        outcome: Outcome,
        error: Option<String>,
        to_count: Option<ToCount>,
    ) -> Outcome {
        let now = self.worker.clock.now();
        let (sent, worker) = (self.sent, self.worker.clone());
        self.let_go(now);
        if let Some(record) = &mut self.record {
            self.error.clone_from(&error);
            record.outcome = outcome;
            record.error = error;
            let last = *record.last.get_or_insert(now);
            let judged = matches!(outcome, Outcome::Ok | Outcome::CheckFailed);
            self.over = Some(if self.whole && judged { last } else { now });
        }
        if let (Some(mut record), Some(tab)) = (self.record.take(), self.tab.take()) {
            let unstated = matches!(to_count, Some(ToCount::Unstated(_)));
            worker.common.ledger.settle(&mut record, tab, sent.is_some(), unstated);
            let sendings = self.again.newly_over(&record);
            worker.ended(
                Ended { record, to_count, earlier: std::mem::take(&mut self.again.earlier) },
                sendings,
            );
        }
        outcome
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some((outcome, to_count)) = self.found.take() {
            self.close(outcome, None, to_count);
        }
        if self.again.standing.is_some() {
            self.end_as_it_stands("the run ended before it was tried again");
        }
        if let Some(record) = &self.record {
            let (outcome, why) = match self.sent.or(record.sent) {
                Some(_) => (Outcome::Cancelled, "given up when the run ended"),
                None if self.held_since.is_some() => (Outcome::NotSent, "the run ended while it was held"),
                None => (Outcome::NotSent, "the run ended before it was sent"),
            };
            self.end(outcome, Some(why.into()));
        }
    }
}
