//! Journeys through flows: which steps are walked, when, side by side, and how they end.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

use floodline_core::flow::{Abandon, Arm, Condition, Flow, Parallel, Patience, RequestStep, Step, Times};
use floodline_core::journey::{Actor, Answered, Journey, JourneyEnd, NothingLeft, Outgoing, Script};
use floodline_core::plan::{Load, Plan, UserStage};
use floodline_core::rate::Rate;
use floodline_core::retry::{BreakerRule, Policy, Waits};
use floodline_core::schedule::Stage;
use floodline_core::users::TimeLaw;
use floodline_core::{Outcome, Phase, Span};
use floodline_wire::own::{Format, Kind, Path};
use support::{
    Left, Peer, STREAM, chunk, done, endpoint, finish, plan, run_flow, run_flow_read, server, token,
};

/// What the actors of a test do: conditions hold once so many answers have come, and an answer is judged by its text.
#[derive(Clone, Default)]
struct Rules {
    flow: Flow,
    /// Answers after which conditions hold.
    holds_after: usize,
    /// The text of answers that fail their check.
    fails: Option<&'static str>,
    /// Iterations for which there is something to do.
    rows: Option<usize>,
    /// What was done, as `user.iteration:step` and what came of it.
    log: Arc<Mutex<Vec<String>>>,
    begun: Arc<AtomicUsize>,
}

struct User {
    rules: Rules,
    number: u64,
    iteration: Option<u64>,
    answers: usize,
}

impl Script for Rules {
    fn flow(&self) -> &Flow {
        &self.flow
    }

    fn user(&self, number: u64) -> Box<dyn Actor> {
        Box::new(User { rules: self.clone(), number, iteration: None, answers: 0 })
    }
}

impl Actor for User {
    fn begin(&mut self, iteration: Option<u64>) -> Result<(), NothingLeft> {
        self.iteration = iteration;
        let nth = self.rules.begun.fetch_add(1, SeqCst);
        match self.rules.rows.is_some_and(|rows| nth >= rows) {
            true => Err(NothingLeft { why: "all rows are used up".into(), for_anyone: true }),
            false => Ok(()),
        }
    }

    fn request(&mut self, step: usize) -> Result<Outgoing, String> {
        let iteration = self.iteration.map_or("setup".into(), |i| i.to_string());
        self.rules.log.lock().unwrap().push(format!("{}.{iteration}:{step}", self.number));
        Ok(Outgoing { body: format!("{{\"step\":{step}}}").into_bytes(), ..Outgoing::default() })
    }

    fn answered(&mut self, _: usize, answer: &Answered) -> Result<(), String> {
        self.answers += 1;
        match self.rules.fails == Some(answer.text.as_str()) {
            true => Err(format!("check failed: {}", answer.text)),
            false => Ok(()),
        }
    }

    fn failed(&mut self, step: usize, answer: &Answered) {
        self.rules.log.lock().unwrap().push(format!("{step} {} {:?}", answer.outcome, answer.status));
    }

    fn holds(&mut self, _: usize) -> Result<bool, String> {
        Ok(self.answers >= self.rules.holds_after)
    }

    fn fork(&self, _: u32) -> Box<dyn Actor> {
        Box::new(User {
            rules: self.rules.clone(),
            number: self.number,
            iteration: self.iteration,
            answers: 0,
        })
    }

    fn join(&mut self, lanes: Vec<Box<dyn Actor>>) {
        self.answers += lanes.len();
    }
}

fn ask(number: usize) -> RequestStep {
    RequestStep {
        number,
        name: format!("s{number}"),
        what: "ask".into(),
        asks: true,
        max_tokens: None,
        think: None,
        abandon: None,
        may_fail: false,
    }
}

fn step(number: usize) -> Step {
    Step::Request(ask(number))
}

fn until(holds_after: usize) -> (Condition, usize) {
    (Condition { number: 0, text: "enough".into() }, holds_after)
}

fn rules(steps: Vec<Step>) -> Rules {
    Rules { flow: Flow { steps, ..Flow::default() }, ..Rules::default() }
}

/// A plan of so many users who make one journey each.
fn once(users: u32) -> Plan {
    let mut plan = plan(0);
    let stage = UserStage { iterations: Some(1), ..UserStage::new(users, None, Phase::Main) };
    plan.scenarios[0].load = Load::Closed { stages: vec![stage], requests: None };
    plan
}

fn answer(text: &str) -> String {
    [STREAM.to_owned(), token(text), finish(), done()].concat()
}

