//! Where keys and other secrets come from, where they go, and that they are never shown.

mod support;

use floodline_scenario::{Overrides, QuickForm};
use proptest::prelude::*;
use support::World;

#[test]
fn secrets_are_in_nothing_that_can_be_printed() {
    let text =
        "target: {url: 'https://h/v1', model: m, key: '${env:KEY}', headers: {Cookie: 's=${env:KEY}'}}";
    let resolved = World::new().resolve(text).unwrap();
    let plan = serde_json::to_string(&resolved.plan).unwrap();
    assert!(!format!("{resolved:?}{:?}{plan}", resolved.targets[0].secrets).contains("canary"));
    assert_eq!(resolved.targets[0].secrets.values().collect::<Vec<_>>(), ["canary-key", "canary-key"]);
}

/// A key in the environment must not reach a server that it was not meant for.
#[test]
fn openais_key_goes_to_openai_only() {
    let world = World::new().env("OPENAI_API_KEY", "canary");
    let key = |url: &str| {
        let form = QuickForm { url: Some(url.into()), model: Some("m".into()), ..QuickForm::default() };
        world.quick(&form).unwrap().targets[0].secrets.key.as_ref().map(|key| key.expose().to_owned())
    };
    assert_eq!(key("https://api.openai.com/v1").as_deref(), Some("canary"));
    for other in [
        "http://api.openai.com/v1",
        "https://api.openai.com.evil.example/v1",
        "https://api.openai.com:8443/v1",
        "http://127.0.0.1:8000/v1",
        "stub:",
    ] {
        assert_eq!(key(other), None, "{other}");
    }
}

#[test]
fn a_scenario_can_be_tried_on_the_built_in_provider_without_its_secrets() {
    let text =
        "target: {url: 'https://h/v1', model: m, key: '${env:NO_KEY}', headers: {Cookie: '${env:NO}'}}";
    let overrides = Overrides { url: Some("stub:".into()), ..Overrides::default() };
    let resolved = World::new().resolve_with(text, &overrides).unwrap();
    assert_eq!(resolved.targets[0].secrets.values().count(), 0);
    let overrides = Overrides { url: Some("http://127.0.0.1:9/v1".into()), ..Overrides::default() };
    let resolved = World::new().env("NO_KEY", "x").env("NO", "y").resolve_with(text, &overrides).unwrap();
    let [key, header] = resolved.warnings.as_slice() else { panic!("{:?}", resolved.warnings) };
    assert!(key.contains("the key of the scenario is sent"), "{key}");
    assert!(header.contains("headers: `Cookie`"), "{header}");
}

#[test]
fn literal_secrets_are_refused_wherever_they_are_written() {
    for (member, message) in [
        ("body: {api_key: canary}", "`api_key` in `body` looks like a secret"),
        ("body: {metadata: {password: canary}}", "`metadata.password` in `body` looks like a secret"),
        ("headers: {Authorization: 'Bearer canary-${env:KEY}'}", "the value of `Authorization` must not"),
        ("headers: {X-Team: sk-canary}", "the value of `X-Team` must not"),
    ] {
        let error = World::new().error(&format!("target:\n  stub: {{}}\n  {member}\n"));
        assert!(error.contains(message), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
    for (written, name) in
        [("code", "code"), ("sas", "sas"), ("k", "k"), ("token", "token"), ("c%6fde", "code")]
    {
        let error =
            World::new().error(&format!("target: {{url: 'https://h/v1?{written}=canary', model: m}}"));
        assert!(error.contains(&format!("the URL carries `{name}`")), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}

#[test]
fn header_values_are_ascii() {
    let error = World::new().error("target: {stub: {}, headers: {X-Team: Köln}}");
    assert!(error.contains("the value of `X-Team` cannot be sent in a header"), "{error}");
    assert!(error.contains("not ASCII"), "{error}");
    let world = World::new().env("CITY", "Köln");
    let error = world.error("target: {stub: {}, headers: {X-Team: '${env:CITY}'}}");
    assert!(error.contains("the value of `CITY` cannot be sent in a header"), "{error}");
}

const SCENARIO: &str = "\
target:
  url: https://h/v1
  model: m
  key: sk-canary-0123456789
  headers: {X-Team: a, api-key: sk-canary-0123456789}
prompts:
  - {text: hello, max_tokens: 5}
load: {users: 8, for: 10s}
";

proptest! {
    /// However a scenario with a key in it is broken, the key is not shown.
    #[test]
    fn a_broken_scenario_does_not_show_its_key(at in 0usize..SCENARIO.len(), cut in 0usize..12, with in "[a-z:{}\\[\\]\"' \n\t]{0,3}") {
        let mut text = SCENARIO.to_owned();
        let end = (at + cut).min(text.len());
        let touches_a_key = SCENARIO.match_indices("sk-canary-0123456789").any(|(key, value)| at < key + value.len() && end >= key);
        if !touches_a_key {
            text.replace_range(at..end, &with);
            if let Err(error) = World::new().resolve(&text) {
                prop_assert!(!error.to_string().contains("canary"), "{}\n{}", text, error);
            }
        }
    }

    /// The same scenario without vendors' prefixes: a mistyped name hides its value.
    #[test]
    fn a_mistyped_key_does_not_show_its_value(name in "[a-z_]{1,12}") {
        let text = format!("target:\n  stub: {{}}\n  {name}: canary\n");
        if let Err(error) = World::new().resolve(&text) {
            prop_assert!(!error.to_string().contains("canary") || ["model", "stream", "insecure", "api", "url", "body", "headers"].contains(&name.as_str()));
        }
    }
}
