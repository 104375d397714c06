//! What goes wrong with an answer on the server's side, the client's side reads as exactly that, of every API.

use floodline_core::Outcome;
use floodline_core::faults::Failure;
use floodline_core::plan::Api;
use floodline_wire::codec::{Brought, Codec, Stream as Reader};
use floodline_wire::error::{classify, parse_error};
use floodline_wire::http1::{BodyDecoder, ContentType, Framing};
use floodline_wire::server::{
    Ask, Dialect, Fault, Habit, Identity, Prompt, Script, Shape, Stream, Times, Words,
};

const APIS: [(Api, Dialect, Shape); 9] = [
    (Api::OpenAiChat, Dialect::OpenAi, Shape::Chat { include_usage: true, azure: false }),
    (Api::AzureOpenAi, Dialect::Azure, Shape::Chat { include_usage: true, azure: true }),
    (Api::OpenAiCompletions, Dialect::OpenAi, Shape::Completions { include_usage: true, azure: false }),
    (Api::OpenAiResponses, Dialect::OpenAi, Shape::Responses),
    (Api::Anthropic, Dialect::Anthropic, Shape::Messages),
    (Api::Gemini, Dialect::Gemini, Shape::Gemini { array: false }),
    (Api::Gemini, Dialect::Gemini, Shape::Gemini { array: true }),
    (Api::Ollama, Dialect::Ollama, Shape::OllamaChat),
    (Api::Tgi, Dialect::Tgi, Shape::Tgi { details: true, listed: false }),
];

/// What a client reads of an answer of ten tokens that breaks in this way after `tokens`: how it ended and how many
/// tokens came.
fn broken(
    api: Api,
    shape: Shape,
    tokens: u32,
    break_off: impl Fn(&mut Stream, &mut Vec<u8>),
) -> (Outcome, u32) {
    let ask = Ask { max_tokens: Some(10), ..Ask::new("m".into(), shape, Prompt { tokens: 3, hash: 1 }) };
    let identity = Identity { number: 7, created: 17, model: "m".into(), echo: "".into() };
    let mut stream = Stream::new(shape, &identity, Script::plan(&ask, Habit::default(), 7));
    let (words, mut out) = (Words::new(), Vec::new());
    let content_type = match stream.content_type().split(';').next() {
        Some("text/event-stream") => ContentType::EventStream,
        Some("application/json") => ContentType::Json,
        other => ContentType::Other(other.unwrap_or_default().into()),
    };
    stream.tell(&words, &mut out, tokens, usize::MAX, Times::default());
    break_off(&mut stream, &mut out);
    // Nothing follows what has ended.
    let rest = stream.tell(&words, &mut out, u32::MAX, usize::MAX, Times::default());
    let codec = Codec::of(api);
    let framing = codec.framing(&content_type).expect("a stream of this API");
    let (mut reader, mut brought) = (Reader::new(codec, framing), Brought::default());
    let fed = BodyDecoder::new(Framing::Chunked)
        .feed(&out, &mut |bytes| reader.feed(bytes, &mut brought).expect("no event is too large"));
    assert!(fed.expect("chunks").done, "{api:?}: the body ends as it should");
    assert!(rest == 0 || rest == 10 - tokens);
    reader.finish();
    reader.framed();
    (reader.verdict(), brought.tokens)
}

#[test]
fn an_answer_that_ends_early_is_truncated() {
    for (api, _, shape) in APIS {
        for tokens in [0, 1, 4] {
            let read = broken(api, shape, tokens, |stream, out| stream.cut(out));
            assert_eq!(read, (Outcome::Truncated, tokens), "{api:?} {shape:?}");
        }
    }
}

#[test]
fn a_damaged_event_is_malformed_and_the_rest_comes() {
    for (api, _, shape) in APIS {
        let (outcome, tokens) = broken(api, shape, 4, |stream, out| stream.garble(out));
        assert_eq!(outcome, Outcome::Malformed, "{api:?} {shape:?}");
        assert!(tokens >= 4, "{api:?} {shape:?}: {tokens}");
    }
}

#[test]
fn an_error_inside_an_answer_is_what_its_api_says() {
    for (api, dialect, shape) in APIS {
        for failure in [Failure::Overloaded, Failure::RateLimited, Failure::ServerError] {
            let expected = match (failure, dialect) {
                // Ollama's own words for it have no code, and do not name it.
                (Failure::Overloaded, Dialect::Ollama) => Outcome::ServerError,
                // TGI knows one way of having too much to do.
                (Failure::Overloaded, _) | (Failure::RateLimited, Dialect::Tgi) => Outcome::Overloaded,
                (Failure::RateLimited, _) => Outcome::RateLimited,
                (Failure::ServerError, _) => Outcome::ServerError,
            };
            for tokens in [0, 4] {
                let fault = Fault::of_failure(dialect, failure);
                let read = broken(api, shape, tokens, |stream, out| stream.fail(out, &fault));
                assert_eq!(read, (expected, tokens), "{api:?} {shape:?} {failure:?}");
            }
        }
    }
}

#[test]
fn every_status_has_a_body_that_says_it() {
    for (_, dialect, _) in APIS {
        for status in 400..600 {
            let fault = Fault::of_status(dialect, status);
            assert_eq!((fault.status, fault.dialect), (status, dialect));
            let read = parse_error(&fault.body("req_1"));
            assert_eq!(&*read.message, fault.message);
            let expected = match status {
                402 => Outcome::QuotaExceeded,
                429 => Outcome::RateLimited,
                408 | 500..=502 | 504..=528 | 530.. => Outcome::ServerError,
                529 => Outcome::Overloaded,
                503 if matches!(dialect, Dialect::Azure | Dialect::Anthropic) => Outcome::ServerError,
                503 => Outcome::Overloaded,
                _ => Outcome::ClientError,
            };
            assert_eq!(classify(status, &read), expected, "{dialect:?} {status}: {}", fault.message);
        }
    }
}

#[test]
fn a_script_that_is_cut_ends_by_its_length() {
    let shape = Shape::Messages;
    let ask = Ask::new("m".into(), shape, Prompt { tokens: 3, hash: 1 });
    for (reasoning, cut, steps) in [(0, 4, 4), (6, 4, 4), (6, 9, 9), (0, 0, 1), (3, 500, 13)] {
        let mut script = Script::plan(&ask, Habit { tokens: Some(10), reasoning }, 7);
        script.cut(cut);
        assert_eq!(script.steps(), steps.min(10 + reasoning), "{reasoning} {cut}");
        let body = floodline_wire::server::whole(
            shape,
            &Identity { number: 7, created: 17, model: "m".into(), echo: "".into() },
            &script,
            &Words::new(),
            Times::default(),
        );
        assert!(String::from_utf8_lossy(&body).contains("\"stop_reason\":\"max_tokens\""));
    }
}
