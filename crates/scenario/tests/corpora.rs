//! Prompts from files: every format, which of them are sent and in which order, and what is known beforehand.

mod support;

use std::cell::Cell;
use std::collections::HashSet;

use floodline_core::Usd;
use floodline_core::forecast::forecast;
use floodline_core::workload::{Ask, Asker, Rendered};
use floodline_scenario::{Outside, Overrides, Resolved, Source, resolve};
use floodline_wire::tokens::Vocabulary;
use proptest::prelude::*;
use support::{World, body};

fn scenario(prompts: &str, load: &str) -> String {
    format!("seed: 5\ntarget: {{stub: {{}}}}\nprompts: {prompts}\nload: {load}\n")
}

fn resolved(world: &World, prompts: &str) -> Resolved {
    let text = scenario(prompts, "{hold: 10/s, for: 1m}");
    world.resolve(&text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn source(resolved: &Resolved) -> &str {
    &resolved.plan.scenarios[0].prompts[0].source
}

/// The last message of arrival `i`.
fn text(resolved: &Resolved, i: u64) -> String {
    let body = body(resolved, i);
    let last = body["messages"].as_array().and_then(|messages| messages.last()).expect("a message");
    last["content"].as_str().expect("a text").to_owned()
}

fn texts(resolved: &Resolved, n: u64) -> Vec<String> {
    (0..n).map(|i| text(resolved, i)).collect()
}

fn outline(resolved: &Resolved, ask: impl Into<Ask>) -> Rendered {
    resolved.workloads[0].outline(ask.into())
}

/// Prompt `i` of a file of several lengths.
fn named(i: usize) -> String {
    format!("p{i}{}", " and so on".repeat(i % 5))
}

/// A file of `n` prompts.
fn numbered(n: usize) -> World {
    World::new().file("p.txt", (0..n).map(|i| named(i) + "\n").collect::<String>())
}

#[test]
fn every_format_is_read() {
    let conversation = r#"[{"conversations": [{"from": "human", "value": "one"}, {"from": "gpt", "value": "x y z"},
        {"from": "human", "value": "two"}, {"from": "gpt", "value": "x"}]}]"#;
    let batch = r#"{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m",
        "messages": [{"role": "user", "content": "one"}], "max_tokens": 7}}"#
        .replace('\n', " ");
    let world = World::new()
        .file("p.jsonl", "{\"prompt\": \"one\"}\n{\"prompt\": \"two\"}\n")
        .file("p.csv", "id;question\n1;one\n2;two\n")
        .file("p.txt", "one\ntwo\n")
        .file("blank.txt", "one\n\ntwo\n")
        .file("share.json", conversation)
        .file("batch.jsonl", batch)
        .file("odd", "{\"q\": \"one\"}\n{\"q\": \"two\"}\n");
    for (prompts, expected) in [
        ("{file: p.jsonl}", ["one", "two"]),
        ("{file: p.jsonl, format: jsonl}", ["one", "two"]),
        ("{file: p.csv, column: question}", ["one", "two"]),
        ("{file: p.txt}", ["one", "two"]),
        ("{file: blank.txt, format: paragraphs}", ["one", "two"]),
        ("{file: share.json}", ["one", "one"]),
        ("{file: share.json, format: sharegpt, turns: all}", ["two", "two"]),
        ("{file: batch.jsonl, format: openai-batch}", ["one", "one"]),
        ("{file: odd, column: q}", ["one", "two"]),
    ] {
        assert_eq!(texts(&resolved(&world, prompts), 2), expected, "{prompts}");
    }
    let whole = resolved(&world, "{file: share.json, turns: all}");
    assert_eq!(body(&whole, 0)["messages"].as_array().unwrap().len(), 3);
    assert!(source(&whole).contains("; whole conversations"), "{}", source(&whole));
}

/// The recorded answer bounds the one to come, unless the scenario says how long answers are; what a line says holds.
#[test]
fn recorded_answers_bound_those_to_come() {
    let lines = r#"{"conversations": [{"from": "human", "value": "one"}, {"from": "gpt", "value": "x y z"}]}
{"conversations": [{"from": "human", "value": "two"}, {"from": "gpt", "value": "x"}], "max_tokens": 9}"#;
    let world = World::new().file("s.jsonl", lines);
    let bounds = |prompts: &str| {
        let resolved = resolved(&world, prompts);
        let sent = [0, 1].map(|i| body(&resolved, i)["max_tokens"].as_u64());
        assert_eq!(sent, [0, 1].map(|i| outline(&resolved, i).max_tokens.map(u64::from)));
        let prompt = &resolved.plan.scenarios[0].prompts[0];
        (sent, prompt.max_tokens, prompt.output.and_then(|output| output.most))
    };
    assert_eq!(bounds("{file: s.jsonl}"), ([Some(3), Some(9)], None, Some(9)));
    assert_eq!(bounds("{file: s.jsonl, max_tokens: 50}"), ([Some(50), Some(9)], None, Some(50)));
    assert_eq!(bounds("{file: s.jsonl, max_tokens: 9}"), ([Some(9), Some(9)], Some(9), Some(9)));
    let drawn = bounds("{file: s.jsonl, max_tokens: {uniform: [20, 30]}}");
    assert_eq!((drawn.0[1], drawn.1, drawn.2), (Some(9), None, Some(30)));
}

