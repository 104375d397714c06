//! The run's events on their way: scrubbed of secrets, folded, written to the journal, shown.

use floodline_core::fold::Fold;
use floodline_core::{Plan, Record, RunEvent, Span};
use floodline_report::terminal::{self, Progress};
use floodline_store::{Journal, StoreError};

use crate::screen::{self, LiveLine};
use crate::scrubber::Scrubber;

/// Takes every event of a run.
pub(crate) struct Recorder {
    fold: Fold,
    journal: Journal,
    live: Option<LiveLine>,
    length: Option<Span>,
    scrubber: Scrubber,
    /// Whether events wait for being written.
    unwritten: bool,
    warned: bool,
}

impl Recorder {
    pub(crate) fn new(journal: Journal, scrubber: Scrubber, live: Option<LiveLine>, plan: &Plan) -> Recorder {
        Recorder {
            fold: Fold::of(plan),
            journal,
            live,
            length: plan.planned_length(),
            scrubber,
            unwritten: false,
            warned: false,
        }
    }

    /// Takes the next event, and gives it back as it was recorded.
    pub(crate) fn take(&mut self, mut event: RunEvent) -> RunEvent {
        match &mut event {
            RunEvent::Ended(record) => self.scrub(record),
            RunEvent::Journey(journey) => {
                if let Some(error) = &mut journey.error {
                    self.scrubber.scrub(error);
                }
            }
            RunEvent::Sampled(_) | RunEvent::Finished(_) => {}
        }
        self.fold.apply(&event);
        self.journal.append(&event);
        self.unwritten = true;
        if matches!(event, RunEvent::Sampled(_)) {
            self.show();
        }
        event
    }

    /// Writes what has come in since the last time.
    pub(crate) fn flush(&mut self) {
        if !std::mem::take(&mut self.unwritten) {
            return;
        }
        if let Err(e) = self.journal.flush()
            && !std::mem::replace(&mut self.warned, true)
        {
            screen::note(&format!("warning: {e}"));
        }
    }

    /// Ends the journal and hands over what was counted, and whether all of it was written.
    pub(crate) fn finish(self) -> (Fold, Result<(), StoreError>) {
        if let Some(live) = &self.live {
            live.clear();
        }
        (self.fold, self.journal.finish())
    }

    fn show(&mut self) {
        let Some(live) = &mut self.live else { return };
        let now = self.fold.live();
        let elapsed = now.at.since(floodline_core::Moment::START);
        let progress = Progress { elapsed, length: self.length };
        live.show(&terminal::live(&now, progress, live.style()));
    }

    /// A server may repeat what it was sent: whatever it says, no secret goes further than this.
    fn scrub(&self, record: &mut Record) {
        for text in [&mut record.error, &mut record.text, &mut record.request_id].into_iter().flatten() {
            self.scrubber.scrub(text);
        }
    }
}