/// Answers each request with what it was asked: the number of its step.
fn echo(_: usize, mut peer: Peer) {
    while let Some(request) = peer.request() {
        let step = request.rsplit(':').next().unwrap_or_default().trim_end_matches('}').to_owned();
        peer.say(answer(&step));
    }
}

fn run(rules: &Rules, plan: Plan, script: impl Fn(usize, Peer) + Send + Sync + 'static) -> Left {
    let url = format!("http://127.0.0.1:{}/v1", server(script));
    run_flow(Arc::new(rules.clone()), plan, endpoint(url)).expect("it can be run")
}

fn ends(left: &Left) -> Vec<JourneyEnd> {
    left.journeys.iter().map(|journey| journey.end).collect()
}

fn steps_of(left: &Left) -> Vec<&str> {
    left.records.iter().filter_map(|r| r.step.as_deref()).collect()
}

fn one(left: &Left) -> &Journey {
    assert_eq!(left.journeys.len(), 1, "{:?}", left.journeys);
    &left.journeys[0]
}

#[test]
fn setup_comes_once_iterations_follow_and_teardown_closes() {
    let mut rules = rules(vec![step(1), step(2)]);
    rules.flow.setup = vec![step(0)];
    rules.flow.teardown = vec![step(3)];
    let mut plan = once(1);
    let Load::Closed { stages, .. } = &mut plan.scenarios[0].load else { unreachable!() };
    stages[0].iterations = Some(2);
    let left = run(&rules, plan, echo);
    assert_eq!(*rules.log.lock().unwrap(), ["0.setup:0", "0.0:1", "0.0:2", "0.1:1", "0.1:2", "0.1:3"]);
    assert_eq!(steps_of(&left), ["s0", "s1", "s2", "s1", "s2", "s3"]);
    assert_eq!(ends(&left), [JourneyEnd::Completed; 2], "the teardown is no journey");
    assert!(left.records.iter().all(|r| r.outcome == Outcome::Ok));
    assert_eq!(left.journeys.iter().map(|j| (j.iteration, j.requests)).collect::<Vec<_>>(), [(0, 3), (1, 2)]);
    // Each step is scheduled when its user became free: when the answer before had ended.
    let freed: Vec<_> = left.records.iter().map(|r| r.last.unwrap()).collect();
    assert!(left.records.iter().skip(1).zip(freed).all(|(r, before)| r.scheduled >= before));
}

#[test]
fn an_answer_that_fails_its_check_ends_the_journey_unless_it_may() {
    let mut rules = Rules { fails: Some("0"), ..rules(vec![step(0), step(1)]) };
    let left = run(&rules, once(1), echo);
    assert_eq!(left.records.iter().map(|r| r.outcome).collect::<Vec<_>>(), [Outcome::CheckFailed]);
    assert_eq!(left.records[0].error.as_deref(), Some("check failed: 0"));
    let journey = one(&left);
    assert_eq!((journey.end, journey.at_step.as_deref()), (JourneyEnd::Failed, Some("s0")));
    assert_eq!(journey.error.as_deref(), Some("check failed: 0"));

    rules.flow.steps[0] = Step::Request(RequestStep { may_fail: true, ..ask(0) });
    let left = run(&rules, once(1), echo);
    assert_eq!(
        left.records.iter().map(|r| r.outcome).collect::<Vec<_>>(),
        [Outcome::CheckFailed, Outcome::Ok]
    );
    assert_eq!(ends(&left), [JourneyEnd::Completed]);
}

#[test]
fn conditions_repetitions_and_branches_lead_the_way() {
    let (condition, holds_after) = until(3);
    let branch =
        Step::Branch(vec![Arm { weight: 0, steps: vec![step(8)] }, Arm { weight: 1, steps: vec![step(5)] }]);
    let rules = Rules {
        holds_after,
        ..rules(vec![
            Step::If { condition: condition.clone(), steps: vec![step(8)], otherwise: vec![step(0)] },
            Step::Repeat {
                times: Times::Until { condition: condition.clone(), every: Span::ZERO, at_most: 9 },
                steps: vec![step(1)],
            },
            Step::If { condition, steps: vec![step(2)], otherwise: vec![step(8)] },
            Step::Repeat { times: Times::Count(2), steps: vec![step(3), step(4)] },
            branch,
        ])
    };
    let left = run(&rules, once(1), echo);
    assert_eq!(steps_of(&left), ["s0", "s1", "s1", "s2", "s3", "s4", "s3", "s4", "s5"]);
}

