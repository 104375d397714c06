//! What people read when a flow, or what it draws from, is written wrongly.

mod support;

use insta::assert_snapshot;
use support::World;

fn error(text: &str) -> String {
    World::new()
        .file("empty.csv", "user,name\n")
        .file("broken.jsonl", "{\"a\": 1}\n{\"a\"\n")
        .file("broken.csv", "a,b\n1\n")
        .file("codes.jsonl", "{\"a\": 1}\n")
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
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {name: rest}
";
    assert_snapshot!(error(text), @r"
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
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {ask: Hello, post: /chat}
";
    assert_snapshot!(error(text), @r"
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
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {if: status == 200}
";
    assert_snapshot!(error(text), @r#"
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
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {repeat: 2, think: 1s, steps: [{ask: Hello}]}
";
    assert_snapshot!(error(text), @r"
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
    let text = "\
target: {stub: {}}
flow:
  steps:
    - ask: Hello
      steps: [{get: /}]
";
    assert_snapshot!(error(text), @r"
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
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {repeat: {every: 2s}, steps: [{get: /}]}
";
    assert_snapshot!(error(text), @r#"
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
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {parallel: {limit: 2}, repeat: {until: text}, steps: [{get: /}]}
";
    assert_snapshot!(error(text), @r"
    error: lanes side by side cannot be repeated until something holds
     --> load.yaml:4:38
      |
    4 |     - {parallel: {limit: 2}, repeat: {until: text}, steps: [{get: /}]}
      |                                      ^
      = help: write how many lanes there are: repeat: 20
    ");
}

#[test]
fn a_filter_that_there_is_not() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {get: \"/{{ user | urlencoded }}\"}
";
    assert_snapshot!(error(text), @r#"
    error: there is no filter `urlencoded`
     --> load.yaml:4:13
      |
    4 |     - {get: "/{{ user | urlencoded }}"}
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^
      = help: filters and tests are those of minijinja, and regex, path, fromjson, called; containing, matching
    "#);
}

#[test]
fn a_template_that_does_not_end() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - post: /chat
      json: {question: \"{{ user\"}
";
    assert_snapshot!(error(text), @r#"
    error: this template cannot be understood: unexpected end of input, expected end of variable block
     --> load.yaml:5:13
      |
    5 |       json: {question: "{{ user"}
      |             ^
      = help: templates and expressions are minijinja: {{ name }}, {{ list | length }}, a == b
    "#);
}

#[test]
fn a_condition_with_a_mistake() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {if: \"status ==\", steps: [{get: /}]}
";
    assert_snapshot!(error(text), @r#"
    error: this expression cannot be understood: unexpected end of input, expected expression
     --> load.yaml:4:12
      |
    4 |     - {if: "status ==", steps: [{get: /}]}
      |            ^^^^^^^^^^^
      = help: templates and expressions are minijinja: {{ name }}, {{ list | length }}, a == b
    "#);
}

#[test]
fn names_that_cannot_be_saved_under() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - get: /
      save:
        text: json.a
        my-id: json.b
";
    assert_snapshot!(error(text), @r"
    error: the name `text` is taken: templates know something else by it
     --> load.yaml:6:9
      |
    6 |         text: json.a
      |         ^^^^
      = help: choose another one; taken are env, user, iteration, lane, messages, status, headers, body, text, reasoning, json, tool_calls, finish, usage, outcome, ttft_ms, latency_ms, call, prompt, loop

    error: `my-id` is no name that templates can use
     --> load.yaml:7:9
      |
    7 |         my-id: json.b
      |         ^^^^^
      = help: letters, digits and underscores, such as session_id
    ");
}

#[test]
fn paths_and_patterns_with_mistakes() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - get: /
      save:
        a: {json: \"$.items[\"}
        b: {regex: \"id=(\"}
        c: {json: $.a, header: x-a}
";
    assert_snapshot!(error(text), @r#"
    error: this is no JSON path: at position 7, parser error
     --> load.yaml:6:19
      |
    6 |         a: {json: "$.items["}
      |                   ^^^^^^^^^^
      = help: such as $.session.id or $.items[0].name

    error: this is no regular expression: unclosed group
     --> load.yaml:7:20
      |
    7 |         b: {regex: "id=("}
      |                    ^^^^^^
      = help: such as session=([a-z0-9]+); in quotes, a backslash is written twice

    error: a value is found in exactly one way: json, header or regex
     --> load.yaml:8:12
      |
    8 |         c: {json: $.a, header: x-a}
      |            ^
      = help: such as {json: $.token}, or the expression json.token
    "#);
}

#[test]
fn checks_with_mistakes() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - get: /
      check:
        - {json_schema: {type: thing}}
        - {tool: weather, expr: \"true\"}
        - text | lenght > 3
";
    assert_snapshot!(error(text), @r#"
    error: this is no JSON schema: "thing" is not valid under any of the schemas listed in the 'anyOf' keyword
     --> load.yaml:6:25
      |
    6 |         - {json_schema: {type: thing}}
      |                         ^
      = help: such as {type: object, required: [answer], properties: {answer: {type: string}}}

    error: a check is exactly one of expr, json_schema and tool
     --> load.yaml:7:11
      |
    7 |         - {tool: weather, expr: "true"}
      |           ^
      = help: such as {expr: text | length > 20, message: too short} or {tool: weather}

    error: there is no filter `lenght`
     --> load.yaml:8:11
      |
    8 |         - text | lenght > 3
      |           ^^^^^^^^^^^^^^^^^
      = help: filters and tests are those of minijinja, and regex, path, fromjson, called; containing, matching
    "#);
}

#[test]
fn tools_that_are_no_list() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {ask: Hello, tools: {name: weather}}
";
    assert_snapshot!(error(text), @r"
    error: `tools` must be a list of tools
     --> load.yaml:4:27
      |
    4 |     - {ask: Hello, tools: {name: weather}}
      |                           ^
      = help: such as [{type: function, function: {name: weather, parameters: {type: object, properties: {...}}}}]
    ");
}

#[test]
fn secrets_that_are_written_out() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - post: /login
      headers: {Authorization: Bearer canary}
      json: {user: anna, password: canary}
";
    assert_snapshot!(error(text), @r"
    error: the value of `Authorization` must not be written in a scenario
     --> load.yaml:5:32
      |
    5 |       headers: {Authorization: …
      |                                ^^^^^^^^^^^^^
      = help: put it into an environment variable and refer to it: ${env:NAME}

    error: the value of `password` must not be written in a scenario
     --> load.yaml:6:13
      |
    6 |       json: …
      |             ^
      = help: put it into an environment variable and refer to it: ${env:NAME}, or take it from `data:`
    ");
}

#[test]
fn headers_that_cannot_be_set() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - get: /
      headers: {Host: other, \"X Team\": search}
";
    assert_snapshot!(error(text), @r#"
    error: the header `host` is set by Floodline itself
     --> load.yaml:5:17
      |
    5 |       headers: {Host: other, "X Team": search}
      |                 ^^^^
      = help: leave it out

    error: this is not the name of a header
     --> load.yaml:5:30
      |
    5 |       headers: {Host: other, "X Team": search}
      |                              ^^^^^^^^
      = help: write it as `Name: value`, such as `X-Team: search`
    "#);
}

#[test]
fn a_variable_that_is_not_set() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {get: \"/${env:NOT_SET}\"}
";
    assert_snapshot!(error(text), @r#"
    error: the environment variable `NOT_SET` is not set
     --> load.yaml:4:13
      |
    4 |     - {get: "/${env:NOT_SET}"}
      |             ^^^^^^^^^^^^^^^^^
      = help: set it before the run: export NOT_SET=...
    "#);
}

#[test]
fn two_bodies() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - post: /
      json: {a: 1}
      body: text
";
    assert_snapshot!(error(text), @r"
    error: a request has one body: json, form or body
     --> load.yaml:6:13
      |
    6 |       body: text
      |             ^^^^
      = help: keep one of them
    ");
}

#[test]
fn an_answer_of_a_step_that_asks() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - ask: Hello
      answer: {format: sse}
";
    assert_snapshot!(error(text), @r"
    error: `answer` has no meaning in a step that says something to the model
     --> load.yaml:5:15
      |
    5 |       answer: {format: sse}
      |               ^
      = help: the target says how its answers are read; leave it out
    ");
}

#[test]
fn an_answer_that_cannot_be_read_so() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - get: /
      answer: {format: text, text: $.a}
    - post: /
      answer: {text: \"$.a[\"}
";
    assert_snapshot!(error(text), @r#"
    error: plain text has no JSON to look into
     --> load.yaml:5:36
      |
    5 |       answer: {format: text, text: $.a}
      |                                    ^^^
      = help: leave the paths out, or say format: sse, ndjson or json

    error: `$.a[` is no path into JSON: expected an index, a quoted name or `*` (at character 5)
     --> load.yaml:7:22
      |
    7 |       answer: {text: "$.a["}
      |                      ^^^^^^
      = help: such as $.delta.text, $.choices[0].text or $['a name'][*].text
    "#);
}

#[test]
fn what_only_the_model_is_told() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - get: /
      system: Be brief.
    - ask: Hello
      json: {a: 1}
";
    assert_snapshot!(error(text), @r"
    error: `system` has no meaning in a request of its own
     --> load.yaml:4:12
      |
    4 |     - get: /
      |            ^
      = help: it belongs to a step that says something to the model: ask, tool_result or messages

    error: `json` has no meaning in a step that says something to the model
     --> load.yaml:6:7
      |
    6 |     - ask: Hello
      |       ^
      = help: its body is made by the target's API; further members go under `with`
    ");
}

#[test]
fn users_who_leave_nobody_knows_when() {
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {ask: Hello, abandon: {share: 5%}}
";
    assert_snapshot!(error(text), @r"
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
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {ask: Hello, abandon: {after: 2s, share: 500%}}
";
    assert_snapshot!(error(text), @r"
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
    let text = "\
target: {stub: {}}
flow:
  steps:
    - branch:
        - {weight: 0, steps: [{ask: Hello}]}
";
    assert_snapshot!(error(text), @r"
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
    let text = "\
target: {stub: {}}
flow:
  steps:
    - {name: ask, ask: Hello}
    - {name: ask, ask: And now?}
";
    assert_snapshot!(error(text), @r"
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

#[test]
fn a_request_that_an_application_needs() {
    let text = "\
target: {api: http, url: http://127.0.0.1:8000}
flow:
  steps: [{if: user > 1, steps: [{ask: Hello}]}]
";
    assert_snapshot!(error(text), @r"
    error: a target with `api: http` needs a `request`: what is sent
     --> load.yaml:1:9
      |
    1 | target: {api: http, url: http://127.0.0.1:8000}
      |         ^
      = help: such as request: {method: POST, path: /chat, json: {question: '{{ prompt }}'}}
    ");
}

#[test]
fn references_where_templates_of_a_target_are() {
    let text = "\
target:
  api: http
  url: http://127.0.0.1:8000
  request: {path: '/chat', json: {session: '${env:KEY}'}}
";
    assert_snapshot!(error(text), @r"
    error: of a target's request, only headers can hold ${env:NAME}
     --> load.yaml:4:44
      |
    4 |   request: {path: '/chat', json: {session: …
      |                                            ^^^^^^^^^^^^
      = help: send it in a header, or make it a step: flow: {steps: [{post: /path, json: {...}}]}
    ");
}

#[test]
fn data_that_cannot_be_read() {
    let text = "\
target: {stub: {}}
data:
  people: people.csv
  nobody: empty.csv
  lines: broken.jsonl
  rows: broken.csv
  none: {order: queue}
  user: codes.jsonl
  order: {file: codes.jsonl, order: sorted}
flow:
  steps: [{ask: Hello}]
";
    assert_snapshot!(error(text), @r#"
    error: cannot read `people.csv`: No such file or directory
     --> load.yaml:3:11
      |
    3 |   people: people.csv
      |           ^^^^^^^^^^
      = help: paths are relative to the scenario's folder

    error: `empty.csv` has no rows
     --> load.yaml:4:11
      |
    4 |   nobody: empty.csv
      |           ^^^^^^^^^
      = help: write a head line with the names of the columns, and a row for each user

    error: `broken.jsonl` cannot be read: line 2 is no JSON: EOF while parsing an object
     --> load.yaml:5:10
      |
    5 |   lines: broken.jsonl
      |          ^^^^^^^^^^^^
      = help: write an object on each line, such as {"user": "anna"}

    error: `broken.csv` cannot be read: line 2 has 1 of 2 columns
     --> load.yaml:6:9
      |
    6 |   rows: broken.csv
      |         ^^^^^^^^^^
      = help: write a head line such as user,question and a row for each user; a value with a comma in it stands in "quotes"

    error: the data names no file
     --> load.yaml:7:3
      |
    7 |   none: {order: queue}
      |   ^^^^
      = help: such as {file: people.csv, order: unique}

    error: the name `user` is taken: templates know something else by it
     --> load.yaml:8:3
      |
    8 |   user: codes.jsonl
      |   ^^^^
      = help: choose another one; taken are env, user, iteration, lane, messages, status, headers, body, text, reasoning, json, tool_calls, finish, usage, outcome, ttft_ms, latency_ms, call, prompt, loop

    error: `sorted` is no order of rows
     --> load.yaml:9:37
      |
    9 |   order: {file: codes.jsonl, order: sorted}
      |                                     ^^^^^^
      = help: the orders are random, circular, queue, unique
    "#);
}
