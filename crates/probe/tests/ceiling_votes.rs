//! Which trials have a say in a search: what is told of each load is made up here.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use floodline_core::Span;
use floodline_core::ceiling::{Bound, By, Ceiling, Status, Verdict};
use floodline_probe::ceiling::{Completed, Question, Search, Told, Trial};

/// Searches from 8/s on a target that holds 20/s. `gives_out` is handed a load and how often it was tried before.
fn search(question: Question, gives_out: impl Fn(f64, usize) -> bool) -> Ceiling {
    let mut search = Search::new(question);
    while let Some(trial) = search.next() {
        let before = search.all_tried().filter(|tried| tried.load == trial.load).count();
        let told = match gives_out(trial.load, before) {
            true => trial.unmade("generator_late: requests left late".into()),
            false => judged(&trial),
        };
        search.record(told);
    }
    search.answer(&Completed::default(), None, Span::from_secs(60))
}

fn judged(trial: &Trial) -> Told {
    let mut told = trial.unmade(String::new());
    (told.tried.verdict, told.tried.bound) = match trial.load <= 20.0 {
        true => (Verdict::Passed, None),
        false => (Verdict::Failed, Some(Bound::Backlog { grows_per_s: 1.0 })),
    };
    told
}

fn from_8() -> Question {
    Question { from: Some(8.0), need: Some(5.0), ..Question::new(By::Rate, Vec::new()) }
}

#[test]
fn a_generator_that_gave_out_has_no_vote() {
    let found = search(from_8(), |_, before| before == 0);
    assert_eq!((found.status, found.confirmed), (Status::Found, true), "{found:#?}");
    assert!((19.4..=20.0).contains(&found.value.unwrap()), "{found:#?}");
    assert_eq!(found.disagreements, [], "{found:#?}");
    assert!(matches!(found.bound_by, Some(Bound::Backlog { .. })), "{found:#?}");
    assert!(found.interval.1.is_some_and(|high| high <= found.value.unwrap() * 1.03), "{found:#?}");
}

#[test]
fn where_the_generator_gives_out_there_is_no_upper_end_and_no_headroom() {
    let found = search(from_8(), |load, _| load > 12.0);
    assert_eq!((found.status, found.exit_code()), (Status::Invalid, 4), "{found:#?}");
    assert!((11.6..=12.0).contains(&found.value.unwrap()), "{found:#?}");
    assert_eq!((found.interval.1, found.headroom), (None, None), "{found:#?}");
    assert!(matches!(found.bound_by, Some(Bound::Generator { .. })), "{found:#?}");
    // Each load that is out of reach is tried twice, and no more often.
    let at = |load: f64| found.trials.iter().filter(|tried| tried.load == load).count();
    assert!(found.trials.iter().all(|tried| at(tried.load) <= 2), "{found:#?}");
}

#[test]
fn a_generator_that_gives_out_at_once_is_asked_twice_and_blamed() {
    let question = Question { from: None, ..from_8() };
    let found = search(question, |_, _| true);
    assert_eq!((found.status, found.trials.len()), (Status::Invalid, 2), "{found:#?}");
    assert!(matches!(found.bound_by, Some(Bound::Generator { .. })), "{found:#?}");
}

#[test]
fn a_target_that_answers_nobody_in_time_is_not_said_to_hold_nothing() {
    let mut search = Search::new(Question { from: None, ..from_8() });
    let mut told = search.next().unwrap().unmade(String::new());
    told.tried.bound = Some(Bound::Silence { seconds: 30.0 });
    search.record(told);
    assert_eq!(search.next(), None);
    let found = search.answer(&Completed::default(), None, Span::from_secs(60));
    assert_eq!((found.status, found.exit_code(), found.headroom), (Status::Invalid, 4, None), "{found:#?}");
}
