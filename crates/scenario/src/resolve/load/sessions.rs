//! Stages of sessions: users who arrive at a rate, ask a few times, and leave.

use floodline_core::plan::SessionStage;
use floodline_core::schedule::{Phase, Stage as RateStage};
use floodline_core::time::Span;
use floodline_core::users::Visit;

use super::open;
use super::{Findings, drawn};
use crate::written::{At, Either, Stage};

/// A stage of one rate of sessions.
pub(super) fn stage(
    At { value: stage, place }: &At<Stage>,
    length: Option<Span>,
    phase: Phase,
    findings: &mut Findings<'_>,
) -> Option<SessionStage> {
    let beside = stage.warmup.as_ref().or(stage.cooldown.as_ref());
    let written = match beside {
        Some(Either::Other(beside)) => beside.value.sessions.as_ref(),
        Some(Either::Single(_)) | None => stage.sessions.as_ref(),
    };
    let shape = open::pace(written?, stage, length, findings);
    let spread = open::spread(stage, findings);
    if stage.iterations.is_none() && stage.stay.is_none() {
        findings.problem(*place, "these sessions would never leave").with_help(
            "say how often each asks, such as iterations: 5, or how long it stays, such as stay: 5m",
        );
        return None;
    }
    let iterations = stage.iterations.as_ref().map(|form| drawn::asks(form, findings));
    let stay = stage.stay.as_ref().map(|form| drawn::time(form, "`stay`", findings));
    let think = stage.think.as_ref().map(|form| drawn::time(form, "`think`", findings));
    if iterations == Some(None) || stay == Some(None) || think == Some(None) {
        return None;
    }
    let arrivals = RateStage { shape: shape?, spread: spread?, phase };
    let visit = Visit { iterations: iterations.flatten(), stay: stay.flatten(), think: think.flatten() };
    Some(SessionStage { arrivals, visit })
}
