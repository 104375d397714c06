//! Users, sessions and caps in the words of the plan.

mod fixtures;

use floodline_core::plan::{Load, Plan, SessionStage, UserStage};
use floodline_core::schedule::{Phase, Spread, Stage};
use floodline_core::users::{Asks, Little, TimeLaw, Visit};
use floodline_core::{Rate, Span};
use floodline_report::{Style, terminal};

/// What a plan says of its load, and of what is to be expected of it.
fn said(load: Load, cap: Option<u32>) -> String {
    let mut plan = Plan::new("p".into(), 1, fixtures::stub_target(), vec![fixtures::prompt()], load);
    plan.scenarios[0].cap = cap;
    let run = fixtures::Run::new(plan);
    let style = Style { colour: false, width: 200, unicode: true };
    let text = terminal::plan(&run.plan, &run.forecast(), Some((&run.info, "runs/x")), style);
    let load = text
        .split_once("load ")
        .and_then(|(_, rest)| rest.split_once("limits "))
        .map_or("", |(load, _)| load);
    load.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn s(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn closed(stages: Vec<UserStage>) -> String {
    said(Load::Closed { stages, requests: None }, None)
}

#[test]
fn a_ramp_of_users_who_think() {
    let think = Some(TimeLaw::Uniform { from: s(1), to: s(3) });
    let main = |stage| UserStage { think, ..stage };
    let ramp = UserStage { from: Some(10), ..UserStage::new(100, Some(s(120)), Phase::Main) };
    insta::assert_snapshot!(closed(vec![
        UserStage::new(8, Some(s(10)), Phase::Warmup),
        main(ramp),
        main(UserStage::new(100, Some(s(600)), Phase::Main)),
        UserStage::new(8, Some(s(30)), Phase::Cooldown),
    ]), @r"closed loop, 10 to 100 users over 2m, thinking 1–3 s, then 100 users for 10m, thinking 1–3 s, after a 10s warm-up with 8 users, then a 30s cool-down with 8 users expects over 12m 40s, at most 100 in flight");
}

#[test]
fn users_by_littles_law() {
    let little = |think| Some(Little { rate: Rate::per_second(50), latency: s(5), think });
    let stage =
        |users, think| UserStage { little: little(think), ..UserStage::new(users, Some(s(60)), Phase::Main) };
    insta::assert_snapshot!(closed(vec![stage(250, Span::ZERO), stage(350, s(2))]), @r"closed loop, 250 users (50/s × 5 s, Little's law) for 1m, then 350 users (50/s × (5 s + 2 s thinking), Little's law) for 1m expects over 2m, at most 350 in flight");
}

#[test]
fn users_who_ask_so_often() {
    let think = Some(TimeLaw::Lognormal { median: s(2), p95: s(10) });
    let stage = UserStage { iterations: Some(20), think, ..UserStage::new(10, None, Phase::Main) };
    insta::assert_snapshot!(closed(vec![stage]), @r"closed loop, 10 users, 20 requests each, thinking 2 s (median) to 10 s (p95) expects 200 requests, at most 10 in flight 24,000 input and 16,000 output tokens if every answer is as long as it may be");
}

#[test]
fn sessions() {
    let stage = |spread, phase, visit| SessionStage {
        arrivals: Stage { spread, phase, ..Stage::hold(Rate::per_second(2), Some(s(600))) },
        visit,
    };
    let think = Some(TimeLaw::Exponential { mean: s(3) });
    let asks = Visit { iterations: Some(Asks::Exactly(5)), stay: None, think };
    let stays = Visit {
        iterations: Some(Asks::Geometric { mean: 2.5 }),
        stay: Some(TimeLaw::Fixed(s(300))),
        think: None,
    };
    insta::assert_snapshot!(said(Load::Sessions {
        stages: vec![
            stage(Spread::Constant, Phase::Warmup, stays),
            stage(Spread::Poisson, Phase::Main, asks),
            stage(Spread::Constant, Phase::Main, stays),
        ],
        requests: None,
    }, Some(64)), @r"2/s sessions of 5 requests for 10m, Poisson arrivals, thinking 3 s on average (exponential), then 2/s sessions of 2.5 requests on average or 5 m for 10m, after a 10m warm-up with 2/s sessions, at most 64 in flight expects over 30m, peak 2/s sessions");
}
