//! Broken answers of every API, some thousands of them and the same in every run: nothing panics, every cut of
//! the bytes gives the same, and no more is kept than has come.
//!
//! Each target is a plain function of some bytes, so that any fuzzer can drive it.

mod fixtures;
mod mutator;

use std::panic::catch_unwind;

use fixtures::{FIXTURES, How};
use floodline_core::plan::Api;
use floodline_wire::answer::Said;
use floodline_wire::codec::{Codec, Frames, Framing, Stream};
use mutator::{Dice, broken};

/// Inputs of each target.
const INPUTS: u64 = 2_000;

/// A codec, with the streams it is given in `framing` and with whole answers.
fn answer(api: Api, framing: Framing, data: &[u8]) {
    let whole = stream(api, framing, [data]);
    for parts in cuts(data) {
        assert_eq!(stream(api, framing, parts), whole, "at other cuts");
    }
    bounded(&whole.0, data);
    match Codec::of(api).whole(data) {
        Ok(said) => bounded(&said, data),
        Err(why) => assert!(why.chars().count() < 200, "{why}"),
    }
}

/// A framing: what it finds, and what the end leaves, are pieces of what came.
fn frames(framing: Framing, data: &[u8]) {
    let whole = found(framing, [data]);
    for parts in cuts(data) {
        assert_eq!(found(framing, parts), whole, "at other cuts");
    }
    let found: usize = whole.iter().map(|(name, data)| name.len() + data.len()).sum();
    assert!(found <= data.len(), "{found} bytes of {}", data.len());
}

fn openai_chat(data: &[u8]) {
    answer(Api::OpenAiChat, Framing::Events, data);
}

fn openai_completions(data: &[u8]) {
    answer(Api::OpenAiCompletions, Framing::Events, data);
}

fn openai_responses(data: &[u8]) {
    answer(Api::OpenAiResponses, Framing::Events, data);
}

fn openai_embeddings(data: &[u8]) {
    answer(Api::OpenAiEmbeddings, Framing::Events, data);
}

fn http_events(data: &[u8]) {
    answer(Api::Http, Framing::Events, data);
}

fn http_lines(data: &[u8]) {
    answer(Api::Http, Framing::Lines, data);
}

fn anthropic(data: &[u8]) {
    answer(Api::Anthropic, Framing::Events, data);
}

fn gemini_events(data: &[u8]) {
    answer(Api::Gemini, Framing::Mixed, data);
}

fn gemini_array(data: &[u8]) {
    answer(Api::Gemini, Framing::Array, data);
}

fn ollama(data: &[u8]) {
    answer(Api::Ollama, Framing::Lines, data);
}

fn ollama_generate(data: &[u8]) {
    answer(Api::OllamaGenerate, Framing::Lines, data);
}

fn tgi(data: &[u8]) {
    answer(Api::Tgi, Framing::Events, data);
}

fn events(data: &[u8]) {
    frames(Framing::Events, data);
}

fn mixed(data: &[u8]) {
    frames(Framing::Mixed, data);
}

fn lines(data: &[u8]) {
    frames(Framing::Lines, data);
}

fn array(data: &[u8]) {
    frames(Framing::Array, data);
}

#[test]
fn broken_answers_of_every_api_are_read_the_same_at_every_cut() {
    let of = |wanted: &'static [Api]| move |api: Api, _: How| wanted.contains(&api);
    run("openai_chat", openai_chat, of(&[Api::OpenAiChat]));
    run("openai_completions", openai_completions, of(&[Api::OpenAiCompletions]));
    run("openai_responses", openai_responses, of(&[Api::OpenAiResponses]));
    run("openai_embeddings", openai_embeddings, of(&[Api::OpenAiEmbeddings]));
    run("http_events", http_events, of(&[Api::Http]));
    run("http_lines", http_lines, of(&[Api::Http]));
    run("anthropic", anthropic, of(&[Api::Anthropic]));
    run("gemini_events", gemini_events, of(&[Api::Gemini]));
    run("gemini_array", gemini_array, |api, how| api == Api::Gemini && how != How::Events);
    run("ollama", ollama, of(&[Api::Ollama]));
    run("ollama_generate", ollama_generate, of(&[Api::Ollama, Api::OllamaGenerate]));
    run("tgi", tgi, of(&[Api::Tgi]));
}

#[test]
fn broken_bodies_are_cut_into_the_same_events_at_every_cut() {
    let every = |_: Api, _: How| true;
    run("events", events, every);
    run("mixed", mixed, every);
    run("lines", lines, every);
    run("array", array, every);
}

/// Runs a target on inputs made from the fixtures that `fits` picks.
fn run(name: &str, target: fn(&[u8]), fits: impl Fn(Api, How) -> bool) {
    let sound: Vec<Vec<u8>> = FIXTURES
        .iter()
        .filter(|(_, api, how)| fits(*api, *how))
        .map(|(name, _, _)| fixtures::read(name))
        .collect();
    for input in 0..INPUTS {
        let data = broken(&sound, &mut Dice(input << 20));
        if catch_unwind(|| target(&data)).is_err() {
            panic!("{name} fails on input {input}: {}", data.escape_ascii());
        }
    }
}

/// `data` in pieces of two different kinds of sizes, which depend on nothing but the data.
fn cuts(data: &[u8]) -> [Vec<&[u8]>; 2] {
    let mut dice = Dice(data.iter().fold(data.len() as u64, |sum, &b| sum.wrapping_mul(31) + u64::from(b)));
    [7, 200].map(|most| {
        let (mut parts, mut rest) = (Vec::new(), data);
        while !rest.is_empty() {
            let (part, after) = rest.split_at((1 + dice.below(most)).min(rest.len()));
            parts.push(part);
            rest = after;
        }
        parts
    })
}

/// What a stream says, and what each of its events meant.
fn stream<'a>(
    api: Api,
    framing: Framing,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> (Said, Vec<(bool, bool)>) {
    let (mut frames, mut stream) = (Frames::new(framing), Stream::new(Codec::of(api), framing));
    let mut signals = Vec::new();
    for part in parts {
        let fed = frames.feed(part, &mut |event| {
            let signal = stream.event(event);
            assert!(signal.token || !signal.content, "content without a token");
            signals.push((signal.token, signal.content));
        });
        fed.expect("small events");
    }
    if let Some(left) = frames.finish() {
        let signal = stream.tail(left.event());
        signals.push((signal.token, signal.content));
    }
    stream.verdict();
    (stream.into_said(), signals)
}

/// Every event in a body, and what its end leaves.
fn found<'a>(framing: Framing, parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut frames, mut found) = (Frames::new(framing), Vec::new());
    for part in parts {
        let fed = frames.feed(part, &mut |event| found.push((event.name.to_vec(), event.data.to_vec())));
        fed.expect("small events");
    }
    found.extend(frames.finish().map(|left| (left.event().name.to_vec(), left.event().data.to_vec())));
    found
}

/// An answer is no larger than what it was read from: a byte that is no text becomes three, and arguments are
/// kept twice. What is shown of errors has a length of its own.
fn bounded(said: &Said, data: &[u8]) {
    let tools: usize = said.tools.iter().map(|tool| tool.id.len() + tool.name.len()).sum();
    let error = said.error.as_ref().map_or(0, |error| error.message.len());
    assert!(said.length() + tools <= 6 * data.len(), "{} bytes of {}", said.length() + tools, data.len());
    assert!(error <= 4 * 300, "an error of {error} bytes");
}
