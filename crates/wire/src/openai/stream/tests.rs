use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

use floodline_core::{Finish, Outcome};

use crate::answer::{Part, Signal};
use crate::codec::{Codec, Framing, Stream};
use crate::sse::Event;
use crate::usage::Usage;

fn event(data: &str) -> Event<'_> {
    Event { name: b"", data: data.as_bytes() }
}

/// A stream that has seen `events`, and what each of them meant: `.` nothing, `r` reasoning, `c` content.
fn read<S: AsRef<str>>(events: &[S]) -> (Stream, String) {
    let mut chat = Stream::new(Codec::Chat, Framing::Events);
    let signals = events.iter().map(|data| letter(chat.event(event(data.as_ref())))).collect();
    (chat, signals)
}

fn letter(signal: Signal) -> char {
    match signal {
        Signal { token: false, content: false } => '.',
        Signal { token: true, content: false } => 'r',
        Signal { token: true, content: true } => 'c',
        Signal { token: false, content: true } => unreachable!("content without a token"),
    }
}

fn delta(delta: &str) -> String {
    format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
}

#[test]
fn a_usual_stream() {
    let (chat, signals) = read(&[
        r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"content":"Hel"},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"content":"lo"},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"content":"\n\u00e9"},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}"#,
        r#"{"id":"c","choices":[],"usage":{"prompt_tokens":13,"completion_tokens":5,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}"#,
        "[DONE]",
        "ignored",
    ]);
    assert_eq!(signals, ".cc.c....");
    assert_eq!(
        (chat.said().text.as_str(), chat.said().finish, chat.said().done),
        ("Hello\né", Some(Finish::Stop), true)
    );
    let usage = Usage {
        prompt_tokens: Some(13),
        completion_tokens: Some(5),
        cached_tokens: Some(4),
        reasoning_tokens: Some(2),
        ..Usage::default()
    };
    assert_eq!((chat.said().usage, chat.verdict()), (Some(usage), Outcome::Ok));
    assert_eq!((chat.said().error.as_deref(), chat.said().malformed.as_deref()), (None, None));
}

