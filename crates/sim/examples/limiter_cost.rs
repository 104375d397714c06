//! What a decision of the limiter costs, for each preset, with 100,000 keys:
//! `cargo run --release -p floodline-sim --example limiter_cost`.
//!
//! Each key asks in turn, so that no counter is in a cache when it is needed. A decision is `admit` with the standing of
//! all limits, and `finished` if it was admitted. CPU time of this thread is measured, no clock.

use floodline_core::Moment;
use floodline_core::limits::{Algorithm, Figure, Figures, Limits, Provider, Scope, Spent};
use floodline_sim::limits::{KeyId, Limiter, ModelId, Request, Verdict};
use rustix::time::{ClockId, clock_gettime};

const KEYS: u64 = 100_000;
const DECISIONS: u64 = 2_000_000;

fn main() {
    let keys = (0..KEYS).map(|key| KeyId::of(&format!("sk-{key}"))).collect::<Vec<_>>();
    println!("{:<28} {:>7} {:>13} {:>9}", "limits", "limits", "ns/decision", "admitted");
    for provider in Provider::ALL {
        // Each key for itself, which is the dearest.
        let mut limits = Limits::preset(provider);
        for limit in &mut limits.limits {
            limit.scope = Scope::Key;
        }
        measure(provider.name(), &limits, &keys);
    }
    let figures = Figures { rpm: Some(Figure::Of(60)), tpm: Some(Figure::Of(100_000)), ..Figures::default() };
    for (name, algorithm) in
        [("sliding windows", Algorithm::SlidingWindow), ("sliding counters", Algorithm::SlidingCounter)]
    {
        let Ok(mut limits) = figures.limits() else { return };
        for limit in &mut limits.limits {
            (limit.scope, limit.algorithm) = (Scope::Key, algorithm);
        }
        measure(name, &limits, &keys);
    }
}

fn measure(name: &str, limits: &Limits, keys: &[KeyId]) {
    let Ok(mut limiter) = Limiter::new(limits) else { return };
    let model = ModelId::of("m");
    let mut run = |from: u64, to: u64| {
        let mut admitted = 0u64;
        for index in from..to {
            let Some(key) = keys.get((index * 7_919 % KEYS) as usize) else { continue };
            // 100,000 requests a second: each key once a second, of which most presets refuse some.
            let now = Moment(index * 10_000);
            let request = Request::new(*key, model, 500, Some(200));
            if let Verdict::Admitted(ticket, _) = limiter.admit(now, &request) {
                admitted += 1;
                limiter.finished(ticket, now, Spent { prompt: 500, cached: 0, output: 150 });
            }
        }
        admitted
    };
    run(0, KEYS);
    let start = cpu();
    let admitted = run(KEYS, KEYS + DECISIONS);
    let each = (cpu() - start) / DECISIONS;
    println!("{name:<28} {:>7} {each:>13} {:>8}%", limits.limits.len(), admitted * 100 / DECISIONS);
}

fn cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
