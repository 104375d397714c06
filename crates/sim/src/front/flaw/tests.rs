use floodline_core::faults::Fault as Written;

use super::*;

fn flaw(slow: Option<&str>, fault: Option<&str>, steps: u32, is_stream: bool) -> Flaw {
    let kind = |line: &str| line.parse::<Written>().unwrap().kind;
    let mut slowed = Slowed::default();
    match slow.map(kind) {
        Some(Kind::Slow(slow)) => slowed.add(slow),
        other => assert_eq!(other, None),
    }
    Flaw::new((slowed, fault.map(kind).as_ref()), Dialect::OpenAi, (1, Moment(100)), (steps, is_stream))
        .unwrap()
}

/// What happens when the model lets one token go each 10 ns from 200 on: moment, and tokens out or the word for a break.
fn course(mut flaw: Flaw, steps: u32) -> Vec<(u64, String)> {
    let (mut seen, mut alarms) = (Vec::new(), Vec::new());
    for step in 0..flaw.steps(steps) {
        alarms.extend(flaw.hold(step + 1, Moment(200 + u64::from(step) * 10)));
    }
    while let Some(now) = alarms.pop() {
        flaw.wake();
        while let Some(next) = flaw.next(now) {
            let (what, at) = match next {
                Next::Release { until, at } => (until.to_string(), at),
                Next::Break { broken, at } => (format!("{broken:?}"), at),
            };
            assert!(at <= now);
            seen.push((at.0, what));
        }
        alarms.extend(flaw.await_next());
        assert!(alarms.len() <= 1, "it is awaited once");
    }
    seen
}

fn said(seen: &[(u64, String)]) -> Vec<(u64, &str)> {
    seen.iter().map(|(at, what)| (*at, what.as_str())).collect()
}

#[test]
fn what_is_slow_is_later_as_a_whole() {
    let fixed = course(flaw(Some("slow 7ns"), None, 3, true), 3);
    assert_eq!(said(&fixed), [(207, "1"), (217, "2"), (227, "3")]);
    // The first token came after 100.
    let twice = course(flaw(Some("slow 2x"), None, 3, true), 3);
    assert_eq!(said(&twice), [(300, "1"), (310, "2"), (320, "3")]);
}

#[test]
fn a_stall_delays_all_that_follows() {
    let stalled = course(flaw(None, Some("stall after 2 for 1us"), 4, true), 4);
    assert_eq!(
        said(&stalled),
        [(200, "1"), (210, "2"), (220, "Stall(Some(Span(1000)))"), (1220, "3"), (1230, "4")]
    );
    let slow_too = course(flaw(Some("slow 5ns"), Some("stall after 1"), 3, true), 3);
    assert_eq!(said(&slow_too), [(205, "1"), (215, "Stall(None)")]);
}

#[test]
fn a_break_shows_before_its_token_and_the_model_stops_there() {
    let cut = flaw(None, Some("disconnect after 2"), 9, true);
    assert_eq!(cut.steps(9), 3);
    assert_eq!(said(&course(cut, 9)), [(200, "1"), (210, "2"), (220, "Disconnect(Reset)")]);
    let at_once = course(flaw(None, Some("end_early after 0"), 9, true), 9);
    assert_eq!(said(&at_once), [(200, "EndEarly")]);
}

#[test]
fn a_short_answer_breaks_before_its_last_token() {
    let short = course(flaw(None, Some("end_early after 50"), 2, true), 2);
    assert_eq!(said(&short), [(200, "1"), (210, "EndEarly")]);
    let shortest = course(flaw(None, Some("malformed after 50"), 1, true), 1);
    assert_eq!(said(&shortest), [(200, "Malformed(Event)"), (200, "1")]);
}

#[test]
fn an_answer_in_one_piece_breaks_when_it_is_complete() {
    let whole = course(flaw(None, Some("malformed after 1"), 3, false), 3);
    assert_eq!(said(&whole), [(200, "1"), (210, "2"), (220, "Malformed(Event)"), (220, "3")]);
}

#[test]
fn tokens_that_come_at_once_break_where_they_should() {
    let mut flaw = flaw(None, Some("malformed after 4"), 10, true);
    assert_eq!(flaw.hold(10, Moment(200)), Some(Moment(200)));
    assert!(matches!(flaw.next(Moment(200)), Some(Next::Release { until: 4, .. })));
    assert!(matches!(
        flaw.next(Moment(200)),
        Some(Next::Break { broken: Break::Malformed(Harm::Event), .. })
    ));
    assert!(matches!(flaw.next(Moment(200)), Some(Next::Release { until: 10, .. })));
    assert!(flaw.next(Moment(200)).is_none());
}
