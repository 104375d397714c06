//! Limits of the built-in provider as scenarios and files write them: what they come to, and what is said when they are
//! wrong.

mod support;

use floodline_core::limits::{
    Algorithm, Figure, Figures, Limits, Precharge, Provider, RetryAfter, Scope, Start,
};
use floodline_core::plan::Address;
use floodline_core::time::Span;
use floodline_scenario::{Source, StubProvider, read_limits, read_stub_file};
use insta::assert_snapshot;
use support::World;

/// The limits of a stub that has these.
fn limits(written: &str) -> Limits {
    let resolved = World::new().resolve(&format!("target: {{stub: {{limits: {written}}}}}\n"));
    let resolved = resolved.unwrap_or_else(|error| panic!("{error}"));
    match resolved.plan.target.address {
        Address::Stub(stub) => stub.limits.expect("they are written"),
        Address::Url(url) => panic!("{url}"),
    }
}

fn stub_file(text: &str) -> Result<Vec<StubProvider>, String> {
    let world = World::new().env("KEY_A", "canary-a");
    read_stub_file(&Source { name: "stub.yaml", text }, &world).map_err(|error| error.to_string())
}

#[test]
fn figures_mean_what_they_mean_on_the_command_line() {
    let of = |figures: Figures| figures.limits().expect("they can be kept");
    let (rpm, tpm) = (Some(Figure::Of(500)), Some(Figure::Of(30_000)));
    assert_eq!(limits("{rpm: 500, tpm: 30k}"), of(Figures { rpm, tpm, ..Figures::default() }));
    let preset = Some(Provider::Anthropic);
    let window = Some(Span::from_secs(10));
    let all = Figures {
        preset,
        window,
        rpm,
        output_tpm: Some(Figure::Off),
        scope: Some(Scope::Key),
        retry_after: Some(RetryAfter::Short),
        headers: Some(false),
        ..Figures::default()
    };
    let written = "{preset: anthropic, window: 10s, rpm: 500, output_tpm: off, scope: key, retry_after: short, headers: false}";
    assert_eq!(limits(written), of(all));
    let off = limits("{preset: openai, tpm: false}");
    assert_eq!(off.limits.len(), 1, "off is false to some");
    assert_eq!(limits("{preset: bedrock-like}"), Limits::preset(Provider::Bedrock));
}

#[test]
fn limits_in_full_stand_alone_or_beside_figures() {
    let full = "{provider: gemini, organisation: mine, unstated_max_tokens: 7, limits: [{dimension: tokens, value: 1m, \
                per: day, window: 8h, algorithm: fixed_window, start: first_hit, precharge: prompt, settlement: refund, \
                scope: model, counts_cached: false, output_weight: 5}]}";
    let found = limits(full);
    assert_eq!(
        (found.provider, &*found.organisation, found.unstated_max_tokens),
        (Provider::Gemini, "mine", 7)
    );
    let [limit] = &found.limits[..] else { panic!("{found:?}") };
    assert_eq!(
        (limit.value, limit.window, limit.precharge),
        (1_000_000, Span::from_secs(8 * 3_600), Precharge::Prompt)
    );
    assert_eq!(limit.algorithm, Algorithm::FixedWindow { start: Start::FirstHit, phase: Span::ZERO });
    assert_eq!((limit.scope, limit.counts_cached, limit.output_weight), (Scope::Model, false, 5));
    let both = limits("{preset: openai, retry_after: absent, limits: [{dimension: concurrency, value: 3}]}");
    let names: Vec<&str> = both.limits.iter().map(|limit| limit.short_name()).collect();
    assert_eq!((names, both.retry_after), (vec!["rpm", "tpm", "concurrency"], RetryAfter::Absent));
}

