//! Users, sessions and caps, from the text to the plan.

mod support;

use floodline_core::plan::{Load, SessionStage, UserStage};
use floodline_core::users::{Asks, Little, TimeLaw, Visit};
use floodline_core::{Phase, Rate, Span};
use floodline_scenario::Overrides;
use support::World;

fn s(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn load(text: &str) -> Load {
    let resolved = World::new().resolve(&format!("target: {{stub: {{}}}}\nload:\n{text}"));
    resolved.unwrap_or_else(|error| panic!("{error}")).plan.scenarios.remove(0).load
}

fn users(text: &str) -> Vec<UserStage> {
    match load(text) {
        Load::Closed { stages, .. } => stages,
        other => panic!("{other:?}"),
    }
}

fn sessions(text: &str) -> Vec<SessionStage> {
    match load(text) {
        Load::Sessions { stages, .. } => stages,
        other => panic!("{other:?}"),
    }
}

#[test]
fn stages_of_users_say_everything_in_order() {
    let stages = users(
        "  - {warmup: {users: 0..8}, over: 5s, think: 1s}
  - {users: 10..100, over: 2m, think: {uniform: [1s, 3s]}}
  - {users: 100, for: 1m, think: {lognormal: {median: 2s, p95: 10s}}}
  - {users: 100..0, over: 1m, think: {exponential: 3s}}
  - {cooldown: {users: 4}, for: 10s}
",
    );
    let ramp = |from, to, length, phase| UserStage {
        from: Some(from),
        ..UserStage::new(to, Some(s(length)), phase)
    };
    let thinks = |stage, think| UserStage { think: Some(think), ..stage };
    assert_eq!(
        stages,
        [
            thinks(ramp(0, 8, 5, Phase::Warmup), TimeLaw::Fixed(s(1))),
            thinks(ramp(10, 100, 120, Phase::Main), TimeLaw::Uniform { from: s(1), to: s(3) }),
            thinks(
                UserStage::new(100, Some(s(60)), Phase::Main),
                TimeLaw::Lognormal { median: s(2), p95: s(10) }
            ),
            thinks(ramp(100, 0, 60, Phase::Main), TimeLaw::Exponential { mean: s(3) }),
            UserStage::new(4, Some(s(10)), Phase::Cooldown),
        ]
    );
}

#[test]
fn users_who_ask_so_often_need_no_length_and_their_requests_are_known() {
    let text = "target: {stub: {}}\nload: {users: 10, iterations: 20}";
    let plan = World::new().resolve(text).unwrap().plan;
    assert_eq!((plan.planned_requests(), plan.planned_length()), (Some(200), None));
    let text = "target: {stub: {}}\nload: {users: 10, iterations: 20, for: 1m}";
    let plan = World::new().resolve(text).unwrap().plan;
    assert_eq!((plan.planned_requests(), plan.planned_length()), (None, Some(s(60))));
}

#[test]
fn users_for_a_rate_follow_from_littles_law_and_the_plan_says_so() {
    let stages = users("  {users: {for_rate: 50/s, latency: 5s}, for: 1m, think: {uniform: [1s, 3s]}}");
    let little = Little { rate: Rate::per_second(50), latency: s(5), think: s(2) };
    assert_eq!((stages[0].users, stages[0].little), (350, Some(little)));
}

#[test]
fn sessions_arrive_at_a_rate_and_draw_how_often_they_ask() {
    let stages = sessions(
        "  - {warmup: {sessions: 1/s}, for: 5s, stay: 10s}
  - {sessions: 2/s, for: 10m, arrivals: poisson, iterations: {geometric: 2.5}, think: 1s}
  - {cooldown: {sessions: 1/s}, for: 5s, iterations: {uniform: [1, 3]}, stay: {exponential: 5m}}
",
    );
    let visits: Vec<Visit> = stages.iter().map(|stage| stage.visit).collect();
    let nothing = Visit::default();
    assert_eq!(
        visits,
        [
            Visit { stay: Some(TimeLaw::Fixed(s(10))), ..nothing },
            Visit {
                iterations: Some(Asks::Geometric { mean: 2.5 }),
                think: Some(TimeLaw::Fixed(s(1))),
                ..nothing
            },
            Visit {
                iterations: Some(Asks::Uniform { from: 1, to: 3 }),
                stay: Some(TimeLaw::Exponential { mean: s(300) }),
                ..nothing
            },
        ]
    );
    let phases: Vec<Phase> = stages.iter().map(|stage| stage.arrivals.phase).collect();
    assert_eq!(phases, Phase::ALL);
    assert_eq!(stages[1].arrivals.peak_rate(), Rate::per_second(2));
}

#[test]
fn a_cap_belongs_to_its_scenario() {
    let cap = |text: &str| {
        let plan = World::new().resolve(&format!("target: {{stub: {{}}}}\n{text}")).unwrap().plan;
        plan.scenarios.iter().map(|scenario| scenario.cap).collect::<Vec<_>>()
    };
    assert_eq!(cap("load: {hold: 20/s, for: 1s}\ncap: 64"), [Some(64)]);
    let two = "scenarios:\n  - {name: a, cap: 8, load: {hold: 20/s}}\n  - {name: b, load: {hold: 20/s}}";
    assert_eq!(cap(two), [Some(8), None]);
}

#[test]
fn a_duration_given_as_an_argument_is_that_of_the_last_measured_stage() {
    let text = "target: {stub: {}}
load:
  - {users: 1..4, over: 1m}
  - {cooldown: {users: 1}, for: 5s}
";
    let overrides = Overrides { duration: Some("2s".into()), ..Overrides::default() };
    let plan = World::new().resolve_with(text, &overrides).unwrap().plan;
    assert_eq!(plan.planned_length(), Some(s(7)));
}

#[test]
fn a_plan_of_users_survives_being_stored() {
    let text = "target: {stub: {}}
scenarios:
  - {name: a, load: {users: 1..4, over: 1m, think: {uniform: [1s, 3s]}}}
  - {name: b, load: {users: {for_rate: 5/s, latency: 1s}, iterations: 3}}
  - {name: c, cap: 3, load: {sessions: 2/s, iterations: {geometric: 5}, stay: 5m}}
";
    let plan = World::new().resolve(text).unwrap().plan;
    let stored = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<floodline_core::Plan>(&stored).unwrap(), plan);
}
