use floodline_core::faults::Slow;
use floodline_core::limits::{Figure, Figures};
use proptest::prelude::*;

use super::*;
use crate::limits::Ledger;
use crate::model::{Batching, Pace, SeqId, StepCost};
use crate::provider::{Asked, Decision, Entry, Provider};

const KEY: &str = "sk-a";

fn faults(lines: &[&str]) -> Faults {
    Faults::new(lines.iter().map(|line| line.parse().unwrap_or_else(|e| panic!("{line}: {e}"))).collect())
        .unwrap()
}

fn injector(lines: &[&str], seed: u64) -> Injector {
    Injector::new(faults(lines), seed, Moment::START)
}

fn at(seconds: u64) -> Moment {
    Moment(Span::from_secs(seconds).0)
}

/// Which of `count` requests, all at once and for one model, are struck.
fn struck(injector: &mut Injector, count: u64) -> Vec<u64> {
    let key = KeyId::of(KEY);
    (1..=count).filter(|_| injector.strike(at(0), key, "m").fault.is_some()).collect()
}

#[test]
fn the_first_that_strikes_is_met_and_slow_lets_the_rest_strike() {
    let mut injector =
        injector(&["slow 1s nth 1..3", "slow 2s nth 3,4", "status 500 nth 2", "timeout nth 2,3"], 1);
    let key = KeyId::of(KEY);
    let mut next = || {
        let strike = injector.strike(at(0), key, "m");
        (strike.slowed.delay(Span::ZERO), strike.fault)
    };
    let s = Span::from_secs;
    assert_eq!(
        [next(), next(), next(), next()],
        [(s(1), None), (s(1), Some(2)), (s(3), Some(3)), (s(2), None)]
    );
    assert_eq!(injector.struck().collect::<Vec<_>>(), [3, 2, 1, 1]);
}

#[test]
fn requests_are_counted_for_each_fault_by_itself() {
    let hash = KeyId::of("sk-b");
    let keyed = format!("timeout key {hash} nth 2");
    let mut injector = injector(&["status 500 model b nth 2 from 10s", &keyed], 1);
    let mut strike = |seconds, key: &str, model| injector.strike(at(seconds), KeyId::of(key), model).fault;
    assert_eq!(strike(0, "sk-b", "b"), None, "too early for the one, the first for the other");
    assert_eq!(strike(10, "sk-a", "b"), None);
    assert_eq!(strike(10, "sk-a", "a"), None, "another model");
    assert_eq!(strike(10, "sk-a", "b"), Some(0));
    assert_eq!(strike(10, "sk-b", "a"), Some(1));
}

#[test]
fn a_request_is_counted_behind_a_fault_that_struck_it() {
    assert_eq!(struck(&mut injector(&["status 500 nth 1", "status 503 nth 2"], 1), 3), [1, 2]);
}

#[test]
fn times_count_from_when_the_faults_were_set() {
    let mut injector = Injector::new(faults(&["timeout from 10s until 20s"]), 1, at(100));
    let key = KeyId::of(KEY);
    let mut strike = |now: Moment| injector.strike(now, key, "m").fault.is_some();
    let just_before = |seconds| Moment(at(seconds).0 - 1);
    assert_eq!(
        [strike(just_before(110)), strike(at(110)), strike(just_before(120)), strike(at(120))],
        [false, true, true, false]
    );
}

#[test]
fn the_door_follows_refusals_and_outages() {
    let injector = Injector::new(
        faults(&[
            "refuse from 10s until 20s",
            "outage from 15s for 2s every 1m",
            "refuse rate 5%",
            "timeout from 1s",
        ]),
        1,
        at(100),
    );
    let (mut now, mut seen) = (at(100), vec![(100, injector.door(at(100)))]);
    while let Some(next) = injector.next_change(now).filter(|next| *next < at(200)) {
        now = next;
        seen.push((next.0 / 1_000_000_000, injector.door(next)));
    }
    assert_eq!(
        seen,
        [
            (100, Door::Open),
            (110, Door::Shut),
            (115, Door::Down),
            (117, Door::Shut),
            (120, Door::Open),
            (175, Door::Down),
            (177, Door::Open)
        ]
    );
}

#[test]
fn connections_are_refused_by_count_and_share_and_requests_are_not() {
    let mut guarded = injector(&["refuse nth 2", "refuse rate 50%"], 3);
    assert_eq!(guarded.strike(at(0), KeyId::of(KEY), "m"), Strike::default());
    let refused: Vec<_> = (0..1_000).map(|_| guarded.refuses(at(0))).collect();
    assert_eq!(refused[1], Some(0));
    let by_share = refused.iter().filter(|place| **place == Some(1)).count();
    assert!((400..600).contains(&by_share), "{by_share}");
    assert_eq!(guarded.door(at(0)), Door::Open);
    assert_eq!(injector(&["timeout"], 3).refuses(at(0)), None);
}

/// Regression: who found the queue full used up the fault that was meant for who comes next.
#[test]
fn what_finds_the_queue_full_uses_up_no_fault() {
    let cost = StepCost {
        floor_ps: 1_000_000_000,
        per_token_ps: 0,
        per_sequence_ps: 0,
        per_kv_token_ps: 0,
        overhead_ps: 0,
    };
    let narrow = Batching { cost, step_tokens: 100, max_running: 1, max_waiting: 0 };
    let mut provider = Provider::new(Pace::batched(narrow), None).unwrap();
    provider.keep(Ledger::new(10));
    provider.set_faults(faults(&["stall nth 2"]), 1, at(0));
    let key = KeyId::of(KEY);
    let ask = |provider: &mut Provider, second, id| {
        provider.advance(at(second), &mut |_| ());
        let asked = Asked::new(key, "m");
        let Entry::Admitted(admitted) = provider.admit(at(second), &asked) else { panic!("no limit") };
        let strike = provider.strike(at(second), key, "m");
        provider.begin(at(second), SeqId(id), &Asked { strike, ..asked }, admitted) != Decision::Overloaded
    };
    assert_eq!(
        [ask(&mut provider, 0, 1), ask(&mut provider, 0, 2), ask(&mut provider, 9, 3)],
        [true, false, true]
    );
    let met: Vec<_> = provider.ledger().unwrap().attempts().map(|attempt| attempt.met.fault).collect();
    assert_eq!(met, [None, None, Some("stall")]);
    assert_eq!(provider.injector().unwrap().struck().collect::<Vec<_>>(), [1]);
}

