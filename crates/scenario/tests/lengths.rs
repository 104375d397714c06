//! What lengths and prefixes resolve to, from the text of a scenario to the body that is sent.

mod support;

use std::collections::{HashMap, HashSet};

use floodline_core::workload::Rendered;
use floodline_scenario::Resolved;
use floodline_wire::tokens::Vocabulary;
use proptest::prelude::*;
use support::World;

/// A scenario of one prompt, given as the inside of its braces.
fn resolve(prompt: &str) -> Resolved {
    resolve_in(&World::new(), prompt)
}

fn resolve_in(world: &World, prompt: &str) -> Resolved {
    let text = format!("seed: 5\ntarget: {{stub: {{}}}}\nprompts: {{{prompt}}}\n");
    world.resolve(&text).unwrap_or_else(|error| panic!("{prompt}: {error}"))
}

/// What arrival `i` sends: the messages' texts by role, and what the workload says of them.
fn sent(resolved: &Resolved, i: u64) -> (HashMap<String, String>, Rendered) {
    let mut body = Vec::new();
    let rendered = resolved.workloads[0].render(i.into(), &mut body);
    let body: serde_json::Value = serde_json::from_slice(&body).expect("a body is JSON");
    assert_eq!(body["max_tokens"].as_u64(), rendered.max_tokens.map(u64::from));
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let messages = body["messages"].as_array().expect("a list").iter();
    (messages.map(|message| (text(&message["role"]), text(&message["content"]))).collect(), rendered)
}

fn tokens(messages: &HashMap<String, String>) -> u32 {
    messages.values().map(|text| Vocabulary::O200k.count(text)).sum()
}

const FORMS: [(&str, &str); 11] = [
    ("{lognormal: {median: 300, p95: 900}}", "lognormal, median 300, p95 900 tokens"),
    ("{lognormal: {mean: 300, p99: 900}, max: 1_000}", "clamped to at most 1,000"),
    ("{normal: {mean: 500, sd: 100}, min: 100}", "normal, mean 500, p95 664 tokens, clamped to at least 100"),
    ("{normal: {median: 500, p90: 600}}", "normal, mean 500, p95 628 tokens"),
    ("{gamma: {mean: 40, p95: 120}}", "gamma, mean 40, p95 120 tokens"),
    ("{gamma: {median: 40, stddev: 30}}", "gamma, mean "),
    ("{uniform: [400, 900]}", "uniform, 400 to 900 tokens"),
    (
        "{histogram: [{upto: 100, weight: 3}, {upto: 1000, weight: 1}]}",
        "histogram of 2 bins, median 67, p95 820",
    ),
    ("{values: [[120, 3], [400, 1]]}", "2 lengths by weight, median 120, p95 400 tokens"),
    ("{values: [120, 400, [40, 0.5]]}", "3 lengths by weight, median 120, p95 400 tokens"),
    ("{file: lengths.csv}", "lengths.csv: 3 lengths by weight, median 20, p95 30 tokens"),
];

#[test]
fn every_form_draws_exact_prompts_and_says_what_it_is() {
    let world = World::new().file("lengths.csv", "tokens\n10\n20\n20\n30\n");
    for (form, described) in FORMS {
        let resolved = resolve_in(&world, &format!("input_tokens: {form}, output_tokens: {form}"));
        let prompt = &resolved.plan.scenarios[0].prompts[0];
        assert!(prompt.source.contains(described), "{form}: {}", prompt.source);
        assert!(prompt.source.contains("; answers: "), "{}", prompt.source);
        let (input, output) = (prompt.input.unwrap(), prompt.output.unwrap());
        assert_eq!((input.p50, input.p95, prompt.max_tokens), (output.p50, output.p95, None), "{form}");
        let mut seen = HashSet::new();
        for i in 0..40 {
            let (messages, rendered) = sent(&resolved, i);
            assert_eq!(Some(tokens(&messages)), rendered.input_tokens, "{form}");
            assert!(input.most.is_none_or(|most| rendered.input_tokens <= Some(most)));
            seen.insert((rendered.input_tokens, rendered.max_tokens));
        }
        assert!(seen.len() > 2, "{form}: {seen:?}");
    }
}

#[test]
fn a_number_is_what_it_was() {
    let resolved = resolve("input_tokens: 1_200, output_tokens: 80");
    let prompt = &resolved.plan.scenarios[0].prompts[0];
    assert_eq!((prompt.source.as_str(), prompt.max_tokens), ("1,200 tokens", Some(80)));
    let (input, output) = (prompt.input.unwrap(), prompt.output.unwrap());
    assert_eq!((input.mean, input.p50, input.p95, input.most), (1200.0, 1200, 1200, Some(1200)));
    assert_eq!((output.p50, output.most), (80, Some(80)));
    let rendered = sent(&resolved, 3).1;
    assert_eq!((rendered.input_tokens, rendered.max_tokens), (Some(1200), Some(80)));
}

