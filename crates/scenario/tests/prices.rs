//! Prices in scenarios and in files, and the spend limit that needs them.

mod support;

use floodline_core::Usd;
use floodline_core::prices::Usage;
use insta::assert_snapshot;
use support::World;

const TARGET: &str = "target: {url: 'https://h/v1', model: gpt-4o-mini}\n";
const LITELLM: &str = r#"{
  "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of"},
  "gpt-4o-mini": {"input_cost_per_token": 1.5e-07, "cache_read_input_token_cost": 7.5e-08,
    "output_cost_per_token": 6e-07, "max_output_tokens": 16384, "litellm_provider": "openai"},
  "groq/llama": {"input_cost_per_token": 1e-07, "output_cost_per_token": 2e-07},
  "x/llama": {"input_cost_per_token": 1e-07, "output_cost_per_token": 3e-07},
  "whisper": {"input_cost_per_second": 1e-04}
}"#;
const OWN: &str = "\
# prices of a million tokens
models:
  gpt-4o-mini: {input: $0.15, cached_input: $0.075, output: $0.60, max_output_tokens: 16384}
  long: {input: 2, output: 10, above: {tokens: 200000, input: 4}}
  wrong:
    input: 2.5e-06
    ouput: 3
";

fn usd(text: &str) -> Usd {
    Usd::parse(text).expect("an amount")
}

fn scenario(rest: &str) -> String {
    format!("{TARGET}{rest}\n")
}

#[test]
fn prices_are_of_a_million_tokens() {
    let text = scenario(
        "prices: {input: $2.50, cached_input: 1.25, cache_write: $3, output: $10, reasoning: $12, request: 0.001,
  max_output_tokens: 4096, above: [{tokens: 200000, input: $5, output: $15}, {tokens: 1_000_000, reasoning: $20}]}
limits: {spend: $5.00}",
    );
    let plan = World::new().resolve(&text).unwrap().plan;
    assert_eq!(plan.limits.spend, Some(Usd::dollars(5)));
    let prices = plan.prices.unwrap();
    let usage = Usage { input: 1000, cached: 200, cache_write: 100, output: 500, reasoning: 100 };
    // 700 · 2.50 + 200 · 1.25 + 100 · 3 + 400 · 10 + 100 · 12, over a million, and the fee.
    assert_eq!(prices.cost(&usage), usd("0.0085"));
    assert_eq!(
        (prices.rates_of(200_001).output, prices.rates_of(200_001).reasoning()),
        (usd("15"), usd("12"))
    );
    assert_eq!(
        (prices.rates_of(1_000_001).input, prices.rates_of(1_000_001).reasoning()),
        (usd("5"), usd("20"))
    );
    assert_eq!(prices.max_output_tokens, Some(4096));
}

#[test]
fn a_file_is_known_by_what_it_holds() {
    let json = r#"{"models": {"gpt-4o-mini": {"input": 0.15, "cached_input": "$0.075", "output": 0.6,
        "max_output_tokens": 16384}}}"#;
    let inline = "prices: {input: $0.15, cached_input: $0.075, output: $0.60, max_output_tokens: 16384}";
    let expected = World::new().resolve(&scenario(inline)).unwrap().plan.prices;
    for (kind, contents) in
        [("own", OWN.replace("ouput", "output")), ("litellm", LITELLM.into()), ("json", json.into())]
    {
        let world = World::new().file("p.txt", format!("\u{feff}{contents}"));
        let resolved = world.resolve(&scenario("prices: {file: p.txt}")).unwrap();
        assert_eq!(resolved.plan.prices, expected, "{kind}");
        assert_eq!(resolved.warnings, [] as [&str; 0]);
    }
}

#[test]
fn another_name_can_be_looked_up() {
    let world = World::new().file("p.json", LITELLM);
    let resolved = world.resolve(&scenario("prices: {file: p.json, model: x/llama}")).unwrap();
    assert_eq!(resolved.plan.prices.unwrap().rates.output, usd("0.30"));
    // A name with a prefix that the list has not.
    let resolved = world.resolve(&scenario("prices: {file: p.json, model: openai/gpt-4o-mini}")).unwrap();
    assert_eq!(
        resolved.warnings,
        ["the prices of `openai/gpt-4o-mini` are those of `gpt-4o-mini` in `p.json`"]
    );
}

