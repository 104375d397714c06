//! That random arrivals have the laws they are named after, and do not depend on who draws them.

use proptest::prelude::*;

use super::*;
use crate::rate::Rate;
use crate::time::Span;

fn hold(rate: u64, seconds: u64, spread: Spread) -> Stage {
    Stage { spread, ..Stage::hold(Rate::per_second(rate), Some(Span::from_secs(seconds))) }
}

/// The union of what `workers` workers send, each its own share of the whole list.
fn sent_by(workers: u64, stages: &[Stage], seed: u64) -> Vec<Arrival> {
    let list = || Schedule::new(stages.to_vec(), seed).unwrap();
    let mut union: Vec<Arrival> =
        (0..workers).flat_map(|w| list().filter(move |a| a.index % workers == w)).collect();
    union.sort_by_key(|a| a.index);
    union
}

/// Variance over mean of the counts in `windows` of equal length.
fn dispersion(at: &[u64], window: Span, windows: usize) -> f64 {
    let mut counts = vec![0f64; windows];
    for t in at {
        counts[(t / window.0) as usize] += 1.0;
    }
    let n = windows as f64;
    let mean = counts.iter().sum::<f64>() / n;
    let variance = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / (n - 1.0);
    variance / mean
}

/// The Kolmogorov–Smirnov distance of values from a law, times the root of their number.
fn kolmogorov(mut values: Vec<f64>, law: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let off = |(i, value): (usize, &f64)| {
        let p = law(*value);
        f64::max((p - i as f64 / n).abs(), ((i + 1) as f64 / n - p).abs())
    };
    values.iter().enumerate().map(off).fold(0.0, f64::max) * n.sqrt()
}

/// Of this, one sample in a thousand has more.
const KOLMOGOROV_999: f64 = 1.95;

#[test]
fn poisson_counts_disperse_like_their_mean_for_any_number_of_workers() {
    let stages = [hold(20, 10_000, Spread::Poisson)];
    for workers in [1, 2, 8] {
        let at: Vec<u64> = sent_by(workers, &stages, 11).iter().map(|a| a.at.0).collect();
        let index = dispersion(&at, Span::from_secs(1), 10_000);
        assert!((index - 1.0).abs() < 0.05, "{workers}: {index}");
        let gaps = at.windows(2).map(|w| (w[1] - w[0]) as f64 / 1e9 * 20.0).collect();
        let distance = kolmogorov(gaps, |gap| 1.0 - (-gap).exp());
        assert!(distance < KOLMOGOROV_999, "{workers}: {distance}");
    }
}

#[test]
fn a_poisson_ramp_is_a_poisson_process_of_its_integral() {
    let shape = Shape::Ramp {
        from: Rate::NONE,
        to: Rate::per_second(100),
        length: Span::from_secs(1000),
        curve: Curve::Linear,
    };
    let stage = Stage { shape, spread: Spread::Poisson, phase: Phase::Main };
    let integral = Integral::new(std::slice::from_ref(&stage)).unwrap();
    let passed: Vec<f64> = Schedule::new(vec![stage], 5).unwrap().map(|a| integral.at(a.at)).collect();
    assert!((passed.len() as f64 - 50_000.0).abs() < 4.0 * 50_000f64.sqrt(), "{}", passed.len());
    let gaps = passed.windows(2).map(|w| w[1] - w[0]).collect();
    let distance = kolmogorov(gaps, |gap| 1.0 - (-gap).exp());
    assert!(distance < KOLMOGOROV_999, "{distance}");
    // Given how many they are, the instants are independent draws from the rate.
    let distance = kolmogorov(passed, |n| n / 50_000.0);
    assert!(distance < KOLMOGOROV_999, "{distance}");
}

