//! Stages of a closed loop: users who wait for their answer before they ask again.

use floodline_core::plan::UserStage;
use floodline_core::schedule::Phase;
use floodline_core::time::Span;
use floodline_core::users::{Asks, Little, TimeLaw};

use super::{Findings, drawn};
use crate::written::{At, ByRate, Either, Place, Population, Stage, UsersForm};

/// A stage of users.
pub(super) fn stage(
    stage: &Stage,
    length: Option<Span>,
    phase: Phase,
    findings: &mut Findings<'_>,
) -> Option<UserStage> {
    let think = stage.think.as_ref().map(|form| drawn::time(form, "`think`", findings));
    let iterations = stage.iterations.as_ref().map(|form| match drawn::asks(form, findings) {
        Some(Asks::Exactly(iterations)) => Some(iterations),
        Some(Asks::Uniform { .. } | Asks::Geometric { .. }) => {
            findings
                .problem(form.place(), "users all ask equally often")
                .with_help("write a number such as 20; sessions can draw theirs: {sessions: 2/s, iterations: {geometric: 5}}");
            None
        }
        None => None,
    });
    let thinking = think.flatten();
    let (population, little) = match form(stage)? {
        Either::Single(written) => (some_users(findings.read_one(written)?, written.place, findings)?, None),
        Either::Other(by_rate) => {
            let (users, little) = by_law(by_rate, thinking, findings)?;
            (Population { from: None, users }, Some(little))
        }
    };
    if think.is_some() && thinking.is_none() || iterations == Some(None) {
        return None;
    }
    let Population { from, users } = population;
    Some(UserStage {
        from,
        think: thinking,
        iterations: iterations.flatten(),
        little,
        ..UserStage::new(users, length, phase)
    })
}

/// Whether the number of users changes within the stage.
pub(super) fn is_ramp(stage: &Stage) -> bool {
    match form(stage) {
        // Whether its numbers are right is another question.
        Some(Either::Single(written)) => written.text.contains(".."),
        Some(Either::Other(_)) | None => false,
    }
}

fn form(stage: &Stage) -> Option<&UsersForm> {
    let beside = stage.warmup.as_ref().or(stage.cooldown.as_ref());
    match beside {
        Some(Either::Other(beside)) => beside.value.users.as_ref(),
        Some(Either::Single(_)) | None => stage.users.as_ref(),
    }
}

/// At least one user, at one time or another.
fn some_users(population: Population, place: Place, findings: &mut Findings<'_>) -> Option<Population> {
    if population.users > 0 || population.from.is_some_and(|from| from > 0) {
        return Some(population);
    }
    match place {
        Place::Argument(name) => findings.problem(Place::Nowhere, format!("{name} must be above zero")),
        place => findings.problem(place, "`users` must be above zero"),
    };
    None
}

/// As many users as Little's law wants.
fn by_law(
    At { value: by_rate, place }: &At<ByRate>,
    think: Option<TimeLaw>,
    findings: &mut Findings<'_>,
) -> Option<(u32, Little)> {
    let rate = findings.above_zero(&by_rate.for_rate, "`for_rate`");
    let latency = findings.above_zero(&by_rate.latency, "`latency`");
    for (key, given, such_as) in [
        ("for_rate", by_rate.for_rate.is_some(), "for_rate: 50/s"),
        ("latency", by_rate.latency.is_some(), "latency: 5s"),
    ] {
        if !given {
            findings
                .problem(*place, format!("`{key}` is missing: users follow from a rate and a latency"))
                .with_help(format!("add {such_as}"));
        }
    }
    let little =
        Little { rate: rate?, latency: latency?, think: think.map_or(Span::ZERO, |think| think.mean()) };
    let users = little.users();
    if users.is_none() {
        findings
            .problem(*place, "this takes more users than can be counted")
            .with_help("lower the rate or the latency");
    }
    users.map(|users| (users, little))
}
