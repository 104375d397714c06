use std::collections::HashSet;

use floodline_core::lengths::{Pair, Pairs};
use floodline_core::workload::Asker;
use floodline_corpus::{Sampler, Sampling};
use floodline_wire::tokens::words::WORDS;
use proptest::prelude::*;

use super::*;

fn members() -> Members {
    Members {
        model: "m".into(),
        stream: true,
        max_tokens_field: Default::default(),
        codec: floodline_wire::codec::Codec::Chat,
        own: None,
        extra: Default::default(),
    }
}

fn body(seed: u64, shared: Shared, sizes: Sizes) -> Body {
    let frame = members().frame(sizes.are_bounded());
    Body::Synthetic { frame, words: Synthetic::new(seed, 0, shared), sizes }
}

fn fixed(input: u32, output: Option<u32>) -> Sizes {
    Sizes::Apart { input: Lengths::fixed(input), output: output.map(Lengths::fixed) }
}

fn synthetic(seed: u64, tokens: u32) -> Mix {
    Mix::new(seed, vec![(1, body(seed, Shared::default(), fixed(tokens, Some(100))))])
}

fn content(workload: &dyn Workload, i: u64) -> String {
    let mut body = Vec::new();
    workload.render(i.into(), &mut body);
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["messages"][0]["content"].as_str().unwrap().to_owned()
}

#[test]
fn a_synthetic_prompt_is_that_many_words_of_the_list() {
    let known: HashSet<&str> = WORDS.into_iter().collect();
    for tokens in [1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 4_000] {
        for i in [0, 1, u64::MAX] {
            let text = content(&synthetic(7, tokens), i);
            assert_eq!(text.split(' ').count(), tokens as usize);
            assert!(text.split(' ').all(|word| known.contains(word)), "{text}");
        }
    }
}

#[test]
fn no_two_synthetic_prompts_are_alike_and_their_first_words_differ() {
    for tokens in [2, 3, 32] {
        let mix = synthetic(1, tokens);
        let all: Vec<String> = (0..10_000).map(|i| content(&mix, i)).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 10_000);
        let first = |text: &String| text.split(' ').next().map(str::to_owned);
        assert!(all.windows(2).all(|pair| first(&pair[0]) != first(&pair[1])));
    }
}

#[test]
fn another_seed_sends_other_prompts() {
    assert_ne!(content(&synthetic(1, 32), 0), content(&synthetic(2, 32), 0));
}

#[test]
fn prompts_are_drawn_by_weight() {
    let same = |text: &str| Body::Same {
        frame: members().frame(false),
        prompt: members().frame(true).prompt(text.as_bytes().to_vec()),
        input_tokens: 1,
        output: None,
    };
    let mix = Mix::new(3, vec![(3, same("a")), (0, same("never")), (1, same("b"))]);
    let mut counts = [0u32; 3];
    for i in 0..20_000 {
        counts[mix.render(i.into(), &mut Vec::new()).prompt] += 1;
    }
    assert_eq!(counts[1], 0);
    assert!((14_700..15_300).contains(&counts[0]), "{counts:?}");
}

const TWO_LINES: &str = "{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"max_tokens\": 9}\n";

/// The prompts of a file, as a mix of one.
fn corpus(text: &str, sampling: Sampling, output: Option<Lengths>) -> Mix {
    let mut corpus = floodline_corpus::read("p.jsonl", text.as_bytes(), Default::default()).unwrap();
    corpus.count(&|text| text.len() as u32);
    let sampler = Sampler::new(sampling, 1, corpus.len()).unwrap();
    Mix::new(1, vec![(1, Body::Sampled(Sampled::new(&members(), corpus.into(), sampler, output)))])
}