#[test]
fn prompts_are_counted_with_the_tokenizer_of_the_target() {
    let world = World::new().file("p.txt", "123456 123456\n7\n");
    for tokenizer in [Vocabulary::O200k, Vocabulary::Qwen2] {
        for prompts in [
            "{file: p.txt}",
            "{text: 123456 123456}",
            "{messages: [{role: system, content: '123456'}, {role: user, content: ' 123456'}]}",
        ] {
            let target = format!("target: {{stub: {{}}, tokenizer: {}}}", tokenizer.name());
            let all = format!("{target}\nprompts: {prompts}\nload: {{hold: 1/s, for: 1s}}\n");
            let resolved = world.resolve(&all).unwrap();
            let counted = tokenizer.count("123456") + tokenizer.count(" 123456");
            assert_eq!(outline(&resolved, 0).input_tokens, Some(counted), "{all}");
            assert_eq!(resolved.plan.scenarios[0].prompts[0].input.unwrap().most, Some(counted));
        }
    }
}

#[test]
fn a_forecast_knows_what_a_corpus_costs() {
    let world = World::new()
        .file("p.jsonl", "{\"prompt\": \"one\", \"max_tokens\": 10}\n{\"prompt\": \"one two three\"}");
    let text = "seed: 1\ntarget: {stub: {}}\nprompts: {file: p.jsonl, max_tokens: 30}\nload: {hold: 1/s, for: 10s}\n\
        prices: {input: 1, output: 1}";
    let resolved = world.resolve(text).unwrap();
    let forecast = forecast(&resolved.plan, &[resolved.workloads[0].as_ref()]).unwrap();
    assert_eq!((forecast.input_tokens, forecast.output_tokens), (Some(5 + 5 * 3), Some(5 * 10 + 5 * 30)));
    assert_eq!(forecast.expected, Some(Usd::parse("0.00022").unwrap()));
    assert!(forecast.worst > forecast.expected, "{forecast:?}");
}

#[test]
fn the_order_is_as_asked_for() {
    let world = numbered(60);
    let all: HashSet<String> = (0..60).map(named).collect();
    let order = |sampling: &str| texts(&resolved(&world, &format!("{{file: p.txt{sampling}}}")), 120);
    let sequential = order("");
    assert_eq!(sequential[..3], [0, 1, 2].map(named));
    assert_eq!(sequential[..60], sequential[60..]);
    assert_eq!(order(", sampling: sequential"), sequential);
    let shuffled = order(", sampling: shuffled");
    for pass in [&shuffled[..60], &shuffled[60..]] {
        assert_eq!(pass.iter().cloned().collect::<HashSet<_>>(), all);
    }
    assert_ne!(shuffled[..60], shuffled[60..]);
    let random = order(", sampling: random");
    assert!(random.iter().all(|text| all.contains(text)));
    assert!(random[..60].iter().collect::<HashSet<_>>().len() < 60);
    assert_eq!(random, order(", sampling: random"), "a seed's order is always the same");
}

/// Regression: corpora of one mix would have been in the same order, so that some pairs of prompts were never sent.
#[test]
fn corpora_of_a_mix_are_in_orders_of_their_own() {
    let world = numbered(60);
    let mix = "[{name: a, file: p.txt, sampling: shuffled}, {name: b, file: p.txt, sampling: shuffled}]";
    let mix = resolved(&world, mix);
    let sent = |name: usize| -> Vec<(u64, String)> {
        let of = |i: &u64| outline(&mix, *i).prompt == name;
        (0..60).filter(of).map(|i| (i, text(&mix, i))).collect()
    };
    let alone = resolved(&world, "{file: p.txt, sampling: shuffled}");
    assert!(sent(0).iter().all(|(i, sent)| *sent == text(&alone, *i)));
    assert!(sent(1).iter().filter(|(i, sent)| *sent == text(&alone, *i)).count() < 5);
}

