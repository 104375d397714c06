//! The bar: on simulated providers of many kinds, the ceiling that is found lies within 5 % of the true one.
//!
//! The truth of a limiter is its own arithmetic. That of a server that batches is pinned here and is found another way: by
//! `the_truths_are_those_of_long_runs`, which holds rates for a long time and counts.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use floodline_core::Span;
use floodline_core::ceiling::{Bound, By, Ceiling, Status};
use floodline_core::limits::{Algorithm, Dimension, Limit, Precharge, Settlement, Start};
use floodline_core::retry::Dimension as Stated;
use floodline_core::schedule::Spread;
use floodline_probe::ceiling::Question;
use floodline_sim::model::{Batching, Pace, Profile};
use floodline_sim::rehearsal::Rehearsal;
use support::{behind, exact, limit, rate, requests, search, told, users};

/// A provider, what is asked of it, and the true ceiling.
struct Case {
    name: &'static str,
    provider: fn() -> Rehearsal,
    question: fn() -> Question,
    spread: Spread,
    truth: f64,
    bound: fn(&Bound) -> bool,
}

fn profile(name: &str, lengths: fn(u64) -> (u32, u32)) -> Rehearsal {
    Rehearsal::new(Profile::named(name).unwrap().pace(), lengths)
}

fn by_limit(dimension: Stated) -> impl Fn(&Bound) -> bool {
    move |bound| matches!(bound, Bound::Limit { dimension: Some(found), .. } if *found == dimension)
}

fn by_rpm(bound: &Bound) -> bool {
    by_limit(Stated::Rpm)(bound)
}

/// A small server with a short queue: 12 at once, 4 waiting.
fn short_queue() -> Rehearsal {
    let batching = Profile::named("8b-a100").unwrap().batching.unwrap();
    let batching = Batching { max_running: 12, max_waiting: 4, ..batching };
    Rehearsal::new(Pace::batched(batching), |i| (60 + (i % 5) as u32 * 20, 30 + (i % 7) as u32 * 5))
}

const CASES: [Case; 12] = [
    Case {
        name: "8b on an A100, by TTFT",
        provider: || profile("8b-a100", |i| (250 + (i % 9) as u32 * 25, 40)),
        question: || rate(&["ttft p95 < 300ms"]),
        spread: Spread::Constant,
        truth: 34.68,
        bound: |bound| matches!(bound, Bound::Objective { .. } | Bound::Backlog { .. }),
    },
    Case {
        name: "8b on an H100, by what it can bear",
        provider: || profile("8b-h100", |i| (300 + (i % 5) as u32 * 50, 30)),
        question: || rate(&[]),
        spread: Spread::Constant,
        truth: 61.93,
        bound: |bound| matches!(bound, Bound::Backlog { .. }),
    },
    Case {
        name: "70b, by latency, Poisson arrivals",
        provider: || profile("70b-h100-tp8", |_| (200, 40)),
        // Waves of random arrivals are long where a queue is nearly full.
        question: || Question { longest: Span::from_secs(90), ..rate(&["latency p95 < 3s"]) },
        spread: Spread::Poisson,
        truth: 24.14,
        bound: |bound| matches!(bound, Bound::Objective { .. } | Bound::Backlog { .. }),
    },
    Case {
        name: "8b on an H100, users by latency",
        provider: || profile("8b-h100", |_| (120, 40)),
        question: || users(&["latency p95 < 900ms"]),
        spread: Spread::Constant,
        truth: 124.4,
        bound: |bound| matches!(bound, Bound::Objective { .. }),
    },
    Case {
        name: "a short queue that refuses",
        provider: short_queue,
        question: || rate(&["errors rate < 2%"]),
        spread: Spread::Poisson,
        truth: 18.56,
        bound: |bound| matches!(bound, Bound::Limit { .. }),
    },
    Case {
        name: "35 at once, each for 342 ms",
        provider: || behind(limit(Dimension::Concurrency, 35, 60, Algorithm::Bucket { burst: None })),
        question: || rate(&[]),
        spread: Spread::Constant,
        truth: 35.0 / 0.340,
        bound: |bound| by_limit(Stated::Concurrency)(bound),
    },
    Case {
        name: "a bucket of 60, 300 a minute",
        provider: || behind(requests(300, 60, Algorithm::Bucket { burst: Some(60) })),
        question: || rate(&[]),
        spread: Spread::Constant,
        truth: 5.0,
        bound: by_rpm,
    },
    Case {
        name: "a bucket of 400 that counts refusals, Poisson arrivals",
        provider: || {
            let bucket = requests(400, 20, Algorithm::Bucket { burst: None });
            behind(Limit { refusals_count: true, ..bucket })
        },
        question: || rate(&[]),
        spread: Spread::Poisson,
        truth: 20.0,
        bound: by_rpm,
    },
    Case {
        name: "900 in each minute of the clock",
        provider: || {
            behind(requests(
                900,
                60,
                Algorithm::FixedWindow { start: Start::Epoch, phase: Span::from_secs(20) },
            ))
        },
        question: || rate(&[]),
        spread: Spread::Constant,
        truth: 15.0,
        bound: by_rpm,
    },
    Case {
        name: "100 in 10 s from the first request",
        provider: || {
            behind(requests(100, 10, Algorithm::FixedWindow { start: Start::FirstHit, phase: Span::ZERO }))
        },
        question: || rate(&[]),
        spread: Spread::Constant,
        truth: 10.0,
        bound: by_rpm,
    },
    Case {
        name: "240 in any 30 s",
        provider: || behind(requests(240, 30, Algorithm::SlidingWindow)),
        question: || rate(&[]),
        spread: Spread::Constant,
        truth: 8.0,
        bound: by_rpm,
    },
    Case {
        name: "60,000 tokens a minute, 84 a request",
        provider: || {
            let bucket = limit(Dimension::Tokens, 60_000, 60, Algorithm::Bucket { burst: None });
            let precharge = Precharge::PromptPlusMaxTokens;
            behind(Limit { precharge, settlement: Settlement::Both, ..bucket })
        },
        question: || rate(&[]),
        spread: Spread::Constant,
        truth: 1_000.0 / 84.0,
        bound: |bound| by_limit(Stated::Tpm)(bound),
    },
];

