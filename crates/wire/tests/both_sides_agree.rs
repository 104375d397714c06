//! What the server's side writes, the client's side reads: of every API, streamed and whole, text and reasoning and
//! calls, with the same figures.

use floodline_core::plan::Api;
use floodline_core::{Finish, Outcome};
use floodline_wire::answer::Said;
use floodline_wire::codec::{Brought, Codec, Stream as Reader};
use floodline_wire::error::parse_error;
use floodline_wire::http1::{BodyDecoder, ContentType, Framing};
use floodline_wire::server::{
    self, Ask, Dialect, Fault, Form, Habit, Identity, Prompt, Script, Shape, Stream, Times, Tool, Words,
};
use serde_json::json;

/// Every API, and whether it tells reasoning as such and can call tools.
const APIS: [(Api, Shape, bool, bool); 9] = [
    (Api::OpenAiChat, Shape::Chat { include_usage: true, azure: false }, true, true),
    (Api::AzureOpenAi, Shape::Chat { include_usage: true, azure: true }, true, true),
    (Api::OpenAiCompletions, Shape::Completions { include_usage: true, azure: false }, false, false),
    (Api::OpenAiResponses, Shape::Responses, true, true),
    (Api::Anthropic, Shape::Messages, true, true),
    (Api::Gemini, Shape::Gemini { array: false }, true, true),
    (Api::Gemini, Shape::Gemini { array: true }, true, true),
    (Api::Ollama, Shape::OllamaChat, true, true),
    (Api::Tgi, Shape::Tgi { details: true, listed: false }, false, false),
];

fn identity() -> Identity {
    Identity { number: 7, created: 17, model: "m".into(), echo: "".into() }
}

fn streamed(api: Api, shape: Shape, script: Script) -> (Said, Brought) {
    let (words, mut out) = (Words::new(), Vec::new());
    let mut stream = Stream::new(shape, &identity(), script);
    stream.tell(&words, &mut out, u32::MAX, usize::MAX, Times { first: 1, last: 2 });
    let content_type = match stream.content_type().split(';').next() {
        Some("text/event-stream") => ContentType::EventStream,
        Some("application/json") => ContentType::Json,
        other => ContentType::Other(other.unwrap_or_default().into()),
    };
    let codec = Codec::of(api);
    let framing = codec.framing(&content_type).expect("a stream of this API");
    let (mut reader, mut brought) = (Reader::new(codec, framing), Brought::default());
    let fed = BodyDecoder::new(Framing::Chunked)
        .feed(&out, &mut |bytes| reader.feed(bytes, &mut brought).expect("no event is too large"));
    assert!(fed.expect("chunks").done);
    reader.framed();
    assert_eq!(reader.verdict(), Outcome::Ok, "{api:?}: {:?}", reader.said());
    (reader.into_said(), brought)
}

fn whole(api: Api, shape: Shape, script: &Script) -> Said {
    let body = server::whole(shape, &identity(), script, &Words::new(), Times { first: 1, last: 2 });
    Codec::of(api).whole(&body).unwrap_or_else(|why| panic!("{api:?}: {why}"))
}

fn ask(shape: Shape) -> Ask {
    Ask::new("m".into(), shape, Prompt { tokens: 3, hash: 1 })
}

#[test]
fn texts_and_reasoning_are_read_back() {
    for (api, shape, reasons, _) in APIS {
        let ask = Ask { max_tokens: Some(20), ..ask(shape) };
        let reasoning = if reasons { 6 } else { 0 };
        let script = Script::plan(&ask, Habit { tokens: None, reasoning }, 7);
        let (told, brought) = streamed(api, shape, script.clone());
        let read = whole(api, shape, &script);
        assert_eq!((&told.text, &told.reasoning), (&read.text, &read.reasoning), "{api:?}");
        assert_eq!(told.text.split(' ').count(), 20 - reasoning as usize, "{api:?}: {told:?}");
        assert_eq!((brought.tokens, brought.contents), (20, 20 - reasoning), "{api:?}");
        for said in [told, read] {
            assert_eq!(said.finish, Some(Finish::Length), "{api:?}");
            assert_eq!(said.malformed, None, "{api:?}");
            let Some(usage) = said.usage else { panic!("{api:?}: no usage") };
            assert_eq!(usage.completion_tokens, Some(20), "{api:?}");
            // TGI says the length of a prompt in streams only.
            assert!(usage.prompt_tokens.is_none_or(|tokens| tokens == 3), "{api:?}");
        }
    }
}

#[test]
fn calls_are_read_back() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string", "minLength": 30}}, "required": ["city"]});
    for (api, shape, _, calls) in APIS {
        if !calls {
            continue;
        }
        let tools = vec![Tool { name: "weather".into(), parameters: schema.clone() }];
        let ask = Ask { tools, max_tokens: Some(500), ..ask(shape) };
        let script = Script::plan(&ask, Habit { tokens: Some(9), reasoning: 2 }, 7);
        for said in [streamed(api, shape, script.clone()).0, whole(api, shape, &script)] {
            let [call] = said.tools.as_slice() else { panic!("{api:?}: {said:?}") };
            assert_eq!(call.name, "weather");
            let arguments: serde_json::Value = serde_json::from_str(&call.arguments).expect("JSON");
            assert!(arguments["city"].as_str().is_some_and(|city| city.len() >= 30), "{api:?}");
            assert_eq!(said.text, "");
        }
    }
}

#[test]
fn structured_answers_are_read_back() {
    let schema = json!({"type": "object", "properties": {"a": {"const": "\"quoted\"\n"}}, "required": ["a"]});
    for (api, shape, ..) in APIS {
        let ask = Ask { form: Form::Schema(schema.clone()), max_tokens: Some(500), ..ask(shape) };
        let script = Script::plan(&ask, Habit::default(), 7);
        for said in [streamed(api, shape, script.clone()).0, whole(api, shape, &script)] {
            let read: serde_json::Value = serde_json::from_str(&said.text).expect("JSON");
            assert_eq!(read["a"], "\"quoted\"\n", "{api:?}");
            assert_eq!(said.finish, Some(Finish::Stop), "{api:?}");
        }
    }
}

#[test]
fn faults_of_every_dialect_are_read_back() {
    for dialect in
        [Dialect::OpenAi, Dialect::Azure, Dialect::Anthropic, Dialect::Gemini, Dialect::Ollama, Dialect::Tgi]
    {
        for fault in [
            Fault::wrong_key(dialect),
            Fault::missing_key(dialect),
            Fault::no_model(dialect, "a \"model\""),
            Fault::no_path(dialect, "GET", "/x"),
            Fault::wrong_method(dialect, "GET", "/x"),
            Fault::too_large(dialect, 9),
            Fault::overloaded(dialect),
            Fault::new(dialect, 500, "broken"),
        ] {
            let body = fault.body("req_1");
            let read = parse_error(&body);
            assert_eq!(&*read.message, fault.message, "{fault:?}");
        }
    }
}
