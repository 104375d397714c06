//! What a single trial says of requests that never went out, and of refusals while the generator is behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use floodline_core::ceiling::{Bound, By, Depth, Tried, Verdict};
use floodline_core::event::Sample;
use floodline_core::plan::{Address, Load, Plan, Target};
use floodline_core::record::{Attempt, AttemptEnd, Record};
use floodline_core::retry::{Refusal, Why};
use floodline_core::schedule::Stage;
use floodline_core::verdict::Stamps;
use floodline_core::{Moment, Objective, Outcome, Phase, Rate, RunEvent, Span};
use floodline_probe::ceiling::{End, Question, Told, Trial, Watch};

/// A trial of twenty requests a second, a hundred and fifty seconds of them at most.
struct Twenty {
    by: By,
    objective: &'static str,
    /// How long every arrival lies unread.
    lag: Span,
    /// Whether the clock is stepped meanwhile.
    step: bool,
    learn: bool,
    depth: Depth,
    /// How long an answer takes where there is nothing else to do.
    unloaded: Option<Span>,
}

const BY_RATE: Twenty = Twenty {
    by: By::Rate,
    objective: "errors rate < 1%",
    lag: Span::ZERO,
    step: false,
    learn: false,
    depth: Depth::Full,
    unloaded: None,
};
const LATE: Span = Span::from_secs(2);

impl Twenty {
    /// What the trial tells if requests end as `end` makes them, and else well.
    fn watched(&self, end: impl Fn(u64, &mut Record)) -> Tried {
        self.told(end).tried
    }

    fn told(&self, end: impl Fn(u64, &mut Record)) -> Told {
        let mut watch = self.begun();
        for drift in [0, 5_000_000].into_iter().filter(|_| self.step) {
            watch.event(&RunEvent::Sampled(Box::new(Sample { clock_drift_ns: drift, ..Sample::default() })));
        }
        for i in 0..3_000 {
            let at = Moment(i * 50_000_000);
            let over = at + Span::from_millis(20);
            let mut record = Record::planned(i, Phase::Main, String::new(), at);
            (record.sent, record.first_token, record.last) = (Some(at), Some(over), Some(over));
            (record.outcome, record.status) = (Outcome::Ok, Some(200));
            end(i, &mut record);
            record.lag_max = record.sent.map(|_| self.lag);
            watch.event(&RunEvent::Ended(Box::new(record)));
            if watch.look(over).is_some() {
                return watch.finish(over, None);
            }
        }
        watch.finish(Moment(150_000_000_000), None)
    }

    /// What it tells if no request ends, and for how long it goes on.
    fn silent(&self) -> (Tried, Moment) {
        let mut watch = self.begun();
        let mut now = Moment::START;
        while watch.look(now) != Some(End::Now) {
            now = now + Span::from_millis(100);
        }
        (watch.finish(now, None).tried, now)
    }

    fn begun(&self) -> Watch {
        let objectives = vec![Objective::parse(self.objective, None).unwrap()];
        let load = Load::Open { stages: vec![Stage::hold(Rate::per_second(20), None)], requests: None };
        let target = Target::new(Address::Url(String::new()), "m");
        let mut plan = Plan::new("watched".into(), 1, target, Vec::new(), load);
        plan.objectives = objectives.clone();
        // By then a hundred have been sent, even if only each second one is: of fewer, nothing is said of the generator.
        let question = Question { shortest: Span::from_secs(12), ..Question::new(self.by, objectives) };
        let trial = Trial {
            number: 1,
            by: self.by,
            load: 20.0,
            depth: self.depth,
            flood: None,
            clean: None,
            memory: Span::ZERO,
            even: false,
            unloaded: self.unloaded,
            learn: self.learn,
            leave: true,
            to_the_end: false,
            rest: Span::ZERO,
        };
        trial.load_into(&mut plan);
        Watch::new(&question, trial, Arc::new(plan), Stamps::Kernel)
    }
}