#[test]
fn users_have_prompts_of_their_own() {
    let world = numbered(64);
    let prompts = "{file: p.txt, sampling: unique}";
    let users = world.resolve(&scenario(prompts, "[{users: 2..8, over: 1m}, {users: 3, for: 1m}]")).unwrap();
    assert_eq!(users.warnings, [""; 0]);
    assert!(source(&users).ends_with("; shared out among 8 users"), "{}", source(&users));
    let asked = |number, nth| {
        let mut body = Vec::new();
        users.workloads[0].render(Ask { i: nth, asker: Some(Asker { number, nth }) }, &mut body);
        String::from_utf8(body).unwrap()
    };
    let all: HashSet<String> = (0..8).flat_map(|user| (0..8).map(move |nth| asked(user, nth))).collect();
    assert_eq!(all.len(), 64, "nobody asks what another asks, and nothing is left out");

    let few = numbered(60).resolve(&scenario(prompts, "{users: 80, for: 1m}")).unwrap();
    let [warning] = few.warnings.as_slice() else { panic!("{:?}", few.warnings) };
    assert!(warning.starts_with("p.txt: 80 users share 60 prompts"), "{warning}");

    for (load, why) in [
        ("{hold: 1/s, for: 2m}", "an open loop has no users"),
        ("{sessions: 1/s, for: 1m, iterations: 2}", "sessions come and go"),
    ] {
        let open = world.resolve(&scenario(prompts, load)).unwrap();
        let [warning] = open.warnings.as_slice() else { panic!("{:?}", open.warnings) };
        assert!(warning.starts_with(&format!("p.txt: {why}")), "{warning}");
        assert!(source(&open).ends_with("; shuffled"), "{}", source(&open));
        assert_eq!(texts(&open, 64).into_iter().collect::<HashSet<_>>().len(), 64);
    }
}

#[test]
fn prompts_are_kept_by_their_tokens() {
    // 1 to 100 tokens each.
    let lines: String = (1..=100).map(|n| format!("{}\n", vec!["the"; n].join(" "))).collect();
    let world = World::new().file("p.txt", lines);
    for (keys, lengths, said) in [
        ("category: short, short_below: 10, long_from: 90", 1..=9, "short (below 10 tokens)"),
        ("category: medium, short_below: 10, long_from: 90", 10..=89, "medium (10 tokens or more, below 90)"),
        ("category: long, short_below: 10, long_from: 90", 90..=100, "long (90 tokens or more)"),
        (
            "category: short, max_input_tokens: 60",
            1..=60,
            "short (below 256 tokens) and at most 60 tokens long",
        ),
        (
            "min_input_tokens: 20, max_input_tokens: 22",
            20..=22,
            "at least 20 tokens long and at most 22 tokens long",
        ),
    ] {
        let resolved = resolved(&world, &format!("{{file: p.txt, {keys}}}"));
        let sent: Vec<u32> = (0..lengths.clone().count() as u64)
            .map(|i| outline(&resolved, i).input_tokens.unwrap())
            .collect();
        assert_eq!(sent, lengths.collect::<Vec<u32>>(), "{keys}");
        assert!(
            source(&resolved).ends_with(&format!("; of 100 those that are {said}")),
            "{}",
            source(&resolved)
        );
    }
}

#[test]
fn a_corpus_unlike_real_traffic_is_warned_of_once() {
    let same: String = (0..60).map(|i| format!("{}\n", 100 + i)).collect();
    let world = World::new().file("few.txt", "a\na b\n").file("same.txt", same);
    let text = "target: {stub: {}}\nprompts: [{name: x, file: few.txt}, {name: y, file: few.txt}]\nscenarios:
  - {load: {hold: 1/s, for: 1m}}\n  - {load: {hold: 1/s, for: 1m}}\n";
    let [warning] = &world.resolve(text).unwrap().warnings[..] else { panic!() };
    assert!(warning.starts_with("few.txt: only 2 prompts are distinct"), "{warning}");
    let same = resolved(&world, "{file: same.txt, format: lines}").warnings;
    assert!(same[0].starts_with("same.txt: all prompts have the same length, 1 token"), "{same:?}");
    let kept = resolved(&world, "{name: tiny, file: few.txt, max_input_tokens: 1}").warnings;
    assert!(kept[0].starts_with("prompt `tiny` (few.txt): only 1 prompt is distinct"), "{kept:?}");
}

#[test]
fn the_plan_is_another_with_another_file() {
    let hash = |world: World, prompts: &str| resolved(&world, prompts).plan.hash();
    let one = || World::new().file("p.txt", "a b\nc d\n").file("l.csv", "10\n20\n30\n40\n");
    for prompts in ["{file: p.txt}", "{input_tokens: {file: l.csv}, max_tokens: {file: l.csv}}"] {
        assert_eq!(hash(one(), prompts), hash(one(), prompts));
        // The same number of prompts and of tokens, the same quantiles and mean.
        let other = one().file("p.txt", "a b\nc e\n").file("l.csv", "10\n20\n40\n30\n");
        assert_ne!(hash(other, prompts), hash(one(), prompts), "{prompts}");
    }
    let resolved = resolved(&one(), "{input_tokens: {file: l.csv}, max_tokens: {file: l.csv}}");
    let files = &resolved.plan.scenarios[0].prompts[0].files;
    assert_eq!(files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["l.csv", "l.csv"]);
}

