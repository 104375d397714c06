//! What the importers make of the fixtures in `tests/fixtures/import`, and that no secret of them is in it.
//!
//! Each fixture has a snapshot of the scenario and of the notes. All of them can be run.

mod support;

use std::fs;
use std::path::PathBuf;

use floodline_scenario::{ImportFormat, Imported, Source, import};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::Value;
use support::World;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import")
}

fn format(name: &str) -> ImportFormat {
    match name.rsplit('.').next() {
        Some("har") => ImportFormat::Har { host: None },
        Some("yaml" | "json") => ImportFormat::OpenApi { operations: Vec::new() },
        _ => ImportFormat::Curl,
    }
}

fn imported(name: &str) -> Imported {
    let text = fs::read_to_string(folder().join(name)).expect("the fixture is there");
    import(&format(name), &Source { name, text: &text }).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn shown(imported: &Imported) -> String {
    let notes: String = imported.notes.iter().map(|note| format!("note: {note}\n")).collect();
    format!("{}---\n{notes}", imported.yaml)
}

fn fixtures() -> Vec<String> {
    let entries = fs::read_dir(folder()).expect("the folder is there");
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    assert!(names.len() >= 14, "{names:?}");
    names
}

fn value(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|e| panic!("{e}\n{yaml}"))
}

#[test]
fn scenarios_of_fixtures() {
    for name in fixtures() {
        assert_snapshot!(format!("import-{name}"), shown(&imported(&name)));
    }
}

#[test]
fn no_secret_is_in_what_is_written() {
    for name in fixtures() {
        let shown = shown(&imported(&name)).to_lowercase();
        assert!(!shown.contains("canary"), "{name}:\n{shown}");
    }
}

#[test]
fn what_is_written_is_yaml_with_the_keys_in_their_order() {
    const ORDER: [&str; 6] = ["\nname:", "\ntarget:", "\nprompts:", "\nflow:", "\nload:", "\ntimeouts:"];
    for name in fixtures() {
        let yaml = imported(&name).yaml;
        assert!(value(&yaml)["target"].is_object(), "{yaml}");
        let places: Vec<usize> = ORDER.iter().filter_map(|key| yaml.find(key)).collect();
        assert!(places.is_sorted() && places.len() >= 3, "{yaml}");
    }
}

/// All that a scenario asks of the world: its variables, and the file that is to be made for it.
fn world(yaml: &str) -> World {
    let mut world = World::new().file("values.csv", "petId\n7\n");
    for (_, rest) in yaml.match_indices("${env:").map(|(at, mark)| yaml.split_at(at + mark.len())) {
        world = world.env(rest.split('}').next().unwrap_or_default(), "k");
    }
    world
}

