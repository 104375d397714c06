//! How many million arrivals a second one core generates, for each shape: constant, Poisson, gamma and uniform.
//!
//! `cargo run --release -p floodline-core --example arrivals_speed`

#![allow(clippy::disallowed_methods, missing_docs)]

use std::time::Instant;

use floodline_core::schedule::{Again, Curve, DayCurve, DayPoint, Phase, Schedule, Shape, Spread, Stage};
use floodline_core::{Rate, Span};

/// Enough arrivals to be measured.
const ARRIVALS: usize = 1_000_000;

fn main() {
    let rate = Rate::per_second;
    let hour = Span::from_secs(3600);
    let ramp = |curve, length| Shape::Ramp { from: rate(1), to: rate(20_000), length, curve };
    let day = |curve| Shape::Diurnal { curve, day: Span::from_secs(600), start: Span::ZERO, length: hour };
    let points = [(0, 100), (540, 20_000), (1020, 15_000), (1200, 200)];
    let points = points.map(|(at, r)| DayPoint { at: Span::from_secs(at * 60), rate: rate(r) });
    let again = Again { every: Span::from_secs(2), base: rate(0), times: 100_000 };
    let week = Span::from_secs(604_800);
    let hold = Shape::Hold { rate: rate(10_000), length: None };
    let shapes = [
        ("hold", hold.clone()),
        ("ramp", ramp(Curve::Linear, hour)),
        ("ramp of a week", ramp(Curve::Linear, week)),
        ("exponential ramp", ramp(Curve::Exponential, hour)),
        ("exponential of a week", ramp(Curve::Exponential, week)),
        (
            "steps",
            Shape::Steps {
                start: rate(100),
                by: rate(100),
                down: false,
                count: 1000,
                each: Span::from_secs(5),
            },
        ),
        ("burst", Shape::Burst { rate: rate(10_000), length: Span::from_secs(1), again: Some(again) }),
        ("spike", Shape::Spike { base: rate(10), peak: rate(20_000), length: hour }),
        ("day through points", day(DayCurve::Points(points.to_vec()))),
        ("day as a sine", day(DayCurve::Sine { low: rate(0), high: rate(20_000), peak_at: hour })),
    ];
    let gamma = Spread::Gamma { burstiness: 0.5 };
    for (name, shape) in shapes {
        print!("{name:<22}");
        for spread in [Spread::Constant, Spread::Poisson, gamma, Spread::Uniform] {
            let stage = Stage { shape: shape.clone(), spread, phase: Phase::Main };
            let Ok(schedule) = Schedule::new(vec![stage], 1) else { continue };
            // The best of a few: the others shared their core.
            let best = (0..5).map(|_| seconds(schedule.clone())).fold(f64::INFINITY, f64::min);
            print!(" {:7.1}", ARRIVALS as f64 / best / 1e6);
        }
        println!();
    }
}

fn seconds(schedule: Schedule) -> f64 {
    let start = Instant::now();
    let sum = schedule.take(ARRIVALS).fold(0u64, |sum, arrival| sum.wrapping_add(arrival.at.0));
    std::hint::black_box(sum);
    start.elapsed().as_secs_f64()
}