#[test]
fn lines_come_in_order_and_keep_their_own_bounds() {
    let mix = corpus(TWO_LINES, Sampling::Sequential, None);
    assert_eq!((0..4).map(|i| content(&mix, i)).collect::<String>(), "abab");
    let mut sent = Vec::new();
    let rendered = mix.render(1.into(), &mut sent);
    assert!(String::from_utf8(sent).unwrap().ends_with(r#""max_tokens":9}"#));
    assert_eq!((rendered.input_tokens, rendered.max_tokens), (Some(1), Some(9)));
    let bounded = corpus(TWO_LINES, Sampling::Sequential, Some(Lengths::fixed(50)));
    assert_eq!([0, 1].map(|i| bounded.outline(Ask::from(i)).max_tokens), [Some(50), Some(9)]);
}

/// Users get prompts of their own, whichever arrivals are theirs.
#[test]
fn the_one_who_asks_decides_where_prompts_are_unique() {
    let lines: String = (0..7).map(|i| format!("{{\"prompt\": \"{i}\"}}\n")).collect();
    let mix = corpus(&lines, Sampling::UniquePerUser { users: 3 }, None);
    let asked = |i, number, nth| {
        let mut body = Vec::new();
        mix.render(Ask { i, asker: Some(Asker { number, nth }) }, &mut body);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        body["messages"][0]["content"].as_str().unwrap().to_owned()
    };
    let seen: HashSet<String> = (0..6).map(|k| asked(100 - k, k as u32 % 3, k / 3)).collect();
    assert_eq!(seen.len(), 6, "{seen:?}");
    assert_eq!(asked(1, 2, 1), asked(1_000, 2, 1));
}

/// A limit on money reserves so much: other tokenizers may make a token of every byte.
#[test]
fn what_is_reserved_for_a_prompt_of_somebody_elses_is_never_below_its_bytes() {
    let same = Body::Same {
        frame: members().frame(true),
        prompt: members().frame(true).prompt(br#"[{"role":"user","content":"\u00e9\u00e9"}]"#.to_vec()),
        input_tokens: 1,
        output: Some(Lengths::fixed(1_000_000)),
    };
    for mix in [corpus(TWO_LINES, Sampling::Random, None), Mix::new(1, vec![(1, same)])] {
        for i in 0..4 {
            let mut body = Vec::new();
            let bound = mix.render(i.into(), &mut body).input_bound.unwrap() as usize;
            assert!((body.len()..body.len() + 40).contains(&bound), "{bound} for {} bytes", body.len());
        }
    }
}

proptest! {
    /// What an arrival sends does not depend on what was rendered before, nor into which buffer.
    #[test]
    fn rendering_is_a_function_of_seed_and_index(seed: u64, order in prop::collection::vec(0u64..50, 1..40)) {
        let mix = || Mix::new(seed, vec![
            (2, body(seed, Shared::default(), fixed(9, None))),
            (1, body(seed, Shared { system: 4, groups: Some(Groups::new(3, 5, 1.0)), rest: false }, drawn())),
        ]);
        let shared = mix();
        let mut buffer = b"left over".to_vec();
        for i in order {
            let rendered = shared.render(i.into(), &mut buffer);
            let mut alone = Vec::new();
            prop_assert_eq!(mix().render(i.into(), &mut alone), rendered);
            prop_assert_eq!(&alone, &buffer);
        }
    }
}

#[test]
fn threads_render_the_same() {
    let mix = synthetic(5, 64);
    let alone: Vec<String> = (0..200).map(|i| content(&mix, i)).collect();
    std::thread::scope(|scope| {
        let halves = [0u64, 1].map(|odd| {
            let mix = &mix;
            scope.spawn(move || {
                (0..200).filter(|i| i % 2 == odd).map(|i| (i, content(mix, i))).collect::<Vec<_>>()
            })
        });
        for (i, text) in halves.into_iter().flat_map(|half| half.join().unwrap()) {
            assert_eq!(text, alone[i as usize]);
        }
    });
}

fn drawn() -> Sizes {
    let input = Lengths::uniform(20, 60).unwrap();
    Sizes::Apart { input, output: Some(Lengths::uniform(1, 9).unwrap()) }
}

/// The texts of system (or nothing) and user message, and what the render said of them.
fn messages(workload: &dyn Workload, i: u64) -> (String, String, Rendered) {
    let mut body = Vec::new();
    let rendered = workload.render(i.into(), &mut body);
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["max_tokens"].as_u64(), rendered.max_tokens.map(u64::from));
    let text = |role: &str| {
        let found = body["messages"].as_array().unwrap().iter().find(|message| message["role"] == role);
        found.map_or("", |message| message["content"].as_str().unwrap()).to_owned()
    };
    (text("system"), text("user"), rendered)
}

#[test]
fn each_arrival_draws_its_own_lengths_and_sends_them() {
    let mix = Mix::new(9, vec![(1, body(9, Shared::default(), drawn()))]);
    let mut seen = HashSet::new();
    for i in 0..300 {
        let (_, user, rendered) = messages(&mix, i);
        assert_eq!(user.split(' ').count(), rendered.input_tokens.unwrap() as usize);
        seen.insert((rendered.input_tokens, rendered.max_tokens));
    }
    assert!(seen.len() > 150, "{}", seen.len());
}

#[test]
fn pairs_are_sent_together() {
    let pair = |input, output| Pair { input, output, weight: 1.0 };
    let pairs = Pairs::new([pair(12, 80), pair(30, 200)]).unwrap();
    let mix = Mix::new(9, vec![(1, body(9, Shared::default(), Sizes::Together(pairs)))]);
    for i in 0..50 {
        let (_, _, rendered) = messages(&mix, i);
        let sent = (rendered.input_tokens.unwrap(), rendered.max_tokens.unwrap());
        assert!([(12, 80), (30, 200)].contains(&sent), "{sent:?}");
    }
}

#[test]
fn a_group_shares_its_beginning_and_nothing_else() {
    let groups = Groups::new(7, 20, 0.0);
    let of: Vec<u32> = (0..400).map(|i| groups.of(3, i)).collect();
    let shared = Shared { system: 11, groups: Some(groups), rest: false };
    let mix = Mix::new(3, vec![(1, body(3, shared, fixed(60, None)))]);
    let all: Vec<(String, Vec<String>)> = (0..400)
        .map(|i| {
            let (system, user, _) = messages(&mix, i);
            (system, user.split(' ').map(str::to_owned).collect())
        })
        .collect();
    assert_eq!(of.iter().collect::<HashSet<_>>().len(), 7);
    for (i, (system, user)) in all.iter().enumerate() {
        assert_eq!((system, system.split(' ').count(), user.len()), (&all[0].0, 11, 49));
        for (k, (_, other)) in all.iter().enumerate().take(i) {
            if of[i] == of[k] {
                assert_eq!(user[..20], other[..20]);
            } else {
                assert_ne!(user[0], other[0], "groups {} and {}", of[i], of[k]);
            }
            assert_ne!(user[20..26], other[20..26]);
        }
    }
    // Neighbours differ from the first word behind the prefix on.
    assert!(all.windows(2).all(|pair| pair[0].1[20] != pair[1].1[20]));
}

#[test]
fn without_the_nonce_shorter_prompts_are_the_beginning_of_longer_ones() {
    let shared = || Shared { system: 5, groups: None, rest: true };
    let mix = |tokens| Mix::new(3, vec![(1, body(3, shared(), fixed(tokens, None)))]);
    let (system, long, _) = messages(&mix(500), 1);
    for (tokens, i) in [(6, 0), (7, 1), (12, 2), (400, 99)] {
        let (same, short, _) = messages(&mix(tokens), i);
        assert_eq!((&same, short.split(' ').count()), (&system, tokens as usize - 5));
        assert!(format!("{long} ").starts_with(&format!("{short} ")));
    }
}

/// Zipf's law: group k is drawn in proportion to 1/k^skew.
#[test]
fn groups_are_drawn_evenly_or_by_their_skew() {
    let counts = |skew| {
        let groups = Groups::new(4, 1, skew);
        let mut counts = [0u32; 4];
        (0..24_000).for_each(|i| counts[groups.of(8, i) as usize] += 1);
        counts
    };
    let near = |count: u32, wanted: f64| (f64::from(count) / 24_000.0 - wanted).abs() < 0.015;
    assert!(counts(0.0).into_iter().all(|count| near(count, 0.25)), "{:?}", counts(0.0));
    let harmonic = 1.0 + 1.0 / 2.0 + 1.0 / 3.0 + 1.0 / 4.0;
    for (k, count) in (1..).zip(counts(1.0)) {
        assert!(near(count, 1.0 / f64::from(k) / harmonic), "{:?}", counts(1.0));
    }
}

/// A length that is too short for its prefix still makes a body.
#[test]
fn a_prefix_longer_than_the_prompt_is_cut() {
    let shared = Shared { system: 5, groups: Some(Groups::new(2, 10, 0.0)), rest: false };
    let mix = Mix::new(3, vec![(1, body(3, shared, fixed(3, None)))]);
    let (system, user, _) = messages(&mix, 0);
    assert_eq!((system.split(' ').count(), user.as_str()), (5, ""));
}
