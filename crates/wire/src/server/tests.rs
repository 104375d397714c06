//! Streams of every API as clients of this crate read them, and what is the same in all.

use serde_json::{Value, json};

use super::*;
use crate::http1::{BodyDecoder, Framing};

fn identity() -> Identity {
    Identity { number: 1, created: 17, model: "m".into(), echo: Box::default() }
}

const SHAPES: [Shape; 10] = [
    Shape::Chat { include_usage: true, azure: false },
    Shape::Chat { include_usage: false, azure: true },
    Shape::Completions { include_usage: true, azure: false },
    Shape::Responses,
    Shape::Messages,
    Shape::Gemini { array: false },
    Shape::Gemini { array: true },
    Shape::OllamaChat,
    Shape::OllamaGenerate,
    Shape::Tgi { details: true, listed: false },
];

fn ask(shape: Shape) -> Ask {
    Ask { stream: true, ..Ask::new("m".into(), shape, Prompt { tokens: 3, hash: 1 }) }
}

/// The payload of a streamed answer.
fn streamed(ask: &Ask, habit: Habit, steps: &[u32], limit: usize) -> String {
    let words = Words::new();
    let mut stream = Stream::new(ask.shape, &identity(), Script::plan(ask, habit, 7));
    let (mut all, mut tokens) = (Vec::new(), 0);
    for until in steps {
        loop {
            let mut out = Vec::new();
            let told = stream.tell(&words, &mut out, *until, limit, Times { first: 5, last: 9 });
            tokens += told;
            if out.is_empty() && told == 0 {
                break;
            }
            all.append(&mut out);
        }
    }
    assert!(stream.has_ended());
    assert_eq!(tokens, stream.script().output_tokens());
    let mut payload = Vec::new();
    let fed = BodyDecoder::new(Framing::Chunked).feed(&all, &mut |bytes| payload.extend_from_slice(bytes));
    assert!(fed.unwrap().done);
    String::from_utf8(payload).unwrap()
}

