use serde_json::json;

use super::*;
use crate::privacy::{Kind, Kinds, Names};

fn options() -> Options {
    Options {
        cleaner: Cleaner::new(Kinds::all(), Names::default()),
        format: None,
        sample: None,
        seed: 0,
        min_tokens: None,
        max_tokens: None,
        model: None,
        examples: 3,
    }
}

fn built(options: Options, lines: &[String]) -> (Vec<Value>, Report) {
    let mut builder = Builder::new(options);
    let mut out = Vec::new();
    lines.iter().for_each(|line| builder.line(line.as_bytes(), &mut out));
    let report = builder.finish(&mut out);
    let text = String::from_utf8(out).expect("UTF-8");
    (text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(), report)
}

fn ask(content: &str) -> String {
    json!({"messages": [{"role": "user", "content": content}]}).to_string()
}

#[test]
fn a_line_holds_the_masked_conversation_and_its_figures() {
    let request = json!({
        "request": {"max_tokens": 50, "user": "u-1", "metadata": {"mail": "meta@example.com"}, "messages": [
            {"role": "user", "name": "Bob_Smith", "content": "I am bob@example.com"},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "call_VSPygqKTWdrhaFErNvMV18Yl",
                "type": "function", "function": {"name": "mail", "arguments": "{\"to\":\"bob@example.com\"}"}}]},
            {"role": "tool", "tool_call_id": "call_VSPygqKTWdrhaFErNvMV18Yl", "content": "sent from 10.1.2.3"}]},
        "response": {"usage": {"completion_tokens": 7}, "choices": [{"message": {"content": "answer@example.com"}}]}});
    let (lines, report) = built(options(), &[request.to_string()]);
    assert_eq!(
        lines,
        [json!({
            "messages": [
                {"role": "user", "content": "I am <EMAIL_1>", "name": "user_1"},
                {"role": "assistant", "content": "", "tool_calls": [{"id": "call_1", "type": "function",
                    "function": {"name": "mail", "arguments": "{\"to\":\"<EMAIL_1>\"}"}}]},
                {"role": "tool", "content": "sent from <IP_1>", "tool_call_id": "call_1"}],
            "max_tokens": 50, "output_tokens": 7, "tokens": 24, "category": "short"})]
    );
    assert_eq!(
        (report.removed.of(Kind::Email), report.removed.of(Kind::Ip), report.removed.of(Kind::Name)),
        (2, 1, 1)
    );
    assert_eq!(report.touched, 1);
    assert_eq!(report.output_tokens.percentile(50), Some(7));
}

#[test]
fn building_from_a_corpus_changes_nothing() {
    let log = [ask("bob@example.com, ann@example.com and +49 170 1234567"), ask("plain")];
    let (first, _) = built(options(), &log);
    let again: Vec<String> = first.iter().map(Value::to_string).collect();
    let (second, report) = built(options(), &again);
    let messages = |lines: &[Value]| lines.iter().map(|l| l["messages"].clone()).collect::<Vec<_>>();
    assert_eq!(messages(&second), messages(&first));
    assert_eq!(report.removed.total(), 0);
}

#[test]
fn every_line_is_accounted_for() {
    let log = [
        ask("a"),
        ask("a"),
        "{broken".into(),
        "{}".into(),
        String::new(),
        "[]".into(),
        ask("b ".repeat(300).as_str()),
    ];
    let (lines, report) = built(Options { max_tokens: Some(10), ..options() }, &log);
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (report.lines, report.prompts, report.written, report.too_long, report.repeated),
        (6, 3, 2, 1, 1)
    );
    assert_eq!(report.unusable[&Unusable::NotJson], 1);
    assert_eq!(report.unusable[&Unusable::NoPrompt], 2);
}

