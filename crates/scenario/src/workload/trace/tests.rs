use std::collections::HashSet;

use floodline_core::replay::BlocksAt;
use floodline_core::time::Moment;
use proptest::prelude::*;

use super::super::Members;
use super::*;

/// A trace of prompts of so many tokens, of the blocks of these names.
fn trace(prompts: &[(u32, Vec<u64>, u32)], block_tokens: u32) -> Trace {
    let mut blocks = Vec::new();
    let rows = prompts.iter().map(|(input_tokens, names, copy)| {
        let at = BlocksAt::new(blocks.len());
        blocks.push(names.len() as u64);
        blocks.extend(names);
        TraceRow { blocks: at, copy: *copy, ..TraceRow::new(Moment(0), *input_tokens, 3) }
    });
    let rows = rows.collect();
    let members = Members {
        model: "m".into(),
        stream: true,
        max_tokens_field: Default::default(),
        codec: floodline_wire::codec::Codec::Chat,
        own: None,
        extra: Default::default(),
    };
    let recording = Recording { rows, blocks: blocks.into(), block_tokens };
    Trace::new(4, recording, members.frame(true))
}

fn words(trace: &Trace, i: u64) -> Vec<String> {
    let mut body = Vec::new();
    trace.render(i.into(), &mut body);
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let content = body["messages"][0]["content"].as_str().unwrap();
    content.split(' ').map(str::to_owned).collect()
}

/// Of all whole blocks asked for, how many an infinite cache of prefixes had seen.
fn hits<T: Clone + Eq + std::hash::Hash>(prompts: impl IntoIterator<Item = Vec<T>>) -> (usize, usize) {
    let (mut cache, mut hits, mut all) = (HashSet::new(), 0, 0);
    for prompt in prompts {
        let mut cold = false;
        for upto in 1..=prompt.len() {
            cold |= !cache.contains(&prompt[..upto]);
            hits += usize::from(!cold);
            all += 1;
            cache.insert(prompt[..upto].to_vec());
        }
    }
    (hits, all)
}

#[test]
fn a_trace_sends_the_recorded_lengths() {
    let rows = vec![TraceRow::new(Moment(0), 5, 7), TraceRow::new(Moment(0), 40, 1_234_567)];
    let trace = Trace { recording: rows.into(), ..trace(&[], 1) };
    let mut body = Vec::new();
    let rendered = trace.render(1.into(), &mut body);
    assert_eq!(rendered.input_tokens, Some(40));
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["max_tokens"], 1_234_567);
    assert_eq!((words(&trace, 0).len(), words(&trace, 1).len()), (5, 40));
    assert_ne!(words(&trace, 0), words(&trace, 2), "the next pass sends other words");
}

#[test]
fn prompts_share_exactly_the_blocks_that_they_shared() {
    let trace = trace(
        &[(1_100, vec![1, 2, 3], 0), (1_300, vec![1, 2, 4], 0), (512, vec![1], 0), (600, vec![1], 0)],
        512,
    );
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| words(&trace, i));
    assert_eq!([&a, &b, &c, &d].map(Vec::len), [1_100, 1_300, 512, 600]);
    assert_eq!(a[..1024], b[..1024]);
    assert_ne!(a[1024], b[1024]);
    assert_eq!(a[..512], c);
    assert_eq!(a[..512], d[..512]);
    assert_ne!(a[512..600], d[512..]);
    assert_eq!(words(&trace, 4), a, "a named block is the same in every pass");
    assert_ne!(words(&trace, 7)[512..], d[512..], "what has no name is not");
}

#[test]
fn a_block_cut_short_is_the_beginning_of_the_whole_one() {
    let trace = trace(&[(512, vec![9], 0), (200, vec![9], 0), (3, vec![9], 0)], 512);
    let whole = words(&trace, 0);
    assert_eq!(words(&trace, 1), whole[..200]);
    assert_eq!(words(&trace, 2), whole[..3]);
}

#[test]
fn copies_share_with_copies_of_their_number_only() {
    let trace = trace(&[(64, vec![1], 0), (64, vec![1], 1), (64, vec![1], 2), (64, vec![1], 1)], 64);
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| words(&trace, i));
    assert!(a != b && a != c && b != c);
    assert_eq!(b, d);
}

proptest! {
    /// What a cache of the rendered words hits is what a cache of the recorded names would have hit.
    #[test]
    fn an_infinite_cache_hits_as_it_did_when_recorded(
        prompts in prop::collection::vec((prop::collection::vec(0u64..6, 1..6), 1u32..=16, 0u32..2), 1..40),
    ) {
        const BLOCK: u32 = 16;
        let prompts: Vec<_> = prompts
            .into_iter()
            .map(|(names, last, copy)| ((names.len() as u32 - 1) * BLOCK + last, names, copy))
            .collect();
        let trace = trace(&prompts, BLOCK);
        let names = prompts.iter().map(|(tokens, names, copy)| {
            names.iter().take((tokens / BLOCK) as usize).map(|name| (*copy, *name)).collect()
        });
        let rendered = (0..prompts.len() as u64).map(|i| {
            words(&trace, i).chunks_exact(BLOCK as usize).map(<[String]>::to_vec).collect()
        });
        prop_assert_eq!(hits::<Vec<String>>(rendered), hits::<(u32, u64)>(names));
    }
}
