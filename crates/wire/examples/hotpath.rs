//! What a token costs on its way through framing, deframing and the codec, in nanoseconds, and what it
//! costs the simulated provider to write one. Run with `cargo run --release -p floodline-wire --example hotpath`.

use std::hint::black_box;

use floodline_core::plan::Api;
use floodline_wire::codec::{Brought, Codec, Framing as Frames, Stream};
use floodline_wire::http1::{BodyDecoder, Framing};
use floodline_wire::server::{self, Ask, Habit, Identity, Prompt, Script, Times, Words};
use floodline_wire::sse::{Deframer, Event};

/// Tokens of one answer, and how often it is read.
const TOKENS: usize = 1_000;
const ROUNDS: usize = 6_000;

/// A token of each other API, `#` being what counts the tokens; read without HTTP around it.
const OTHERS: [(&str, Api, Frames, &str); 6] = [
    (
        "deframer + codec: anthropic",
        Api::Anthropic,
        Frames::Events,
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" token\"}}\n\n",
    ),
    (
        "deframer + codec: gemini, events",
        Api::Gemini,
        Frames::Mixed,
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \" token\"}],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 7,\"candidatesTokenCount\": #,\"totalTokenCount\": 9},\"modelVersion\": \"truth\",\"responseId\": \"r1\"}\r\n\r\n",
    ),
    (
        "deframer + codec: gemini, array",
        Api::Gemini,
        Frames::Array,
        ",\r\n{\n  \"candidates\": [\n    {\n      \"content\": {\n        \"parts\": [\n          {\n            \"text\": \" token\"\n          }\n        ],\n        \"role\": \"model\"\n      }\n    }\n  ],\n  \"usageMetadata\": {\n    \"promptTokenCount\": 7,\n    \"candidatesTokenCount\": #\n  },\n  \"modelVersion\": \"truth\"\n}\n",
    ),
    (
        "deframer + codec: ollama",
        Api::Ollama,
        Frames::Lines,
        "{\"model\":\"truth\",\"created_at\":\"2025-08-04T08:52:19.385406455Z\",\"message\":{\"role\":\"assistant\",\"content\":\" token\"},\"done\":false}\n",
    ),
    (
        "deframer + codec: ollama-generate",
        Api::OllamaGenerate,
        Frames::Lines,
        "{\"model\":\"truth\",\"created_at\":\"2025-08-04T08:52:19.385406455Z\",\"response\":\" token\",\"done\":false}\n",
    ),
    (
        "deframer + codec: tgi",
        Api::Tgi,
        Frames::Events,
        "data:{\"index\":#,\"token\":{\"id\":3#,\"text\":\" token\",\"logprob\":-0.3046875,\"special\":false},\"generated_text\":null,\"details\":null}\n\n",
    ),
];

/// One event of a usual stream, with its HTTP chunk framing.
fn chunk(content: &str) -> String {
    let event = format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"truth\",\
         \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
    );
    format!("{:x}\r\n{event}\r\n", event.len())
}

/// A whole body of the same tokens, or of tokens every tenth of which has an escape.
fn body(escapes: bool) -> Vec<u8> {
    let mut out = String::new();
    for i in 0..TOKENS {
        out.push_str(&chunk(if escapes && i % 10 == 9 { ".\\n" } else { " token" }));
    }
    out.push_str("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
    out.into_bytes()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn measure(what: &str, mut round: impl FnMut()) {
    // The first rounds warm the caches and the branch predictor.
    (0..ROUNDS / 20).for_each(|_| round());
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        (0..ROUNDS / 5).for_each(|_| round());
        best = best.min(start.elapsed().as_nanos() as f64 / (ROUNDS / 5 * TOKENS) as f64);
    }
    println!("{what:<52} {best:6.1} ns per token");
}

fn main() {
    let flood = body(false);
    measure("body decoder alone", || {
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        let _ = decoder.feed(&flood, &mut |data| {
            black_box(data);
        });
    });
    measure("body decoder + deframer", || {
        let (mut decoder, mut deframer) = (BodyDecoder::new(Framing::Chunked), Deframer::new());
        let _ = decoder.feed(&flood, &mut |data| {
            let _ = deframer.feed(data, &mut |event| {
                black_box(event.data);
            });
        });
    });
    let answer = |bytes: &[u8], size: usize| {
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        let mut chat = Stream::new(Codec::Chat, Frames::Events);
        let mut brought = Brought::default();
        for part in bytes.chunks(size) {
            let _ = decoder.feed(part, &mut |data| {
                let _ = chat.feed(data, &mut brought);
            });
        }
        assert_eq!((brought.tokens as usize, chat.said().done), (TOKENS, true));
        black_box(chat.said().text.len());
    };
    measure("all, in reads of 256 KiB", || answer(&flood, 256 * 1024));
    measure("all, in reads of 16 KiB", || answer(&flood, 16 * 1024));
    measure("all, in reads of one event", || answer(&flood, chunk(" token").len()));
    let escapes = body(true);
    measure("all, every tenth token with an escape", || answer(&escapes, 256 * 1024));
    let data = |content: &str| {
        let chunk = chunk(content);
        let json = chunk.find('{').unwrap_or(0)..chunk.trim_end().len();
        chunk.as_bytes()[json].to_vec()
    };
    let codec = |what: &str, data: &[&[u8]]| {
        measure(what, || {
            let mut chat = Stream::new(Codec::Chat, Frames::Events);
            for i in 0..TOKENS {
                black_box(chat.event(Event { name: b"", data: black_box(data[i % data.len()]) }));
            }
        });
    };
    let (plain, escaped) = (data(" token"), data("\\n"));
    codec("codec alone", &[&plain]);
    codec("codec alone, every token an escape", &[&escaped]);
    // Two shapes in turn, so that the last one never fits.
    let (one, other) = (data("x\",\"y\":\"z"), data("\"  ,\"y\":\""));
    codec("codec alone, every token parsed in full", &[&one, &other]);
    for (what, api, framing, event) in OTHERS {
        let bytes: Vec<u8> =
            (0..TOKENS).flat_map(|i| event.replace('#', &i.to_string()).into_bytes()).collect();
        measure(what, || {
            let (mut stream, mut brought) = (Stream::new(Codec::of(api), framing), Brought::default());
            let _ = stream.feed(black_box(&bytes), &mut brought);
            assert_eq!(brought.tokens as usize, TOKENS);
            black_box(stream.said().text.len());
        });
    }
    let words = Words::new();
    let mut out = Vec::new();
    let shapes = [
        ("chat", server::Shape::Chat { include_usage: true, azure: false }),
        ("Responses", server::Shape::Responses),
        ("messages", server::Shape::Messages),
        ("Gemini", server::Shape::Gemini { array: false }),
        ("Ollama", server::Shape::OllamaChat),
        ("TGI", server::Shape::Tgi { details: false, listed: false }),
    ];
    for (name, shape) in shapes {
        let ask = Ask::new("truth".into(), shape, Prompt { tokens: 9, hash: 1 });
        let script = Script::plan(&ask, Habit { tokens: Some(TOKENS as u32), reasoning: 0 }, 7);
        let identity = Identity { number: 1, created: 1_700_000_000, model: "truth".into(), echo: "".into() };
        measure(&format!("writing: {name}"), || {
            out.clear();
            let mut stream = server::Stream::new(shape, &identity, script.clone());
            stream.tell(&words, &mut out, u32::MAX, usize::MAX, Times::default());
            assert!(stream.has_ended());
            black_box(out.len());
        });
    }
}
