//! What people read when a target is wrong: where it is, who asks, and what counts its tokens.

mod support;

use insta::assert_snapshot;
use support::World;

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
