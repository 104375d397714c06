//! What kind of load a stage is, and which kinds go together in which order.

use floodline_core::schedule::Phase;

use super::Findings;
use crate::written::{At, Beside, BesideForm, Either, Place, Stage};

/// What a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) way: Way,
    pub(super) phase: Phase,
}

/// What decides when requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Rate,
    Users,
    Sessions,
    Replay,
}

impl Kind {
    pub(super) fn of(At { value: stage, place }: &At<Stage>, findings: &mut Findings<'_>) -> Option<Kind> {
        let main = |way| Kind { way, phase: Phase::Main };
        let beside = |form: &BesideForm, phase| Way::of(form).map(|way| Kind { way, phase });
        let warmup = stage.warmup.as_ref().map(|form| (form, beside(form, Phase::Warmup)));
        let cooldown = stage.cooldown.as_ref().map(|form| (form, beside(form, Phase::Cooldown)));
        let mut beside = [warmup, cooldown].into_iter().flatten();
        if let Some((form, _)) = beside.clone().find(|(_, kind)| kind.is_none()) {
            findings
                .problem(form.place(), "this must be either users or sessions")
                .with_help("write it like the stages that are measured: 1/s, {users: 8} or {sessions: 1/s}");
            return None;
        }
        let kinds = [
            beside.next().and_then(|(_, kind)| kind),
            beside.next().and_then(|(_, kind)| kind),
            stage.hold.as_ref().map(|_| main(Way::Rate)),
            stage.ramp.as_ref().map(|_| main(Way::Rate)),
            stage.steps.as_ref().map(|_| main(Way::Rate)),
            stage.burst.as_ref().map(|_| main(Way::Rate)),
            stage.spike.as_ref().map(|_| main(Way::Rate)),
            stage.diurnal.as_ref().map(|_| main(Way::Rate)),
            stage.pause.as_ref().map(|_| main(Way::Rate)),
            stage.users.as_ref().map(|_| main(Way::Users)),
            stage.sessions.as_ref().map(|_| main(Way::Sessions)),
            stage.replay.as_ref().map(|_| main(Way::Replay)),
        ];
        let mut kinds = kinds.into_iter().flatten();
        match (kinds.next(), kinds.next(), *place) {
            (Some(kind), None, _) => Some(kind),
            (None, ..) => {
                findings.problem(*place, "this stage does not say what it does").with_help(
                    "write one of warmup: 1/s, hold: 20/s, ramp: 1/s..20/s, steps, burst: 100/s, spike: 100/s, diurnal, \
                     pause: 30s, users: 8, sessions: 2/s, replay: trace.csv or cooldown: 1/s",
                );
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
                    .problem(
                        *place,
                        "this stage is more than one of warmup, hold, ramp, steps, burst, spike, diurnal, pause, \
                         users, sessions, replay and cooldown",
                    )
                    .with_help("make it a stage each");
                None
            }
        }
    }

    /// Its phase in words.
    pub(super) fn word(self) -> &'static str {
        match self.phase {
            Phase::Warmup => "warm-up",
            Phase::Main => "measured stage",
            Phase::Cooldown => "cool-down",
        }
    }
}

impl Way {
    fn of(form: &BesideForm) -> Option<Way> {
        let Either::Other(At { value: Beside { users, sessions }, .. }) = form else {
            return Some(Way::Rate);
        };
        match (users.is_some(), sessions.is_some()) {
            (true, false) => Some(Way::Users),
            (false, true) => Some(Way::Sessions),
            (true, true) | (false, false) => None,
        }
    }

    /// What the requests of such a load come from.
    fn source(self) -> &'static str {
        match self {
            Way::Rate => "a rate",
            Way::Users => "users",
            Way::Sessions => "sessions",
            Way::Replay => "a trace",
        }
    }

    /// The key of its measured stages.
    fn key(self) -> &'static str {
        match self {
            Way::Rate => "hold",
            Way::Users => "users",
            Way::Sessions => "sessions",
            Way::Replay => "replay",
        }
    }

    /// How a warm-up or a cool-down beside it is written.
    fn beside(self) -> &'static str {
        match self {
            Way::Rate | Way::Replay => "1/s",
            Way::Users => "{users: 8}",
            Way::Sessions => "{sessions: 1/s}",
        }
    }
}

/// What decides when requests are sent, if all stages agree on it and stand in the order of their phases.
pub(super) fn of_all(stages: &[At<Stage>], kinds: &[Kind], findings: &mut Findings<'_>) -> Option<Way> {
    let is_main = |kind: &Kind| kind.phase == Phase::Main;
    let (Some(first), Some(last)) = (kinds.iter().position(is_main), kinds.iter().rposition(is_main)) else {
        findings
            .problem(
                stages[0].place,
                match kinds.iter().all(|kind| kind.phase == Phase::Warmup) {
                    true => "the load is all warm-up: nothing would be measured",
                    false => "the load is all warm-up and cool-down: nothing would be measured",
                },
            )
            .with_help("add a stage such as {hold: 20/s, for: 1m} or {users: 8, for: 30s}");
        return None;
    };
    let main = kinds[first].way;
    for (i, &kind) in kinds.iter().enumerate() {
        let Kind { way, phase } = kind;
        let (message, help): (String, String) = match phase {
            Phase::Warmup if i > first => (
                "a warm-up comes before everything that is measured".into(),
                "move it to the top of the list".into(),
            ),
            Phase::Cooldown if i < last => (
                "a cool-down comes after everything that is measured".into(),
                "move it to the end of the list".into(),
            ),
            Phase::Warmup | Phase::Main | Phase::Cooldown if way == main && way != Way::Replay => continue,
            Phase::Main if way == main && kinds.len() == 1 => continue,
            Phase::Warmup | Phase::Main | Phase::Cooldown if main == Way::Replay || way == Way::Replay => {
                ("a replayed trace is a load of its own".into(), "leave out the other stages".into())
            }
            Phase::Warmup | Phase::Cooldown => (
                format!("the {} has {}, but the load has {}", kind.word(), way.source(), main.source()),
                format!("write {}: {}", phase.name(), main.beside()),
            ),
            Phase::Main => (
                format!("stages with `{}` and stages with `{}` do not mix", main.key(), way.key()),
                mixed(main, way).into(),
            ),
        };
        findings.problem(stages[i].place, message).with_help(help);
        return None;
    }
    Some(main)
}

fn mixed(a: Way, b: Way) -> &'static str {
    match a == Way::Sessions || b == Way::Sessions {
        true => "sessions arrive and leave, users of a closed loop stay: make it two scenarios",
        false => "an open loop sends at fixed times, a closed loop when answers come: make it two scenarios",
    }
}
