//! What a flight waits for before it is sent, as the plan orders: a place, and room in the budget.

use floodline_core::{Moment, Outcome, Span};

use super::{Flight, UNANSWERED};
use crate::admission::{Pass, Place};
use crate::ledger::Funds;

impl Flight {
    /// Waits as the plan orders, and keeps on record for how long; ends the flight if the run is to send nothing
    /// new before its turn comes.
    pub(super) async fn admitted(&mut self, pass: Pass) -> Result<Option<Place>, Outcome> {
        let (asked, grant) = match pass {
            Pass::Free => return Ok(None),
            Pass::Place(place) => return Ok(Some(place)),
            Pass::Wait(asked, grant) => (asked, grant),
        };
        self.held_since = Some(asked);
        let worker = self.worker.clone();
        let granted = tokio::select! {
            biased;
            () = worker.drains() => None,
            granted = grant => granted.ok(),
        };
        let Some(place) = granted else {
            return Err(self.end(Outcome::NotSent, Some("the run ended while it was held".into())));
        };
        self.let_go(place.since);
        Ok(Some(place))
    }

    /// It waited so long for what the plan ordered.
    pub(super) fn was_held(&mut self, took: Span) {
        if let Some(record) = &mut self.record {
            record.held = Some(record.held.unwrap_or_default() + took);
        }
    }

    /// It is held no longer, if it was.
    pub(super) fn let_go(&mut self, at: Moment) {
        if let Some(since) = self.held_since.take() {
            self.was_held(at.since(since));
        }
    }

    /// Waits for room in the run's budget, unless it has been found before; ends the flight if there is none. What was
    /// sent before on a kept connection, and never answered, is no arrival left unsent.
    pub(super) async fn funded(&mut self, funds: Option<Funds>) -> Result<(), Outcome> {
        let Some(worst) = self.tab.as_ref().map(|tab| tab.worst) else { return Ok(()) };
        let worker = self.worker.clone();
        let funds = match funds {
            Some(funds) => funds,
            None => {
                self.held_since = Some(worker.clock.now());
                match worker.fund(worst).await {
                    Ok(funds) => funds,
                    // There is no room for another attempt: then the request has ended as the one before.
                    Err(why) if self.again.standing.is_some() => {
                        return Err(self.end_as_it_stands(&format!("not tried again: {why}")));
                    }
                    Err(why) if self.stale => {
                        let why = format!("{UNANSWERED}, and it could not be sent again: {why}");
                        return Err(self.end(Outcome::Connection, Some(why)));
                    }
                    Err(why) => return Err(self.end(Outcome::NotSent, Some(why))),
                }
            }
        };
        self.held_since = None;
        if let Some(tab) = &mut self.tab {
            tab.reservation = funds.reservation;
        }
        if let Some(waited) = funds.waited {
            self.was_held(waited);
        }
        Ok(())
    }

    /// Finds room for sending it on a new connection, if it was sent on a kept one and needs any.
    pub(super) async fn funded_again(&mut self) -> Result<(), Outcome> {
        let (Some(record), Some(tab), true) = (&mut self.record, &mut self.tab, self.stale) else {
            return Ok(());
        };
        if self.worker.common.ledger.unanswered(record, tab) { self.funded(None).await } else { Ok(()) }
    }
}
