//! What people read when what a step sends, reads or draws from is written wrongly.

mod support;

use insta::assert_snapshot;
use support::{World, of_steps};

#[test]
fn names_that_cannot_be_saved_under() {
    let steps = "
    - get: /
      save:
        text: json.a
        my-id: json.b
";
    assert_snapshot!(of_steps(steps), @r"
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
    let steps = "
    - get: /
      save:
        a: {json: \"$.items[\"}
        b: {regex: \"id=(\"}
        c: {json: $.a, header: x-a}
";
    assert_snapshot!(of_steps(steps), @r#"
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
    let steps = "
    - get: /
      check:
        - {json_schema: {type: thing}}
        - {tool: weather, expr: \"true\"}
        - text | lenght > 3
";
    assert_snapshot!(of_steps(steps), @r#"
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
fn a_filter_that_there_is_not() {
    let steps = "
    - {get: \"/{{ user | urlencoded }}\"}
";
    assert_snapshot!(of_steps(steps), @r#"
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
    let steps = "
    - post: /chat
      json: {question: \"{{ user\"}
";
    assert_snapshot!(of_steps(steps), @r#"
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
    let steps = "
    - {if: \"status ==\", steps: [{get: /}]}
";
    assert_snapshot!(of_steps(steps), @r#"
    error: this expression cannot be understood: unexpected end of input, expected expression
     --> load.yaml:4:12
      |
    4 |     - {if: "status ==", steps: [{get: /}]}
      |            ^^^^^^^^^^^
      = help: templates and expressions are minijinja: {{ name }}, {{ list | length }}, a == b
    "#);
}

#[test]
fn tools_that_are_no_list() {
    let steps = "
    - {ask: Hello, tools: {name: weather}}
";
    assert_snapshot!(of_steps(steps), @r"
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
    let steps = "
    - post: /login
      headers: {Authorization: Bearer canary}
      json: {user: anna, password: canary}
";
    assert_snapshot!(of_steps(steps), @r"
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
    let steps = "
    - get: /
      headers: {Host: other, \"X Team\": search}
";
    assert_snapshot!(of_steps(steps), @r#"
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
    let steps = "
    - {get: \"/${env:NOT_SET}\"}
";
    assert_snapshot!(of_steps(steps), @r#"
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
    let steps = "
    - post: /
      json: {a: 1}
      body: text
";
    assert_snapshot!(of_steps(steps), @r"
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
    let steps = "
    - ask: Hello
      answer: {format: sse}
";
    assert_snapshot!(of_steps(steps), @r"
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
    let steps = "
    - get: /
      answer: {format: text, text: $.a}
    - post: /
      answer: {text: \"$.a[\"}
";
    assert_snapshot!(of_steps(steps), @r#"
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
    let steps = "
    - get: /
      system: Be brief.
    - ask: Hello
      json: {a: 1}
";
    assert_snapshot!(of_steps(steps), @r"
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
fn a_request_that_an_application_needs() {
    let text = "\
target: {api: http, url: http://127.0.0.1:8000}
flow:
  steps: [{if: user > 1, steps: [{ask: Hello}]}]
";
    assert_snapshot!(World::new().error(text), @r"
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
    assert_snapshot!(World::new().error(text), @r"
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
    let world = World::new()
        .file("empty.csv", "user,name\n")
        .file("broken.jsonl", "{\"a\": 1}\n{\"a\"\n")
        .file("broken.csv", "a,b\n1\n")
        .file("codes.jsonl", "{\"a\": 1}\n");
    assert_snapshot!(world.error(text), @r#"
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
