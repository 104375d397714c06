use floodline_core::Outcome;

use super::*;
use crate::codec::{Brought, Codec, Framing, Stream};

/// What a stream says, whole and cut at every byte.
fn read(body: &str) -> (Said, Outcome) {
    let through = |parts: &mut dyn Iterator<Item = &[u8]>| {
        let mut stream = Stream::new(Codec::Responses, Framing::Events);
        let mut brought = Brought::default();
        for part in parts {
            stream.feed(part, &mut brought).unwrap();
        }
        stream.finish();
        let verdict = stream.verdict();
        (stream.into_said(), verdict, brought)
    };
    let (said, verdict, brought) = through(&mut std::iter::once(body.as_bytes()));
    for cut in 0..=body.len() {
        let (a, b) = body.as_bytes().split_at(cut);
        assert_eq!(through(&mut [a, b].into_iter()), (said.clone(), verdict, brought), "{cut}");
    }
    (said, verdict)
}

/// Events from their data, named as their type says.
fn stream(events: &[&str]) -> String {
    let named = |data: &&str| {
        let value: serde_json::Value = serde_json::from_str(data).unwrap();
        format!("event: {}\ndata: {data}\n\n", value["type"].as_str().unwrap())
    };
    events.iter().map(named).collect()
}

const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"response":{"id":"r","status":"in_progress","output":[],"error":null,"usage":null}}"#;

#[test]
fn a_text_with_reasoning_and_usage() {
    let (said, verdict) = read(&stream(&[
        CREATED,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs","type":"reasoning","summary":[]}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"delta":"hm"}"#,
        r#"{"type":"response.reasoning_text.delta","output_index":0,"delta":"!"}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"m","type":"message","content":[]}}"#,
        r#"{"type":"response.content_part.added","output_index":1,"part":{"type":"output_text","text":""}}"#,
        r#"{"type":"response.output_text.delta","sequence_number":5,"output_index":1,"content_index":0,"delta":"H\u00e9"}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"delta":"llo"}"#,
        r#"{"type":"response.output_text.done","output_index":1,"text":"Héllo"}"#,
        r#"{"type":"response.something.new","delta":"x"}"#,
        r#"{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":11,"input_tokens_details":{"cached_tokens":4},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":20}}}"#,
    ]));
    assert_eq!((said.text.as_str(), said.reasoning.as_str(), verdict), ("Héllo", "hm!", Outcome::Ok));
    assert_eq!((said.finish, said.done), (Some(Finish::Stop), true));
    let usage = said.usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(11), Some(9)));
    assert_eq!((usage.cached_tokens, usage.reasoning_tokens), (Some(4), Some(5)));
}

#[test]
fn calls_of_tools_have_their_names_from_the_item_and_their_arguments_in_fragments() {
    let (said, verdict) = read(&stream(&[
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"fc","type":"function_call","call_id":"call_1","name":"weather","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"ci"}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"call_2","name":"time","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"ty\":1}"}"#,
        r#"{"type":"response.function_call_arguments.done","output_index":0,"arguments":"{\"city\":1}"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"call_1","name":"weather","arguments":"{\"city\":1}"}}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","call_id":"call_2","name":"time","arguments":"{}"}}"#,
        r#"{"type":"response.completed","response":{"status":"completed"}}"#,
    ]));
    let calls: Vec<_> =
        said.tools.iter().map(|t| (t.id.as_str(), t.name.as_str(), t.arguments.as_str())).collect();
    assert_eq!(calls, [("call_1", "weather", "{\"city\":1}"), ("call_2", "time", "{}")]);
    assert_eq!((said.finish, verdict), (Some(Finish::ToolCalls), Outcome::Ok));
    assert_eq!(said.other, "weather{\"citimety\":1}{}");
}

#[test]
fn ends_that_are_no_completions() {
    let incomplete = |reason: &str| {
        read(&stream(&[&format!(
            r#"{{"type":"response.incomplete","response":{{"status":"incomplete","incomplete_details":{{"reason":"{reason}"}}}}}}"#
        )]))
    };
    for (reason, finish) in [
        ("max_output_tokens", Finish::Length),
        ("max_tokens", Finish::Length),
        ("content_filter", Finish::ContentFilter),
        ("boredom", Finish::Other),
    ] {
        let (said, verdict) = incomplete(reason);
        assert_eq!((said.finish, verdict), (Some(finish), Outcome::Ok), "{reason}");
    }
    let refused = stream(&[
        r#"{"type":"response.refusal.delta","delta":"I can't."}"#,
        r#"{"type":"response.completed","response":{}}"#,
    ]);
    assert_eq!(read(&refused).0.refusal, "I can't.");
    assert_eq!(read(&stream(&[CREATED])).1, Outcome::Truncated);
    assert_eq!(read("data: nonsense\n\n").1, Outcome::Malformed);
}

/// As Azure streams it over the limit: a status of 200, and the refusal inside.
#[test]
fn a_refusal_inside_a_success_is_judged_by_its_code() {
    let limited = stream(&[
        CREATED,
        r#"{"type":"error","sequence_number":1,"code":"rate_limit_exceeded","message":"slow down","param":null}"#,
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow down"}}}"#,
    ]);
    let (said, verdict) = read(&limited);
    assert_eq!((verdict, said.error.unwrap().message.as_ref()), (Outcome::RateLimited, "slow down"));
    let failed = stream(&[
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}}"#,
    ]);
    assert_eq!(read(&failed).1, Outcome::ServerError);
    let other = stream(&[r#"{"type":"error","code":"invalid_prompt","message":"m"}"#]);
    assert_eq!(read(&other).1, Outcome::ClientError);
}

#[test]
fn whole_answers() {
    let body =
        br#"{"object":"response","status":"completed","error":null,"incomplete_details":null,"output":[
        {"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},
        {"type":"message","content":[{"type":"output_text","text":"Hi"},{"type":"refusal","refusal":"no"}]},
        {"type":"function_call","call_id":"c","name":"f","arguments":"{}"}],
        "usage":{"input_tokens":3,"output_tokens":2}}"#;
    let said = parse(body).unwrap();
    assert_eq!((said.text.as_str(), said.reasoning.as_str(), said.refusal.as_str()), ("Hi", "hm", "no"));
    assert_eq!((said.finish, said.verdict()), (Some(Finish::ToolCalls), Outcome::Ok));
    assert_eq!(said.usage.unwrap().prompt_tokens, Some(3));
    let cut = br#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}"#;
    assert_eq!(parse(cut).unwrap().finish, Some(Finish::Length));
    let failed = br#"{"status":"failed","error":{"code":"rate_limit_exceeded","message":"m"},"output":[]}"#;
    assert_eq!(parse(failed).unwrap().verdict(), Outcome::RateLimited);
    for wrong in ["", "[]", "{}", "<html>"] {
        assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
