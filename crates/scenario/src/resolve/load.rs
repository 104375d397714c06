//! The load: stages of rates, of users or of sessions, or a recorded trace.
//!
//! Here: what kind each stage is, whether they go together, in what order, and how long each lasts. What a
//! stage of a kind says is read by the module of that kind.

mod drawn;
mod kind;
mod open;
mod sessions;
mod users;

use floodline_core::plan::Load;
use floodline_core::schedule::Phase;
use floodline_core::time::Span;

use super::findings::Findings;
use super::replay;
use crate::written::{At, Either, Given, OneOrMany, Place, Scalar, Stage};
use kind::{Kind, Way};

pub(super) use drawn::time;

/// How long is measured when neither a length nor a number of requests is given.
const USUAL_LENGTH: Span = Span::from_secs(30);

/// The load of a scenario that gives none: one user.
pub(crate) fn default_stages() -> OneOrMany<At<Stage>> {
    let users = Either::Single(Scalar::new(1, Place::Nowhere));
    let stage = Stage { users: users.into(), ..Stage::default() };
    OneOrMany(vec![At { value: stage, place: Place::Nowhere }])
}

pub(crate) fn resolve(
    written: Option<OneOrMany<At<Stage>>>,
    seed: u64,
    findings: &mut Findings<'_>,
) -> Option<Load> {
    let OneOrMany(stages) = written.unwrap_or_else(default_stages);
    let kinds: Vec<Option<Kind>> = stages.iter().map(|stage| Kind::of(stage, findings)).collect();
    let kinds: Vec<Kind> = kinds.into_iter().collect::<Option<_>>()?;
    let way = kind::of_all(&stages, &kinds, findings)?;
    stages.iter().for_each(|stage| misplaced(&stage.value, way, findings));
    if way == Way::Replay {
        return replay::resolve(&stages[0].value, seed, findings)
            .map(|replay| Load::Replay(Box::new(replay)));
    }
    if let Some(pause) = all_pauses(&stages, &kinds) {
        findings
            .problem(pause, "the load is all pause: nothing would be measured")
            .with_help("add a stage such as {hold: 20/s, for: 1m}");
        return None;
    }
    let requests = requests(&stages, &kinds, findings);
    let lengths: Vec<Option<Span>> = stages
        .iter()
        .zip(&kinds)
        .enumerate()
        .map(|(i, (stage, kind))| {
            let may_be_open = i + 1 == stages.len() && kind.phase == Phase::Main;
            length(stage, way, may_be_open, findings)
        })
        .collect();
    let stages = stages.iter().zip(&kinds).zip(lengths).map(|((stage, kind), length)| (stage, kind, length));
    match way {
        Way::Rate | Way::Replay => {
            let mut before = None;
            let stages = stages.map(|(stage, kind, length)| {
                let resolved = open::stage(stage, length, kind.phase, before, findings)?;
                before = open::end_rate(&resolved, before);
                Some(resolved)
            });
            all(stages).map(|stages| Load::Open { stages, requests })
        }
        Way::Users => {
            let stages =
                stages.map(|(stage, kind, length)| users::stage(&stage.value, length, kind.phase, findings));
            all(stages).map(|stages| Load::Closed { stages, requests })
        }
        Way::Sessions => {
            let stages =
                stages.map(|(stage, kind, length)| sessions::stage(stage, length, kind.phase, findings));
            all(stages).map(|stages| Load::Sessions { stages, requests })
        }
    }
}

/// All of them, if none is missing; each is looked at, so that every mistake is found.
fn all<T>(stages: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    stages.collect::<Vec<Option<T>>>().into_iter().collect()
}

/// The first of the pauses, if nothing else is measured.
fn all_pauses(stages: &[At<Stage>], kinds: &[Kind]) -> Option<Place> {
    let mut measured = stages.iter().zip(kinds).filter(|(_, kind)| kind.phase == Phase::Main);
    let first = measured.clone().next()?.0.place;
    measured.all(|(stage, _)| stage.value.pause.is_some()).then_some(first)
}

