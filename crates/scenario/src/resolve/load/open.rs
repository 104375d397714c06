//! Stages of an open loop: requests at a rate, whatever the target does.

use floodline_core::Rate;
use floodline_core::schedule::{Phase, Stage as RateStage};
use floodline_core::time::Span;

use super::Findings;
use crate::written::{At, Place, Scalar, Stage, WarmupForm};

/// A stage of one rate.
pub(super) fn stage(
    stage: &Stage,
    length: Option<Span>,
    phase: Phase,
    findings: &mut Findings<'_>,
) -> Option<RateStage> {
    let rate = rate(stage, findings)?;
    let spread = findings.read(&stage.arrivals).unwrap_or_default();
    Some(RateStage { rate, length, spread, phase })
}

fn rate(stage: &Stage, findings: &mut Findings<'_>) -> Option<Rate> {
    if let Some(At { value: WarmupForm::Rate(rate), place }) = stage.warmup.as_ref() {
        let rate = match rate.place {
            Place::Nowhere => Scalar::new(&rate.text, *place),
            _ => rate.clone(),
        };
        return paceable(&rate, findings);
    }
    paceable(stage.hold.as_ref()?, findings)
}

/// Requests per second that one process could come near to; more would only be late.
const FASTEST: u64 = 1_000_000;

/// A rate at which requests can be sent at their times.
pub(super) fn paceable(written: &Scalar<Rate>, findings: &mut Findings<'_>) -> Option<Rate> {
    let rate = findings.read_one(written)?;
    let nanoseconds = u128::from(rate.count) * u128::from(Span::from_secs(1).0);
    if nanoseconds > u128::from(FASTEST) * u128::from(rate.per.0) {
        findings
            .problem(
                written.place,
                format!("{rate} is faster than requests can be paced: at most {FASTEST}/s"),
            )
            .with_help("lower the rate, or share it among several runs on several machines");
        return None;
    }
    Some(rate)
}