#[test]
fn every_scenario_can_be_run() {
    let mut wrong = Vec::new();
    for name in fixtures() {
        let yaml = imported(&name).yaml;
        match world(&yaml).resolve(&yaml) {
            Ok(resolved) => {
                assert_eq!(resolved.warnings, Vec::<String>::new(), "{name}\n{yaml}");
                let key = resolved.targets[0].secrets.key.as_ref().map(|key| key.expose());
                assert_eq!(key, yaml.contains("\n  key: ").then_some("k"), "{name}");
            }
            Err(error) => wrong.push(format!("{name}: {error}\n{yaml}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bodies_are_what_was_recorded() {
    let yaml = value(&imported("several.sh").yaml);
    let steps = yaml["flow"]["steps"].as_array().unwrap();
    assert_eq!(steps[0]["form"]["user"], "anna");
    assert_eq!(steps[0]["form"]["password"], "${env:PASSWORD}");
    let yaml = value(&imported("chat.har").yaml);
    let chat = &yaml["flow"]["steps"][2];
    assert_eq!(chat["json"]["message"], "Where is {{ '{{' }}my}} order?");
    assert_eq!(chat["json"]["role"], "customer");
}

fn error(format: &ImportFormat, name: &str, text: &str) -> String {
    import(format, &Source { name, text }).expect_err("it is wrong").to_string()
}

#[test]
fn errors_name_the_file_the_line_and_the_remedy() {
    let har = ImportFormat::Har { host: None };
    let other_host = ImportFormat::Har { host: Some("nowhere.example".into()) };
    let openapi = ImportFormat::OpenApi { operations: Vec::new() };
    let wrong_operation = ImportFormat::OpenApi { operations: vec!["getPets".into()] };
    let pets = fs::read_to_string(folder().join("petstore.yaml")).unwrap();
    let chat = fs::read_to_string(folder().join("chat.har")).unwrap();
    let all = [
        error(&ImportFormat::Curl, "a.sh", "\nwget canary\n"),
        error(&ImportFormat::Curl, "-", ""),
        error(&ImportFormat::Curl, "a.sh", "curl -s \\\n 'https://canary"),
        error(&ImportFormat::Curl, "a.sh", "curl -s -H 'a: canary'"),
        error(&ImportFormat::Curl, "a.sh", "curl $BASE/canary"),
        error(&har, "a.har", "{\"log\":\n {\"canary\" 1}}"),
        error(&har, "a.har", "{\"log\": {"),
        error(&har, "a.har", "{}"),
        error(&har, "a.har", r#"{"log": {"entries": []}}"#),
        error(&har, "a.har", r#"{"log": {"entries": [{}]}}"#),
        error(&other_host, "chat.har", &chat),
        error(&openapi, "a.yaml", "openapi: 3.0.0\npaths: [canary: {\n"),
        error(&openapi, "a.yaml", "swagger: '2.0'\n"),
        error(&openapi, "a.yaml", "hello: 1\n"),
        error(&openapi, "a.yaml", "openapi: 3.0.0\n"),
        error(&wrong_operation, "petstore.yaml", &pets),
    ];
    let all = all.join("\n\n");
    assert!(!all.contains("canary"), "{all}");
    assert_snapshot!(all);
}

#[test]
fn one_host_or_one_operation_can_be_chosen() {
    let chat = fs::read_to_string(folder().join("chat.har")).unwrap();
    let host = ImportFormat::Har { host: Some("metrics.example.net".into()) };
    let yaml = value(&import(&host, &Source { name: "-", text: &chat }).unwrap().yaml);
    assert_eq!(yaml["target"]["url"], "https://metrics.example.net");
    let pets = fs::read_to_string(folder().join("petstore.yaml")).unwrap();
    let one = ImportFormat::OpenApi { operations: vec!["getPet".into()] };
    let yaml = value(&import(&one, &Source { name: "-", text: &pets }).unwrap().yaml);
    assert_eq!(yaml["flow"]["steps"][0]["get"], "/pets/{{ values.petId | urlencode }}");
    assert_eq!(yaml["data"]["values"]["file"], "values.csv");
}

#[test]
fn a_secret_is_replaced_wherever_it_stands_again() {
    let text = "curl https://h.example/canary-xyz-1/a?q=canary-xyz-1 -H 'X-Api-Key: canary-xyz-1' \
                -H 'X-Other: see canary-xyz-1' -d '{\"note\": \"canary-xyz-1!\", \"canary-xyz-1\": 1}'";
    let imported = import(&ImportFormat::Curl, &Source { name: "canary-xyz-1.sh", text }).unwrap();
    assert!(!shown(&imported).contains("canary"), "{}", shown(&imported));
    assert_eq!(value(&imported.yaml)["flow"]["steps"][0]["json"]["note"], "${env:H_API_KEY}!");
}

#[test]
fn a_vendors_key_is_found_without_a_name() {
    let text = "curl https://h.example/a -d '{\"note\": \"use sk-proj-canary1234567890abcdef now\"}'";
    let imported = import(&ImportFormat::Curl, &Source { name: "-", text }).unwrap();
    assert!(!shown(&imported).contains("canary"), "{}", shown(&imported));
}

fn formats() -> [ImportFormat; 3] {
    [ImportFormat::Curl, ImportFormat::Har { host: None }, ImportFormat::OpenApi { operations: Vec::new() }]
}

/// A text with something of it cut out, put in twice, or replaced.
fn damaged(text: &str, at: usize, length: usize, with: &str) -> String {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (boundary(at % (text.len() + 1)), boundary(at % (text.len() + 1) + length));
    format!("{}{with}{}", &text[..start], &text[end..])
}

proptest! {
    #[test]
    fn no_text_makes_an_importer_panic(text in any::<String>()) {
        for format in formats() {
            let _ = import(&format, &Source { name: "f", text: &text });
        }
    }

    #[test]
    fn no_damage_makes_an_importer_panic_and_what_comes_out_is_yaml(
        which in 0..16usize,
        at in any::<usize>(),
        length in 0..60usize,
        with in "[\\PC\n\"'{}\\[\\]:,$^\\\\]{0,12}",
    ) {
        let names = fixtures();
        let name = &names[which % names.len()];
        let text = fs::read_to_string(folder().join(name)).unwrap();
        let text = damaged(&text, at, length, &with);
        if let Ok(imported) = import(&format(name), &Source { name, text: &text }) {
            let read: Result<Value, _> = serde_saphyr::from_str(&imported.yaml);
            prop_assert!(read.is_ok(), "{:?}\n{}", read, imported.yaml);
        }
    }

    #[test]
    fn a_password_of_any_letters_is_not_written(secret in "[a-zA-Z0-9][!-&(-:<-\\]_-~]{7,23}", spelled in 0..5usize) {
        let json = serde_json::Value::from(secret.as_str()).to_string();
        let text = match spelled {
            0 => format!("curl https://h.example/a -H 'Authorization: Bearer {secret}' -H 'X-B: {secret}'"),
            1 => format!("curl https://h.example/a -H 'Content-Type: application/json' -d '{{\"password\": {json}, \"b\": {json}}}'"),
            2 => format!("curl https://h.example/a --data-urlencode 'password={secret}' -H 'X-B: {secret}'"),
            3 => format!("curl https://h.example/a -u 'me:{secret}' -H 'X-B: {secret}'"),
            _ => format!("curl https://h.example/a -b 'sid={secret}' -H 'X-B: {secret}'"),
        };
        if let Ok(imported) = import(&ImportFormat::Curl, &Source { name: "f", text: &text }) {
            let whole = value(&imported.yaml).to_string();
            prop_assert!(!whole.contains(json.trim_matches('"')), "{}\n{}", secret, imported.yaml);
        }
    }
}
