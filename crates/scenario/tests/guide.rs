//! `docs/scenarios.md`: every example in it is a scenario, and every key of the language has one.
//!
//! What a fenced block of the guide is shows in its first line or its keys:
//! - `yaml` with a `target` or `targets` is a whole scenario.
//! - `yaml` that begins with a comment such as `# prices.yaml` is the file of that name, for the blocks that name it.
//! - other `yaml` is a part of a scenario: `target: {stub: {}}` completes it.
//! - `text` that begins with `$ floodline arrivals` shows the arrivals of the scenario above it.
//!
//! Files that blocks name and the guide does not show are made here.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use floodline_core::metric::Metric;
use floodline_core::objective::Flow;
use floodline_core::traffic::Traffic;
use floodline_core::{Outcome, Plan};
use floodline_scenario::json_schema;
use floodline_wire::tokens::Vocabulary;
use serde_json::Value;
use support::World;

const TARGET: &str = "target: {stub: {}}\n";

/// A fenced block of the guide.
struct Block {
    /// The line on which it begins, from 1.
    line: usize,
    language: String,
    text: String,
}

fn guide() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/scenarios.md");
    fs::read_to_string(path).expect("the file is there")
}

fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (i, line) in guide.lines().enumerate() {
        match (open.take(), line.strip_prefix("```")) {
            (None, None) => {}
            (None, Some(language)) => {
                open = Some(Block { line: i + 1, language: language.into(), text: String::new() });
            }
            (Some(block), Some(_)) => blocks.push(block),
            (Some(mut block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
        }
    }
    assert!(open.is_none(), "the last block is not closed");
    blocks
}

impl Block {
    /// The name of the file that it is, if it is one.
    fn file(&self) -> Option<&str> {
        let name = self.text.lines().next()?.strip_prefix("# ")?;
        let is_name = !name.contains(' ') && name.contains('.');
        (self.language == "yaml" && is_name).then_some(name)
    }

    fn is_scenario(&self) -> bool {
        self.language == "yaml" && self.file().is_none()
    }

    fn has(&self, key: &str) -> bool {
        self.text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
    }

    /// The scenario that it is or that it is a part of.
    fn scenario(&self) -> String {
        let target = if self.has("target") || self.has("targets") { "" } else { TARGET };
        // What is added goes behind it, so that the lines of messages are those of the block.
        format!("{}{target}", self.text)
    }
}

/// Everything that the blocks name.
fn world(blocks: &[Block]) -> World {
    let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n\
                 2023-11-16 18:00:00.0000000,374,44\n2023-11-16 20:59:00.0000000,396,109\n";
    let burstgpt = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
                    5,ChatGPT,472,18,490,Conversation log\n45,ChatGPT,1087,230,1317,Conversation log\n";
    let mooncake = "{\"timestamp\": 0, \"input_length\": 900, \"output_length\": 5, \"hash_ids\": [1, 2]}\n\
                    {\"timestamp\": 3000, \"input_length\": 950, \"output_length\": 9, \"hash_ids\": [1, 3]}\n";
    let own = "ts,prompt_tokens,completion_tokens\n0.5,100,20\n4.5,80,30\n";
    let lines = "{\"at\": 12, \"in\": 40, \"out\": 20, \"prefix\": [7]}\n{\"at\": 50, \"in\": 44, \"out\": 2, \"prefix\": [7]}\n";
    let litellm = r#"{"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05}}"#;
    let tokenizer =
        r#"{"version": "1.0", "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}"#;
    let mut world = World::new()
        .env("OPENAI_API_KEY", "for-the-test")
        .env("KEY_A", "for-the-test")
        .env("KEY_B", "for-the-test")
        .file("azure.csv", azure)
        .file("burstgpt.csv", burstgpt)
        .file("mooncake.jsonl", mooncake)
        .file("gateway.csv", own)
        .file("gateway.jsonl", lines)
        .file("model_prices_and_context_window.json", litellm)
        .file("tokenizer.json", tokenizer)
        .file("ca.pem", "-----BEGIN CERTIFICATE-----\n")
        .file("prompts.jsonl", questions(|question| format!("{{\"prompt\": \"{question}\"}}\n")))
        .file("tickets.csv", format!("id,question\n{}", questions(|question| format!("7,{question}\n"))))
        .file(
            "conversations.json",
            format!(
                "[{}]",
                questions(|question| format!(
                    "{{\"conversations\": [{{\"from\": \"human\", \"value\": \"{question}\"}}, \
                     {{\"from\": \"gpt\", \"value\": \"Yes.\"}}]}},"
                ))
                .trim_end_matches(',')
            ),
        )
        .file("people.csv", "user,password,question\nanna,a,Where is it?\nben,b,When does it come?\n")
        .file("codes.jsonl", "{\"name\": \"A-1\"}\n{\"name\": \"A-2\"}\n")
        .file("lengths.txt", "120\n400\n")
        .file("requests.csv", "ContextTokens,GeneratedTokens\n374,44\n")
        .file("usage.jsonl", "{\"usage\": {\"prompt_tokens\": 120}}\n");
    for block in blocks {
        if let Some(name) = block.file() {
            world = world.file(name, &block.text);
        }
    }
    world
}

/// Enough prompts, of lengths different enough, that nothing is to be said against them.
fn questions(one: impl Fn(&str) -> String) -> String {
    (1..=60).map(|n| one(&format!("What about {}number {n}?", "the matter of ".repeat(n % 7)))).collect()
}

#[test]
fn every_example_of_the_guide_resolves_without_a_warning() {
    let guide = guide();
    let blocks = blocks(&guide);
    let world = world(&blocks);
    let mut seen = 0;
    let mut wrong = Vec::new();
    for block in blocks.iter().filter(|block| block.is_scenario()) {
        match world.resolve(&block.scenario()) {
            Ok(resolved) if resolved.warnings.is_empty() => seen += 1,
            Ok(resolved) => wrong.push(format!("line {}: {:?}", block.line, resolved.warnings)),
            Err(error) => wrong.push(format!("line {}:\n{error}", block.line)),
        }
    }
    assert!(wrong.is_empty(), "blocks of docs/scenarios.md are wrong\n{}", wrong.join("\n"));
    assert!(seen >= 20, "{seen} blocks");
}

#[test]
fn a_block_that_is_wrong_is_found() {
    let text = "```yaml\nload: {hold: 20/s, fro: 10s}\n```\n";
    let blocks = blocks(text);
    let error = world(&blocks).error(&blocks[0].scenario());
    assert!(error.contains("load.yaml:1:20"), "{error}");
}

/// The names of all keys of the language, as the schema has them.
fn keys(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                found.extend(properties.keys().cloned());
            }
            members.values().for_each(|value| keys(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| keys(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_key_has_an_example() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let mut all = BTreeSet::new();
    keys(&schema, &mut all);
    assert!(all.len() > 100, "{} keys", all.len());
    let guide = guide();
    let shown: String = blocks(&guide).iter().filter(|b| b.language == "yaml").map(|b| &*b.text).collect();
    let has = |key: &str| {
        shown.match_indices(&format!("{key}:")).any(|(at, _)| {
            let before = shown[..at].chars().next_back();
            before.is_none_or(|c| c.is_whitespace() || matches!(c, '{' | '['))
        })
    };
    let missing: Vec<&String> = all.iter().filter(|key| !has(key)).collect();
    assert!(missing.is_empty(), "no example in docs/scenarios.md of {missing:?}");
}

#[test]
fn everything_that_can_be_asked_for_is_listed() {
    let guide = guide();
    let metrics = Metric::ALL.map(Metric::name).into_iter();
    let outcomes = Outcome::ALL.map(Outcome::name).into_iter();
    let flows = Flow::ALL.map(Flow::name).into_iter();
    let vocabularies = Vocabulary::ALL.map(Vocabulary::name).into_iter();
    let all = metrics.chain(outcomes).chain(flows).chain(vocabularies);
    let missing: Vec<&str> = all.filter(|name| !guide.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/scenarios.md does not list {missing:?}");
}

/// As `floodline arrivals` prints them.
fn arrivals(plan: &Plan) -> Vec<String> {
    let line = |planned: floodline_core::traffic::Planned| {
        let (name, phase) = (&plan.scenarios[planned.scenario].name, planned.phase.name());
        format!("{} {} {name} {phase}", planned.index, planned.at.0)
    };
    Traffic::new(plan).expect("the rates add up").map(line).collect()
}

#[test]
fn the_arrivals_that_are_shown_are_those_of_the_scenario_above() {
    let guide = guide();
    let blocks = blocks(&guide);
    let world = world(&blocks);
    let mut seen = 0;
    for pair in blocks.windows(2) {
        let [above, block] = pair else { continue };
        if !block.text.starts_with("$ floodline arrivals") {
            continue;
        }
        let plan = world.resolve(&above.scenario()).unwrap().plan;
        let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: Vec<String> = block.text.lines().skip(1).map(plain).collect();
        assert_eq!(shown, arrivals(&plan), "line {}", block.line);
        seen += 1;
    }
    assert_eq!(seen, 2);
}
