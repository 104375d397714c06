//! What a flight waits for before it is sent, as the plan orders: a place, and room in the budget.

use floodline_core::Outcome;

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
        self.held_since = None;
        if let Some(record) = &mut self.record {
            record.held = Some(place.since.since(asked));
        }
        Ok(Some(place))
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
                    Err(why) if self.failed.is_some() => {
                        // There is no room for the one that stands in: then the request has ended as it had.
                        let (outcome, error) = self.failed.take().unwrap_or((Outcome::NotSent, None));
                        self.spare = None;
                        let error = error.unwrap_or_default();
                        return Err(self.end(outcome, Some(format!("{error} (and the fallback: {why})"))));
                    }
                    Err(why) if self.was_sent() => {
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
        if let (Some(record), Some(waited)) = (&mut self.record, funds.waited) {
            record.held = Some(record.held.unwrap_or_default() + waited);
        }
        Ok(())
    }

    /// Finds room for sending it again, if it has been sent and needs any.
    pub(super) async fn funded_again(&mut self) -> Result<(), Outcome> {
        let again =
            self.was_sent() && self.tab.as_mut().is_some_and(|tab| self.worker.common.ledger.unanswered(tab));
        if again { self.funded(None).await } else { Ok(()) }
    }
}
