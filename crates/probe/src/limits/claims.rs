//! What head fields claim of limits: hints where to look, and what is told beside what was measured.

use floodline_core::finding::{Claim, FoundDimension, FoundLimit};

use super::log::Log;

/// What the head fields of answers claim that is admitted.
pub(super) fn of(log: &Log, dimension: FoundDimension) -> Option<i64> {
    log.lines.iter().rev().find_map(|line| {
        let stated = line.answer.as_ref()?.stated.as_ref()?;
        let of_day = |name: &str| stated.also.get(name).copied();
        let quota = match dimension {
            FoundDimension::Rpd if of_day("requests-day").is_some() => of_day("requests-day"),
            FoundDimension::Tpd if of_day("tokens-day").is_some() => of_day("tokens-day"),
            FoundDimension::Rpm | FoundDimension::Rpd => stated.requests,
            FoundDimension::Tpm | FoundDimension::Tpd => stated.tokens,
            FoundDimension::InputTpm => stated.input,
            FoundDimension::OutputTpm => stated.output,
            FoundDimension::Concurrency | FoundDimension::Quota => None,
        };
        quota?.limit
    })
}

/// Limits that are claimed and not among those that were found.
pub(super) fn unmet(log: &Log, found: &[FoundLimit]) -> Vec<Claim> {
    use FoundDimension::{InputTpm, OutputTpm, Rpd, Rpm, Tpd, Tpm};
    // One field for all tokens beside one for each kind repeats the nearest of them.
    let each = of(log, InputTpm).is_some() || of(log, OutputTpm).is_some();
    let asked = [(Rpm, Some(Rpd)), (Tpm, Some(Tpd)), (InputTpm, None), (OutputTpm, None)];
    let asked = asked.into_iter().filter(|(dimension, _)| *dimension != Tpm || !each);
    asked
        .filter(|(dimension, longer)| {
            !found.iter().any(|limit| limit.dimension == *dimension || Some(limit.dimension) == *longer)
        })
        .filter_map(|(dimension, _)| Some(Claim { dimension, value: of(log, dimension)? }))
        .collect()
}
