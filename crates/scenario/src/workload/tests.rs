use std::collections::HashSet;

use floodline_core::time::Moment;
use floodline_wire::tokens::words::WORDS;
use proptest::prelude::*;

use super::*;

fn members() -> Members {
    Members {
        model: "m".into(),
        stream: true,
        max_tokens_field: Default::default(),
        extra: Default::default(),
    }
}

fn synthetic(seed: u64, tokens: u32) -> Mix {
    Mix::new(seed, vec![(1, Body::Synthetic { frame: members().frame(Some(100)), tokens })])
}

fn content(workload: &dyn Workload, i: u64) -> String {
    let mut body = Vec::new();
    workload.render(i, &mut body);
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
    let fixed = |text: &str| Body::Fixed { body: text.into(), input_tokens: None };
    let mix = Mix::new(3, vec![(3, fixed("a")), (0, fixed("never")), (1, fixed("b"))]);
    let mut counts = [0u32; 3];
    for i in 0..20_000 {
        counts[mix.render(i, &mut Vec::new()).prompt] += 1;
    }
    assert_eq!(counts[1], 0);
    assert!((14_700..15_300).contains(&counts[0]), "{counts:?}");
}

#[test]
fn lines_come_in_order_and_keep_their_own_bounds() {
    let line = |text: &str, max_tokens| Line { messages: text.as_bytes().into(), max_tokens };
    let lines = vec![
        line(r#"[{"role":"user","content":"a"}]"#, None),
        line(r#"[{"role":"user","content":"b"}]"#, Some(9)),
    ];
    let body = Body::Lines { frame: members().frame_with_bounds(), unbounded: members().frame(None), lines };
    let mix = Mix::new(1, vec![(1, body)]);
    assert_eq!((0..4).map(|i| content(&mix, i)).collect::<String>(), "abab");
    let mut sent = Vec::new();
    mix.render(1, &mut sent);
    assert!(String::from_utf8(sent).unwrap().ends_with(r#""max_tokens":9}"#));
}

#[test]
fn a_trace_sends_the_recorded_lengths() {
    let row = |input_tokens, output_tokens| TraceRow { at: Moment(0), input_tokens, output_tokens };
    let trace =
        Trace { seed: 1, rows: [row(5, 7), row(40, 1_234_567)].into(), frame: members().frame_with_bounds() };
    let mut body = Vec::new();
    let rendered = trace.render(1, &mut body);
    assert_eq!(rendered.input_tokens, Some(40));
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["max_tokens"], 1_234_567);
    assert_eq!(content(&trace, 0).split(' ').count(), 5);
}

proptest! {
    /// What an arrival sends does not depend on what was rendered before, nor into which buffer.
    #[test]
    fn rendering_is_a_function_of_seed_and_index(seed: u64, order in prop::collection::vec(0u64..50, 1..40)) {
        let mix = || Mix::new(seed, vec![
            (2, Body::Synthetic { frame: members().frame(None), tokens: 9 }),
            (1, Body::Synthetic { frame: members().frame(Some(5)), tokens: 30 }),
        ]);
        let shared = mix();
        let mut buffer = b"left over".to_vec();
        for i in order {
            let rendered = shared.render(i, &mut buffer);
            let mut alone = Vec::new();
            prop_assert_eq!(mix().render(i, &mut alone), rendered);
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
