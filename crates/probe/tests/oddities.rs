//! Targets whose refusals are no limiter's, or one's that is not there again while anybody waits.

use std::collections::BTreeMap;

use floodline_core::finding::{Finding, FoundDimension};
use floodline_core::random::{Purpose, Stream};
use floodline_core::retry::{Dimension, Refusal, Why};
use floodline_core::stated::{Quota, StatedLimits};
use floodline_core::{Moment, Outcome, Span};
use floodline_probe::limits::{Answer, Command, Experiment, Probe, Reply, Settings, Stop, Tokens};

/// A target that answers each probe after five milliseconds, the next one after that, as `answers` says.
fn run(
    settings: Settings,
    mut answers: impl FnMut(usize, Probe) -> (Reply, Option<StatedLimits>),
) -> (Finding, Option<Stop>) {
    let mut experiment = Experiment::new(settings);
    let (mut now, mut sent) = (Moment::START, 0);
    loop {
        match experiment.next(now) {
            Command::Done => break,
            Command::Send(probe) => {
                let begun = now;
                now = now + Span::from_millis(5);
                let (reply, stated) = answers(sent, probe);
                sent += 1;
                experiment.answered(probe.id, Answer { sent: begun, ended: now, stated, reply });
            }
            Command::Wait(until) => now = until.expect("every probe is answered at once").max(now),
        }
    }
    (experiment.finding(), experiment.stopped().cloned())
}

fn admitted(probe: Probe) -> Reply {
    Reply::Admitted(Some(Tokens {
        prompt: u64::from(probe.prompt_tokens),
        output: u64::from(probe.max_tokens),
    }))
}

fn refused(refusal: Refusal, status: u16) -> Reply {
    Reply::Refused { refusal, status: Some(status) }
}

#[test]
fn a_quota_that_is_used_up_is_asked_three_times_and_no_more() {
    let (found, stop) = run(Settings::default(), |sent, probe| match sent {
        0..30 => (admitted(probe), None),
        _ => (refused(Refusal::new(Why::QuotaExhausted), 403), None),
    });
    assert_eq!((found.requests_used, stop), (33, Some(Stop::Quota)));
    let [limit] = found.limits.as_slice() else { panic!("{found:#?}") };
    assert_eq!((limit.dimension, limit.value, limit.status), (FoundDimension::Quota, None, Some(403)));
}

#[test]
fn a_limit_by_the_day_is_told_as_one_without_a_value() {
    let out = Quota { limit: Some(40), remaining: Some(0), reset: None };
    let by_fields =
        StatedLimits { also: BTreeMap::from([("requests-day".into(), out)]), ..StatedLimits::default() };
    for (said, stated) in [
        (Refusal::of(Why::RateLimited, Dimension::Rpd), None),
        (Refusal::new(Why::RateLimited), Some(by_fields.clone())),
        (Refusal::of(Why::RateLimited, Dimension::Rpm), Some(by_fields)),
    ] {
        let settings = Settings { max_time: Span::from_secs(20), ..Settings::default() };
        let (found, _) = run(settings, |sent, probe| match sent {
            0..40 => (admitted(probe), None),
            _ => (refused(said, 429), stated.clone()),
        });
        let [limit] = found.limits.as_slice() else { panic!("{found:#?}") };
        assert_eq!(
            (limit.dimension, limit.value, limit.window_s),
            (FoundDimension::Rpd, None, Some(86_400.0))
        );
        assert_eq!(limit.stated_value, stated.as_ref().map(|_| 40));
    }
}

#[test]
fn a_day_that_says_how_long_it_lasts_is_not_waited_for() {
    let hours = StatedLimits { retry_after: Some(Span::from_secs(7_200)), ..StatedLimits::default() };
    let (found, stop) = run(Settings::default(), |sent, probe| match sent {
        0..40 => (admitted(probe), None),
        _ => (refused(Refusal::of(Why::RateLimited, Dimension::Rpd), 429), Some(hours.clone())),
    });
    assert_eq!(stop, Some(Stop::Day(Span::from_secs(7_200))));
    assert!(found.requests_used < 60, "{found:#?}");
    assert_eq!(found.limits.len(), 1, "{found:#?}");
}

#[test]
fn refusals_by_chance_are_no_limit() {
    for (seed, percent) in [(1, 20), (2, 50)] {
        let mut random = Stream::new(seed, Purpose::Answers, 0);
        let (found, stop) = run(Settings::default(), |_, probe| match random.below(100) < percent {
            true => (refused(Refusal::new(Why::RateLimited), 429), None),
            false => (admitted(probe), None),
        });
        assert!(found.limits.is_empty(), "{percent} %: {found:#?}");
        assert!(matches!(stop, Some(Stop::Chance { .. })), "{percent} %: {stop:?}");
    }
}

#[test]
fn each_key_is_tried_before_anything_else_and_the_one_that_is_refused_is_told() {
    for wrong in [0, 1] {
        let settings = Settings { keys: 2, ..Settings::default() };
        let (found, stop) = run(settings, |_, probe| match probe.key == wrong {
            true => (Reply::Failed { outcome: Outcome::ClientError, detail: "status 401".into() }, None),
            false => (admitted(probe), None),
        });
        assert_eq!(stop, Some(Stop::Key(wrong, "status 401".into())));
        assert!(found.requests_used <= 4, "{found:#?}");
    }
}