#[test]
fn a_sample_is_uniform_and_the_same_for_a_seed() {
    let log: Vec<String> = (0..200).map(|i| ask(&format!("prompt {i}"))).collect();
    let number = |line: &Value| -> usize {
        line["messages"][0]["content"]
            .as_str()
            .and_then(|s| s.strip_prefix("prompt ")?.parse().ok())
            .expect("a number")
    };
    let draw = |seed| -> Vec<usize> {
        built(Options { sample: Some(20), seed, ..options() }, &log).0.iter().map(number).collect()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let mut drawn = [0u32; 4];
    for seed in 0..50 {
        let sample = draw(seed);
        assert_eq!(sample.len(), 20);
        assert!(sample.is_sorted_by(|a, b| a < b), "{sample:?}");
        sample.iter().for_each(|i| drawn[i / 50] += 1);
    }
    // 250 each are expected, with a standard deviation of about 13.
    assert!(drawn.iter().all(|n| (200..300).contains(n)), "{drawn:?}");
}

#[test]
fn a_sample_is_the_same_whether_lengths_are_asked_for_or_not() {
    let log: Vec<String> = (0..50).map(|i| ask(&format!("prompt {i}"))).collect();
    let plain = built(Options { sample: Some(5), seed: 3, ..options() }, &log).0;
    assert_eq!(built(Options { sample: Some(5), seed: 3, min_tokens: Some(1), ..options() }, &log).0, plain);
}

#[test]
fn documents_are_read_whole_or_not_at_all() {
    let document = format!("{:#}\n{:#}", json!([{"prompt": "a"}, {"prompt": "b"}]), json!({"prompt": "c"}));
    let mut builder = Builder::new(options());
    let mut out = Vec::new();
    assert!(builder.document(document.as_bytes(), &mut out));
    assert!(!builder.document(b"{\"prompt\": \"d\"} {", &mut out));
    assert_eq!(builder.finish(&mut out).written, 3);
}

/// The safety net itself: what a first look would have missed is dropped, counted and said.
#[test]
fn a_line_that_is_not_clean_is_known() {
    let logged = |content: &str| {
        let mut all = Vec::new();
        logs::read(&serde_json::from_str(&ask(content)).expect("JSON"), None, &mut |one| all.extend(one));
        all.remove(0)
    };
    let blind = Cleaner::new(Kinds::default(), Names::default());
    let line = Line::of(logged("bob@example.com"), &blind, Vocabulary::O200k);
    assert_eq!(line.still_holds(&options().cleaner), Some(Kind::Email));
    assert_eq!(line.still_holds(&blind), None);
}

#[test]
fn the_report_for_people() {
    let mut log: Vec<String> = (0..300).map(|i| ask(&format!("word {}", "more ".repeat(i)))).collect();
    log.push(ask("I am bob@example.com, call +49 170 1234567\nor write to bob@example.com from 10.1.2.3"));
    log.push(ask("my key is sk-abcdefghijklmnop1234 and my card 4111 1111 1111 1111"));
    log.push(
        json!({"messages": [{"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "what is it?"}]}],
        "tools": [{}], "usage": {"completion_tokens": 12}})
        .to_string(),
    );
    log.extend(["{".into(), "{\"level\": \"info\"}".into()]);
    let (_, report) = built(Options { model: Some("llama-3".into()), ..options() }, &log);
    let text = report.text(Some("corpus.jsonl"));
    assert!(!["bob", "170", "4111", "sk-abc"].iter().any(|secret| text.contains(secret)));
    insta::assert_snapshot!(text);
    insta::assert_json_snapshot!(report.json());
}

#[test]
fn nothing_usable_names_what_was_found() {
    let log =
        ["{\"level\": 1, \"bob@example.com\": 2}".into(), "{".into(), "[1]".into(), "{\"level\": 2}".into()];
    let (lines, report) = built(options(), &log);
    assert!(lines.is_empty());
    insta::assert_snapshot!(report.nothing().expect("nothing was written"));
    let (_, report) = built(Options { min_tokens: Some(100), ..options() }, &[ask("a")]);
    assert_eq!(
        report.nothing().as_deref(),
        Some("no prompt can be used of 1 line: 1 prompts with too few tokens")
    );
    assert_eq!(built(options(), &[]).1.nothing().as_deref(), Some("there is nothing in the log"));
}

#[test]
fn percentiles_are_at_their_ranks() {
    let mut tokens = Tokens::default();
    assert_eq!(tokens.percentile(50), None);
    (1..=10).for_each(|n| tokens.add(n));
    assert_eq!(
        [0, 50, 90, 91, 100].map(|p| tokens.percentile(p)),
        [Some(1), Some(5), Some(9), Some(10), Some(10)]
    );
}