#[test]
fn what_never_comes_true_fails_the_journey_after_so_many_times() {
    let (condition, holds_after) = until(100);
    let times = Times::Until { condition, every: Span::from_millis(1), at_most: 3 };
    let rules = Rules { holds_after, ..rules(vec![Step::Repeat { times, steps: vec![step(0)] }]) };
    let left = run(&rules, once(1), echo);
    let journey = one(&left);
    assert_eq!((left.records.len(), journey.end), (3, JourneyEnd::Failed));
    assert_eq!(journey.error.as_deref(), Some("`enough` did not hold after 3 times"));
    assert!(journey.thought > Span::ZERO, "it waited between the times");
}

#[test]
fn lanes_run_side_by_side_and_no_more_of_them_than_may() {
    // How many are being asked, and the most that there were.
    let crowd = Arc::new((Mutex::new((0u32, 0u32)), Condvar::new()));
    let served = {
        let crowd = crowd.clone();
        move |_: usize, mut peer: Peer| {
            let (count, changed) = &*crowd;
            while peer.request().is_some() {
                let mut here = count.lock().unwrap();
                here.0 += 1;
                here.1 = here.1.max(here.0);
                changed.notify_all();
                // Nobody is answered before as many have come as may; a safety net ends the wait if they never do.
                let patience = std::time::Duration::from_secs(10);
                let (mut here, _) = changed.wait_timeout_while(here, patience, |here| here.1 < 4).unwrap();
                here.0 -= 1;
                drop(here);
                peer.say(answer("x"));
            }
        }
    };
    let (condition, holds_after) = until(12);
    let lanes = Parallel { lanes: vec![vec![step(0)]], copies: 12, limit: Some(4) };
    let after = Step::If { condition, steps: vec![step(1)], otherwise: vec![] };
    let rules = Rules { holds_after, ..rules(vec![Step::Parallel(lanes), after]) };
    let left = run(&rules, once(1), served);
    assert_eq!(crowd.0.lock().unwrap().1, 4);
    assert_eq!(
        (left.records.len(), one(&left).requests),
        (13, 13),
        "lanes are put together before it goes on"
    );
    assert_eq!(steps_of(&left).last(), Some(&"s1"));
}

#[test]
fn users_who_leave_are_cancelled_and_their_journeys_abandoned() {
    let endless = |_: usize, mut peer: Peer| {
        if peer.request().is_some() {
            peer.say(STREAM);
            // The client closes: then the rest of it goes nowhere.
            (0..5).for_each(|_| peer.say(token("on and on")));
            peer.wait_for_close();
        }
    };
    for after in [Patience::Tokens(3), Patience::Time(Span::from_millis(30))] {
        let leaves = RequestStep { abandon: Some(Abandon { millionths: 1_000_000, after }), ..ask(0) };
        let rules = rules(vec![Step::Request(leaves), step(1)]);
        let left = run(&rules, once(1), endless);
        assert_eq!(left.records.iter().map(|r| r.outcome).collect::<Vec<_>>(), [Outcome::Cancelled]);
        assert!(left.records[0].first_token.is_some() && left.records[0].arrivals.events() >= 3);
        let journey = one(&left);
        assert_eq!((journey.end, journey.at_step.as_deref()), (JourneyEnd::Abandoned, Some("s0")));
    }
}

#[test]
fn nobody_sets_out_when_there_is_nothing_left() {
    for open in [false, true] {
        let rules = Rules { rows: Some(3), ..rules(vec![step(0)]) };
        let mut plan = once(1);
        plan.scenarios[0].load = match open {
            false => Load::Closed { stages: vec![UserStage::new(2, None, Phase::Main)], requests: None },
            true => {
                let stage = Stage::hold(Rate::per_second(1_000), None);
                Load::Open { stages: vec![stage], requests: None }
            }
        };
        let left = run(&rules, plan, echo);
        assert_eq!(left.records.len(), 3, "and the run has come to its end");
        let (done, cut): (Vec<_>, Vec<_>) =
            left.journeys.iter().partition(|j| j.end == JourneyEnd::Completed);
        assert_eq!(done.len(), 3);
        assert!(!cut.is_empty() && cut.iter().all(|j| j.error.as_deref() == Some("all rows are used up")));
    }
}

