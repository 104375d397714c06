//! Whether the figures of a trial can be believed, and what can be said all the same where they cannot: late reading does not
//! change who was refused, nor which answers were wrong.

use floodline_core::ceiling::{Bound, By, Depth, Verdict};
use floodline_core::{Moment, Outcome, Span, verdict};

use super::sequential::Side;
use super::watch::Watch;
use super::weigh::Weighed;

impl Watch {
    /// Why the figures cannot be believed, as `code: sentence`; nothing where they can.
    pub(super) fn generator_gave_out(&self) -> Vec<String> {
        let others = ["killed:", "interrupted:", "limit:", "no_ok:", "nothing_sent:"];
        let mut reasons = verdict::judge(&self.plan, &self.fold, &[], self.stamps).reasons;
        reasons.retain(|reason| !others.iter().any(|code| reason.starts_with(code)));
        reasons
    }

    /// Whether who was refused is told rightly for all these reasons: late reading does not change it. Late sending does, where
    /// a rate bunches up by it.
    pub(super) fn is_harmless(&self, reasons: &[String]) -> bool {
        match self.trial.by {
            By::Rate => are_among(reasons, &["generator_lag:"]),
            By::Users => are_among(reasons, &["generator_lag:", "generator_late:"]),
        }
    }

    /// The objective on errors that is surely missed by what the target did, whatever kept the generator busy: by what it
    /// refused alone, or by answers that are wrong whenever they are asked for.
    pub(super) fn missed_anyway(&self, weighed: &Weighed, reasons: &[String]) -> Option<Bound> {
        let refused = self.is_harmless(reasons);
        let wrong = are_among(reasons, &["generator_lag:", "generator_late:"]);
        let missed = |side: Side, counts: bool| counts && side == Side::Above;
        let ok = self.rows.iter().any(|row| row.outcome == Outcome::Ok);
        // A scout passes with any answer.
        let asks = self.trial.depth != Depth::Scout || !ok;
        weighed.bound(|judged| {
            let surely = missed(judged.refused, refused) || missed(judged.wrong, wrong);
            asks && judged.of_errors && surely
        })
    }

    /// What a trial says in which no request ended: nothing, unless answers of an unhurried target would have come long ago.
    pub(super) fn silent(&self, lasted: Span) -> (Verdict, Option<Bound>) {
        let waited = self.due.first().map(|first| (self.from + lasted).since(Moment(*first)));
        match (self.offered(), waited.zip(self.trial.unloaded)) {
            (Some(rate), Some((waited, unloaded))) if self.due.len() > 2 && waited.0 / 8 > unloaded.0 => {
                (Verdict::Failed, Some(Bound::Backlog { grows_per_s: rate }))
            }
            _ => (Verdict::Invalid, Some(Bound::Silence { seconds: lasted.as_secs_f64() })),
        }
    }
}

/// The first of the reasons for which figures cannot be believed, as what bounds the load.
pub(super) fn generator(reasons: Vec<String>) -> Bound {
    Bound::Generator { reason: reasons.into_iter().next().unwrap_or_default() }
}

fn are_among(reasons: &[String], codes: &[&str]) -> bool {
    reasons.iter().all(|reason| codes.iter().any(|code| reason.starts_with(code)))
}
