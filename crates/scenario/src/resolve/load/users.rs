//! Stages of a closed loop: users who wait for their answer before they ask again.

use floodline_core::plan::UserStage;
use floodline_core::schedule::Phase;
use floodline_core::time::Span;

use super::Findings;
use crate::written::{At, Stage, WarmupForm};

/// A stage of users.
pub(super) fn stage(
    stage: &Stage,
    length: Option<Span>,
    phase: Phase,
    findings: &mut Findings<'_>,
) -> Option<UserStage> {
    let users = match stage.warmup.as_ref() {
        Some(At { value: WarmupForm::Users(users), .. }) => {
            findings.above_zero(&users.clone().into(), "`users`")
        }
        _ => findings.above_zero(&stage.users, "`users`"),
    }?;
    Some(UserStage::new(users, length, phase))
}
