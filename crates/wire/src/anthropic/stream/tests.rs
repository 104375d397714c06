use floodline_core::{Finish, Outcome};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

use crate::answer::{Part, Signal};
use crate::codec::{Codec, Framing, Stream};
use crate::sse::Event;

fn read<S: AsRef<str>>(events: &[S]) -> (Stream, String) {
    let mut stream = Stream::new(Codec::Anthropic, Framing::Events);
    let letter = |signal: Signal| match (signal.token, signal.content) {
        (true, true) => 'c',
        (true, false) => 'r',
        (false, _) => '.',
    };
    let mut take = |data: &str| letter(stream.event(Event { name: b"", data: data.as_bytes() }));
    let signals = events.iter().map(|data| take(data.as_ref())).collect();
    (stream, signals)
}

fn text_delta(text: &str) -> String {
    let text = json!(text);
    format!(
        r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{text}}}          }}"#
    )
}

#[test]
fn a_text_leaves_a_shape_and_nothing_else_does() {
    let (stream, _) = read(&[text_delta("a")]);
    assert_eq!(stream.shape().matches(text_delta(" é").as_bytes()), Some((Part::Content, " é".into())));
    for data in [
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"x"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"signature_delta","signature":"x"}}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"x"}}"#,
    ] {
        assert_eq!(read(&[data]).0.shape().matches(data.as_bytes()), None, "{data}");
    }
}

#[test]
fn a_tool_that_the_server_runs_is_nobody_elses() {
    let (stream, signals) = read(&[
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
    ]);
    assert_eq!(signals, ".c.");
    assert_eq!((stream.said().other.as_str(), stream.said().tools.len()), ("web_search{}", 0));
}

#[test]
fn a_tool_without_arguments_has_empty_ones() {
    let (stream, signals) = read(&[
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"now","input":{ }}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
    ]);
    assert_eq!((signals.as_str(), stream.said().tools[0].arguments.as_str()), ("...", "{}"));
}

#[test]
fn odd_members_count_as_absent() {
    let (stream, signals) = read(&[
        r#"{}"#,
        r#"{"type":7}"#,
        r#"{"type":"content_block_delta"}"#,
        r#"{"type":"content_block_delta","index":"x","delta":[]}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":7}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":null}"#,
        r#"{"type":"message_start","message":{"usage":[]}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":null}"#,
        r#"{"type":"brand_new","error":null}"#,
    ]);
    assert_eq!(signals, ".........");
    assert_eq!((stream.said().usage, stream.said().malformed.as_deref()), (None, None));
    assert_eq!(stream.verdict(), Outcome::Truncated);
}

#[test]
fn junk_is_malformed_where_it_stands_for_a_known_event() {
    for (name, verdict) in [
        (&b""[..], Outcome::Malformed),
        (b"content_block_delta", Outcome::Malformed),
        (b"message_start", Outcome::Malformed),
        (b"brand_new", Outcome::Truncated),
        (b"error", Outcome::ServerError),
    ] {
        let mut stream = Stream::new(Codec::Anthropic, Framing::Events);
        stream.event(Event { name, data: b"junk" });
        assert_eq!(stream.verdict(), verdict, "{}", String::from_utf8_lossy(name));
    }
}

#[test]
fn reasons_to_stop() {
    for (reason, expected) in [
        ("end_turn", Finish::Stop),
        ("stop_sequence", Finish::Stop),
        ("max_tokens", Finish::Length),
        ("model_context_window_exceeded", Finish::Length),
        ("tool_use", Finish::ToolCalls),
        ("refusal", Finish::ContentFilter),
        ("pause_turn", Finish::Other),
    ] {
        let (stream, _) =
            read(&[json!({"type": "message_delta", "delta": {"stop_reason": reason}}).to_string()]);
        assert_eq!((stream.said().finish, stream.verdict()), (Some(expected), Outcome::Ok));
    }
}

fn events() -> impl Strategy<Value = Value> {
    let texts = prop::sample::select(vec!["", " a", "\"", "\\", "\n", "é", "🌊", "\u{1}", "}", "\"},"]);
    (0..7, texts, 0..2).prop_map(|(kind, text, index)| {
        let delta = match kind {
            0..3 => json!({"type": "text_delta", "text": text}),
            3 => json!({"type": "thinking_delta", "thinking": text}),
            4 => json!({"type": "input_json_delta", "partial_json": text}),
            5 => json!({"text": text, "type": "signature_delta"}),
            _ => json!({"type": "text_delta", "text": text, "thinking": text}),
        };
        json!({"type": "content_block_delta", "index": index, "delta": delta})
    })
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn the_fast_path_reads_what_the_slow_path_reads(events in prop::collection::vec(events(), 0..20)) {
        let events: Vec<String> = events.iter().map(Value::to_string).collect();
        let (all, signals) = read(&events);
        let mut slow = (String::new(), String::new(), String::new(), String::new());
        for event in &events {
            // A reader that has seen no other event knows no shape.
            let (one, signal) = read(&[event]);
            slow.0.push_str(&signal);
            slow.1.push_str(&one.said().text);
            slow.2.push_str(&one.said().reasoning);
            slow.3.push_str(&one.said().other);
        }
        let said = all.said();
        prop_assert_eq!((signals, said.text.clone(), said.reasoning.clone(), said.other.clone()), slow);
    }
}
