//! Users of closed loops and sessions: when they come, how often they ask, and when they leave.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use floodline_core::event::Ended;
use floodline_core::plan::{Load, Plan, SessionStage, UserStage};
use floodline_core::rate::Rate;
use floodline_core::schedule::Stage;
use floodline_core::users::{Asks, TimeLaw, Visit};
use floodline_core::workload::{Ask, Rendered, Workload};
use floodline_core::{Outcome, Phase, Span};
use support::{Left, Peer, STREAM, done, endpoint, finish, plan, run_of, run_on, run_until, server, token};

fn well(_: usize, mut peer: Peer) {
    while peer.request().is_some() {
        peer.say([STREAM, &token("Hello"), &finish(), &done()].concat());
    }
}

fn url() -> String {
    format!("http://127.0.0.1:{}/v1", server(well))
}

fn ms(ms: u64) -> Span {
    Span::from_millis(ms)
}

fn closed(stages: Vec<UserStage>, requests: Option<u64>) -> Plan {
    let mut plan = plan(0);
    plan.scenarios[0].load = Load::Closed { stages, requests };
    plan
}

fn arriving(rate: Rate, length: Span, phase: Phase, visit: Visit) -> SessionStage {
    let arrivals = Stage { phase, ..Stage::hold(rate, Some(length)) };
    SessionStage { arrivals, visit }
}

fn sessions(stages: Vec<SessionStage>) -> Plan {
    let mut plan = plan(0);
    plan.scenarios[0].load = Load::Sessions { stages, requests: None };
    plan
}

fn run(workers: usize, plan: Plan) -> Left {
    run_on(workers, plan, endpoint(url()), |_| 0).expect("it can be run")
}

fn scheduled_ms(left: &Left) -> Vec<f64> {
    let mut all: Vec<f64> = left.records.iter().map(|r| r.scheduled.0 as f64 / 1e6).collect();
    all.sort_by(f64::total_cmp);
    all
}

#[test]
fn users_of_a_ramp_join_at_the_instants_of_the_line() {
    let once = |stage| UserStage { iterations: Some(1), ..stage };
    let up = UserStage { from: Some(0), ..UserStage::new(4, Some(ms(200)), Phase::Warmup) };
    let hold = UserStage::new(4, None, Phase::Main);
    for workers in [1, 3] {
        let left = run(workers, closed(vec![once(up), once(hold)], None));
        let at = scheduled_ms(&left);
        // Four users reach the line at 50, 100, 150 and 200 ms; the last of them is there only for the next stage.
        assert_eq!(&at[..3], [50.0, 100.0, 150.0]);
        assert_eq!(at.len(), 7);
        assert!(at[3..].iter().all(|&at| at >= 200.0), "{at:?}");
        assert!(left.records.iter().all(|r| r.outcome == Outcome::Ok && r.sent.unwrap() >= r.scheduled));
        assert_eq!(left.records.iter().filter(|r| r.phase == Phase::Warmup).count(), 3);
    }
}

#[test]
fn the_run_ends_when_all_users_have_asked_often_enough() {
    let stage = UserStage { iterations: Some(4), ..UserStage::new(3, None, Phase::Main) };
    for workers in [1, 2] {
        let left = run(workers, closed(vec![stage], None));
        assert_eq!((left.records.len(), left.finished.why), (12, Ended::Plan));
    }
}

#[test]
fn a_user_thinks_between_its_answer_and_its_next_request() {
    let think = Some(TimeLaw::Fixed(ms(20)));
    let stage = UserStage { think, ..UserStage::new(1, None, Phase::Main) };
    let left = run(1, closed(vec![stage], Some(3)));
    assert_eq!(left.records.len(), 3);
    for pair in left.records.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        assert!(after.scheduled >= before.over().unwrap() + ms(20));
        assert!(after.sent.unwrap() >= after.scheduled);
        assert_eq!(after.late, Some(after.sent.unwrap().since(after.scheduled)));
    }
}

#[test]
fn nobody_thinks_on_when_there_is_nothing_left_to_ask() {
    let think = Some(TimeLaw::Fixed(Span::from_secs(3600)));
    let stage = UserStage { think, ..UserStage::new(3, None, Phase::Main) };
    let left = run(3, closed(vec![stage], Some(2)));
    assert_eq!((left.records.len(), left.finished.why), (2, Ended::Plan));
}

#[test]
fn who_thinks_leaves_at_once_when_the_run_is_interrupted() {
    let think = Some(TimeLaw::Fixed(Span::from_secs(3600)));
    let stage = UserStage { think, ..UserStage::new(2, None, Phase::Main) };
    let left = run_until(closed(vec![stage], None), endpoint(url()), |r| u32::from(r.i == 0)).unwrap();
    assert_eq!((left.records.len(), left.finished.why), (2, Ended::Interrupted));
}

#[test]
fn who_has_asked_often_enough_comes_back_with_the_next_stage() {
    let once = |stage| UserStage { iterations: Some(1), ..stage };
    let stages = vec![
        once(UserStage::new(2, Some(ms(300)), Phase::Main)),
        once(UserStage::new(1, Some(ms(300)), Phase::Cooldown)),
    ];
    let left = run(1, closed(stages, None));
    let of = |phase| left.records.iter().filter(|r| r.phase == phase).count();
    assert_eq!((of(Phase::Main), of(Phase::Cooldown)), (2, 1));
}

