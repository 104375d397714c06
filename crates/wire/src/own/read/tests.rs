use std::sync::Arc;

use floodline_core::Outcome;

use super::*;
use crate::codec::{Brought, Codec, Framing, Stream};
use crate::own::Kind;

fn path(text: &str) -> Option<Path> {
    Some(Path::parse(text).unwrap())
}

fn format() -> Format {
    Format {
        kind: Some(Kind::Sse),
        text: path("$.delta.text"),
        reasoning: path("$.delta.thought"),
        finish: path("$.finish"),
        error: path("$.error"),
        input_tokens: path("$.usage.in"),
        output_tokens: path("$.usage.out"),
        done: Some("[END]".into()),
    }
}

/// What a stream says, whole and cut at every byte.
fn read(format: &Format, framing: Framing, framed: bool, body: &[u8]) -> (Said, Outcome) {
    let codec = Codec::Own(Arc::new(format.clone()));
    let through = |parts: &mut dyn Iterator<Item = &[u8]>| {
        let mut stream = Stream::new(codec.clone(), framing);
        for part in parts {
            stream.feed(part, &mut Brought::default()).unwrap();
        }
        stream.finish();
        if framed {
            stream.framed();
        }
        let verdict = stream.verdict();
        (stream.into_said(), verdict)
    };
    let whole = through(&mut std::iter::once(body));
    assert_eq!(through(&mut body.chunks(1)), whole);
    for cut in 1..body.len() {
        let (a, b) = body.split_at(cut);
        assert_eq!(through(&mut [a, b].into_iter()), whole, "{cut}");
    }
    whole
}

#[test]
fn a_stream_is_read_at_the_paths_of_its_format() {
    let body = "data: {\"delta\":{\"thought\":\"hm\"}}\n\n\
                data: {\"delta\":{\"text\":\"Hé\"}}\n\ndata: {\"delta\":{\"text\":\"l\\nlo\"}}\n\n\
                data: {\"other\":[1]}\n\n\
                data: {\"finish\":\"length\",\"usage\":{\"in\":3,\"out\":9}}\n\ndata: [END]\n\ndata: {\"delta\":{\"text\":\"x\"}}\n\n";
    let (said, verdict) = read(&format(), Framing::Events, true, body.as_bytes());
    assert_eq!((said.text.as_str(), said.reasoning.as_str(), verdict), ("Hél\nlo", "hm", Outcome::Ok));
    assert_eq!(said.finish, Some(Finish::Length));
    let usage = said.usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(3), Some(9)));
}

#[test]
fn the_end_mark_decides_where_there_is_one_and_the_framing_where_there_is_none() {
    let body = b"data: {\"delta\":{\"text\":\"a\"}}\n\n";
    assert_eq!(read(&format(), Framing::Events, true, body).1, Outcome::Truncated);
    let markless = Format { done: None, finish: None, ..format() };
    assert_eq!(read(&markless, Framing::Events, true, body).1, Outcome::Ok);
    assert_eq!(read(&markless, Framing::Events, false, body).1, Outcome::Truncated);
}

#[test]
fn errors_are_judged_and_other_events_are_malformed() {
    let failed = b"data: {\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"m\"}}\n\n";
    assert_eq!(read(&format(), Framing::Events, true, failed).1, Outcome::RateLimited);
    let said = read(&format(), Framing::Events, true, b"data: {\"error\":\"out of order\"}\n\n");
    assert_eq!((said.0.error.unwrap().message.as_ref(), said.1), ("out of order", Outcome::ServerError));
    assert_eq!(
        read(&format(), Framing::Events, true, b"data: hello\n\ndata: [END]\n\n").1,
        Outcome::Malformed
    );
    let named = b"event: error\ndata: {\"message\":\"broken\"}\n\n";
    assert_eq!(read(&format(), Framing::Events, true, named).1, Outcome::ServerError);
}

#[test]
fn without_a_path_events_are_the_text() {
    let words = Format { done: Some("[DONE]".into()), ..Format::default() };
    let (said, verdict) =
        read(&words, Framing::Events, true, b"data: Hello\n\ndata:  you\n\ndata: [DONE]\n\n");
    assert_eq!((said.text.as_str(), verdict), ("Hello you", Outcome::Ok));
}

#[test]
fn plain_text_keeps_its_characters_wherever_it_is_cut() {
    let text = "é🌊 and more";
    let (said, verdict) = read(&Format::default(), Framing::Plain, true, text.as_bytes());
    assert_eq!((said.text.as_str(), verdict), (text, Outcome::Ok));
    assert_eq!(read(&Format::default(), Framing::Plain, false, text.as_bytes()).1, Outcome::Truncated);
    let broken = read(&Format::default(), Framing::Plain, true, b"a\xffb\xf0\x9f").0;
    assert_eq!(broken.text, "a\u{fffd}b\u{fffd}");
}

#[test]
fn whole_answers() {
    let format = Format { text: path("$.answer"), input_tokens: path("$.in"), ..Format::default() };
    let said = whole(&format, br#"{"answer":"42","in":7}"#).unwrap();
    assert_eq!((said.text.as_str(), said.usage.unwrap().prompt_tokens), ("42", Some(7)));
    assert_eq!(said.verdict(), Outcome::Ok);
    assert_eq!(whole(&format, br#"{"answer":""}"#).unwrap().text, "");
    assert_eq!(
        whole(&format, br#"{"reply":"42"}"#).unwrap_err(),
        r#"there is nothing at $.answer in the answer: {"reply":"42"}"#
    );
    for wrong in ["", "<html>"] {
        assert!(whole(&format, wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert_eq!(whole(&Format::default(), b"just text").unwrap().text, "just text");
}
