//! What people read when the text of a scenario is wrong: its YAML, its keys, its values.

mod support;

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
