use floodline_core::limits::{Figure, Figures};
use floodline_core::plan::{Address, Target};
use floodline_core::schedule::Stage;
use floodline_core::{Rate, Record};

use super::*;

fn plan(load: Load) -> Plan {
    let target = Target::new(Address::Url(String::new()), "m");
    Plan::new("rehearsal".into(), 7, target, Vec::new(), load)
}

fn open(per_second: u64, seconds: Option<u64>) -> Plan {
    let hold = Stage::hold(Rate::per_second(per_second), seconds.map(Span::from_secs));
    plan(Load::Open { stages: vec![hold], requests: None })
}

fn exact(ttft: u64, gap: u64) -> Rehearsal {
    Rehearsal::new(Pace::exact(Span::from_millis(ttft), Span::from_millis(gap)), |_| (10, 5))
}

/// The records of a run, in the order in which they ended, and how long it took.
fn records(rehearsal: &mut Rehearsal, plan: &Plan, go: impl Fn(Moment) -> Go) -> (Vec<Record>, Span) {
    let mut records = Vec::new();
    let took = rehearsal
        .run(plan, &mut |now, event| {
            if let Some(RunEvent::Ended(record)) = event {
                records.push((**record).clone());
            }
            go(now)
        })
        .unwrap();
    (records, took)
}

#[test]
fn an_open_loop_sends_what_its_plan_says_and_is_answered_exactly() {
    let mut rehearsal = exact(50, 10);
    rehearsal.network = Span::from_millis(2);
    let (records, took) = records(&mut rehearsal, &open(10, Some(3)), |_| Go::On);
    assert_eq!(records.len(), 30);
    for (k, record) in records.iter().enumerate() {
        assert_eq!((record.i, record.outcome), (k as u64, Outcome::Ok));
        let since = |at: Option<Moment>| at.unwrap().since(record.sent.unwrap());
        assert_eq!(since(record.first_token), Span::from_millis(54));
        assert_eq!(since(record.last), Span::from_millis(94));
        assert_eq!(record.output_tokens, Some(5));
    }
    assert!(took >= Span::from_millis(2_994) && took < Span::from_millis(3_200), "{took}");
}

#[test]
fn users_ask_again_when_they_are_answered() {
    let stages = vec![UserStage::new(3, Some(Span::from_secs(1)), Phase::Main)];
    let load = Load::Closed { stages, requests: None };
    let (records, _) = records(&mut exact(50, 10), &plan(load), |_| Go::On);
    // Twelve rounds of 90 ms begin within the second: at 0, 90, ... 990 ms.
    assert_eq!(records.len(), 36);
    assert!(records.iter().all(|record| record.late == Some(Span::ZERO)));
}

#[test]
fn a_limiter_refuses_and_remembers_from_run_to_run() {
    let mut rehearsal = exact(1, 0);
    let mut limits = Figures { rpm: Some(Figure::Of(60)), ..Figures::default() }.limits().unwrap();
    limits.limits[0].refusals_count = false;
    rehearsal.limiter = Some(Limiter::new(&limits).unwrap());
    let ok = |records: &[Record]| records.iter().filter(|r| r.outcome == Outcome::Ok).count();
    let (first, _) = records(&mut rehearsal, &open(10, Some(12)), |_| Go::On);
    assert_eq!((first.len(), ok(&first)), (120, 71));
    let refusal = first.last().unwrap().attempts[0].refusal.unwrap();
    assert_eq!(refusal.dimension, Some(floodline_core::retry::Dimension::Rpm));
    let (second, _) = records(&mut rehearsal, &open(10, Some(12)), |_| Go::On);
    assert!((11..=13).contains(&ok(&second)), "{}", ok(&second));
    rehearsal.rest(Span::from_secs(60));
    let (third, _) = records(&mut rehearsal, &open(10, Some(12)), |_| Go::On);
    assert_eq!(ok(&third), 71);
}

#[test]
fn a_generator_that_cannot_keep_up_sends_late() {
    let mut rehearsal = exact(10, 0);
    rehearsal.sending = Span::from_millis(50);
    let (records, _) = records(&mut rehearsal, &open(40, Some(2)), |_| Go::On);
    let late = records.last().unwrap().late.unwrap();
    assert!(late > Span::from_millis(1_850), "{late}");
}

#[test]
fn a_run_ends_when_it_is_told_to() {
    let end_at = |at: u64, go: Go| move |now: Moment| if now >= Moment(at * 1_000_000) { go } else { Go::On };
    let mut rehearsal = exact(500, 0);
    let (drained, took) = records(&mut rehearsal, &open(10, None), end_at(1_000, Go::Drain));
    assert!(drained.iter().all(|record| record.outcome == Outcome::Ok) && drained.len() <= 12);
    assert!(took <= Span::from_millis(1_700), "{took}");
    let (given_up, _) = records(&mut rehearsal, &open(10, None), end_at(1_000, Go::Now));
    let cancelled = given_up.iter().filter(|record| record.outcome == Outcome::Cancelled).count();
    assert!((4..=6).contains(&cancelled), "{cancelled}");
}

#[test]
fn an_hour_takes_no_hour_and_the_same_plan_gives_the_same_events() {
    let all = || {
        let mut events = Vec::new();
        let pace = crate::model::Profile::named("8b-h100").unwrap().pace();
        let mut rehearsal = Rehearsal::new(pace, |i| (50 + (i % 7) as u32, 3));
        rehearsal
            .run(&open(2, Some(3_600)), &mut |_, event| {
                events.extend(event.cloned());
                Go::On
            })
            .unwrap();
        events
    };
    let first = all();
    assert!(first.len() > 7_200);
    assert_eq!(first, all());
}
