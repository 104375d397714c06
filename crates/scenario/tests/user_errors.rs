//! What people read when users or sessions are written wrongly.

mod support;

use insta::assert_snapshot;
use support::World;

#[test]
fn a_ramp_of_users_without_its_time() {
    let text = "\
target: {stub: {}}
load: {users: 10..100}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: this ramp does not say how long it takes
     --> load.yaml:2:7
      |
    2 | load: {users: 10..100}
      |       ^
      = help: add `over`, such as over: 2m
    "#);
}

#[test]
fn a_ramp_of_users_for_a_time() {
    let text = "\
target: {stub: {}}
load:
  - {users: 10..100, for: 2m}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: a ramp goes `over` a time, and not `for` one
     --> load.yaml:3:27
      |
    3 |   - {users: 10..100, for: 2m}
      |                           ^^
      = help: write it as over: 2m; a stage of its own holds what the ramp has reached
    "#);
}

#[test]
fn a_ramp_of_one_end() {
    let text = "\
target: {stub: {}}
load: {users: 10.., over: 2m}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `10..` is not a ramp of users
     --> load.yaml:2:15
      |
    2 | load: {users: 10.., over: 2m}
      |               ^^^^
      = help: write two numbers, such as 10..100
    "#);
}

#[test]
fn a_ramp_of_nobody() {
    let text = "\
target: {stub: {}}
load: {users: 0..0, over: 2m}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `users` must be above zero
     --> load.yaml:2:15
      |
    2 | load: {users: 0..0, over: 2m}
      |               ^^^^
    "#);
}