#[test]
fn gamma_counts_disperse_by_one_over_the_burstiness() {
    for burstiness in [0.25, 0.5, 1.0, 4.0] {
        let stages = [hold(100, 4_000, Spread::Gamma { burstiness })];
        let at: Vec<u64> = Schedule::new(stages.to_vec(), 3).unwrap().map(|a| a.at.0).collect();
        // Windows of many gaps: the law holds in the long run.
        let index = dispersion(&at, Span::from_secs(2), 2_000) * burstiness;
        assert!((index - 1.0).abs() < 0.1, "{burstiness}: {index}");
        let mean = at.len() as f64 / 4e5;
        assert!((mean - 1.0).abs() < 0.01, "{burstiness}: {mean}");
    }
}

#[test]
fn uniform_gaps_are_uniform() {
    let at: Vec<u64> =
        Schedule::new(vec![hold(100, 1000, Spread::Uniform)], 3).unwrap().map(|a| a.at.0).collect();
    let gaps = at.windows(2).map(|w| (w[1] - w[0]) as f64 / 1e9 * 100.0).collect();
    let distance = kolmogorov(gaps, |gap| gap / 2.0);
    assert!(distance < KOLMOGOROV_999, "{distance}");
}

#[test]
fn a_stage_of_many_rates_is_one_process() {
    // A gap may begin in one step and end in another; two steps of one rate are as good as a hold.
    let spread = Spread::Gamma { burstiness: 0.1 };
    let each = Span::from_millis(250);
    let shape = Shape::Steps { start: Rate::per_second(8), by: Rate::NONE, down: false, count: 40, each };
    let steps = Stage { shape, spread, phase: Phase::Main };
    let at = |stage| Schedule::new(vec![stage], 9).unwrap().collect::<Vec<_>>();
    assert_eq!(at(steps), at(hold(8, 10, spread)));
}

#[test]
fn the_fast_way_and_the_exact_way_agree() {
    // A ramp that hardly rises is as good as a hold, but goes the other way through the code.
    for spread in [Spread::Poisson, Spread::Uniform, Spread::Gamma { burstiness: 2.0 }] {
        let rate = Rate { count: 7919, per: Span::from_secs(3) };
        let shape = |rate| Shape::Ramp {
            from: rate,
            to: Rate { count: rate.count * 1_000_000_000 + 1, per: Span(rate.per.0 * 1_000_000_000) },
            length: Span::from_secs(10),
            curve: Curve::Linear,
        };
        let list = |shape| {
            Schedule::new(vec![Stage { shape, spread, phase: Phase::Main }], 4).unwrap().map(|a| a.at.0)
        };
        let length = Some(Span::from_secs(10));
        let pairs = list(Shape::Hold { rate, length }).zip(list(shape(rate)));
        // In 10 s the ramp gains a few billionths of an arrival.
        assert!(pairs.clone().all(|(hold, ramp)| hold - ramp <= 1));
        assert!(pairs.count() > 25_000);
    }
}

proptest! {
    /// Any number of workers that each keep their own indices send the same union, whatever the spread and shape.
    #[test]
    fn workers_share_one_list(
        workers in 1u64..9,
        seed in 0u64..1000,
        burstiness in 0.1f64..10.0,
        first in 0usize..4,
    ) {
        let spreads =
            [Spread::Constant, Spread::Poisson, Spread::Gamma { burstiness }, Spread::Uniform];
        let length = Span::from_secs(1);
        let shapes = [
            Shape::Hold { rate: Rate::per_second(40), length: Some(length) },
            Shape::Ramp {
                from: Rate::per_second(1),
                to: Rate::per_second(90),
                length,
                curve: Curve::Exponential,
            },
            Shape::Spike { base: Rate::NONE, peak: Rate::per_second(99), length },
        ];
        let stages: Vec<Stage> = (0..8)
            .map(|i| Stage {
                shape: shapes[i % 3].clone(),
                spread: spreads[(first + i) % 4],
                phase: Phase::Main,
            })
            .collect();
        let list: Vec<Arrival> = Schedule::new(stages.clone(), seed).unwrap().collect();
        prop_assert!(list.is_sorted_by_key(|a| a.at));
        prop_assert_eq!(sent_by(workers, &stages, seed), list);
    }
}
