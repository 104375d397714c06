//! Ceilings of limiters of every algorithm, with figures of all sizes: found within 5 % of their arithmetic, without a word
//! from the provider about windows or waits.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use floodline_core::Span;
use floodline_core::ceiling::Status;
use floodline_core::limits::{Algorithm, Dimension, Limit, Precharge, Start};
use floodline_core::schedule::Spread::{self, Constant, Poisson};
use floodline_probe::ceiling::Question;
use support::{behind, limit, rate, requests, search, told, users};

fn bucket(burst: u64) -> Algorithm {
    Algorithm::Bucket { burst: Some(burst) }
}

fn clock(phase: u64) -> Algorithm {
    Algorithm::FixedWindow { start: Start::Epoch, phase: Span::from_secs(phase) }
}

const FIRST_HIT: Algorithm = Algorithm::FixedWindow { start: Start::FirstHit, phase: Span::ZERO };
const SECONDS: Algorithm = Algorithm::Quantised { every: Span::from_secs(1) };

fn holds(cases: Vec<(Limit, f64, Spread)>) {
    let mut wrong = Vec::new();
    for (limit, truth, spread) in cases {
        let name = format!("{limit:?}");
        let ceiling = search(&mut behind(limit), rate(&[]), spread, 4_242);
        let off = ceiling.value.unwrap_or(f64::NAN) / truth - 1.0;
        if ceiling.status != Status::Found || off.is_nan() || off.abs() > 0.05 {
            wrong.push(format!("{name}: truth {truth:.2}, off by {:.1} %\n{}", off * 100.0, told(&ceiling)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn of_buckets_and_places() {
    let counting = Limit { refusals_count: true, ..requests(90, 60, bucket(90)) };
    let charged = |limit: Limit, precharge| Limit { precharge, ..limit };
    holds(vec![
        (requests(720, 60, bucket(200)), 12.0, Constant),
        (requests(720, 60, bucket(200)), 12.0, Poisson),
        (requests(2_400, 60, bucket(20)), 40.0, Constant),
        (counting, 1.5, Constant),
        (limit(Dimension::Concurrency, 12, 60, bucket(12)), 12.0 / 0.34, Constant),
        (limit(Dimension::Concurrency, 50, 60, bucket(50)), 50.0 / 0.34, Constant),
        (
            charged(limit(Dimension::InputTokens, 40_000, 60, bucket(40_000)), Precharge::Prompt),
            40_000.0 / 60.0 / 80.0,
            Constant,
        ),
        (
            charged(
                limit(Dimension::Tokens, 60_000, 60, Algorithm::Leaky { burst: None }),
                Precharge::PromptPlusMaxTokens,
            ),
            1_000.0 / 84.0,
            Constant,
        ),
    ]);
}

#[test]
fn of_windows_that_begin_anew() {
    let charged =
        Limit { precharge: Precharge::MaxTokens, ..limit(Dimension::OutputTokens, 6_000, 60, clock(0)) };
    holds(vec![
        (requests(250, 20, clock(7)), 12.5, Constant),
        (requests(250, 20, clock(7)), 12.5, Poisson),
        (requests(40, 10, clock(3)), 4.0, Constant),
        (charged, 25.0, Constant),
        (requests(60, 5, FIRST_HIT), 12.0, Constant),
        (requests(1_000, 60, FIRST_HIT), 1_000.0 / 60.0, Constant),
        (requests(1_200, 60, SECONDS), 20.0, Constant),
        (requests(300, 60, SECONDS), 5.0, Constant),
    ]);
}

#[test]
fn of_windows_that_slide() {
    let charged = Limit {
        precharge: Precharge::PromptPlusMaxTokens,
        ..limit(Dimension::Tokens, 50_000, 60, Algorithm::SlidingWindow)
    };
    holds(vec![
        (requests(100, 10, Algorithm::SlidingWindow), 10.0, Constant),
        (requests(45, 15, Algorithm::SlidingWindow), 3.0, Poisson),
        (requests(1_800, 60, Algorithm::SlidingWindow), 30.0, Constant),
        (requests(300, 20, Algorithm::SlidingCounter), 15.0, Constant),
        (requests(900, 60, Algorithm::SlidingCounter), 15.0, Constant),
        (charged, 50_000.0 / 60.0 / 84.0, Constant),
    ]);
}

/// The search begins at many times what is let through, where all that is seen for most of a minute are refusals.
#[test]
fn far_beyond_a_limit_the_search_does_not_hammer() {
    let by_rate = Question { from: Some(400.0), ..rate(&[]) };
    let by_users = Question { from: Some(40.0), ..users(&[]) };
    for (limit, question, truth, most) in [
        (requests(500, 60, FIRST_HIT), &by_rate, 500.0 / 60.0, 12_000),
        (requests(500, 60, clock(20)), &by_rate, 500.0 / 60.0, 12_000),
        (requests(90, 60, Algorithm::SlidingWindow), &by_rate, 1.5, 4_000),
        // Two users ask 5.85 times a second, three of them 8.77 times; who is refused asks again 2 ms later.
        (requests(500, 60, FIRST_HIT), &by_users, 2.0, 250_000),
    ] {
        let name = format!("{limit:?}");
        let ceiling = search(&mut behind(limit), question.clone(), Constant, 4_242);
        let off = ceiling.value.unwrap_or(f64::NAN) / truth - 1.0;
        assert!(off.abs() <= 0.05, "{name}: truth {truth:.2}\n{}", told(&ceiling));
        let learning = ceiling.trials.iter().take_while(|tried| !tried.flooded);
        let sent: u64 = learning.map(|tried| tried.requests).sum();
        assert!(sent <= most, "{name}: {sent} requests\n{}", told(&ceiling));
    }
}