/// Regression: a file with the block of a scenario was told that `limits` is to be a list.
#[test]
fn a_file_may_hold_the_whole_block() {
    let read = |text: &str| {
        let read = read_limits(&Source { name: "limits.yaml", text }, &World::new());
        read.map_err(|error| error.to_string())
    };
    let alone = read("preset: anthropic\nrpm: 7\nlimits: [{dimension: concurrency, value: 3}]\n");
    let block =
        read("limits:\n  preset: anthropic\n  rpm: 7\n  limits: [{dimension: concurrency, value: 3}]\n");
    assert_eq!(alone.unwrap(), block.unwrap());
    let wrong = read("limits:\n  preset: anthropic\n  rpm: 7 apples\n").unwrap_err();
    assert!(wrong.contains("limits.yaml:3:"), "{wrong}");
    assert!(read("limits: {preset: openai}\nrpm: 7\n").is_err(), "it is one or the other");
}

/// What `Limits` writes of itself, such as `floodline limits` found out, is read as it was.
#[test]
fn limits_as_data_are_read_back() {
    for provider in Provider::ALL {
        let limits = Limits::preset(provider);
        let text = serde_json::to_string_pretty(&limits).expect("it can be written");
        let read = read_limits(&Source { name: "limits.json", text: &text }, &World::new());
        assert_eq!(read.unwrap_or_else(|error| panic!("{error}\n{text}")), limits);
    }
}

#[test]
fn what_is_wrong_with_limits_is_shown_where_it_stands() {
    let text = "\
target:
  stub:
    limits:
      preset: anthopic
      window: 10
      rpm: 5 per minute
      scope: everyone
      limits:
        - {dimension: requests, value: 0}
        - {dimension: requests}
        - {dimension: tokens, value: 5, algorithm: quantised}
        - {dimension: requests, value: 5, start: first_hit}
";
    assert_snapshot!("limits", World::new().error(text));
    let nothing = "target:\n  stub:\n    limits: {window: 10s}\n";
    assert_snapshot!("limits_of_nothing", World::new().error(nothing));
    let empty = "target: {stub: {limits: {limits: []}}}\n";
    assert_snapshot!("an_empty_list", World::new().error(empty));
    let figure = "target: {stub: {limits: 500}}\n";
    assert_snapshot!("a_figure_instead", World::new().error(figure));
}

#[test]
fn a_stub_file_has_providers() {
    let text = "\
providers:
  - {name: primary, path: /primary/v1/, limits: {rpm: 5}}
  - {models: [a, b], key: '${env:KEY}', key_names: {team-a: '${env:KEY_A}'}, ttft: 5ms, tokens: 3, seed: 9}
";
    let providers = stub_file(text).unwrap_or_else(|error| panic!("{error}"));
    let [primary, other] = &providers[..] else { panic!("{providers:?}") };
    assert_eq!((primary.name.as_str(), primary.path.as_str()), ("primary", "/primary"));
    assert_eq!(primary.stub.limits.as_ref().map(|limits| limits.limits.len()), Some(1));
    assert_eq!((other.name.as_str(), other.path.as_str(), other.seed), ("provider 2", "", 9));
    assert_eq!(other.models.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
    assert_eq!(other.key.as_ref().map(|key| key.expose()), Some("canary-key"));
    assert_eq!((other.key_names[0].0.as_str(), other.key_names[0].1.expose()), ("team-a", "canary-a"));
    assert_eq!(other.stub.tokens, Some(3));
    assert!(!format!("{providers:?}").contains("canary"));
}

#[test]
fn what_is_wrong_with_a_stub_file_is_shown_where_it_stands() {
    let text = "\
providers:
  - {name: a, path: primary}
  - {name: b, models: []}
  - {name: c, key: sk-canary}
  - {name: d}
  - {name: d, path: /d}
  - {name: e}
  - {name: f, models: [m, n]}
  - {name: g, models: [n], profile: 8b-h10}
  - {name: h, models: [n]}
";
    let error = stub_file(text).expect_err("it is wrong");
    assert!(!error.contains("canary"));
    assert_snapshot!("stub_file", error);
    assert_snapshot!("stub_file_with_limits", stub_file("limits: {rpm: 5}\n").expect_err("no such key"));
    assert_snapshot!("stub_file_of_nobody", stub_file("{}\n").expect_err("nobody"));
}