fn find(case: &Case, seed: u64) -> Ceiling {
    search(&mut (case.provider)(), (case.question)(), case.spread, seed)
}

/// Whether the answer is right, and why not.
fn judge(case: &Case, ceiling: &Ceiling) -> Result<(), String> {
    let value = ceiling.value.unwrap_or(f64::NAN);
    let off = value / case.truth - 1.0;
    let right = ceiling.status == Status::Found && off.abs() <= 0.05;
    let bound = ceiling.bound_by.as_ref().is_some_and(case.bound);
    match right && bound {
        true => Ok(()),
        false => Err(format!(
            "{}: truth {:.2}, off by {:.1} %\n{}",
            case.name,
            case.truth,
            off * 100.0,
            told(ceiling)
        )),
    }
}

fn holds(cases: &[Case]) {
    let wrong: Vec<String> = cases.iter().filter_map(|case| judge(case, &find(case, 71)).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ceilings_of_servers_are_within_five_per_cent() {
    holds(&CASES[..5]);
}

#[test]
fn ceilings_of_limiters_are_within_five_per_cent() {
    holds(&CASES[5..]);
}

#[test]
fn a_generator_that_gives_out_makes_the_answer_invalid() {
    let mut rehearsal = exact();
    rehearsal.sending = Span::from_millis(25);
    let ceiling = search(&mut rehearsal, rate(&[]), Spread::Constant, 5);
    assert_eq!((ceiling.status, ceiling.exit_code()), (Status::Invalid, 4), "{}", told(&ceiling));
    assert!(matches!(ceiling.bound_by, Some(Bound::Generator { .. })), "{}", told(&ceiling));
    let value = ceiling.value.unwrap();
    assert!((36.0..=40.5).contains(&value), "{}", told(&ceiling));
}

#[test]
fn a_ceiling_beyond_the_maximum_is_none() {
    let question =
        Question { from: Some(2.0), to: Some(16.0), need: Some(5.0), ..rate(&["latency p99 < 1s"]) };
    let ceiling = search(&mut exact(), question, Spread::Constant, 5);
    assert_eq!((ceiling.status, ceiling.value), (Status::Unbounded, Some(16.0)), "{}", told(&ceiling));
    assert_eq!(ceiling.headroom.unwrap().times, 3.2);
    assert_eq!(ceiling.exit_code(), 0);
}

#[test]
fn a_target_that_meets_its_objectives_at_no_load_is_told_so() {
    let question = Question { need: Some(1.0), ..rate(&["latency p95 < 100ms"]) };
    let ceiling = search(&mut exact(), question, Spread::Constant, 5);
    assert_eq!(
        (ceiling.status, ceiling.value, ceiling.exit_code()),
        (Status::Nothing, None, 3),
        "{}",
        told(&ceiling)
    );
    assert!(matches!(ceiling.bound_by, Some(Bound::Objective { .. })), "{}", told(&ceiling));
    assert!(ceiling.trials.len() <= 16, "{}", told(&ceiling));
}

#[test]
fn a_search_out_of_trials_tells_what_it_knows() {
    let question = Question { most_trials: 4, from: Some(2.0), ..rate(&[]) };
    let ceiling = search(&mut exact(), question, Spread::Constant, 5);
    assert_eq!((ceiling.status, ceiling.exit_code()), (Status::Stopped, 5), "{}", told(&ceiling));
    assert_eq!(ceiling.by(), By::Rate);
}

/// The pinned truths are where providers change their minds, by counting what comes back from loads that are held for long.
#[test]
fn the_truths_are_those_of_long_runs() {
    for case in &CASES[..5] {
        let question = (case.question)();
        let bears = |load: f64| support::bears(case.provider, &question, case.spread, load);
        let (mut bears_it, mut does_not) = (case.truth * 0.9, case.truth * 1.1);
        assert!(bears(bears_it) && !bears(does_not), "{}: the truth is not near {}", case.name, case.truth);
        while does_not > bears_it * 1.01 {
            let middle = f64::midpoint(bears_it, does_not);
            *if bears(middle) { &mut bears_it } else { &mut does_not } = middle;
        }
        let off = bears_it / case.truth - 1.0;
        assert!(off.abs() <= 0.02, "{}: it is {bears_it:.2}, not {}", case.name, case.truth);
    }
}