#[test]
fn journeys_of_a_rate_begin_at_its_instants_and_come_to_their_end() {
    let think = Some(TimeLaw::Fixed(Span::from_millis(80)));
    let rules = rules(vec![Step::Request(RequestStep { think, ..ask(0) }), step(1)]);
    let mut plan = plan(0);
    let stage = Stage::hold(Rate::per_second(100), Some(Span::from_millis(50)));
    plan.scenarios[0].load = Load::Open { stages: vec![stage], requests: None };
    let left = run(&rules, plan, echo);
    // The last journeys begin at the end of the plan, and have its grace.
    assert_eq!(ends(&left), vec![JourneyEnd::Completed; left.journeys.len()]);
    let mut scheduled: Vec<u64> = left.journeys.iter().map(|j| j.scheduled.0 / 1_000_000).collect();
    scheduled.sort_unstable();
    assert!(scheduled.starts_with(&[0, 10, 20, 30, 40]) && scheduled.len() <= 6, "{scheduled:?}");
    assert_eq!(left.records.len(), 2 * left.journeys.len());
    assert!(left.journeys.iter().all(|j| j.thought == Span::from_millis(80)));
    let firsts = left.records.iter().filter(|r| r.step.as_deref() == Some("s0"));
    assert_eq!(
        firsts.map(|r| r.scheduled).collect::<std::collections::BTreeSet<_>>().len(),
        left.journeys.len()
    );
}

#[test]
fn own_requests_are_read_whatever_they_are() {
    let served = |_: usize, mut peer: Peer| {
        while peer.request().is_some() {
            peer.say(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nX-Id: 7\r\ncontent-length: 4\r\n\r\n<hi>",
            );
        }
    };
    let rules = rules(vec![Step::Request(RequestStep { asks: false, ..ask(0) })]);
    let left = run(&rules, once(1), served);
    assert_eq!(
        left.records.iter().map(|r| (r.outcome, r.status)).collect::<Vec<_>>(),
        [(Outcome::Ok, Some(200))]
    );
}

#[test]
fn a_failed_setup_is_tried_again_and_one_that_is_done_is_not() {
    let moody = |number: usize, mut peer: Peer| {
        let mut nth = 0;
        while let Some(request) = peer.request() {
            nth += 1;
            let setup = request.ends_with("{\"step\":0}");
            match number == 0 && nth == 1 && setup {
                true => peer.say("HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nnope"),
                false => peer.say(answer(if setup { "in" } else { "bad" })),
            }
        }
    };
    let mut rules = Rules { fails: Some("bad"), ..rules(vec![step(1)]) };
    rules.flow.setup = vec![step(0)];
    let mut plan = once(1);
    let Load::Closed { stages, .. } = &mut plan.scenarios[0].load else { unreachable!() };
    stages[0].iterations = Some(3);
    let left = run(&rules, plan, moody);
    assert_eq!(steps_of(&left), ["s0", "s0", "s1", "s1"], "its journey failed, but it was set up");
    assert_eq!(ends(&left), [JourneyEnd::Failed; 3]);
    assert!(
        rules.log.lock().unwrap().contains(&"0 server_error Some(503)".to_owned()),
        "conditions can look at it"
    );
}

#[test]
fn a_way_that_leads_nowhere_keeps_nobody_else_from_going() {
    let (condition, holds_after) = until(1_000_000);
    let nowhere = Step::If { condition: condition.clone(), steps: vec![step(0)], otherwise: vec![] };
    let turning = Step::Repeat { times: Times::Count(100), steps: vec![nowhere] };
    let rules = Rules { holds_after, ..rules(vec![turning]) };
    let mut plan = once(2);
    let stage = UserStage::new(2, Some(Span::from_millis(250)), Phase::Main);
    plan.scenarios[0].load = Load::Closed { stages: vec![stage], requests: None };
    let left = run(&rules, plan, echo);
    assert!(left.records.is_empty() && !left.journeys.is_empty());
    assert!(left.journeys.len() < 20, "{} journeys of nothing", left.journeys.len());
}

#[test]
fn the_streams_of_own_requests_are_read_as_the_scenario_says() {
    let served = |_: usize, mut peer: Peer| {
        while peer.request().is_some() {
            peer.say(STREAM);
            for event in [r#"{"delta":{"say":"On "}}"#, r#"{"delta":{"say":"its way."}}"#, "END"] {
                peer.say(chunk(&format!("data: {event}\n\n")));
            }
            peer.say("0\r\n\r\n");
        }
    };
    let stated = Format {
        kind: Some(Kind::Sse),
        text: Some(Path::parse("$.delta.say").unwrap()),
        done: Some("END".into()),
        ..Format::default()
    };
    // Its text is what is judged.
    let own = Step::Request(RequestStep { asks: false, ..ask(0) });
    let mut rules = Rules { fails: Some("On its way."), ..rules(vec![own]) };
    // Neither the form of the target's own answers nor whether they are streams matters to it.
    for stream in [true, false] {
        let url = format!("http://127.0.0.1:{}/v1", server(served));
        let endpoint = floodline_engine::Endpoint { stream, ..endpoint(url) };
        let formats = vec![Some(Arc::new(stated.clone()))];
        let left = run_flow_read(Arc::new(rules.clone()), formats, once(1), endpoint).expect("it can be run");
        let record = &left.records[0];
        assert_eq!(record.error.as_deref(), Some("check failed: On its way."), "{record:?}");
        assert_eq!(record.arrivals.events(), 2);
        assert!(record.first_token.is_some() && record.output_tokens.is_some(), "{record:?}");
    }
    rules.fails = None;
    let left = run(&rules, once(1), served);
    assert_eq!(left.records[0].outcome, Outcome::Ok, "of which nothing is said, anything is an answer");
}