/// Keys that mean nothing in a stage of this kind.
fn misplaced(stage: &Stage, way: Way, findings: &mut Findings<'_>) {
    if let (Some(place), true) = (replay::first_key(stage), way != Way::Replay) {
        findings.problem(place, "this belongs to a stage with `replay`").with_help("leave it out");
    }
    if let (Way::Users, Some(arrivals)) = (way, stage.arrivals.as_ref()) {
        findings
            .problem(arrivals.place(), "users have no `arrivals`: each asks again when it has its answer")
            .with_help("leave it out, or give a rate: {hold: 20/s, arrivals: poisson}");
    }
    for (place, key, of) in open::out_of_place(stage, way) {
        findings.problem(place, format!("`{key}` belongs to {of}")).with_help("leave it out");
    }
    let think = stage.think.as_ref().map(|think| (think.place(), "think"));
    let iterations = stage.iterations.as_ref().map(|asks| (asks.place(), "iterations"));
    let both = [think, iterations].into_iter().flatten();
    if let (Way::Rate | Way::Replay, Some((place, key))) = (way, both.into_iter().next()) {
        findings
            .problem(place, format!("`{key}` is for users and sessions: here nobody waits for an answer"))
            .with_help(format!(
                "leave it out, or make it users such as {{users: 8, {key}: {}}}",
                if key == "think" { "2s" } else { "20" }
            ));
    }
    if let (Way::Rate | Way::Replay | Way::Users, Some(stay)) = (way, stage.stay.as_ref()) {
        findings
            .problem(stay.place(), "`stay` is for sessions, which arrive and leave")
            .with_help("leave it out, or make it sessions such as {sessions: 2/s, for: 10m, stay: 5m}");
    }
}

/// After how many measured requests the run ends.
fn requests(stages: &[At<Stage>], kinds: &[Kind], findings: &mut Findings<'_>) -> Option<u64> {
    let measured = kinds.iter().filter(|kind| kind.phase == Phase::Main).count();
    let cooldown = kinds.iter().any(|kind| kind.phase == Phase::Cooldown);
    let mut found = None;
    for (stage, kind) in stages.iter().zip(kinds) {
        let given = &stage.value.requests;
        let Some(scalar) = given.as_ref() else { continue };
        match kind.phase {
            Phase::Warmup | Phase::Cooldown => findings
                .problem(scalar.place, format!("a {} has no `requests`", kind.word()))
                .with_help("say how long it lasts: for: 10s"),
            Phase::Main if measured > 1 => {
                findings.problem(scalar.place, "`requests` needs a load of one measured stage").with_help(
                    "say how long each stage lasts with `for`; `limits: {requests: N}` bounds the whole run",
                )
            }
            Phase::Main if cooldown => findings
                .problem(scalar.place, "`requests` ends the load, so that its cool-down would never come")
                .with_help("say how long the stage lasts with `for`, or leave the cool-down out"),
            Phase::Main => found = findings.above_zero(given, "`requests`"),
        }
    }
    found
}

/// How long a stage lasts; only the last one may leave it open.
fn length(
    At { value: stage, place }: &At<Stage>,
    way: Way,
    may_be_open: bool,
    findings: &mut Findings<'_>,
) -> Option<Span> {
    let is_ramp = match way {
        Way::Users => users::is_ramp(stage),
        Way::Rate | Way::Sessions => open::is_ramp(stage),
        Way::Replay => false,
    };
    if is_ramp {
        return length_of_ramp(stage, *place, findings);
    }
    if let Some(over) = stage.over.as_ref() {
        findings
            .problem(over.place, "`over` is for a ramp, and this stage does not change")
            .with_help("say how long it lasts with `for`, or make it a ramp: {ramp: 1/s..20/s, over: 2m}");
        return None;
    }
    if let (Way::Rate, Some(length)) = (way, stage.length.as_ref())
        && let Some((key, help)) = open::says_all_of_its_length(stage, length.place)
    {
        findings
            .problem(
                length.place,
                format!("`for` does not go with `{key}`, by which the stage has its length"),
            )
            .with_help(help);
        return None;
    }
    let ends_itself = stage.requests.is_some() || way == Way::Users && stage.iterations.is_some();
    match &stage.length {
        Given(Some(_)) => findings.above_zero(&stage.length, "`for`"),
        Given(None) if way == Way::Rate && open::says_its_length(stage) => None,
        Given(None) if may_be_open && stage.hold.is_none() && way == Way::Rate => {
            findings
                .problem(*place, "this stage does not say how long it lasts")
                .with_help("add `for`, such as for: 10s");
            None
        }
        Given(None) if may_be_open => (!ends_itself).then_some(USUAL_LENGTH),
        Given(None) => {
            findings
                .problem(*place, "this stage does not say how long it lasts")
                .with_help("add `for`, such as for: 10s");
            None
        }
    }
}

/// How long a ramp takes.
fn length_of_ramp(stage: &Stage, place: Place, findings: &mut Findings<'_>) -> Option<Span> {
    match (stage.over.as_ref(), stage.length.as_ref()) {
        (_, Some(length)) => {
            findings
                .problem(length.place, "a ramp goes `over` a time, and not `for` one")
                .with_help("write it as over: 2m; a stage of its own holds what the ramp has reached");
            None
        }
        (Some(_), None) => findings.above_zero(&stage.over, "`over`"),
        (None, None) => {
            findings
                .problem(place, "this ramp does not say how long it takes")
                .with_help("add `over`, such as over: 2m");
            None
        }
    }
}
