//! What an experiment may take is held, whatever the target does, and what it took is counted.

use floodline_core::budget::Ceilings;
use floodline_core::{Moment, Outcome, Span};
use floodline_probe::limits::{Answer, Command, Experiment, Reply, Settings, Stop, Tokens};

fn at(seconds: f64) -> Moment {
    Moment((seconds * 1e9) as u64)
}

#[test]
fn a_silent_target_does_not_outlast_the_time() {
    let mut experiment = Experiment::new(Settings { max_time: Span::from_secs(3), ..Settings::default() });
    assert!(matches!(experiment.next(at(0.0)), Command::Send(_)));
    assert_eq!(experiment.next(at(0.0)), Command::Wait(Some(at(3.0))));
    assert_eq!(experiment.next(at(2.9)), Command::Wait(Some(at(3.0))));
    assert_eq!(experiment.next(at(3.0)), Command::Done);
    assert_eq!(experiment.stopped(), Some(&Stop::Time));
    assert_eq!(experiment.finding().requests_used, 1, "it was sent, and may have been served");
}

#[test]
fn an_alarm_is_not_set_beyond_the_time() {
    let mut experiment = Experiment::new(Settings { max_time: Span::from_secs(3), ..Settings::default() });
    let end = at(3.0);
    for step in 0..10_000 {
        let now = at(f64::from(step) * 0.001);
        match experiment.next(now) {
            Command::Send(probe) => experiment.answered(probe.id, admitted(now, now)),
            Command::Wait(until) => assert!(until.is_some_and(|until| until <= end), "{until:?}"),
            Command::Done => break,
        }
    }
    assert!(matches!(experiment.next(end), Command::Done));
}

/// Answers take two seconds, so that very many are asked for at once.
#[test]
fn as_many_are_sent_as_are_counted_where_answers_are_slow() {
    const MOST: u64 = 40;
    let ceilings = Ceilings { requests: Some(MOST), ..Ceilings::default() };
    let mut experiment = Experiment::new(Settings { ceilings, ..Settings::default() });
    let mut under_way = std::collections::VecDeque::new();
    let (mut now, mut sent) = (at(0.0), 0);
    loop {
        match experiment.next(now) {
            Command::Send(probe) => {
                sent += 1;
                under_way.push_back((probe.id, now));
            }
            Command::Wait(_) => {
                let (probe, begun) = under_way.pop_front().expect("it waits for an answer");
                now = now.max(begun + Span::from_secs(2));
                experiment.answered(probe, admitted(begun, now));
            }
            Command::Done => break,
        }
    }
    assert_eq!((sent, experiment.finding().requests_used), (MOST, MOST));
    assert!(experiment.stopped().is_some_and(|stop| stop.to_string().contains("40 requests were sent")));
}

#[test]
fn what_was_never_sent_is_no_request_and_what_was_cancelled_is_one() {
    for (outcome, used) in [(Outcome::NotSent, 0), (Outcome::Cancelled, 1)] {
        let mut experiment = Experiment::new(Settings::default());
        let Command::Send(probe) = experiment.next(at(0.0)) else { panic!("it begins with a request") };
        experiment.end();
        assert_eq!((experiment.open(), experiment.finding().requests_used), (1, 1));
        let reply = Reply::Failed { outcome, detail: "given up".into() };
        experiment.answered(probe.id, Answer { sent: at(0.0), ended: at(1.0), stated: None, reply });
        assert_eq!((experiment.open(), experiment.finding().requests_used), (0, used), "{outcome:?}");
        assert_eq!(experiment.next(at(1.0)), Command::Done);
    }
}

fn admitted(sent: Moment, ended: Moment) -> Answer {
    Answer { sent, ended, stated: None, reply: Reply::Admitted(Some(Tokens { prompt: 16, output: 1 })) }
}