#[test]
fn a_time_over_which_nothing_changes() {
    let text = "\
target: {stub: {}}
load: {users: 10, over: 2m}
";
    assert_snapshot!(World::new().error(text), @r"
    error: `over` is for a ramp, and this stage does not change
     --> load.yaml:2:25
      |
    2 | load: {users: 10, over: 2m}
      |                         ^^
      = help: say how long it lasts with `for`, or make it a ramp: {ramp: 1/s..20/s, over: 2m}
    ");
}

#[test]
fn users_for_a_rate_without_a_latency() {
    let text = "\
target: {stub: {}}
load: {users: {for_rate: 50/s}, for: 1m}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `latency` is missing: users follow from a rate and a latency
     --> load.yaml:2:15
      |
    2 | load: {users: {for_rate: 50/s}, for: 1m}
      |               ^
      = help: add latency: 5s
    "#);
}

#[test]
fn users_for_a_rate_mistyped() {
    let text = "\
target: {stub: {}}
load: {users: {for_rate: 50/s, latncy: 5s}, for: 1m}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: unknown key `latncy`
     --> load.yaml:2:32
      |
    2 | load: {users: {for_rate: 50/s, latncy: …
      |                                ^^^^^^
      = help: did you mean `latency`? expected one of for_rate, latency
    "#);
}

#[test]
fn more_users_than_can_be_counted() {
    let text = "\
target: {stub: {}}
load: {users: {for_rate: 50000/s, latency: 10d}, for: 1m}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: this takes more users than can be counted
     --> load.yaml:2:15
      |
    2 | load: {users: {for_rate: 50000/s, latency: 10d}, for: 1m}
      |               ^
      = help: lower the rate or the latency
    "#);
}

#[test]
fn a_thought_without_a_unit() {
    let text = "\
target: {stub: {}}
load: {users: 8, for: 1m, think: 2}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `2` is not a duration: write a number and a unit, such as 250ms, 30s, 10m or 2h
     --> load.yaml:2:34
      |
    2 | load: {users: 8, for: 1m, think: 2}
      |                                  ^
      = help: a duration needs its unit: did you mean 2s?
    "#);
}

#[test]
fn a_thought_of_two_kinds() {
    let text = "\
target: {stub: {}}
load: {users: 8, for: 1m, think: {uniform: [1s, 3s], exponential: 3s}}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: a time is drawn in exactly one way: uniform, exponential or lognormal
     --> load.yaml:2:34
      |
    2 | load: {users: 8, for: 1m, think: {uniform: [1s, 3s], exponential: 3s}}
      |                                  ^
      = help: such as {uniform: [1s, 3s]}, {exponential: 3s} or {lognormal: {median: 2s, p95: 10s}}
    "#);
}

#[test]
fn a_thought_of_no_known_kind() {
    let text = "\
target: {stub: {}}
load: {users: 8, for: 1m, think: {exponentail: 3s}}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: unknown key `exponentail`
     --> load.yaml:2:35
      |
    2 | load: {users: 8, for: 1m, think: {exponentail: …
      |                                   ^^^^^^^^^^^
      = help: did you mean `exponential`? expected one of uniform, exponential, lognormal
    "#);
}

#[test]
fn a_uniform_with_one_end() {
    let text = "\
target: {stub: {}}
load: {users: 8, for: 1m, think: {uniform: [1s]}}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `uniform` has two ends, and 1 are given
     --> load.yaml:2:44
      |
    2 | load: {users: 8, for: 1m, think: {uniform: [1s]}}
      |                                            ^
      = help: write the smallest and the largest, such as [1s, 3s]
    "#);
}

#[test]
fn a_uniform_that_ends_before_it_starts() {
    let text = "\
target: {stub: {}}
load: {users: 8, for: 1m, think: {uniform: [3s, 1s]}}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `uniform` ends before it starts
     --> load.yaml:2:49
      |
    2 | load: {users: 8, for: 1m, think: {uniform: [3s, 1s]}}
      |                                                 ^^
      = help: write the smallest first, such as [1s, 3s]
    "#);
}

#[test]
fn a_lognormal_of_a_median_alone() {
    let text = "\
target: {stub: {}}
load: {users: 8, for: 1m, think: {lognormal: {median: 2s}}}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: a lognormal time needs both its median and its p95
     --> load.yaml:2:46
      |
    2 | load: {users: 8, for: 1m, think: {lognormal: {median: 2s}}}
      |                                              ^
      = help: such as {median: 2s, p95: 10s}
    "#);
}

#[test]
fn a_lognormal_upside_down() {
    let text = "\
target: {stub: {}}
load: {users: 8, for: 1m, think: {lognormal: {median: 10s, p95: 2s}}}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: the p95 is below the median
     --> load.yaml:2:65
      |
    2 | load: {users: 8, for: 1m, think: {lognormal: {median: 10s, p95: 2s}}}
      |                                                                 ^^
      = help: 95 of a hundred times are shorter than the p95, and half of them than the median
    "#);
}

#[test]
fn a_list_of_thoughts() {
    let text = "\
target: {stub: {}}
load: {users: 8, for: 1m, think: [1s, 2s]}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `think` must be a duration, or how it is drawn
     --> load.yaml:2:27
      |
    2 | load: {users: 8, for: 1m, think: [1s, 2s]}
      |                           ^^^^^
      = help: such as 2s, {uniform: [1s, 3s]} or {exponential: 3s}
    "#);
}

#[test]
fn a_rate_that_thinks() {
    let text = "\
target: {stub: {}}
load: {hold: 20/s, for: 1m, think: 2s}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `think` is for users and sessions: here nobody waits for an answer
     --> load.yaml:2:36
      |
    2 | load: {hold: 20/s, for: 1m, think: 2s}
      |                                    ^^
      = help: leave it out, or make it users such as {users: 8, think: 2s}
    "#);
}

#[test]
fn a_trace_that_iterates() {
    let text = "\
target: {stub: {}}
load: {replay: t.csv, iterations: 2}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: cannot read `t.csv`: No such file or directory
     --> load.yaml:2:16
      |
    2 | load: {replay: t.csv, iterations: 2}
      |                ^^^^^
      = help: paths are relative to the scenario's folder

    error: `iterations` is for users and sessions: here nobody waits for an answer
     --> load.yaml:2:35
      |
    2 | load: {replay: t.csv, iterations: 2}
      |                                   ^
      = help: leave it out, or make it users such as {users: 8, iterations: 20}
    "#);
}

#[test]
fn users_that_stay() {
    let text = "\
target: {stub: {}}
load: {users: 8, for: 1m, stay: 5m}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `stay` is for sessions, which arrive and leave
     --> load.yaml:2:33
      |
    2 | load: {users: 8, for: 1m, stay: 5m}
      |                                 ^^
      = help: leave it out, or make it sessions such as {sessions: 2/s, for: 10m, stay: 5m}
    "#);
}

#[test]
fn users_that_draw_how_often_they_ask() {
    let text = "\
target: {stub: {}}
load: {users: 8, iterations: {geometric: 5}}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: users all ask equally often
     --> load.yaml:2:30
      |
    2 | load: {users: 8, iterations: {geometric: 5}}
      |                              ^
      = help: write a number such as 20; sessions can draw theirs: {sessions: 2/s, iterations: {geometric: 5}}
    "#);
}

#[test]
fn sessions_that_never_leave() {
    let text = "\
target: {stub: {}}
load: {sessions: 2/s, for: 10m}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: these sessions would never leave
     --> load.yaml:2:7
      |
    2 | load: {sessions: 2/s, for: 10m}
      |       ^
      = help: say how often each asks, such as iterations: 5, or how long it stays, such as stay: 5m
    "#);
}

#[test]
fn sessions_that_ask_less_than_once() {
    let text = "\
target: {stub: {}}
load: {sessions: 2/s, for: 10m, iterations: {geometric: 0.5}}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `0.5` is not a mean number of requests
     --> load.yaml:2:57
      |
    2 | load: {sessions: 2/s, for: 10m, iterations: {geometric: 0.5}}
      |                                                         ^^^
      = help: write a number from 1 on, such as 5 or 2.5: each session asks at least once
    "#);
}

#[test]
fn sessions_that_may_ask_never() {
    let text = "\
target: {stub: {}}
load: {sessions: 2/s, for: 10m, iterations: {uniform: [0, 3]}}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: each session asks at least once
     --> load.yaml:2:55
      |
    2 | load: {sessions: 2/s, for: 10m, iterations: {uniform: [0, 3]}}
      |                                                       ^
      = help: such as [1, 8]
    "#);
}

#[test]
fn sessions_and_users() {
    let text = "\
target: {stub: {}}
load:
  - {sessions: 2/s, for: 10m, iterations: 5}
  - {users: 8, for: 10s}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: stages with `sessions` and stages with `users` do not mix
     --> load.yaml:4:5
      |
    4 |   - {users: 8, for: 10s}
      |     ^
      = help: sessions arrive and leave, users of a closed loop stay: make it two scenarios
    "#);
}
