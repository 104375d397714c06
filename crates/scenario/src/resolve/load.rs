//! The load: stages of rates, stages of users, or a recorded trace.
//!
//! Here: what kind each stage is, whether they go together, in what order, and how long each lasts. What a
//! stage of a kind says is read by the module of that kind.

mod open;
mod users;

use floodline_core::plan::Load;
use floodline_core::schedule::Phase;
use floodline_core::time::Span;

use super::findings::Findings;
use super::replay;
use crate::written::{At, Given, OneOrMany, Place, Scalar, Stage, WarmupForm};

/// How long is measured when neither a length nor a number of requests is given.
const USUAL_LENGTH: Span = Span::from_secs(30);

/// The load of a scenario that gives none: one user.
pub(crate) fn default_stages() -> OneOrMany<At<Stage>> {
    let stage = Stage { users: Scalar::new(1, Place::Nowhere).into(), ..Stage::default() };
    OneOrMany(vec![At { value: stage, place: Place::Nowhere }])
}

pub(crate) fn resolve(written: Option<OneOrMany<At<Stage>>>, findings: &mut Findings<'_>) -> Option<Load> {
    let OneOrMany(stages) = written.unwrap_or_else(default_stages);
    if stages.is_empty() {
        findings.problem(Place::Nowhere, "`load` is an empty list").with_help(
            "write a stage such as {users: 8, for: 30s} or {hold: 20/s, for: 1m}, or leave `load` out",
        );
        return None;
    }
    let kinds: Vec<Option<Kind>> = stages.iter().map(|stage| Kind::of(stage, findings)).collect();
    let kinds: Vec<Kind> = kinds.into_iter().collect::<Option<_>>()?;
    let main = main_kind(&stages, &kinds, findings)?;
    if main == Kind::Replay {
        return replay::resolve(&stages[0].value, findings).map(Load::Replay);
    }
    let requests = requests(&stages, &kinds, findings);
    let mut ok = true;
    let (mut rates, mut users) = (Vec::new(), Vec::new());
    for (i, At { value: stage, place }) in stages.iter().enumerate() {
        let last = i + 1 == stages.len();
        let phase = if kinds[i].is_warmup() { Phase::Warmup } else { Phase::Main };
        let length = length(stage, *place, last && phase == Phase::Main, findings);
        misplaced(stage, main, findings);
        match main {
            Kind::Users => match users::stage(stage, length, phase, findings) {
                Some(stage) => users.push(stage),
                None => ok = false,
            },
            _ => match open::stage(stage, length, phase, findings) {
                Some(stage) => rates.push(stage),
                None => ok = false,
            },
        }
    }
    ok.then_some(match main {
        Kind::Users => Load::Closed { stages: users, requests },
        _ => Load::Open { stages: rates, requests },
    })
}

/// Keys that mean nothing in a stage of this kind.
fn misplaced(stage: &Stage, main: Kind, findings: &mut Findings<'_>) {
    let replayed = [
        stage.format.as_ref().map(|s| s.place),
        stage.speed.as_ref().map(|s| s.place),
        stage.from.as_ref().map(|s| s.place),
        stage.to.as_ref().map(|s| s.place),
    ];
    if let Some(place) = replayed.into_iter().flatten().next() {
        findings.problem(place, "this belongs to a stage with `replay`").with_help("leave it out");
    }
    if let (Kind::Users, Some(arrivals)) = (main, stage.arrivals.as_ref()) {
        findings
            .problem(arrivals.place, "users have no `arrivals`: each asks again when it has its answer")
            .with_help("leave it out, or give a rate: {hold: 20/s, arrivals: poisson}");
    }
}

/// What a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    WarmupRate,
    WarmupUsers,
    Rate,
    Users,
    Replay,
}

impl Kind {
    fn is_warmup(self) -> bool {
        matches!(self, Kind::WarmupRate | Kind::WarmupUsers)
    }

