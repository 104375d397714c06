//! What people read when a scenario is wrong.

mod support;

use floodline_scenario::Overrides;
use insta::assert_snapshot;
use support::World;

#[test]
fn a_mistyped_key() {
    let text = "\
target: {stub: {}}
load:
  - {users: 8, fro: 30s}
";
    assert_snapshot!(World::new().error(text), @r"
    error: unknown key `fro`
     --> load.yaml:3:16
      |
    3 |   - {users: 8, fro: …
      |                ^^^
      = help: did you mean `for`? expected one of warmup, hold, ramp, steps, burst, spike, diurnal, pause, users, sessions, replay, cooldown, for, over, requests, think, iterations, stay, arrivals, burstiness, curve, every, times, base, format, columns, unit, keep_failed, block_tokens, jitter, scale, loop, speed, from, to
    ");
}

#[test]
fn a_mistyped_key_hides_its_value() {
    let text = "\
target:
  url: https://h/v1
  model: m
  kye: canary
";
    assert_snapshot!(World::new().error(text), @r#"
    error: unknown key `kye`
     --> load.yaml:4:3
      |
    4 |   kye: …
      |   ^^^
      = help: did you mean `key`? expected one of name, weight, api, url, stub, model, api_version, request, answer, key, headers, tokenizer, stream, max_tokens_field, body, ca_file, insecure, http, connections, proxy, source_addresses, dns, compression
    "#);
}

#[test]
fn a_key_of_a_later_version() {
    let text = "\
target: {stub: {}}
users_per_s: 5
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `users_per_s` is not supported in this version
     --> load.yaml:2:1
      |
    2 | users_per_s: …
      | ^^^^^^^^^^^
      = help: keys known here: name, seed, target, targets, fallback, keys, prompts, load, cap, flow, data, exec, scenarios, retry, limits, objectives, ceiling, undecided, prices, timeouts, health, record_bodies
    "#);
}

#[test]
fn a_literal_key() {
    let text = "\
target:
  url: https://h/v1
  model: m
  key: canary
";
    assert_snapshot!(World::new().error(text), @r#"
    error: a key must not be written in a scenario
     --> load.yaml:4:8
      |
    4 |   key: …
      |        ^^^^^^
      = help: put it into an environment variable and refer to it: ${env:NAME}
    "#);
}

#[test]
fn a_literal_secret_header() {
    let text = "\
target:
  url: https://h/v1
  model: m
  headers: {X-Team: a, api-key: canary}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: the value of `api-key` must not be written in a scenario
     --> load.yaml:4:33
      |
    4 |   headers: {X-Team: a, api-key: …
      |                                 ^^^^^^
      = help: put it into an environment variable and refer to it: ${env:NAME}
    "#);
}

#[test]
fn a_variable_that_is_not_set() {
    let text = "target: {url: 'https://h/v1', model: m, key: '${env:NO_KEY}'}\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: the environment variable `NO_KEY` is not set
     --> load.yaml:1:46
      |
    1 | target: {url: 'https://h/v1', model: m, key: '${env:NO_KEY}'}
      |                                              ^^^^^^^^^^^^^^^
      = help: set it before the run: export NO_KEY=...
    "#);
}

#[test]
fn a_url_with_a_password() {
    let text = "target: {url: 'https://me:canary@h/v1', model: m}\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: a URL must not carry a user name or a password
     --> load.yaml:1:15
      |
    1 | target: {url: 'https://*********@h/v1', model: m}
      |               ^^^^^^^^^^^^^^^^^^^^^^^^
      = help: give credentials as a header: headers: {Authorization: 'Basic ${env:NAME}'}
    "#);
}

#[test]
fn a_url_without_a_scheme() {
    let text = "target: {url: localhost:8000/v1, model: m}\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: this URL does not start with http:// or https://
     --> load.yaml:1:15
      |
    1 | target: {url: localhost:8000/v1, model: m}
      |               ^^^^^^^^^^^^^^^^^
      = help: did you mean http://localhost:8000/v1?
    "#);
}

#[test]
fn an_unknown_profile() {
    let text = "target: {stub: {profile: 8b-h10}}\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: the built-in provider has no profile `8b-h10`
     --> load.yaml:1:26
      |
    1 | target: {stub: {profile: 8b-h10}}
      |                          ^^^^^^
      = help: did you mean `8b-h100`? the profiles are instant, 8b-a100, 8b-h100, 70b-h100-tp8
    "#);
}

#[test]
fn no_target() {
    let text = "load: {users: 8}\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: the scenario has no `target`
     --> load.yaml
      = help: say where requests go: target: {url: http://127.0.0.1:8000/v1, model: NAME} or target: {stub: {}}
    "#);
}

#[test]
fn no_model() {
    let text = "target: {url: 'http://127.0.0.1:8000/v1'}\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: the target has no model
     --> load.yaml:1:9
      |
    1 | target: {url: 'http://127.0.0.1:8000/v1'}
      |         ^
      = help: name the model that the server serves (--model NAME or `model: NAME`); it lists them under /v1/models
    "#);
}

#[test]
fn wrong_values_are_all_reported() {
    let text = "\
target: {stub: {}}
load:
  - {hold: 20/x, for: 30, arrivals: poison}
timeouts: {idle: 0s}
";
    assert_snapshot!(World::new().error(text), @r"
    error: `20/x` is not a rate: write requests per time, such as 20/s, 600/min or 0.5/s
     --> load.yaml:3:12
      |
    3 |   - {hold: 20/x, for: 30, arrivals: poison}
      |            ^^^^

    error: `30` is not a duration: write a number and a unit, such as 250ms, 30s, 10m or 2h
     --> load.yaml:3:23
      |
    3 |   - {hold: 20/x, for: 30, arrivals: poison}
      |                       ^^
      = help: a duration needs its unit: did you mean 30s?

    error: `poison` is not a way to spread arrivals: expected constant, poisson, uniform or gamma
     --> load.yaml:3:37
      |
    3 |   - {hold: 20/x, for: 30, arrivals: poison}
      |                                     ^^^^^^
      = help: did you mean `poisson`?

    error: `idle` must be above zero
     --> load.yaml:4:18
      |
    4 | timeouts: {idle: 0s}
      |                  ^^
    ");
}

#[test]
fn a_prompt_of_two_kinds() {
    let text = "\
target: {stub: {}}
prompts:
  - {text: hello, input_tokens: 20}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: this prompt has text and input_tokens: only one of them can be sent
     --> load.yaml:3:5
      |
    3 |   - {text: hello, input_tokens: 20}
      |     ^
      = help: make it a prompt each
    "#);
}

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

#[test]
fn a_missing_file() {
    let text = "\
target: {stub: {}}
prompts: {file: prompts.jsonl}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: cannot read `prompts.jsonl`: No such file or directory
     --> load.yaml:2:17
      |
    2 | prompts: {file: prompts.jsonl}
      |                 ^^^^^^^^^^^^^
      = help: paths are relative to the scenario's folder
    "#);
}

#[test]
fn a_tab() {
    let text = "target:\n\tstub: {}\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: YAML does not allow tabs as indentation
     --> load.yaml:2:2
      |
    2 |  stub: {}
      |  ^
      = help: indent with spaces
    "#);
}

/// Regression: it said `budget breached: Nodes { nodes: 250001 }`, and to look for brackets.
#[test]
fn aliases_of_aliases_of_aliases() {
    let tenfold = |name: char, of: String| format!("  {name}: &{name} [{}]\n", vec![of; 10].join(", "));
    let more = ('b'..='h').zip('a'..='g').map(|(name, before)| tenfold(name, format!("*{before}")));
    let lists: String = std::iter::once(tenfold('a', "1".into())).chain(more).collect();
    let error = World::new().error(&format!("target: {{stub: {{}}, model: m}}\nmerge:\n{lists}"));
    assert!(error.contains("unknown key `merge`"), "{error}");
    let error =
        World::new().error(&format!("target:\n  stub: {{}}\n  body:\n{}", lists.replace("  ", "    ")));
    assert!(
        error.starts_with("error: this stands for more than a scenario can hold\n --> load.yaml:"),
        "{error}"
    );
    assert!(error.contains("are there aliases of aliases?"), "{error}");
}

/// Regression: it was said without line and column, and of `scenarios: []` that there was a `load` beside it.
#[test]
fn an_empty_list_is_shown() {
    let text = "\
target: {stub: {}}
load: []
";
    assert_snapshot!(World::new().error(text), @r"
    error: `load` must be a list of at least one mapping, or one mapping
     --> load.yaml:2:1
      |
    2 | load: []
      | ^^^^
      = help: such as `load: {users: 8, for: 30s}`, or a list of such mappings
    ");
}

#[test]
fn an_empty_list_of_scenarios() {
    assert_snapshot!(World::new().error("target: {stub: {}}\nscenarios: []\n"), @r"
    error: `scenarios` must be a list of at least one mapping, or one mapping
     --> load.yaml:2:1
      |
    2 | scenarios: []
      | ^^^^^^^^^
    ");
}

#[test]
fn a_bracket_that_is_not_closed() {
    let text = "\
target: {stub: {}
load: {users: 8}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: this is not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
     --> load.yaml:2:1
      |
    2 | load: {users: 8}
      | ^
      = help: check the indentation, the quotes and the brackets of this line and the one above
    "#);
}

#[test]
fn a_key_given_twice() {
    let text = "\
target: {stub: {}}
seed: 1
seed: 2
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `seed` is given twice in the same mapping
     --> load.yaml:3:1
      |
    3 | seed: …
      | ^^^^
      = help: keep one of the two
    "#);
}

#[test]
fn a_key_without_a_value() {
    let text = "\
target: {stub: {}}
load:
";
    assert_snapshot!(World::new().error(text), @r#"
    error: `load` has no value
     --> load.yaml:2:1
      |
    2 | load:
      | ^^^^
      = help: write a value behind the colon, or leave the key out
    "#);
}

#[test]
fn a_list_instead_of_a_mapping() {
    let text = "- target\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: this value must be a mapping of keys and values
     --> load.yaml:1:1
      |
    1 | - target
      | ^
      = help: a scenario is a mapping such as `target: {stub: {profile: 8b-h100}}`
    "#);
}

#[test]
fn an_empty_file() {
    let text = "# nothing here\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: the scenario is empty
     --> load.yaml
      = help: a scenario names a target at least, such as `target: {stub: {profile: 8b-h100}}`
    "#);
}

#[test]
fn two_documents() {
    let text = "\
target: {stub: {}}
---
target: {stub: {}}
";
    assert_snapshot!(World::new().error(text), @r#"
    error: the file holds more than one YAML document
     --> load.yaml:3:1
      |
    3 | target: {stub: {}}
      | ^
      = help: keep one scenario in a file, without a line of `---` in the middle
    "#);
}

#[test]
fn a_bad_prompts_file() {
    let text = "\
target: {stub: {}}
prompts: {file: p.jsonl}
";
    assert_snapshot!(World::new()
        .file("p.jsonl", r#"{"prompt": "fine"}
{"promt": "x"}
{"prompt": "x"
{"messages": []}
"#).error(text), @r#"
    error: this has neither `prompt` nor `messages`
     --> p.jsonl:2:1
      |
    2 | {"promt": "x"}
      | ^
      = help: a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}

    error: this is not valid JSON: EOF while parsing an object
     --> p.jsonl:3:14
      |
    3 | {"prompt": "x"
      |              ^
      = help: a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}

    error: `messages` is an empty list
     --> p.jsonl:4:15
      |
    4 | {"messages": []}
      |               ^
      = help: a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}
    "#);
}

#[test]
fn a_bad_row_of_a_trace() {
    let text = "\
target: {stub: {}}
load: {replay: t.csv}
";
    assert_snapshot!(World::new()
        .file("t.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,many,109\n").error(text), @r#"
    error: `many` is not a ContextTokens of this trace
     --> t.csv:3:29
      |
    3 | 2023-11-16 18:15:50.9951690,many,109
      |                             ^^^^
      = help: expected a whole number of tokens, up to 10 million
    "#);
}

#[test]
fn a_file_that_is_no_trace() {
    let text = "\
target: {stub: {}}
load: {replay: t.csv}
";
    assert_snapshot!(World::new()
        .file("t.csv", "time,tokens\n1,2\n").error(text), @r#"
    error: this is not a trace of a known format
     --> t.csv:1:1
      |
    1 | time,tokens
      | ^^^^^^^^^^^
      = help: an Azure trace has TIMESTAMP,ContextTokens,GeneratedTokens, a BurstGPT trace Timestamp, Request tokens and Response tokens; name those of another: columns: {time: ts, input: prompt_tokens, output: completion_tokens}
    "#);
}

#[test]
fn a_window_without_requests() {
    let text = "\
target: {stub: {}}
load: {replay: t.csv, from: 1h}
";
    assert_snapshot!(World::new()
        .file("t.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n").error(text), @r#"
    error: no request of the trace falls into this part of it
     --> load.yaml:2:16
      |
    2 | load: {replay: t.csv, from: 1h}
      |                ^^^^^
      = help: the trace covers 0s to 0s
    "#);
}

#[test]
fn a_reference_in_braces_without_quotes() {
    let text = "target: {stub: {}, key: ${env:KEY}}\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: within braces, a reference to the environment must be quoted
     --> load.yaml:1:26
      |
    1 | target: {stub: {}, key: ${env:KEY}}
      |                          ^
      = help: write '${env:NAME}'
    "#);
}

#[test]
fn an_empty_prompts_file() {
    let world = World::new().file("empty.jsonl", "\n\n");
    let text = "target: {stub: {}}\nprompts: {file: empty.jsonl}\n";
    assert_snapshot!(world.error(text), @r#"
    error: this file has no prompts
     --> empty.jsonl
      = help: a line is {"prompt": "..."} or {"messages": [{"role": "user", "content": "..."}]}
    "#);
}

#[test]
fn a_text_where_a_prompt_belongs() {
    let text = "target: {stub: {}}\nprompts: hello\n";
    assert_snapshot!(World::new().error(text), @r#"
    error: `prompts` must be a list of mappings, or one mapping
     --> load.yaml:2:10
      |
    2 | prompts: hello
      |          ^^^^^
      = help: such as `prompts: {text: Hello}`, or a list of such mappings
    "#);
}

#[test]
fn a_tokenizer_that_is_not_there() {
    let text = "target: {url: http://h/v1, model: m, tokenizer: o200k}";
    assert_snapshot!(World::new().error(text), @r"
    error: there is no tokenizer `o200k`
     --> load.yaml:1:49
      |
    1 | target: {url: http://h/v1, model: m, tokenizer: o200k}
      |                                                 ^^^^^
      = help: did you mean `o200k_base`? write one of o200k_base, cl100k_base, qwen2, deepseek_v3, tekken, glm4, glm5, or the path of a tokenizer.json
    ");
}

#[test]
fn a_file_that_is_no_tokenizer() {
    let text = "target: {url: http://h/v1, model: m, tokenizer: config.json}";
    let world = World::new().file("config.json", "{\"tokenizer_class\": \"LlamaTokenizer\"}");
    assert_snapshot!(world.error(text), @r"
    error: config.json is a tokenizer_config.json; the tokenizer itself is in tokenizer.json beside it
     --> load.yaml:1:49
      |
    1 | target: {url: http://h/v1, model: m, tokenizer: config.json}
      |                                                 ^^^^^^^^^^^
      = help: use the tokenizer.json that comes with the model, or a tokenizer by its name
    ");
    assert_snapshot!(World::new().error(text), @r"
    error: cannot read `config.json`: No such file or directory
     --> load.yaml:1:49
      |
    1 | target: {url: http://h/v1, model: m, tokenizer: config.json}
      |                                                 ^^^^^^^^^^^
      = help: paths are relative to the scenario's folder
    ");
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

/// Regression: `stages` was taken for a misspelt `target`, and `rate` for `ramp`.
#[test]
fn words_of_other_load_generators_are_understood() {
    for (text, meant) in [
        ("stages: []", "did you mean `load`?"),
        ("thresholds: []", "did you mean `objectives`?"),
        ("load: {rate: 20/s}", "did you mean `hold`?"),
        ("load: {vus: 5}", "did you mean `users`?"),
        ("load: {hold: 20/s, duration: 1m}", "did you mean `for`?"),
        ("load: {users: 5, wait_time: 1s}", "did you mean `think`?"),
        ("target: {base_url: 'https://h/v1'}", "did you mean `url`?"),
        // A word of the language in another place is misspelt as before.
        ("timeouts: {duration: 1m}", "expected one of connect, request, idle, grace"),
    ] {
        let text = match text.starts_with("target") {
            true => text.to_owned(),
            false => format!("target: {{stub: {{}}}}\n{text}\n"),
        };
        let said = World::new().error(&text);
        assert!(said.contains(meant), "{said}");
    }
}