#[test]
fn prompts_of_a_text_have_drawn_answers_too() {
    let world = World::new().file("p.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"max_tokens\": 3}\n");
    for prompt in ["text: hello", "messages: [{role: user, content: hello}]", "file: p.jsonl"] {
        let resolved = resolve_in(&world, &format!("{prompt}, max_tokens: {{uniform: [400, 900]}}"));
        let bounds: HashSet<_> = (0..20).map(|i| sent(&resolved, 2 * i).1.max_tokens.unwrap()).collect();
        assert!(bounds.len() > 10 && bounds.iter().all(|bound| (400..=900).contains(bound)), "{bounds:?}");
        let prompt = &resolved.plan.scenarios[0].prompts[0];
        assert_eq!(prompt.input.unwrap().p50, 1);
        assert!(prompt.source.contains("; answers: uniform, 400 to 900 tokens"), "{}", prompt.source);
    }
    // A line's own bound comes first.
    let resolved = resolve_in(&world, "file: p.jsonl, max_tokens: {uniform: [400, 900]}");
    assert_eq!(sent(&resolved, 1).1.max_tokens, Some(3));
}

#[test]
fn pairs_belong_together() {
    let csv = "TIMESTAMP,ContextTokens,GeneratedTokens\r\nx,10,80\r\n\r\ny,30,200\r\n";
    let json = "{\"u\": {\"in\": 10, \"out\": 80}}\n{\"u\": {\"in\": 30, \"out\": 200}}\n";
    let world = World::new().file("a.csv", csv).file("a.jsonl", json);
    for (form, described) in [
        ("{pairs: [[10, 80], [30, 200, 3]]}", "2 pairs, prompts of median 30"),
        ("{file: a.csv, input: ContextTokens, output: GeneratedTokens}", "a.csv: 2 pairs"),
        ("{file: a.jsonl, input: u.in, output: u.out}", "a.jsonl: 2 pairs"),
    ] {
        let resolved = resolve_in(&world, &format!("lengths: {form}"));
        let prompt = &resolved.plan.scenarios[0].prompts[0];
        assert!(prompt.source.starts_with(described), "{}", prompt.source);
        assert_eq!((prompt.input.unwrap().most, prompt.output.unwrap().most), (Some(30), Some(200)));
        let seen: HashSet<_> = (0..60)
            .map(|i| {
                let (messages, rendered) = sent(&resolved, i);
                assert_eq!(Some(tokens(&messages)), rendered.input_tokens);
                (rendered.input_tokens.unwrap(), rendered.max_tokens.unwrap())
            })
            .collect();
        assert_eq!(seen, [(10, 80), (30, 200)].into(), "{form}");
    }
}

#[test]
fn prefixes_count_towards_the_length() {
    for (prefix, described) in [
        ("{system: 80}", "240 tokens, 80 as system message"),
        ("{groups: 5, tokens: 150}", "240 tokens, 150 shared in each of 5 groups"),
        (
            "{system: 80, groups: 5, tokens: 150, skew: 1.1}",
            "80 as system message, 150 shared in each of 5 groups of skew 1.1",
        ),
    ] {
        let resolved = resolve(&format!("input_tokens: 240, prefix: {prefix}"));
        assert!(
            resolved.plan.scenarios[0].prompts[0].source.contains(described),
            "{}",
            resolved.plan.scenarios[0].prompts[0].source
        );
        assert_eq!(resolved.warnings, [""; 0]);
        let all: Vec<_> = (0..60).map(|i| sent(&resolved, i).0).collect();
        for messages in &all {
            assert_eq!(tokens(messages), 240);
            assert_eq!(messages.get("system"), all[0].get("system"));
            let of_system = messages.get("system").map_or(0, |text| Vocabulary::O200k.count(text));
            assert_eq!(of_system, if prefix.contains("system") { 80 } else { 0 });
        }
        let starts = |words: usize| {
            let start = |text: &String| text.split(' ').take(words).collect::<Vec<_>>().join(" ");
            all.iter().map(|messages| start(&messages["user"])).collect::<HashSet<_>>().len()
        };
        assert_eq!((starts(150), starts(160)), (if prefix.contains("groups") { 5 } else { 60 }, 60));
    }
}