#[test]
fn a_spend_limit_without_prices() {
    assert_snapshot!(World::new().error(&scenario("limits: {spend: $5.00}")), @r#"
    error: a spend limit needs to know what the model costs
     --> load.yaml:2:17
      |
    2 | limits: {spend: $5.00}
      |                 ^^^^^
      = help: add prices: {input: $2.50, output: $10} of a million tokens, or prices: {file: prices.json}
    "#);
}

#[test]
fn a_spend_limit_over_answers_without_bound() {
    let text = scenario(
        "prompts: [{name: long, text: Hello}, {name: short, text: Hello, max_tokens: 9}]
prices: {input: $2.50, output: $10}
limits: {spend: 5}",
    );
    assert_snapshot!(World::new().error(&text), @r"
    error: the spend limit cannot be kept: answers to `long` have no bound, so the worst case of a request has none
     --> load.yaml:4:17
      |
    4 | limits: {spend: 5}
      |                 ^
      = help: give the prompt `max_tokens`, or the prices `max_output_tokens`, the most that the model answers with
    ");
    let bounded = text.replace("output: $10", "output: $10, max_output_tokens: 4096");
    assert!(World::new().resolve(&bounded).is_ok());
    let unlimited = text.replace("limits: {spend: 5}", "");
    assert!(World::new().resolve(&unlimited).is_ok());
}

#[test]
fn amounts_that_are_none() {
    let text = scenario("prices: {input: free, output: -1, request: 1e-3}\nlimits: {spend: 5 EUR}");
    assert_snapshot!(World::new().error(&text), @r#"
    error: `free` is not an amount of dollars: write a number, such as $5.00 or 0.02
     --> load.yaml:2:17
      |
    2 | prices: {input: free, output: -1, request: 1e-3}
      |                 ^^^^

    error: `-1` is below zero: an amount of money cannot be
     --> load.yaml:2:31
      |
    2 | prices: {input: free, output: -1, request: 1e-3}
      |                               ^^

    error: `1e-3` is not an amount: write it without an exponent, such as $0.02
     --> load.yaml:2:44
      |
    2 | prices: {input: free, output: -1, request: 1e-3}
      |                                            ^^^^

    error: `5 EUR` is not an amount of dollars: write a number, such as $5.00 or 0.02
     --> load.yaml:3:17
      |
    3 | limits: {spend: 5 EUR}
      |                 ^^^^^
    "#);
    let text = scenario("prices: {input: 1, output: 1}\nlimits: {spend: $0.00}");
    assert_snapshot!(World::new().error(&text), @r#"
    error: `spend` must be above zero
     --> load.yaml:3:17
      |
    3 | limits: {spend: $0.00}
      |                 ^^^^^
    "#);
}

#[test]
fn prices_of_single_tokens() {
    assert_snapshot!(World::new().error(&scenario("prices: {input: 2.5e-06, output: 0.00001}")), @r#"
    error: `2.5e-06` looks like the price of a single token
     --> load.yaml:2:17
      |
    2 | prices: {input: 2.5e-06, output: 0.00001}
      |                 ^^^^^^^
      = help: prices are of a million tokens: did you mean $2.50?

    error: `0.00001` looks like the price of a single token
     --> load.yaml:2:34
      |
    2 | prices: {input: 2.5e-06, output: 0.00001}
      |                                  ^^^^^^^
      = help: prices are of a million tokens: did you mean $10.00?
    "#);
}

#[test]
fn prices_that_are_incomplete() {
    let text = scenario(
        "prices:\n  input: $1\n  above:\n    - {input: $2}\n    - {tokens: 5}\n    - {tokens: 5, input: 1}\n    - {tokens: 9}",
    );
    assert_snapshot!(World::new().error(&text), @r#"
    error: the prices have no `output`
     --> load.yaml:3:3
      |
    3 |   input: $1
      |   ^
      = help: write what a million tokens cost, such as {input: $2.50, output: $10}

    error: this tier does not say above how many tokens it applies
     --> load.yaml:5:7
      |
    5 |     - {input: $2}
      |       ^
      = help: such as {tokens: 200000, input: $5, output: $15}

    error: this tier has no prices
     --> load.yaml:6:7
      |
    6 |     - {tokens: 5}
      |       ^
      = help: such as {tokens: 200000, input: $5, output: $15}

    error: two tiers begin above 5 tokens
     --> load.yaml:7:16
      |
    7 |     - {tokens: 5, input: 1}
      |                ^

    error: this tier has no prices
     --> load.yaml:8:7
      |
    8 |     - {tokens: 9}
      |       ^
      = help: such as {tokens: 200000, input: $5, output: $15}
    "#);
}

#[test]
fn prices_that_are_no_mapping() {
    assert_snapshot!(World::new().error(&scenario("prices: $5")), @r#"
    error: `prices` must be a mapping of keys and values
     --> load.yaml:2:9
      |
    2 | prices: $5
      |         ^^
      = help: such as `prices: {input: $2.50, output: $10}` of a million tokens, or `prices: {file: prices.json}`
    "#);
}

#[test]
fn prices_and_a_file() {
    assert_snapshot!(World::new().error(&scenario("prices: {file: p.json, input: $1}")), @r#"
    error: cannot read `p.json`: No such file or directory
     --> load.yaml:2:16
      |
    2 | prices: {file: p.json, input: $1}
      |                ^^^^^^
      = help: paths are relative to the scenario's folder

    error: `input` does not go with `file`: the file has the prices
     --> load.yaml:2:31
      |
    2 | prices: {file: p.json, input: $1}
      |                               ^^
      = help: keep `file`, or the prices themselves
    "#);
    assert_snapshot!(World::new().error(&scenario("prices: {model: m, input: $1, output: $1}")), @r#"
    error: `model` goes with `file`: these prices are those of the target's model
     --> load.yaml:2:17
      |
    2 | prices: {model: m, input: $1, output: $1}
      |                 ^
      = help: leave it out, or name the file: {file: prices.json, model: NAME}
    "#);
}

#[test]
fn a_model_that_the_file_has_not() {
    let world = World::new().file("p.json", LITELLM).file("p.yaml", OWN.replace("ouput", "output"));
    assert_snapshot!(world.error(&scenario("prices: {file: p.json, model: gpt-4o-mimi}")), @r#"
    error: `p.json` has no prices of `gpt-4o-mimi`
     --> load.yaml:2:31
      |
    2 | prices: {file: p.json, model: gpt-4o-mimi}
      |                               ^^^^^^^^^^^
      = help: did you mean `gpt-4o-mini`? name the entry with prices: {file: p.json, model: NAME}
    "#);
    assert_snapshot!(world.error(&scenario("prices: {file: p.json, model: llama}")), @r#"
    error: `p.json` has several prices of `llama`, by provider
     --> load.yaml:2:31
      |
    2 | prices: {file: p.json, model: llama}
      |                               ^^^^^
      = help: name the entry, such as prices: {file: p.json, model: groq/llama}; there are groq/llama, x/llama
    "#);
    assert_snapshot!(world.error(&scenario("prices: {file: p.json, model: whisper}")), @r#"
    error: the prices of `whisper` in `p.json` cannot be used: it has no price of input tokens
     --> load.yaml:2:31
      |
    2 | prices: {file: p.json, model: whisper}
      |                               ^^^^^^^
      = help: write the prices into the scenario: prices: {input: $2.50, output: $10}
    "#);
    assert_snapshot!(world.error(&scenario("prices: {file: p.yaml, model: lang}")), @r#"
    error: `p.yaml` has no prices of `lang`
     --> load.yaml:2:31
      |
    2 | prices: {file: p.yaml, model: lang}
      |                               ^^^^
      = help: did you mean `long`? name the entry with prices: {file: p.yaml, model: NAME}
    "#);
}

#[test]
fn a_file_that_is_wrong() {
    let world = World::new()
        .file("key.yaml", OWN)
        .file("value.yaml", OWN.replace("ouput", "output"))
        .file("page.html", "<html>404</html>")
        .file("cut.json", &LITELLM[..300])
        .file("image.png", [0xff, 0xfe, 0x00]);
    assert_snapshot!(world.error(&scenario("prices: {file: key.yaml}")), @r#"
    error: unknown key `ouput`
     --> key.yaml:7:5
      |
    7 |     ouput: …
      |     ^^^^^
      = help: did you mean `output`? expected one of file, model, input, cached_input, cache_write, output, reasoning, request, max_output_tokens, above
    "#);
    assert_snapshot!(world.error(&scenario("prices: {file: value.yaml, model: wrong}")), @r#"
    error: `2.5e-06` looks like the price of a single token
     --> value.yaml:6:12
      |
    6 |     input: 2.5e-06
      |            ^^^^^^^
      = help: prices are of a million tokens: did you mean $2.50?
    "#);
    assert_snapshot!(world.error(&scenario("prices: {file: page.html}")), @r#"
    error: this is not a file of prices
     --> page.html
      = help: expected `models: {NAME: {input: $2.50, output: $10}}`, or LiteLLM's model_prices_and_context_window.json
    "#);
    assert_snapshot!(world.error(&scenario("prices: {file: cut.json}")), @r#"
    error: this is not valid JSON: EOF while parsing a string at line 5 column 34
     --> cut.json
      = help: expected `models: {NAME: {input: $2.50, output: $10}}`, or LiteLLM's model_prices_and_context_window.json
    "#);
    assert_snapshot!(world.error(&scenario("prices: {file: image.png}")), @r#"
    error: this file of prices is not text in UTF-8
     --> image.png
      = help: expected `models: {NAME: {input: $2.50, output: $10}}`, or LiteLLM's model_prices_and_context_window.json
    "#);
    assert_snapshot!(world.error(&scenario("prices: {file: none.json}")), @r#"
    error: cannot read `none.json`: No such file or directory
     --> load.yaml:2:16
      |
    2 | prices: {file: none.json}
      |                ^^^^^^^^^
      = help: paths are relative to the scenario's folder
    "#);
}
