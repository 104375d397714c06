//! What people read when the stages of a load do not go together.

mod support;

use floodline_scenario::Overrides;
use insta::assert_snapshot;
use support::World;

#[test]
fn mixed_loops() {
    let text = "\
target: {stub: {}}
load:
  - {hold: 20/s, for: 10s}
  - {users: 8, for: 10s}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: stages with `hold` and stages with `users` do not mix
     --> load.yaml:4:5
      |
    4 |   - {users: 8, for: 10s}
      |     ^
      = help: an open loop sends at fixed times, a closed loop when answers come: make it two scenarios
    "#);
}

#[test]
fn a_late_warmup() {
    let text = "\
target: {stub: {}}
load:
  - {users: 8, for: 10s}
  - {warmup: {users: 1}, for: 10s}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: a warm-up comes before everything that is measured
     --> load.yaml:4:5
      |
    4 |   - {warmup: {users: 1}, for: 10s}
      |     ^
      = help: move it to the top of the list
    "#);
}

#[test]
fn a_stage_without_a_length() {
    let text = "\
target: {stub: {}}
load:
  - {hold: 20/s}
  - {hold: 40/s, for: 1m}
";
    assert_snapshot!(World::new().error(text), @r"
    error: this stage does not say how long it lasts
     --> load.yaml:3:5
      |
    3 |   - {hold: 20/s}
      |     ^
      = help: add `for`, such as for: 10s
    ");
}

#[test]
fn no_users() {
    let text = "\
target: {stub: {}}
load: {users: 0}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `users` must be above zero
     --> load.yaml:2:15
      |
    2 | load: {users: 0}
      |               ^
    "#);
}

/// Regression: `for` was read and then forgotten.
#[test]
fn a_stage_that_says_how_long_it_lasts_is_not_told_twice() {
    let text = "\
target: {stub: {}}
load:
  - {steps: {start: 10/s, increment: 5/s, count: 3, each: 1s}, for: 10s}
  - {pause: 5s, for: 3s}
";
    assert_snapshot!(World::new().error(text), @r"
    error: `for` does not go with `steps`, by which the stage has its length
     --> load.yaml:3:69
      |
    3 |   - {steps: {start: 10/s, increment: 5/s, count: 3, each: 1s}, for: 10s}
      |                                                                     ^^^
      = help: leave it out: steps last `count` times `each`

    error: `for` does not go with `pause`, by which the stage has its length
     --> load.yaml:4:22
      |
    4 |   - {pause: 5s, for: 3s}
      |                      ^^
      = help: leave it out, such as {pause: 30s}
    ");
}

/// Regression: it was forgotten beside steps, and became the length of each of several bursts.
#[test]
fn a_duration_on_top_of_such_a_stage_is_refused() {
    for stage in [
        "steps: {start: 10/s, increment: 5/s, count: 3, each: 1s}",
        "pause: 5s",
        "burst: 20/s, for: 1s, every: 2s, times: 2",
    ] {
        let text = format!("target: {{stub: {{}}}}\nload: [{{hold: 5/s, for: 1s}}, {{{stage}}}]\n");
        let overrides = Overrides { duration: Some("500ms".into()), ..Overrides::default() };
        let said = World::new().resolve_with(&text, &overrides).unwrap_err().to_string();
        assert!(
            said.contains("--duration: `for` does not go with") && said.contains("= help: it sets"),
            "{said}"
        );
    }
}

/// Regression: `floodline run` waited through a load that sends nothing.
#[test]
fn a_load_of_pauses_is_refused() {
    let text = "target: {stub: {}}\nload: [{warmup: 1/s, for: 5s}, {pause: 5s}, {pause: 1s}]\n";
    assert_snapshot!(World::new().error(text), @r"
    error: the load is all pause: nothing would be measured
     --> load.yaml:2:32
      |
    2 | load: [{warmup: 1/s, for: 5s}, {pause: 5s}, {pause: 1s}]
      |                                ^
      = help: add a stage such as {hold: 20/s, for: 1m}
    ");
}
