//! What people read when what stands around a load is written wrongly: warm-up, cool-down and a cap.

mod support;

use insta::assert_snapshot;
use support::World;

#[test]
fn an_early_cooldown() {
    let text = "\
target: {stub: {}}
load:
  - {users: 8, for: 10s}
  - {cooldown: {users: 4}, for: 10s}
  - {users: 2, for: 10s}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: a cool-down comes after everything that is measured
     --> load.yaml:4:5
      |
    4 |   - {cooldown: {users: 4}, for: 10s}
      |     ^
      = help: move it to the end of the list
    "#);
}

#[test]
fn a_cooldown_of_another_kind() {
    let text = "\
target: {stub: {}}
load:
  - {users: 8, for: 10s}
  - {cooldown: 1/s, for: 10s}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: the cool-down has a rate, but the load has users
     --> load.yaml:4:5
      |
    4 |   - {cooldown: 1/s, for: 10s}
      |     ^
      = help: write cooldown: {users: 8}
    "#);
}

#[test]
fn a_warmup_of_users_and_sessions() {
    let text = "\
target: {stub: {}}
load:
  - {warmup: {users: 8, sessions: 1/s}, for: 10s}
  - {users: 8, for: 10s}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: this must be either users or sessions
     --> load.yaml:3:14
      |
    3 |   - {warmup: {users: 8, sessions: 1/s}, for: 10s}
      |              ^
      = help: write it like the stages that are measured: 1/s, {users: 8} or {sessions: 1/s}
    "#);
}

#[test]
fn a_cooldown_that_would_never_come() {
    let text = "\
target: {stub: {}}
load:
  - {users: 8, for: 10s, requests: 100}
  - {cooldown: {users: 8}, for: 10s}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `requests` ends the load, so that its cool-down would never come
     --> load.yaml:3:36
      |
    3 |   - {users: 8, for: 10s, requests: 100}
      |                                    ^^^
      = help: say how long the stage lasts with `for`, or leave the cool-down out
    "#);
}

#[test]
fn a_measured_stage_without_an_end_before_a_cooldown() {
    let text = "\
target: {stub: {}}
load:
  - {users: 8, iterations: 20}
  - {cooldown: {users: 8}, for: 10s}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: this stage does not say how long it lasts
     --> load.yaml:3:5
      |
    3 |   - {users: 8, iterations: 20}
      |     ^
      = help: add `for`, such as for: 10s
    "#);
}

#[test]
fn requests_of_a_cooldown() {
    let text = "\
target: {stub: {}}
load:
  - {hold: 20/s, for: 10s}
  - {cooldown: 1/s, requests: 3}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: this stage does not say how long it lasts
     --> load.yaml:4:5
      |
    4 |   - {cooldown: 1/s, requests: 3}
      |     ^
      = help: add `for`, such as for: 10s

    error: a cool-down has no `requests`
     --> load.yaml:4:31
      |
    4 |   - {cooldown: 1/s, requests: 3}
      |                               ^
      = help: say how long it lasts: for: 10s
    "#);
}

#[test]
fn a_cap_on_users() {
    let text = "\
target: {stub: {}}
load: {users: 8, for: 10s}
cap: 4
";
    assert_snapshot!(World::new().error(text), @r#"
    error: users need no `cap`: there are never more requests in flight than users
     --> load.yaml:3:6
      |
    3 | cap: 4
      |      ^
      = help: leave it out, or lower the number of users
    "#);
}

#[test]
fn a_cap_of_nothing() {
    let text = "\
target: {stub: {}}
load: {hold: 20/s, for: 10s}
cap: 0
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `cap` must be above zero
     --> load.yaml:3:6
      |
    3 | cap: 0
      |      ^
    "#);
}

#[test]
fn a_cap_beside_scenarios() {
    let text = "\
target: {stub: {}}
cap: 4
scenarios:
  - {name: a, load: {hold: 20/s, for: 10s}}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `cap` stands beside `scenarios`, which have caps of their own
     --> load.yaml:2:6
      |
    2 | cap: 4
      |      ^
      = help: move it into the scenario that it is for
    "#);
}
