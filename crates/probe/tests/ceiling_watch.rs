//! What a single trial says of requests that never went out, and of refusals while the generator is behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use floodline_core::ceiling::{Bound, By, Depth, Verdict};
use floodline_core::plan::{Address, Load, Plan, Target};
use floodline_core::record::{Attempt, AttemptEnd, Record};
use floodline_core::retry::{Refusal, Why};
use floodline_core::schedule::Stage;
use floodline_core::verdict::Stamps;
use floodline_core::{Moment, Objective, Outcome, Phase, Rate, RunEvent, Span};
use floodline_probe::ceiling::{Question, Told, Trial, Watch};

/// Twenty requests a second, of which each second one ends as `other` makes it.
fn watched(by: By, lag: Span, other: impl Fn(&mut Record)) -> Told {
    let objectives = vec![Objective::parse("errors rate < 1%", None).unwrap()];
    let load = Load::Open { stages: vec![Stage::hold(Rate::per_second(20), None)], requests: None };
    let target = Target::new(Address::Url(String::new()), "m");
    let mut plan = Plan::new("watched".into(), 1, target, Vec::new(), load);
    plan.objectives = objectives.clone();
    let question = Question::new(by, objectives);
    let trial = Trial {
        number: 1,
        by,
        load: 20.0,
        depth: Depth::Full,
        flood: None,
        clean: None,
        memory: Span::ZERO,
        even: false,
        unloaded: None,
        learn: false,
        to_the_end: false,
        rest: Span::ZERO,
    };
    trial.load_into(&mut plan);
    let mut watch = Watch::new(&question, trial, Arc::new(plan), Stamps::Kernel);
    for i in 0..1_000 {
        let at = Moment(i * 50_000_000);
        let end = at + Span::from_millis(20);
        let mut record = Record::planned(i, Phase::Main, String::new(), at);
        if i % 2 == 0 {
            (record.sent, record.first_token, record.last) = (Some(at), Some(end), Some(end));
            (record.outcome, record.status) = (Outcome::Ok, Some(200));
        } else {
            other(&mut record);
        }
        record.lag_max = record.sent.map(|_| lag);
        watch.event(&RunEvent::Ended(Box::new(record)));
        if watch.look(end).is_some() {
            return watch.finish(end, None);
        }
    }
    watch.finish(Moment(50_000_000_000), None)
}

fn rejected(record: &mut Record) {
    let end = AttemptEnd::Outcome(Outcome::NotSent);
    let refusal = Some(Refusal::new(Why::RejectedLocally));
    record.attempts.push(Attempt { refusal, ..Attempt::new(None, record.scheduled, end, None) });
}

fn refused(record: &mut Record) {
    (record.sent, record.last) = (Some(record.scheduled), Some(record.scheduled + Span::from_millis(2)));
    (record.outcome, record.status) = (Outcome::RateLimited, Some(429));
}

#[test]
fn what_our_own_breaker_rejects_is_a_miss_and_no_backlog() {
    let told = watched(By::Rate, Span::ZERO, rejected).tried;
    assert_eq!(told.verdict, Verdict::Failed, "{told:?}");
    assert!(matches!(told.bound, Some(Bound::Objective { .. })), "{told:?}");
    assert!(told.refused > 0 && told.failed == 0, "{told:?}");
}

#[test]
fn refusals_decide_before_a_generator_that_reads_late() {
    for by in [By::Users, By::Rate] {
        let told = watched(by, Span::from_secs(2), refused).tried;
        assert_eq!(told.verdict, Verdict::Failed, "{told:?}");
        assert!(matches!(told.bound, Some(Bound::Limit { .. })), "{told:?}");
    }
}

#[test]
fn a_generator_that_reads_late_is_invalid_where_nothing_is_refused() {
    let fine = |record: &mut Record| {
        (record.sent, record.last) = (Some(record.scheduled), Some(record.scheduled + Span::from_millis(20)));
        (record.outcome, record.status) = (Outcome::Ok, Some(200));
    };
    let told = watched(By::Users, Span::from_secs(2), fine).tried;
    assert_eq!(told.verdict, Verdict::Invalid, "{told:?}");
}
