//! What people read when the steps of a flow do not make one.

mod support;

use insta::assert_snapshot;
use support::{World, of_steps};

fn error(text: &str) -> String {
    World::new()
        .file("trace.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:00:00.0000000,374,44\n")
        .error(text)
}

#[test]
fn a_flow_without_steps() {
    let text = "\
target: {stub: {}}
flow:
  setup: [{get: /}]
";
    assert_snapshot!(error(text), @r#"
    error: the flow has no `steps`
     --> load.yaml:3:3
      |
    3 |   setup: [{get: /}]
      |   ^
      = help: write what users do in each iteration: steps: [{ask: "..."}, {post: /path, json: {...}}]
    "#);
}

#[test]
fn a_step_that_does_nothing() {
    let steps = "
    - {name: rest}
";
    assert_snapshot!(of_steps(steps), @r"
    error: this step does not say what is done
     --> load.yaml:4:7
      |
    4 |     - {name: rest}
      |       ^
      = help: write one of ask, tool_result, messages, get, post, put, patch, delete, if, repeat, branch, parallel or think
    ");
}

#[test]
fn a_step_that_does_two_things() {
    let steps = "
    - {ask: Hello, post: /chat}
";
    assert_snapshot!(of_steps(steps), @r"
    error: this step is both ask and post
     --> load.yaml:4:7
      |
    4 |     - {ask: Hello, post: /chat}
      |       ^
      = help: make it a step each
    ");
}

#[test]
fn a_step_of_steps_without_any() {
    let steps = "
    - {if: status == 200}
";
    assert_snapshot!(of_steps(steps), @r#"
    error: this step has no `steps`
     --> load.yaml:4:7
      |
    4 |     - {if: status == 200}
      |       ^
      = help: write what is done: steps: [{ask: "..."}]
    "#);
}

#[test]
fn what_belongs_to_the_steps_inside() {
    let steps = "
    - {repeat: 2, think: 1s, steps: [{ask: Hello}]}
";
    assert_snapshot!(of_steps(steps), @r"
    error: `think` has no meaning in a step that is made of steps
     --> load.yaml:4:7
      |
    4 |     - {repeat: 2, think: 1s, steps: [{ask: Hello}]}
      |       ^
      = help: it belongs to the steps inside, which send the requests
    ");
}

#[test]
fn steps_within_a_request() {
    let steps = "
    - ask: Hello
      steps: [{get: /}]
";
    assert_snapshot!(of_steps(steps), @r"
    error: `steps` has no meaning in a step that sends a request
     --> load.yaml:5:15
      |
    5 |       steps: [{get: /}]
      |               ^
      = help: it belongs to if, repeat or parallel
    ");
}

#[test]
fn a_loop_without_an_end() {
    let steps = "
    - {repeat: {every: 2s}, steps: [{get: /}]}
";
    assert_snapshot!(of_steps(steps), @r#"
    error: `repeat` says neither how often nor until when
     --> load.yaml:4:16
      |
    4 |     - {repeat: {every: 2s}, steps: [{get: /}]}
      |                ^
      = help: write repeat: 3, or repeat: {until: "status == 200", every: 2s, at_most: 30}
    "#);
}

#[test]
fn lanes_that_wait_for_something() {
    let steps = "
    - {parallel: {limit: 2}, repeat: {until: text}, steps: [{get: /}]}
";
    assert_snapshot!(of_steps(steps), @r"
    error: lanes side by side cannot be repeated until something holds
     --> load.yaml:4:38
      |
    4 |     - {parallel: {limit: 2}, repeat: {until: text}, steps: [{get: /}]}
      |                                      ^
      = help: write how many lanes there are: repeat: 20
    ");
}

#[test]
fn users_who_leave_nobody_knows_when() {
    let steps = "
    - {ask: Hello, abandon: {share: 5%}}
";
    assert_snapshot!(of_steps(steps), @r"
    error: `abandon` says when users leave in exactly one way
     --> load.yaml:4:29
      |
    4 |     - {ask: Hello, abandon: {share: 5%}}
      |                             ^
      = help: write abandon: {after: 2s, share: 5%} or abandon: {after_tokens: 40, share: 5%}
    ");
}

#[test]
fn a_share_of_more_than_all() {
    let steps = "
    - {ask: Hello, abandon: {after: 2s, share: 500%}}
";
    assert_snapshot!(of_steps(steps), @r"
    error: `500%` is no share
     --> load.yaml:4:48
      |
    4 |     - {ask: Hello, abandon: {after: 2s, share: 500%}}
      |                                                ^^^^
      = help: write it as 5% or 0.05, at most 100%
    ");
}

#[test]
fn a_branch_of_no_weight() {
    let steps = "
    - branch:
        - {weight: 0, steps: [{ask: Hello}]}
";
    assert_snapshot!(of_steps(steps), @r"
    error: the weights of this branch add up to nothing, or to too much
     --> load.yaml:4:7
      |
    4 |     - branch:
      |       ^
      = help: weights are shares, such as 70 and 30
    ");
}

#[test]
fn two_steps_of_one_name() {
    let steps = "
    - {name: ask, ask: Hello}
    - {name: ask, ask: And now?}
";
    assert_snapshot!(of_steps(steps), @r"
    error: two steps have the name `ask`
     --> load.yaml:5:14
      |
    5 |     - {name: ask, ask: And now?}
      |              ^^^
      = help: name them apart: figures are shown by name
    ");
}

#[test]
fn a_number_of_requests_beside_a_flow() {
    let text = "\
target: {stub: {}}
flow:
  steps: [{ask: Hello}]
load: {users: 1, requests: 10}
";
    assert_snapshot!(error(text), @r"
    error: how many requests a flow takes, its answers decide
     --> load.yaml:4:28
      |
    4 | load: {users: 1, requests: 10}
      |                            ^^
      = help: write how many journeys there are: iterations: 10 for each user, or a time: for: 1m
    ");
}

#[test]
fn prompts_beside_a_flow() {
    let text = "\
target: {stub: {}}
prompts: {text: Hello}
flow:
  steps: [{ask: Hello}]
";
    assert_snapshot!(error(text), @r#"
    error: a scenario has either a flow or prompts
     --> load.yaml:4:3
      |
    4 |   steps: [{ask: Hello}]
      |   ^
      = help: say in the flow's steps what is asked: {ask: "..."}
    "#);
}

#[test]
fn a_trace_beside_a_flow() {
    let text = "\
target: {stub: {}}
flow:
  steps: [{ask: Hello}]
load: {replay: trace.csv}
";
    assert_snapshot!(error(text), @r"
    error: a recorded trace has requests of its own, and no flow
     --> load.yaml:4:7
      |
    4 | load: {replay: trace.csv}
      |       ^
      = help: give the flow users, sessions or a rate of journeys: load: {hold: 2/s, for: 1m}
    ");
}
