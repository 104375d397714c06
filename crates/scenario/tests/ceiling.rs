//! What a scenario says of a search for its ceiling.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use floodline_core::ceiling::{By, Wanted};
use floodline_core::time::Span;
use support::World;

const OPEN: &str = "target: {stub: {}}\nload: {hold: 1/s, for: 5s}\n";
const CLOSED: &str = "target: {stub: {}}\nload: {users: 1, for: 5s}\n";

fn wanted(before: &str, text: &str) -> Option<Wanted> {
    World::new().resolve(&format!("{before}{text}\n")).unwrap().ceiling
}

#[test]
fn loads_are_counted_as_the_scenarios_own_is() {
    let nothing = Wanted {
        by: By::Rate,
        need: None,
        from: None,
        to: None,
        resolution: None,
        longest: None,
        shortest: None,
        max_time: None,
        max_trials: None,
    };
    assert_eq!(wanted(OPEN, ""), None);
    assert_eq!(wanted(OPEN, "ceiling: {need: 20/s}"), Some(Wanted { need: Some(20.0), ..nothing }));
    assert_eq!(wanted(OPEN, "ceiling: {need: 90/min}"), Some(Wanted { need: Some(1.5), ..nothing }));
    let users = Wanted { by: By::Users, need: Some(64.0), from: Some(2.0), to: Some(512.0), ..nothing };
    assert_eq!(wanted(CLOSED, "ceiling: {need: 64, from: 2 users, to: 512 users}"), Some(users));
    assert_eq!(wanted(OPEN, "ceiling: {by: users, need: 64, from: 2, to: 512}"), Some(users));
    let all = "ceiling: {need: 20, resolution: 5%, trial: 1m, min_trial: 10s, max_time: 2h, max_trials: 9}";
    let expected = Wanted {
        need: Some(20.0),
        resolution: Some(0.05),
        longest: Some(Span::from_secs(60)),
        shortest: Some(Span::from_secs(10)),
        max_time: Some(Span::from_secs(7_200)),
        max_trials: Some(9),
        ..nothing
    };
    assert_eq!(wanted(OPEN, all), Some(expected));
}

#[test]
fn what_makes_no_sense_is_shown_where_it_stands() {
    for (before, text, said) in [
        (OPEN, "{need: 64 users}", "this is no rate, and the search is by rate"),
        (CLOSED, "{need: 20/s}", "this is no number of users, and the search is by users"),
        (CLOSED, "{need: 2.5}", "this is no number of users"),
        (OPEN, "{need: much}", "`much` is no load"),
        (OPEN, "{from: 9/s, to: 3/s}", "the search is to start above where it is to end"),
        (OPEN, "{resolution: 90%}", "from 0.1% to 50%"),
        (OPEN, "{trial: 0s}", "`trial` must be above zero"),
        (OPEN, "{by: people}", "`people`"),
        (OPEN, "{needs: 3/s}", "unknown key `needs`"),
    ] {
        let error = World::new().error(&format!("{before}ceiling: {text}\n"));
        assert!(error.contains(said) && error.contains(":3:"), "{text}: {error}");
    }
}