fn rejected(record: &mut Record) {
    let end = AttemptEnd::Outcome(Outcome::NotSent);
    let refusal = Some(Refusal::new(Why::RejectedLocally));
    (record.sent, record.first_token, record.last) = (None, None, None);
    (record.outcome, record.status) = (Outcome::NotSent, None);
    record.attempts.push(Attempt { refusal, ..Attempt::new(None, record.scheduled, end, None) });
}

fn refused(record: &mut Record) {
    record.first_token = None;
    (record.outcome, record.status) = (Outcome::RateLimited, Some(429));
}

fn wrong(record: &mut Record) {
    record.first_token = None;
    (record.outcome, record.status) = (Outcome::ClientError, Some(400));
}

/// Makes each second request end so.
fn each_second(end: fn(&mut Record)) -> impl Fn(u64, &mut Record) {
    move |i, record| {
        if i % 2 == 1 {
            end(record)
        }
    }
}

#[test]
fn what_our_own_breaker_rejects_is_a_miss_and_no_backlog() {
    let told = BY_RATE.watched(each_second(rejected));
    assert_eq!(told.verdict, Verdict::Failed, "{told:?}");
    assert!(matches!(told.bound, Some(Bound::Objective { .. })), "{told:?}");
    assert!(told.refused > 0 && told.failed == 0, "{told:?}");
}

/// 18 % of what was sent ended in a client error, and the breaker kept as much again from going out.
#[test]
fn what_our_own_breaker_rejects_dilutes_no_share_that_it_is_no_part_of() {
    let trial = Twenty { objective: "client_error rate < 10%", ..BY_RATE };
    let told = trial.watched(|i, record| match (i % 2, i / 2 % 11) {
        (1, _) => rejected(record),
        (_, 3 | 7) => wrong(record),
        (..) => {}
    });
    assert_eq!(told.verdict, Verdict::Failed, "{told:?}");
}

#[test]
fn refusals_decide_before_a_generator_that_reads_late() {
    for by in [By::Users, By::Rate] {
        let told = Twenty { by, lag: LATE, ..BY_RATE }.watched(each_second(refused));
        assert_eq!(told.verdict, Verdict::Failed, "{told:?}");
        assert!(matches!(told.bound, Some(Bound::Limit { .. })), "{told:?}");
    }
}

#[test]
fn a_generator_that_reads_late_is_invalid_where_nothing_is_refused() {
    let told = Twenty { by: By::Users, lag: LATE, ..BY_RATE }.watched(|_, _| {});
    assert_eq!(told.verdict, Verdict::Invalid, "{told:?}");
}

#[test]
fn what_our_own_breaker_rejects_is_no_refusal_that_decides_before_the_generator() {
    let trial = Twenty { lag: LATE, objective: "errors rate < 5%", ..BY_RATE };
    let told = trial.watched(|i, record| match (i % 2, i % 100) {
        (1, _) => rejected(record),
        (_, 40) => refused(record),
        (..) => {}
    });
    assert_eq!(told.verdict, Verdict::Invalid, "{told:?}");
}

/// A tenth is refused and another tenth ends otherwise, where 12 % may.
#[test]
fn refusals_decide_before_the_generator_only_where_they_alone_are_too_many() {
    let trial = Twenty { lag: LATE, objective: "errors rate < 12%", ..BY_RATE };
    let told = trial.watched(|i, record| match i % 10 {
        3 => refused(record),
        8 => wrong(record),
        _ => {}
    });
    assert_eq!(told.verdict, Verdict::Invalid, "{told:?}");
}

#[test]
fn refusals_do_not_decide_where_anything_but_late_reading_speaks_against_the_figures() {
    let told = Twenty { by: By::Users, lag: LATE, step: true, ..BY_RATE }.watched(each_second(refused));
    assert_eq!(told.verdict, Verdict::Invalid, "{told:?}");
}

/// Three seconds of answers and nine of refusals: at the first look no cycle is whole.
#[test]
fn a_generator_that_reads_late_does_not_end_what_is_learned_of_a_limiter() {
    let told = Twenty { lag: LATE, learn: true, ..BY_RATE }.watched(|i, record| {
        if i % 240 >= 60 {
            refused(record);
        }
    });
    assert_eq!(told.verdict, Verdict::Failed, "{told:?}");
    assert!(told.seconds > 24.0, "{told:?}");
    assert!(matches!(told.bound, Some(Bound::Limit { .. })), "{told:?}");
}