#[test]
fn reasoning_is_a_token_but_not_content() {
    let (chat, signals) = read(&[
        delta(r#"{"role":"assistant","content":null}"#),
        delta(r#"{"role":null,"content":null,"reasoning_content":"Okay","tool_calls":null}"#),
        delta(r#"{"role":null,"content":null,"reasoning_content":", so","tool_calls":null}"#),
        delta(r#"{"reasoning":" a","content":""}"#),
        delta(r#"{"thinking":" b"}"#),
        delta(r#"{"reasoning":" c","reasoning_content":" c"}"#),
        delta(r#"{"reasoning":" d","reasoning_content":""}"#),
        delta(r#"{"reasoning_content":"","content":""}"#),
        delta(r#"{"reasoning_content":null,"content":"x"}"#),
    ]);
    assert_eq!(signals, ".rrrrrr.c");
    assert_eq!((chat.said().reasoning.as_str(), chat.said().text.as_str()), ("Okay, so a b c d", "x"));
}

#[test]
fn tool_calls_count_once_they_have_arguments() {
    let (chat, signals) = read(&[
        delta(
            r#"{"tool_calls":[{"index":0,"id":"call_x","type":"function","function":{"name":"get_weather","arguments":""}}]}"#,
        ),
        delta(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"ci"}}]}"#),
        delta(r#"{"tool_calls":[{"index":0,"function":{"arguments":"ty\"}"}}]}"#),
        delta(r#"{"function_call":{"arguments":"x"}}"#),
        delta(r#"{"tool_calls":[]}"#),
        delta(r#"{"tool_calls":[{"index":0}]}"#),
        delta(r#"{"refusal":"No."}"#),
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"function_call"}]}"#.into(),
    ]);
    assert_eq!(signals, ".ccc..c.");
    assert_eq!((chat.said().text.as_str(), chat.said().other.as_str()), ("", r#"get_weather{"city"}xNo."#));
    assert_eq!(chat.said().finish, Some(Finish::ToolCalls));
}

#[test]
fn tool_calls_cut_inside_a_character_are_tokens() {
    let (chat, signals) = read(&[
        delta(r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"a\ud83d"}}]}"#),
        delta(r#"{"tool_calls":[{"index":0,"custom":{"input":"\udf0a"}}]}"#),
        delta(r#"{"function_call":{"name":"g\ud83d","arguments":{"x":[1]}}}"#),
        delta(r#"{"content":[{"type":"text","text":"b\ud83d"},{"thinking":[{"text":"c\ud83d"}]}]}"#),
    ]);
    assert_eq!(signals, "cccc");
    assert_eq!(chat.said().other.as_str(), "fa\u{fffd}\u{fffd}g\u{fffd}{\"x\":[1]}");
    assert_eq!((chat.said().text.as_str(), chat.said().reasoning.as_str()), ("b\u{fffd}", "c\u{fffd}"));
}

#[test]
fn the_last_of_repeated_members_counts() {
    let (chat, signals) = read(&[
        delta(r#"{"content":"a","content":"b"}"#),
        delta(r#"{"content":"a","content":"c"}"#),
        r#"{"choices":[{"delta":{"content":"d"}}],"usage":null,"usage":null}"#.into(),
        r#"{"choices":[],"usage":{"prompt_tokens":1},"usage":{"prompt_tokens":2,"prompt_tokens":3}}"#.into(),
    ]);
    assert_eq!(
        (signals.as_str(), chat.said().text.as_str(), chat.said().malformed.as_deref()),
        ("ccc.", "bcd", None)
    );
    assert_eq!(chat.said().usage.unwrap().prompt_tokens, Some(3));
}

#[test]
fn reasons_to_stop() {
    for (reason, expected) in [
        (r#""stop""#, Some(Finish::Stop)),
        (r#""length""#, Some(Finish::Length)),
        (r#""tool_calls""#, Some(Finish::ToolCalls)),
        (r#""content_filter""#, Some(Finish::ContentFilter)),
        (r#""eos_token""#, Some(Finish::Stop)),
        (r#""abort""#, Some(Finish::Other)),
        (r#""""#, None),
        ("null", None),
        ("7", None),
    ] {
        let (chat, _) = read(&[format!(r#"{{"choices":[{{"index":0,"finish_reason":{reason}}}]}}"#)]);
        assert_eq!(chat.said().finish, expected, "{reason}");
        let verdict = if expected.is_some() { Outcome::Ok } else { Outcome::Truncated };
        assert_eq!(chat.verdict(), verdict, "{reason}");
    }
}

#[test]
fn several_alternatives_in_one_stream() {
    let say = |index: u32, text: &str| {
        format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"{text}"}}}}]}}"#)
    };
    let (chat, signals) = read(&[
        say(0, "a"),
        say(1, "A"),
        say(0, "b"),
        say(1, "B"),
        say(1, ""),
        r#"{"choices":[{"index":0,"delta":{"content":"c"}},{"index":1,"delta":{"content":"C"}}]}"#.into(),
        r#"{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#.into(),
    ]);
    assert_eq!(signals, "cccc.c.");
    assert_eq!(
        (chat.said().text.as_str(), chat.said().other.as_str(), chat.verdict()),
        ("abc", "ABC", Outcome::Ok)
    );
}

#[test]
fn other_alternatives_neither_end_nor_reason_for_the_first() {
    let (chat, signals) = read(&[
        r#"{"choices":[{"index":0,"delta":{"reasoning":"a"}}]}"#,
        r#"{"choices":[{"index":1,"delta":{"reasoning":"b"}}]}"#,
        r#"{"choices":[{"index":1,"delta":{"reasoning":"c"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}"#,
    ]);
    assert_eq!(
        (signals.as_str(), chat.said().reasoning.as_str(), chat.said().other.as_str()),
        ("rrr..", "a", "bc")
    );
    assert_eq!(chat.said().finish, Some(Finish::Stop));
}

#[test]
fn later_usage_keeps_what_it_does_not_repeat() {
    let (chat, _) = read(&[
        r#"{"choices":[],"usage":{"prompt_tokens":3.0,"completion_tokens":1}}"#,
        r#"{"choices":[],"usage":{"completion_tokens":5.0}}"#,
    ]);
    let usage = chat.said().usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(3), Some(5)));
}

#[test]
fn usage_may_come_anywhere_and_the_last_wins() {
    let (chat, signals) = read(&[
        r#"{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"b"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"c"}}],"usage":null}"#,
        r#"{"choices":[],"usage":{}}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":null}}"#,
        r#"{"choices":[],"usage":"none"}"#,
    ]);
    assert_eq!(signals, "ccc...");
    let usage = chat.said().usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens), (Some(3), Some(2), None));
}

#[test]
fn unknown_and_odd_chunks_are_harmless() {
    let (chat, signals) = read(&[
        // Azure's first chunk has no choice at all.
        r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}"#,
        r#"{}"#,
        r#"{"choices":null}"#,
        r#"{"choices":"x"}"#,
        r#"{"choices":[null,7,{"delta":null},{"delta":"x"},{"delta":{"content":7}}]}"#,
        r#"{"type":"ping","error":null}"#,
        r#"{"error":false,"choices":[{"delta":{"content":"ok"}}]}"#,
        r#"{"error":{},"choices":[{"delta":{"content":[{"type":"text","text":"!"},{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}}]}"#,
        "",
        "  ",
    ]);
    assert_eq!(signals, "......cc..");
    assert_eq!(
        (
            chat.said().text.as_str(),
            chat.said().reasoning.as_str(),
            chat.said().malformed.as_deref(),
            chat.said().error.as_deref()
        ),
        ("ok!", "hm", None, None)
    );
    assert_eq!(chat.verdict(), Outcome::Truncated);
    let mut chat = Stream::new(Codec::Chat, Framing::Events);
    chat.event(Event { name: b"ping", data: b"1731" });
    assert_eq!(chat.said().malformed.as_deref(), None);
}

#[test]
fn errors_inside_the_stream_decide() {
    for (data, expected) in [
        (
            r#"{"error":{"message":"m","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            Outcome::RateLimited,
        ),
        (r#"{"error":{"message":"m","http_status_code":422}}"#, Outcome::ClientError),
        (r#"{"error":{"code":"429","message":"Please retry after 22 seconds."}}"#, Outcome::RateLimited),
        (r#"{"error":"Model is overloaded","error_type":"overloaded"}"#, Outcome::Overloaded),
        (r#"{"error":{"message":"m","code":500}}"#, Outcome::ServerError),
        (r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#, Outcome::ClientError),
        (r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]"#, Outcome::RateLimited),
        (r#"{"error":{"message":"m","code":"insufficient_quota"},"choices":[]}"#, Outcome::QuotaExceeded),
    ] {
        let (chat, signals) =
            read(&[delta(r#"{"content":"a"}"#), data.into(), delta(r#"{"content":"b"}"#), "[DONE]".into()]);
        assert_eq!((chat.verdict(), signals.as_str()), (expected, "c.c."), "{data}");
        assert!(chat.said().error.as_deref().is_some_and(|error| !error.message.is_empty()));
    }
    let mut chat = Stream::new(Codec::Chat, Framing::Events);
    chat.event(Event {
        name: b"error",
        data: br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    });
    assert_eq!(chat.verdict(), Outcome::Overloaded);
    let mut chat = Stream::new(Codec::Chat, Framing::Events);
    chat.event(Event { name: b"error", data: b"boom" });
    assert_eq!(
        (chat.verdict(), chat.said().error.as_deref().unwrap().message.as_ref()),
        (Outcome::ServerError, "boom")
    );
}

#[test]
fn junk_is_malformed_and_shown() {
    for junk in ["nonsense", "{\"choices\":", "[1,2]", "7", "null", "\"text\"", "<html>"] {
        let (chat, _) = read(&[junk, "more junk", "[DONE]"]);
        assert_eq!((chat.said().malformed.as_deref(), chat.verdict()), (Some(junk), Outcome::Malformed));
    }
    let (chat, _) = read(&[format!("\u{1b}[31m{}", "x".repeat(500))]);
    let shown = chat.said().malformed.as_deref().unwrap();
    assert!(shown.starts_with("\\u{1b}[31m") && shown.chars().count() <= 120, "{shown}");
}

#[test]
fn the_end_mark_is_what_starts_with_it() {
    for mark in ["[DONE]", "[DONE] ", "[DONE]x"] {
        let (chat, _) = read(&[mark]);
        assert_eq!((chat.said().done, chat.verdict()), (true, Outcome::Ok));
    }
    assert_eq!(Stream::new(Codec::Chat, Framing::Events).verdict(), Outcome::Truncated);
}

#[test]
fn what_the_end_leaves_counts_if_it_is_whole() {
    let mut chat = Stream::new(Codec::Chat, Framing::Events);
    assert_eq!(chat.tail(event(r#"{"choices":[{"delta":{"content":"a"#)), Signal::default());
    assert_eq!((chat.verdict(), chat.said().text.as_str()), (Outcome::Truncated, ""));
    assert!(chat.tail(event(&delta(r#"{"content":"a"}"#))).token);
    chat.tail(event("[DON"));
    assert!(!chat.said().done);
    chat.tail(event("[DONE]"));
    assert_eq!((chat.verdict(), chat.said().text.as_str()), (Outcome::Ok, "a"));
}

#[test]
fn invalid_text_is_replaced_not_refused() {
    let mut chat = Stream::new(Codec::Chat, Framing::Events);
    for data in [
        &b"{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}"[..],
        b"{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}",
    ] {
        assert!(chat.event(Event { name: b"", data }).token);
    }
    let (half, signals) = read(&[delta(r#"{"content":"\ud83c"}"#), delta(r#"{"content":"\udf0a\n"}"#)]);
    assert_eq!(
        (chat.said().text.as_str(), half.said().text.as_str(), signals.as_str()),
        ("a\u{fffd}", "\u{fffd}\u{fffd}\n", "cc")
    );
    assert_eq!(half.said().malformed.as_deref(), None);
}

/// Every event read by a reader that has seen no other, so that no shape is known to it.
fn slowly(events: &[String]) -> (String, String, String, String) {
    let mut all = (String::new(), String::new(), String::new(), String::new());
    for data in events {
        let mut chat = Stream::new(Codec::Chat, Framing::Events);
        all.0.push(letter(chat.event(event(data))));
        all.1.push_str(chat.said().text.as_str());
        all.2.push_str(chat.said().reasoning.as_str());
        all.3.push_str(chat.said().other.as_str());
    }
    all
}

#[test]
fn the_shape_is_not_fooled() {
    let quoted = |text: &str| delta(&format!(r#"{{"content":"{text}"}}"#));
    let (chat, _) = read(&[quoted("a")]);
    assert_eq!(chat.shape().matches(quoted(" b é").as_bytes()), Some((Part::Content, " b é".into())));
    assert_eq!(chat.shape().matches(quoted("").as_bytes()), Some((Part::Content, "".into())));
    // Escapes are read where they stand.
    assert_eq!(chat.shape().matches(quoted(r"\n\u00e9\\").as_bytes()), Some((Part::Content, "\né\\".into())));
    // A second member, control characters, broken escapes and invalid UTF-8 are for the parser.
    for text in [r#"a","role":"b"#, "a\u{1}", r"\", r"\x", r"\u12g4", r"\u123", r#"\\","a":"\"#, "\n"] {
        assert_eq!(chat.shape().matches(quoted(text).as_bytes()), None, "{text}");
    }
    let mut invalid = quoted("X").into_bytes();
    let at = invalid.iter().position(|&b| b == b'X').unwrap();
    invalid[at] = 0xff;
    assert_eq!(chat.shape().matches(&invalid), None);
    // Prefix and suffix may not share a byte.
    let text = quoted("");
    let cut = text.replacen("\"\"", "\"", 1);
    assert_eq!(chat.shape().matches(cut.as_bytes()), None);
    assert_eq!(Stream::new(Codec::Chat, Framing::Events).shape().matches(b""), None);
    // More than one text, a finish, usage or tools leave no shape behind.
    for data in [
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}"#,
        r#"{"choices":[{"delta":{"content":"a","reasoning":"b"}}]}"#,
        r#"{"choices":[{"delta":{"content":"a","tool_calls":[{"function":{"arguments":"b"}}]}}]}"#,
        r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}"#,
    ] {
        assert_eq!(read(&[data]).0.shape().matches(data.as_bytes()), None, "{data}");
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "", " a", "b", "\"", "\\", "\n", "é", "🌊", "\u{1}", "\u{7f}", "{}", "null", "\"},", "\u{2028}",
    ])
    .prop_map(String::from)
}

fn choices() -> impl Strategy<Value = Value> {
    let delta = (0..8, texts(), texts()).prop_map(|(kind, a, b)| match kind {
        0..3 => json!({"content": a}),
        3 => json!({"role": "assistant", "content": a, "refusal": null}),
        4 => json!({"reasoning_content": a, "content": null}),
        5 => json!({"reasoning": a, "content": b}),
        6 => json!({"tool_calls": [{"index": 0, "function": {"name": a, "arguments": b}}]}),
        _ => json!({}),
    });
    (delta, 0..8, 0..6).prop_map(|(delta, finish, index)| {
        let finish = if finish == 0 { json!("stop") } else { Value::Null };
        json!({"index": index / 5, "delta": delta, "logprobs": null, "finish_reason": finish})
    })
}

fn chunks() -> impl Strategy<Value = String> {
    (prop::collection::vec(choices(), 0..3), 0..8, any::<bool>()).prop_map(|(choices, kind, escape)| {
        let mut chunk = json!({"id": "c", "created": 1, "choices": choices});
        match kind {
            0 => chunk["usage"] = json!({"prompt_tokens": 1, "completion_tokens": 2}),
            1 => chunk["usage"] = Value::Null,
            2 => chunk["error"] = Value::Null,
            _ => {}
        }
        let text = chunk.to_string();
        if escape {
            text.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect()
        } else {
            text
        }
    })
}

fn escaped(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn the_fast_path_reads_what_the_slow_path_reads(events in prop::collection::vec(chunks(), 0..20)) {
        let (chat, signals) = read(&events);
        let all = (signals, chat.said().text.as_str().to_owned(), chat.said().reasoning.as_str().to_owned(), chat.said().other.as_str().to_owned());
        prop_assert_eq!(all, slowly(&events));
        prop_assert_eq!(chat.said().malformed.as_deref(), None);
    }

    /// Streams whose chunks differ in one text only, as real ones do: what the fast path is for.
    #[test]
    fn streams_of_one_shape_read_the_same(pieces in prop::collection::vec(texts(), 0..40), reasoning: bool) {
        let name = if reasoning { "reasoning_content" } else { "content" };
        let events: Vec<String> = pieces.iter().map(|text| delta(&json!({name: text}).to_string())).collect();
        let (chat, signals) = read(&events);
        let text = if reasoning { chat.said().reasoning.as_str() } else { chat.said().text.as_str() };
        prop_assert_eq!(text, pieces.concat());
        prop_assert_eq!(signals, slowly(&events).0);
    }

    #[test]
    fn junk_never_panics(data in prop::collection::vec(any::<u8>(), 0..80), json: String) {
        let mut chat = Stream::new(Codec::Chat, Framing::Events);
        chat.event(Event { name: b"", data: &data });
        chat.event(event(&json));
        chat.event(event(&delta(&json)));
        chat.verdict();
    }
}