#[test]
fn sessions_arrive_at_their_instants_ask_and_leave() {
    let visit = Visit {
        iterations: Some(Asks::Exactly(2)),
        stay: None,
        think: Some(TimeLaw::Uniform { from: ms(5), to: ms(10) }),
    };
    // The second stage leaves the last sessions all the time they need.
    let stages = vec![
        arriving(Rate::per_second(20), ms(200), Phase::Main, visit),
        arriving(Rate::parse("1/h").unwrap(), Span::from_secs(3600), Phase::Main, visit),
    ];
    for workers in [1, 3] {
        let left = run(workers, sessions(stages.clone()));
        let at: BTreeSet<u64> = left.records.iter().map(|r| r.scheduled.0).collect();
        assert!([0, 50, 100, 150, 200].iter().all(|at_ms| at.contains(&(at_ms * 1_000_000))), "{at:?}");
        assert_eq!((left.records.len(), left.finished.why.clone()), (10, Ended::Plan));
        assert!(left.records.iter().all(|r| r.outcome == Outcome::Ok));
    }
}

#[test]
fn a_session_counts_where_it_is_scheduled_and_asks_nothing_after_the_last_stage() {
    let visit = Visit { iterations: Some(Asks::Exactly(u32::MAX)), ..Visit::default() };
    let rate = Rate::per_second(100);
    let stages =
        vec![arriving(rate, ms(30), Phase::Warmup, visit), arriving(rate, ms(30), Phase::Main, visit)];
    let left = run(2, sessions(stages));
    for r in &left.records {
        let at = r.scheduled.0 / 1_000_000;
        assert!(at < 60 && r.outcome == Outcome::Ok, "{r:?}");
        assert_eq!(r.phase, if at < 30 { Phase::Warmup } else { Phase::Main });
    }
    assert_eq!(left.finished.why, Ended::Plan);
}

#[test]
fn a_session_leaves_when_it_has_stayed_as_long_as_it_wanted() {
    let visit = Visit { stay: Some(TimeLaw::Fixed(ms(20))), ..Visit::default() };
    let stage = arriving(Rate::parse("1/h").unwrap(), Span::from_secs(3600), Phase::Main, visit);
    let left = run(1, sessions(vec![stage]));
    assert!(left.records.iter().all(|r| r.scheduled.0 < 20_000_000), "{:?}", scheduled_ms(&left));
    assert_eq!(left.finished.why, Ended::Plan);
}

/// Bodies that remember who asked for them.
#[derive(Default)]
struct Remembering(Mutex<Vec<Ask>>);

impl Workload for Remembering {
    fn render(&self, ask: Ask, body: &mut Vec<u8>) -> Rendered {
        body.clear();
        body.extend_from_slice(b"{}");
        self.0.lock().expect("no test panics with it").push(ask);
        self.outline(ask)
    }

    fn outline(&self, _: Ask) -> Rendered {
        Rendered { target: 0, prompt: 0, input_tokens: None, input_bound: None, max_tokens: None, head: None }
    }
}

/// Who asked for bodies, and how often before, in order.
fn askers(plan: Plan) -> Vec<Option<(u32, u64)>> {
    let asked = Arc::new(Remembering::default());
    let left = run_of(asked.clone(), 2, plan, endpoint(url()), |_| 0).expect("it can be run");
    let mut asks = asked.0.lock().expect("no test panics with it").clone();
    asks.sort_unstable_by_key(|ask| ask.i);
    assert!(asks.iter().zip(0..).all(|(ask, i)| ask.i == i), "{asks:?}");
    assert_eq!(left.records.len(), asks.len());
    let mut askers: Vec<_> = asks.iter().map(|ask| ask.asker.map(|a| (a.number, a.nth))).collect();
    askers.sort_unstable();
    askers
}

/// On which worker a user lives, and which of all requests are its own, makes no difference to what it asks.
#[test]
fn users_and_sessions_ask_as_themselves_for_the_how_manieth_time() {
    let stage = UserStage { iterations: Some(4), ..UserStage::new(5, None, Phase::Main) };
    let all = (0..5).flat_map(|user| (0..4).map(move |nth| Some((user, nth))));
    assert_eq!(askers(closed(vec![stage], None)), all.collect::<Vec<_>>());
    let visit = Visit { iterations: Some(Asks::Exactly(2)), ..Visit::default() };
    let rate = Rate::parse("40/s").unwrap();
    let asked = askers(sessions(vec![arriving(rate, ms(100), Phase::Main, visit)]));
    // Who has its answer too late does not ask again.
    let again: Vec<_> = (0..4).map(|session| Some((session, 1))).filter(|ask| asked.contains(ask)).collect();
    let mut expected: Vec<_> = (0..4).map(|session| Some((session, 0))).chain(again).collect();
    expected.sort_unstable();
    assert_eq!(asked, expected);
    let mut open = plan(0);
    open.scenarios[0].load = Load::Open { stages: vec![Stage::hold(rate, Some(ms(100)))], requests: None };
    assert_eq!(askers(open), [None; 4]);
}