#[test]
fn answers_that_are_none_are_the_targets_doing_and_not_the_generators() {
    let html = |_, record: &mut Record| {
        record.first_token = None;
        record.outcome = Outcome::Malformed;
    };
    for by in [By::Users, By::Rate] {
        let told = Twenty { by, lag: LATE, ..BY_RATE }.watched(html);
        assert_eq!(told.verdict, Verdict::Failed, "{told:?}");
        assert!(matches!(told.bound, Some(Bound::Objective { .. })), "{told:?}");
    }
}

#[test]
fn a_trial_in_which_nothing_ended_has_not_failed() {
    for by in [By::Users, By::Rate] {
        let (told, now) = Twenty { by, ..BY_RATE }.silent();
        assert_eq!(told.verdict, Verdict::Invalid, "{told:?}");
        assert!(matches!(told.bound, Some(Bound::Silence { seconds }) if seconds > 29.0), "{told:?}");
        // What is in flight is waited for as long as a trial may last.
        assert!(now >= Moment(60_000_000_000), "{now:?}");
    }
}

#[test]
fn a_trial_of_which_only_the_start_ended_has_not_failed() {
    let mut watch = Twenty { by: By::Users, ..BY_RATE }.begun();
    for i in 0..8 {
        let mut record = Record::planned(i, Phase::Main, String::new(), Moment(i));
        (record.sent, record.last) = (Some(Moment(i)), Some(Moment(20_000_000)));
        record.outcome = Outcome::Ok;
        watch.event(&RunEvent::Ended(Box::new(record)));
    }
    let mut now = Moment::START;
    while watch.look(now) != Some(End::Now) {
        now = now + Span::from_millis(100);
    }
    let told = watch.finish(now, None).tried;
    assert_eq!((told.verdict, told.ok), (Verdict::Invalid, 8), "{told:?}");
}

#[test]
fn a_trial_in_which_nothing_ended_has_failed_where_answers_are_long_overdue() {
    let trial = Twenty { unloaded: Some(Span::from_millis(300)), ..BY_RATE };
    let (told, _) = trial.silent();
    assert_eq!((told.verdict, told.bound), (Verdict::Failed, Some(Bound::Backlog { grows_per_s: 20.0 })));
    let slow = Twenty { unloaded: Some(Span::from_secs(5)), ..trial };
    assert_eq!(slow.silent().0.verdict, Verdict::Invalid);
}

#[test]
fn a_scout_that_is_refused_after_a_few_answers_does_not_go_on() {
    let scout = Twenty { by: By::Users, depth: Depth::Scout, ..BY_RATE };
    let told = scout.watched(|i, record| {
        if i >= 3 {
            refused(record);
        }
    });
    assert_eq!((told.verdict, told.ok, told.refused), (Verdict::Passed, 3, 20), "{told:?}");
}

#[test]
fn a_load_far_beyond_a_limit_is_left_and_no_ways_are_learned_of_it() {
    let trial = Twenty { learn: true, ..BY_RATE };
    let told = trial.told(|i, record| {
        if i >= 50 {
            refused(record);
        }
    });
    let Told { tried, shown } = &told;
    assert_eq!((tried.verdict, tried.ok), (Verdict::Failed, 50), "{told:?}");
    assert!(matches!(tried.bound, Some(Bound::Limit { .. })), "{told:?}");
    assert!((1_000..1_200).contains(&tried.refused), "{told:?}");
    assert_eq!(shown.forgotten_in, Some(Span::from_secs(65)));
    assert!(shown.capacity.is_some_and(|capacity| (0.8..1.0).contains(&capacity)), "{told:?}");
    // Where a limiter is known already, its window is waited for.
    let known = Twenty { learn: false, ..trial };
    let told = known.told(|i, record| {
        if i % 2_500 >= 50 {
            refused(record)
        }
    });
    assert_eq!(told.shown.forgotten_in, None);
}