fn refused() -> &'static str {
    "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n"
}

#[test]
fn a_step_that_is_refused_is_tried_again_and_is_one_request_of_its_journey() {
    let asked = AtomicUsize::new(0);
    let port = server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            match asked.fetch_add(1, SeqCst) {
                0 | 1 => peer.say(refused()),
                _ => peer.say(answer("a")),
            }
        }
    });
    let mut plan = once(1);
    plan.retry = Some(Policy::naive());
    let rules = rules(vec![step(0), step(1)]);
    let log = rules.log.clone();
    let left = run_flow(Arc::new(rules), plan, endpoint(format!("http://127.0.0.1:{port}/v1"))).unwrap();
    assert_eq!(
        left.journeys.iter().map(|j| (j.end, j.requests)).collect::<Vec<_>>(),
        [(JourneyEnd::Completed, 2)]
    );
    assert_eq!(
        left.records.iter().map(|r| (r.outcome, r.attempts.len())).collect::<Vec<_>>(),
        [(Outcome::Ok, 3), (Outcome::Ok, 1)]
    );
    // The actor hears of the answer, and not of what came before.
    assert_eq!(*log.lock().unwrap(), ["0.0:0", "0.0:1"]);
}

/// A user's patience is with all attempts together, waits included.
#[test]
fn a_user_may_leave_while_a_request_waits_to_be_tried_again() {
    let port = server(|_, mut peer: Peer| {
        while peer.request().is_some() {
            peer.say(refused());
        }
    });
    let mut plan = once(1);
    plan.retry = Some(Policy::new(Waits::Fixed(Span::from_secs(60)), 3));
    let after = Patience::Time(Span::from_millis(40));
    let impatient = RequestStep { abandon: Some(Abandon { millionths: 1_000_000, after }), ..ask(0) };
    let rules = rules(vec![Step::Request(impatient)]);
    let left = run_flow(Arc::new(rules), plan, endpoint(format!("http://127.0.0.1:{port}/v1"))).unwrap();
    let r = &left.records[0];
    assert_eq!((r.outcome, r.status, r.attempts.len()), (Outcome::Cancelled, Some(429), 2));
    assert_eq!(r.error.as_deref(), Some("the user left while it waited to be tried again"));
    assert!(r.attempts[1].wait.unwrap() < Span::from_secs(60));
    assert_eq!(left.journeys[0].end, JourneyEnd::Abandoned);
}

/// Regression: the place of a half-open breaker's probe was lost when its user left, and the breaker stayed shut for ever.
#[test]
fn a_user_who_leaves_gives_a_breakers_probe_back() {
    let asked = AtomicUsize::new(0);
    let port = server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            // Whoever asks later waits in vain.
            if asked.fetch_add(1, SeqCst) < 2 {
                peer.say("HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\n{}");
            }
        }
    });
    let mut plan = plan(0);
    let stage = UserStage { iterations: Some(5), ..UserStage::new(1, None, Phase::Main) };
    plan.scenarios[0].load = Load::Closed { stages: vec![stage], requests: None };
    let breaker = BreakerRule { at_least: 2, cool_down: Span(1), ..BreakerRule::USUAL };
    plan.retry = Some(Policy { breaker: Some(breaker), ..Policy::NONE });
    let after = Patience::Time(Span::from_millis(40));
    let impatient = RequestStep { abandon: Some(Abandon { millionths: 1_000_000, after }), ..ask(0) };
    let rules = rules(vec![Step::Request(impatient)]);
    let left = run_flow(Arc::new(rules), plan, endpoint(format!("http://127.0.0.1:{port}/v1"))).unwrap();
    let outcomes: Vec<Outcome> = left.records.iter().map(|r| r.outcome).collect();
    assert_eq!(outcomes, [[Outcome::ServerError; 2].as_slice(), &[Outcome::Cancelled; 3]].concat());
}