/// The JSON of every event or line.
fn events(payload: &str) -> Vec<Value> {
    if payload.starts_with('[') {
        let Value::Array(events) = serde_json::from_str(payload).unwrap() else { unreachable!() };
        return events;
    }
    let lines = payload.lines().filter(|line| !line.is_empty() && !line.starts_with("event:"));
    let data = lines.map(|line| line.strip_prefix("data:").unwrap_or(line).trim());
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn tool() -> Tool {
    let parameters =
        json!({"type": "object", "properties": {"a": {"const": "some\"thing"}}, "required": ["a"]});
    Tool { name: "f".into(), parameters }
}

#[test]
fn the_bytes_do_not_depend_on_when_they_are_asked_for() {
    for shape in SHAPES {
        for tools in [vec![], vec![tool()]] {
            let ask = Ask { n: 2, tools, ..ask(shape) };
            let habit = Habit { tokens: Some(20), reasoning: 5 };
            let at_once = streamed(&ask, habit, &[u32::MAX], usize::MAX);
            let steps: Vec<u32> = (0..30).collect();
            assert_eq!(streamed(&ask, habit, &steps, usize::MAX), at_once, "{shape:?}");
            assert_eq!(streamed(&ask, habit, &[3, 6, 7, 40], 50), at_once, "{shape:?}");
            assert!(!events(&at_once).is_empty());
        }
    }
}

#[test]
fn whole_answers_and_every_event_are_json() {
    let words = Words::new();
    for shape in SHAPES {
        for (tools, max_tokens) in
            [(vec![], None), (vec![tool()], None), (vec![tool()], Some(7)), (vec![], Some(2))]
        {
            let ask = Ask { tools, max_tokens, n: 2, ..ask(shape) };
            let script = Script::plan(&ask, Habit { tokens: Some(4), reasoning: 3 }, 7);
            let body = whole(shape, &identity(), &script, &words, Times::default());
            assert!(
                serde_json::from_slice::<Value>(&body).is_ok(),
                "{shape:?}: {}",
                String::from_utf8_lossy(&body)
            );
            events(&streamed(&ask, Habit { tokens: Some(4), reasoning: 3 }, &[u32::MAX], usize::MAX));
        }
    }
}

#[test]
fn a_chat_as_the_real_api_writes_it() {
    let ask = Ask { max_tokens: Some(2), ..ask(Shape::Chat { include_usage: true, azure: false }) };
    let payload = streamed(&ask, Habit::default(), &[2], usize::MAX);
    let words = Words::new();
    let script = Script::plan(&ask, Habit::default(), 7);
    let start = r#"data: {"id":"chatcmpl-0000000000000001","object":"chat.completion.chunk","created":17,"model":"m","choices":["#;
    let token = |at| {
        format!(
            r#"{start}{{"index":0,"delta":{{"content":"{}"}},"logprobs":null,"finish_reason":null}}],"usage":null}}"#,
            script.token(&words, 0, at)
        )
    };
    let expected = [
        format!(
            r#"{start}{{"index":0,"delta":{{"role":"assistant","content":""}},"logprobs":null,"finish_reason":null}}],"usage":null}}"#
        ),
        token(0),
        token(1),
        format!(
            r#"{start}{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"length"}}],"usage":null}}"#
        ),
        format!(
            r#"{start}],"usage":{{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}}}}"#
        ),
        "data: [DONE]".into(),
    ];
    assert_eq!(payload, expected.map(|event| event + "\n\n").concat());
}

#[test]
fn azure_begins_with_its_filter_and_no_choices() {
    let payload =
        streamed(&ask(Shape::Chat { include_usage: false, azure: true }), Habit::default(), &[100], 999);
    let events = events(&payload);
    assert_eq!(events[0]["choices"], json!([]));
    assert_eq!(events[0]["prompt_filter_results"][0]["prompt_index"], 0);
    assert!(!payload.contains("usage"));
}

#[test]
fn responses_tell_their_items_in_order_and_numbered() {
    let habit = Habit { tokens: Some(2), reasoning: 1 };
    let names = |ask: &Ask| -> Vec<String> {
        let payload = streamed(ask, habit, &[u32::MAX], usize::MAX);
        let events = events(&payload);
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number, "{event}");
        }
        let named: Vec<&str> = payload.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        let types: Vec<String> =
            events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
        assert_eq!(named, types);
        types.into_iter().map(|name| name["response.".len()..].to_owned()).collect()
    };
    let reasoning = [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ];
    let text = [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(names(&ask(Shape::Responses)), [&reasoning[..], &text[..]].concat());
    let cut = Ask { max_tokens: Some(2), ..ask(Shape::Responses) };
    assert_eq!(names(&cut).last().map(String::as_str), Some("incomplete"));
    let call = names(&Ask { tools: vec![tool()], ..ask(Shape::Responses) });
    assert_eq!(call[8..10], ["output_item.added", "function_call_arguments.delta"]);
    assert_eq!(call[call.len() - 3..], ["function_call_arguments.done", "output_item.done", "completed"]);
}

#[test]
fn gemini_counts_as_it_goes() {
    let payload = streamed(
        &ask(Shape::Gemini { array: true }),
        Habit { tokens: Some(2), reasoning: 2 },
        &[u32::MAX],
        usize::MAX,
    );
    let counts: Vec<(u64, u64, u64)> = events(&payload)
        .iter()
        .map(|event| {
            let count = |name: &str| event["usageMetadata"][name].as_u64().unwrap_or(0);
            (count("thoughtsTokenCount"), count("candidatesTokenCount"), count("totalTokenCount"))
        })
        .collect();
    assert_eq!(counts, [(1, 0, 4), (2, 0, 5), (2, 1, 6), (2, 2, 7), (2, 2, 7)]);
}

#[test]
fn the_last_token_of_tgi_carries_the_text() {
    let shape = Shape::Tgi { details: false, listed: false };
    let payload = streamed(&ask(shape), Habit { tokens: Some(3), reasoning: 0 }, &[3], usize::MAX);
    let events = events(&payload);
    assert_eq!(events.len(), 3);
    let texts: String = events.iter().map(|event| event["token"]["text"].as_str().unwrap()).collect();
    assert_eq!(events[2]["generated_text"], texts);
    assert_eq!(events[2]["details"]["generated_tokens"], 3);
    assert!(events[1]["generated_text"].is_null());
}