/// A world that counts how often a file is read, and has three cores.
struct Busy {
    world: World,
    reads: Cell<u32>,
    cores: usize,
}

impl Outside for Busy {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.reads.set(self.reads.get() + 1);
        self.world.read(path)
    }

    fn env(&self, name: &str) -> Option<String> {
        Outside::env(&self.world, name)
    }

    fn on_every_core(&self, job: &(dyn Fn() + Sync)) {
        std::thread::scope(|scope| (0..self.cores).for_each(|_| drop(scope.spawn(job))));
    }
}

#[test]
fn a_large_corpus_is_read_once_and_counted_by_all_cores() {
    let lines: String = (0..5_000).map(|n| format!("prompt {n} {}\n", "word ".repeat(n % 40))).collect();
    let text = "seed: 3\ntarget: {stub: {}}\nprompts: [{name: a, file: p.txt}, {name: b, file: p.txt, category: short}]\n\
        scenarios: [{load: {hold: 1/s, for: 1m}}, {load: {hold: 1/s, for: 1m}}]\n";
    let plan = |cores| {
        let busy = Busy { world: World::new().file("p.txt", &lines), reads: Cell::new(0), cores };
        let resolved = resolve(&Source { name: "s.yaml", text }, &Overrides::default(), &busy).unwrap();
        assert_eq!(busy.reads.get(), 1);
        assert!((0..100).all(|i| outline(&resolved, i).input_tokens.is_some()));
        resolved.plan
    };
    assert_eq!(plan(1), plan(3));
}

/// A limit on money holds if every answer has a bound, wherever that comes from.
#[test]
fn a_corpus_is_bounded_if_every_line_is() {
    let world = World::new()
        .file(
            "all.jsonl",
            "{\"prompt\": \"a\", \"max_tokens\": 5}\n{\"prompt\": \"b\", \"output_tokens\": 6}",
        )
        .file("some.jsonl", "{\"prompt\": \"a\", \"max_tokens\": 5}\n{\"prompt\": \"b\"}");
    let with = |prompts: &str, limits: &str| {
        world.resolve(&format!(
            "target: {{stub: {{}}}}\nprompts: {prompts}\nload: {{hold: 1/s, for: 1s}}\nlimits: {limits}\n{}",
            if limits.contains("spend") { "prices: {input: 1, output: 1}" } else { "" }
        ))
    };
    for limits in ["{spend: $1}", "{tokens: 1000}"] {
        assert!(with("{file: all.jsonl}", limits).is_ok());
        assert!(with("{file: some.jsonl, max_tokens: 5}", limits).is_ok());
        let error = with("{name: some, file: some.jsonl}", limits).unwrap_err().to_string();
        assert!(error.contains("cannot be kept: answers to `some` have no bound"), "{error}");
    }
}

proptest! {
    /// What a request sends is a function of the seed and of who asks; its outline says what its body holds.
    #[test]
    fn an_outline_says_what_the_body_holds(
        i: u64,
        asker in prop::option::of((any::<u32>(), any::<u64>())),
        sampling in prop::sample::select(vec!["sequential", "random", "shuffled", "unique"]),
        seed in 0u64..1000,
    ) {
        let world = World::new().file("p.jsonl", "{\"prompt\": \"a b c\"}\n{\"prompt\": \"d\", \"max_tokens\": 3}\n{\"prompt\": \"e f\"}");
        let text = format!("seed: {seed}\ntarget: {{stub: {{}}}}\nprompts: [{{name: x, input_tokens: 4}}, \
            {{name: y, file: p.jsonl, sampling: {sampling}}}]\nload: {{users: 2, for: 1s}}\n");
        let (one, other) = (world.resolve(&text).unwrap(), world.resolve(&text).unwrap());
        let ask = Ask { i, asker: asker.map(|(number, nth)| Asker { number, nth }) };
        let (mut body, mut again) = (Vec::new(), b"left over".to_vec());
        let rendered = one.workloads[0].render(ask, &mut body);
        prop_assert_eq!(other.workloads[0].render(ask, &mut again), rendered.clone());
        prop_assert_eq!(&body, &again);
        prop_assert_eq!(one.workloads[0].outline(ask), rendered.clone());
        prop_assert!(rendered.input_bound.unwrap() >= rendered.input_tokens.unwrap());
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(body["max_tokens"].as_u64(), rendered.max_tokens.map(u64::from));
        let words = body["messages"][0]["content"].as_str().unwrap().split(' ').count();
        prop_assert_eq!(Some(words as u32), rendered.input_tokens);
    }
}
