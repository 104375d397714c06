//! `plan.json`: whatever a scenario can say comes back from it, with the same fingerprint.

mod support;

use floodline_core::Plan;
use support::World;

const EVERYTHING: &str = r#"
name: everything
seed: 7
target: {stub: {ttft: 20ms, gap: 2ms, tokens: 30}, model: gpt-4o-mini, body: {temperature: 0.3}}
prices:
  input: $0.15
  output: $0.60
  cached_input: $0.075
  max_output_tokens: 4096
  above: {tokens: 200000, input: $0.3}
scenarios:
  - name: rates
    cap: 9
    prompts:
      - {name: drawn, weight: 3, input_tokens: {lognormal: {median: 120, p95: 900}}, output_tokens: {uniform: [5, 90]}}
      - {name: fixed, input_tokens: 30, output_tokens: 5}
    load:
      - {warmup: 1/s, for: 3s}
      - {hold: 20.3/s, for: 1m, arrivals: poisson}
      - {burst: 2x, for: 5s}
      - {ramp: 1/s..20/s, over: 1m, curve: exponential, arrivals: {gamma: {burstiness: 0.3}}}
      - {steps: {start: 10/s, increment: 5/s, count: 4, each: 30s}}
      - {burst: 40/s, for: 5s, every: 1m, times: 3, base: 20/min}
      - {spike: 100/s, for: 10s, base: 0/s}
      - {diurnal: {low: 2/s, high: 20/s, day: 10m}}
      - {diurnal: {points: {"00:00": 2/s, "14:00": 20/s}, day: 1m}, arrivals: uniform}
      - {pause: 5s}
      - {cooldown: 1/s, for: 2s}
  - name: users
    start: 2s
    prompts: {input_tokens: 20, max_tokens: 9}
    load:
      - {users: 1..20, over: 10s, think: {lognormal: {median: 2s, p95: 9s}}}
      - {users: {for_rate: 50/s, latency: 5s}, for: 30s, think: {uniform: [1s, 3s]}}
      - {users: 4, iterations: 20, think: {exponential: 2s}}
  - name: sessions
    prompts: {input_tokens: 20, output_tokens: 9}
    load: {sessions: 2/s, for: 10m, iterations: {geometric: 5}, stay: 5m, think: 2s}
limits: {spend: $5.123456789, duration: 30m, requests: 900, tokens: 100000, errors: 9, stop_when: ["errors rate > 20% over 10s"]}
objectives: ["ttft p99.9 < 500.5ms", "gap p99 < 80ms over 10s for 99% of windows", "goodput > 95% for mix drawn", "cost mean < $0.000001"]
undecided: fail
health: {late_p99: 5ms}
record_bodies: true
"#;

#[test]
fn a_plan_of_everything_comes_back_from_its_file() {
    let plan = World::new().resolve(EVERYTHING).unwrap_or_else(|error| panic!("{error}")).plan;
    let json = serde_json::to_string_pretty(&plan).unwrap();
    let back: Plan = serde_json::from_str(&json).unwrap();
    assert_eq!(back, plan);
    assert_eq!(back.hash(), plan.hash());
    let again = World::new().resolve(EVERYTHING).unwrap().plan;
    assert_eq!(again.hash(), plan.hash(), "the same scenario is the same plan");
}