/// A provider with one place, at which some requests are never answered.
#[test]
fn what_is_never_answered_holds_its_place_until_its_client_is_gone() {
    let limits = Figures { concurrency: Some(Figure::Of(1)), ..Figures::default() }.limits().unwrap();
    let mut provider = Provider::new(Pace::instant(), Some(&limits)).unwrap();
    provider.keep(Ledger::new(10));
    provider.set_faults(faults(&["slow 1s", "timeout nth 1"]), 1, at(0));
    let key = KeyId::of(KEY);
    let ask = |provider: &mut Provider, second, id| {
        let asked = Asked::new(key, "m");
        let Entry::Admitted(admitted) = provider.admit(at(second), &asked) else { return false };
        let strike = provider.strike(at(second), key, "m");
        let steps = if strike.fault.is_some() { 0 } else { 1 };
        let asked = Asked { steps, strike, ..asked };
        matches!(provider.begin(at(second), SeqId(id), &asked, admitted), Decision::Answered(_))
    };
    assert!(ask(&mut provider, 0, 1));
    assert_eq!(provider.next_due(), None, "no token is ever due");
    assert!(!ask(&mut provider, 5, 2), "its place is taken");
    provider.cancel(at(6), SeqId(1), 0);
    assert!(ask(&mut provider, 7, 3));
    let ledger = provider.ledger().unwrap();
    let met: Vec<_> = ledger.attempts().map(|attempt| (attempt.met.fault, attempt.met.slowed)).collect();
    assert_eq!(met, [(Some("timeout"), false), (None, false), (None, true)]);
    assert_eq!(ledger.counts().struck, 2);
}

#[test]
fn delays_are_fixed_or_a_multiple_of_the_usual_and_add_up() {
    let usual = Span::from_millis(200);
    let delay = |slow: &[Slow], usual| {
        let mut slowed = Slowed::default();
        slow.iter().for_each(|slow| slowed.add(*slow));
        slowed.delay(usual)
    };
    let (by, times) = (Slow::By(Span::from_secs(2)), Slow::Thousandths(1_500));
    assert_eq!(delay(&[by], usual), Span::from_secs(2));
    assert_eq!(delay(&[times], usual), Span::from_millis(100));
    assert_eq!(delay(&[times, by, times, by], usual), Span::from_millis(4_200));
    let most = Slow::Thousandths(u64::MAX);
    assert_eq!(delay(&[most, most, by], Span(u64::MAX)), Span(u64::MAX));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Five standard deviations of the binomial, which are left once in two million draws of a seed.
    #[test]
    fn a_share_is_met(seed in any::<u64>(), millionths in 1_000u32..=999_000) {
        const REQUESTS: u64 = 4_000;
        let percent = format!("timeout rate {}.{:04}%", millionths / 10_000, millionths % 10_000);
        let met = struck(&mut injector(&[&percent], seed), REQUESTS).len() as f64;
        let share = f64::from(millionths) / 1e6;
        let expected = share * REQUESTS as f64;
        let deviation = (expected * (1.0 - share)).sqrt();
        prop_assert!((met - expected).abs() <= 5.0 * deviation + 1.0, "{percent}: {met} of {expected}");
    }

    #[test]
    fn the_same_seed_strikes_the_same_and_another_does_not(seed in any::<u64>()) {
        let lines = ["status 500 rate 20%", "timeout rate 20%"];
        let first = struck(&mut injector(&lines, seed), 500);
        prop_assert_eq!(&first, &struck(&mut injector(&lines, seed), 500));
        prop_assert_ne!(first, struck(&mut injector(&lines, seed ^ 1), 500));
    }

    #[test]
    fn other_faults_and_times_have_no_part_in_a_draw(seed in any::<u64>(), before in 0usize..4, second in 0u64..50) {
        let alone = struck(&mut injector(&["timeout rate 10%"], seed), 300);
        let mut lines = vec!["status 500 model other rate 50%"; before];
        lines.extend(["slow 1s rate 30%", "timeout rate 10%"]);
        let mut crowded = injector(&lines, seed);
        let key = KeyId::of(KEY);
        let place = Some(lines.len() - 1);
        let met: Vec<u64> =
            (1..=300).filter(|number| crowded.strike(at(second * number), key, "m").fault == place).collect();
        prop_assert_eq!(alone, met);
    }

    #[test]
    fn a_larger_share_strikes_whatever_a_smaller_one_struck(seed in any::<u64>()) {
        let small = struck(&mut injector(&["timeout rate 5%"], seed), 1_000);
        let large = struck(&mut injector(&["timeout rate 25%"], seed), 1_000);
        prop_assert!(small.iter().all(|number| large.contains(number)));
    }

    #[test]
    fn two_that_do_the_same_draw_apart(seed in any::<u64>()) {
        let mut twice = injector(&["timeout rate 50%", "timeout rate 50%"], seed);
        let met = struck(&mut twice, 1_000).len();
        // Three quarters of them, five standard deviations wide.
        prop_assert!((680..=820).contains(&met), "{met}");
    }
}