#[test]
fn without_the_nonce_the_rest_repeats_as_well() {
    let resolved = resolve("input_tokens: 240, unique: false, prefix: {system: 80, groups: 3, tokens: 100}");
    let all: Vec<_> = (0..60).map(|i| sent(&resolved, i).0).collect();
    let users: HashSet<&str> = all.iter().map(|messages| messages["user"].as_str()).collect();
    assert_eq!(users.len(), 3);
    let rests: HashSet<Vec<&str>> = users.iter().map(|user| user.split(' ').skip(100).collect()).collect();
    assert_eq!(rests.len(), 1);
}

#[test]
fn prompts_of_a_mix_share_no_prefix() {
    let text = "seed: 5\ntarget: {stub: {}}\nprompts:
  - {name: a, input_tokens: 50, prefix: {system: 20, groups: 1, tokens: 20}}
  - {name: b, input_tokens: 50, prefix: {system: 20, groups: 1, tokens: 20}}\n";
    let resolved = World::new().resolve(text).unwrap();
    let all: Vec<_> = (0..40).map(|i| sent(&resolved, i)).collect();
    let systems = |prompt| {
        let of = all.iter().filter(|(_, rendered)| rendered.prompt == prompt);
        of.map(|(messages, _)| messages["system"].clone()).collect::<HashSet<_>>()
    };
    assert_eq!((systems(0).len(), systems(1).len()), (1, 1));
    assert_ne!(systems(0), systems(1));
}

#[test]
fn lengths_shorter_than_their_prefix_are_raised_with_a_warning() {
    let resolved = resolve("name: p, input_tokens: {uniform: [101, 200]}, prefix: {system: 149}");
    assert_eq!(
        resolved.warnings,
        ["prompt `p`: 49.0 % of its lengths are shorter than its prefix needs and count as 150 tokens"]
    );
    for i in 0..50 {
        let (messages, rendered) = sent(&resolved, i);
        assert!(rendered.input_tokens >= Some(150));
        assert_eq!(Some(tokens(&messages)), rendered.input_tokens);
    }
    let resolved =
        resolve("name: p, lengths: {pairs: [[10, 80], [300, 200]]}, prefix: {groups: 2, tokens: 20}");
    assert_eq!(resolved.warnings.len(), 1);
    assert!((0..50).all(|i| sent(&resolved, i).1.input_tokens >= Some(21)));
    // Hardly any.
    let resolved = resolve("input_tokens: {lognormal: {median: 3000, p95: 9000}}, prefix: {system: 100}");
    assert_eq!(resolved.warnings, [""; 0]);
    // All of a fixed length may be shared when nothing has to differ.
    let resolved = resolve("input_tokens: 20, unique: false, prefix: {groups: 2, tokens: 20}");
    assert_eq!(tokens(&sent(&resolved, 0).0), 20);
}

#[test]
fn a_trace_says_what_its_lengths_are() {
    let trace =
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,374,44\n2023-11-16 18:15:47,396,109\n";
    let world = World::new().file("t.csv", trace);
    let resolved = world.resolve("target: {stub: {}}\nload: {replay: t.csv}").unwrap();
    let prompt = &resolved.plan.scenarios[0].prompts[0];
    assert_eq!((prompt.input.unwrap().mean, prompt.output.unwrap().most), (385.0, Some(109)));
}

#[test]
fn the_longest_prompt_has_ten_million_tokens() {
    let resolved = resolve(
        "input_tokens: {lognormal: {median: 3000, p95: 9000}}, max_tokens: {gamma: {mean: 40, p95: 120}}",
    );
    let prompt = &resolved.plan.scenarios[0].prompts[0];
    assert_eq!((prompt.input.unwrap().most, prompt.output.unwrap().most), (Some(10_000_000), None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What an arrival sends is a function of seed and index: any order, any buffer, any share of the arrivals.
    #[test]
    fn bodies_do_not_depend_on_who_renders_them(
        form in prop::sample::select(FORMS.map(|(form, _)| form).to_vec()),
        order in prop::collection::vec(0u64..30, 1..20),
    ) {
        let world = World::new().file("lengths.csv", "10\n20\n20\n30\n");
        let prompt = format!("input_tokens: {form}, max_tokens: {form}, prefix: {{system: 4, groups: 3, tokens: 4, skew: 1}}");
        let (one, other) = (resolve_in(&world, &prompt), resolve_in(&world, &prompt));
        let mut buffer = b"left over".to_vec();
        for i in order {
            let mut fresh = Vec::new();
            let rendered = one.workloads[0].render(i.into(), &mut buffer);
            prop_assert_eq!(other.workloads[0].render(i.into(), &mut fresh), rendered);
            prop_assert_eq!(&fresh, &buffer);
        }
    }
}
