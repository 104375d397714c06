//! The bar: forty limiters that are set up at random are told from outside, without head fields.

mod target;

use std::sync::atomic::{AtomicUsize, Ordering};

use floodline_core::Span;
use floodline_core::finding::{FoundAlgorithm, FoundDimension, FoundLimit};
use floodline_core::limits::{
    Algorithm, Dimension, Limit, Limits, Period, Precharge, Provider, RetryAfter, Scope, Settlement, Start,
};
use floodline_core::random::{Purpose, Stream};
use floodline_probe::limits::Settings;
use target::{Manner, run};

/// Seeds that were never used for tuning. Others are tried with `FLOODLINE_SEEDS=1,2,3` and looked at with `--nocapture`.
const SEEDS: std::ops::Range<u64> = 21_000..21_040;

/// A limiter, and what may be known of it beforehand.
struct Case {
    limit: Limit,
    manner: Manner,
    window_is_said: bool,
}

/// What was wrong with a finding.
struct Wrong {
    dimension: bool,
    value: bool,
    algorithm: bool,
    late: bool,
    line: String,
}

#[test]
fn forty_limiters_are_told_from_outside() {
    let asked = std::env::var("FLOODLINE_SEEDS").unwrap_or_default();
    let asked = asked.split(',').filter_map(|seed| seed.parse().ok()).collect::<Vec<u64>>();
    let seeds = if asked.is_empty() { SEEDS.collect() } else { asked };
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(seeds.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mine = std::iter::from_fn(|| seeds.get(next.fetch_add(1, Ordering::Relaxed)));
        mine.map(|seed| judge(*seed)).collect::<Vec<_>>()
    };
    let judged = std::thread::scope(|scope| {
        let working = (0..threads).map(|_| scope.spawn(work)).collect::<Vec<_>>();
        working.into_iter().flat_map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    let count = |wrong: fn(&Wrong) -> bool| judged.iter().filter(|it| wrong(it)).count();
    let (dimension, value, algorithm) =
        (count(|it| it.dimension), count(|it| it.value), count(|it| it.algorithm));
    let late = count(|it| it.late);
    let table = judged.iter().map(|it| it.line.as_str()).collect::<Vec<_>>().join("\n");
    let score =
        format!("wrong of 40: dimension {dimension}, value {value}, algorithm {algorithm}, late {late}");
    println!("{table}\n{score}");
    assert!(dimension <= 2 && value <= 2 && algorithm <= 4 && late == 0, "{score}\n{table}");
}

fn judge(seed: u64) -> Wrong {
    let case = case(seed);
    let window = case.limit.window;
    let settings = Settings {
        max_time: Span(window.0 * 10),
        window: case.window_is_said.then_some(window),
        keys: 2,
        ..Settings::default()
    };
    let limits = Limits {
        provider: Provider::OpenAi,
        organisation: "o".into(),
        unstated_max_tokens: 16,
        retry_after: RetryAfter::Absent,
        headers: false,
        limits: vec![case.limit.clone()],
    };
    let (finding, over) = run(&limits, case.manner, settings, seed);
    let found = finding.limits.first();
    let mut wrong = Wrong {
        dimension: found.is_none_or(|found| found.dimension != dimension(&case.limit)),
        value: found.is_none_or(|found| !value_is_right(&case.limit, found)),
        algorithm: found.is_none_or(|found| !algorithm_is_right(&case.limit, found)),
        late: over.0 > window.0 * 10 + 500_000_000,
        line: String::new(),
    };
    let marks = [(wrong.dimension, 'D'), (wrong.value, 'V'), (wrong.algorithm, 'A'), (wrong.late, 'L')];
    let marks = marks.iter().map(|(wrong, mark)| if *wrong { *mark } else { '.' }).collect::<String>();
    let truth = &case.limit;
    wrong.line = format!(
        "{marks} {seed} {} {}/{:.2}s {:?} {:?}/{:?}{}{}{} -> {} | {:.1} windows, {} requests",
        truth.short_name(),
        truth.value,
        window.as_secs_f64(),
        truth.algorithm,
        truth.precharge,
        truth.settlement,
        if truth.refusals_count { " refusals" } else { "" },
        if truth.scope == Scope::Key { "" } else { " shared" },
        if case.window_is_said { " said" } else { "" },
        found.map_or("nothing".into(), |found| format!(
            "{} {:.1?}/{:.2?}s {:?} burst {:.1?} {:?}/{:?} refusals {:?} {:?} {:.2}",
            found.dimension.name(),
            found.value.unwrap_or(0.0),
            found.window_s.unwrap_or(0.0),
            found.algorithm,
            found.burst,
            found.precharge,
            found.settlement,
            found.refusals_count,
            found.scope,
            found.confidence,
        )),
        over.as_secs_f64() / window.as_secs_f64(),
        finding.requests_used,
    );
    wrong
}

fn dimension(limit: &Limit) -> FoundDimension {
    match limit.dimension {
        Dimension::Requests => FoundDimension::Rpm,
        Dimension::Tokens => FoundDimension::Tpm,
        Dimension::InputTokens => FoundDimension::InputTpm,
        Dimension::OutputTokens => FoundDimension::OutputTpm,
        Dimension::Concurrency => FoundDimension::Concurrency,
    }
}

/// Within five percent, for the same length of time. A window of another length is as wrong as the value for it.
fn value_is_right(limit: &Limit, found: &FoundLimit) -> bool {
    let Some(value) = found.value else { return false };
    let scale = match (limit.dimension, found.window_s) {
        (Dimension::Concurrency, window) => return window.is_none() && value == limit.value as f64,
        (_, Some(window)) => limit.window.as_secs_f64() / window,
        (_, None) => return false,
    };
    (value * scale / limit.value as f64 - 1.0).abs() <= 0.05
}

fn algorithm_is_right(limit: &Limit, found: &FoundLimit) -> bool {
    if limit.dimension == Dimension::Concurrency {
        return found.dimension == FoundDimension::Concurrency;
    }
    let right = match limit.algorithm {
        Algorithm::Bucket { .. } | Algorithm::Leaky { .. } => FoundAlgorithm::Bucket,
        Algorithm::FixedWindow { .. } => FoundAlgorithm::FixedWindow,
        Algorithm::SlidingWindow | Algorithm::SlidingCounter => FoundAlgorithm::SlidingWindow,
        Algorithm::Quantised { .. } => FoundAlgorithm::Quantised,
        Algorithm::Acceleration { .. } => FoundAlgorithm::Unknown,
    };
    found.algorithm == right
}

/// A limiter by chance.
fn case(seed: u64) -> Case {
    let mut random = Stream::new(seed, Purpose::Lengths, 0);
    let mut between = |least: f64, most: f64| least * (most / least).powf(random.fraction());
    let window = Span((between(1.0, 60.0) * 1_000.0) as u64 * 1_000_000);
    let requests = between(5.0, 120.0).round() as u64;
    let tokens = between(400.0, 1_500.0 * window.as_secs_f64()).round() as u64;
    let concurrency = between(2.0, 25.0) as u64;
    let burst_share = between(0.3, 3.0);
    let every = Span((window.as_secs_f64() / between(4.0, 20.0) * 1e9) as u64);
    let manner = Manner {
        way: Span((between(0.2, 3.0) * 1e6) as u64),
        jitter: Span((between(0.5, 6.0) * 1e6) as u64),
        first: Span((between(5.0, 60.0) * 1e6) as u64),
        gap: Span((between(0.5, 4.0) * 1e6) as u64),
        shortest: between(0.3, 1.0),
        template: between(1.0, 12.0) as u64,
        states_wait: false,
        names: false,
    };
    let phase = Span((random.fraction() * window.0 as f64) as u64);
    let dimension = match seed % 8 {
        0..=2 => Dimension::Requests,
        3 | 4 => Dimension::Tokens,
        5 => Dimension::InputTokens,
        6 => Dimension::OutputTokens,
        _ => Dimension::Concurrency,
    };
    let value = match dimension {
        Dimension::Requests => requests,
        Dimension::Concurrency => concurrency,
        Dimension::Tokens | Dimension::InputTokens | Dimension::OutputTokens => tokens,
    };
    let mut limit = Limit { window, ..Limit::new(dimension, value, Period::Minute) };
    limit.scope = if random.below(2) == 0 { Scope::Key } else { Scope::Organisation };
    if dimension == Dimension::Concurrency {
        limit.window = Span::from_secs(20);
        return Case { limit, manner, window_is_said: false };
    }
    let quantised = dimension == Dimension::Requests && random.below(4) == 0;
    limit.algorithm = match random.below(6) {
        _ if quantised => Algorithm::Quantised { every },
        0 => Algorithm::Bucket { burst: None },
        1 => Algorithm::Bucket { burst: Some(((value as f64 * burst_share) as u64).max(3)) },
        2 => Algorithm::FixedWindow { start: Start::Epoch, phase },
        3 => Algorithm::FixedWindow { start: Start::FirstHit, phase: Span::ZERO },
        _ => Algorithm::SlidingWindow,
    };
    limit.refusals_count = random.below(4) == 0;
    let choices: &[(Precharge, Settlement)] = match dimension {
        Dimension::Tokens => &[
            (Precharge::None, Settlement::Both),
            (Precharge::Prompt, Settlement::Both),
            (Precharge::PromptPlusMaxTokens, Settlement::None),
            (Precharge::PromptPlusMaxTokens, Settlement::Refund),
            (Precharge::MaxOfPromptAndMaxTokens, Settlement::None),
        ],
        Dimension::InputTokens => {
            &[(Precharge::Prompt, Settlement::None), (Precharge::None, Settlement::Both)]
        }
        Dimension::OutputTokens => &[
            (Precharge::MaxTokens, Settlement::None),
            (Precharge::MaxTokens, Settlement::Refund),
            (Precharge::None, Settlement::Both),
        ],
        Dimension::Requests | Dimension::Concurrency => &[(Precharge::None, Settlement::None)],
    };
    (limit.precharge, limit.settlement) = choices[random.below(choices.len() as u32) as usize];
    // From outside, a part of a window is a window: it has to be said what it is a part of.
    let window_is_said = quantised || window < Span::from_millis(1_100) || random.below(2) == 0;
    Case { limit, manner, window_is_said }
}