    fn of(At { value: stage, place }: &At<Stage>, findings: &mut Findings<'_>) -> Option<Kind> {
        let warmup = stage.warmup.as_ref().map(|warmup| match warmup.value {
            WarmupForm::Rate(_) => Kind::WarmupRate,
            WarmupForm::Users(_) => Kind::WarmupUsers,
        });
        let kinds = [
            warmup,
            stage.hold.as_ref().map(|_| Kind::Rate),
            stage.users.as_ref().map(|_| Kind::Users),
            stage.replay.as_ref().map(|_| Kind::Replay),
        ];
        let mut kinds = kinds.into_iter().flatten();
        match (kinds.next(), kinds.next(), *place) {
            (Some(kind), None, _) => Some(kind),
            (None, ..) => {
                findings
                    .problem(*place, "this stage does not say what it does")
                    .with_help("write one of warmup: 1/s, hold: 20/s, users: 8 or replay: trace.csv");
                None
            }
            (Some(_), Some(_), Place::Argument(_)) => {
                findings
                    .problem(Place::Nowhere, "--rate and --concurrency exclude each other")
                    .with_help("--rate sends at fixed times (open loop), --concurrency when an answer has come (closed loop)");
                None
            }
            (Some(_), Some(_), _) => {
                findings
                    .problem(*place, "this stage is more than one of warmup, hold, users and replay")
                    .with_help("make it a stage each");
                None
            }
        }
    }
}

/// The kind of the measured stages, if they and the warm-up go together.
fn main_kind(stages: &[At<Stage>], kinds: &[Kind], findings: &mut Findings<'_>) -> Option<Kind> {
    let Some(first) = kinds.iter().position(|kind| !kind.is_warmup()) else {
        findings
            .problem(stages[0].place, "the load is all warm-up: nothing would be measured")
            .with_help("add a stage such as {hold: 20/s, for: 1m} or {users: 8, for: 30s}");
        return None;
    };
    let main = kinds[first];
    for (i, &kind) in kinds.iter().enumerate() {
        let place = stages[i].place;
        let (message, help) = match (main, kind) {
            (_, warmup) if warmup.is_warmup() && i > first => {
                ("a warm-up comes before everything that is measured", "move it to the top of the list")
            }
            (Kind::Rate, Kind::WarmupRate | Kind::Rate) | (Kind::Users, Kind::WarmupUsers | Kind::Users) => {
                continue;
            }
            (Kind::Replay, Kind::Replay) if kinds.len() == 1 => continue,
            (Kind::Replay, _) | (_, Kind::Replay) => {
                ("a replayed trace is a load of its own", "leave out the other stages")
            }
            (Kind::Users, Kind::WarmupRate) => {
                ("the warm-up has a rate, but the load has users", "write warmup: {users: 8}")
            }
            (_, Kind::WarmupUsers) => ("the warm-up has users, but the load has a rate", "write warmup: 1/s"),
            _ => (
                "stages with `hold` and stages with `users` do not mix",
                "an open loop sends at fixed times, a closed loop when answers come: make it two scenarios",
            ),
        };
        findings.problem(place, message).with_help(help);
        return None;
    }
    Some(main)
}

/// After how many measured requests the run ends.
fn requests(stages: &[At<Stage>], kinds: &[Kind], findings: &mut Findings<'_>) -> Option<u64> {
    let measured = kinds.iter().filter(|kind| !kind.is_warmup()).count();
    let mut found = None;
    for (stage, kind) in stages.iter().zip(kinds) {
        let given = &stage.value.requests;
        let Some(scalar) = given.as_ref() else { continue };
        if kind.is_warmup() {
            findings
                .problem(scalar.place, "a warm-up has no `requests`")
                .with_help("say how long it lasts: for: 10s");
        } else if measured > 1 {
            findings.problem(scalar.place, "`requests` needs a load of one measured stage").with_help(
                "say how long each stage lasts with `for`; `limits: {requests: N}` bounds the whole run",
            );
        } else {
            found = findings.above_zero(given, "`requests`");
        }
    }
    found
}

/// How long a stage lasts; only the last one may leave it open.
fn length(stage: &Stage, place: Place, may_be_open: bool, findings: &mut Findings<'_>) -> Option<Span> {
    match (&stage.length, &stage.requests) {
        (Given(Some(_)), _) => findings.above_zero(&stage.length, "`for`"),
        (Given(None), Given(requests)) if may_be_open => requests.is_none().then_some(USUAL_LENGTH),
        _ => {
            findings
                .problem(place, "this stage does not say how long it lasts")
                .with_help("add `for`, such as for: 10s");
            None
        }
    }
}
