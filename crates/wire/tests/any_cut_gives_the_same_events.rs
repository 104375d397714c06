//! Invariant: cutting the bytes of a whole HTTP answer at any place, or at every place, gives the same
//! events, the same tokens and the same verdict.

use floodline_core::{Finish, Outcome};
use floodline_wire::answer::Signal;
use floodline_wire::codec::{Codec, Framing, Stream};
use floodline_wire::http1::BodyDecoder;
use floodline_wire::http1::response::{Head, parse_head};
use floodline_wire::sse::Deframer;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Everything that a client sees of an answer.
#[derive(Debug, PartialEq)]
struct Seen {
    head: Head,
    events: Vec<(Vec<u8>, Vec<u8>, Signal)>,
    text: String,
    finish: Option<Finish>,
    verdict: Outcome,
    /// Bytes after the end of the body.
    left: usize,
}

/// Reads an answer that arrives in `parts`, as a client on a socket does.
fn receive<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let mut head: Option<(Head, BodyDecoder)> = None;
    let mut waiting = Vec::new();
    let (mut deframer, mut chat, mut events) =
        (Deframer::new(), Stream::new(Codec::Chat, Framing::Events), Vec::new());
    let mut left = 0;
    for part in parts {
        waiting.extend_from_slice(part);
        if head.is_none() {
            let Some((parsed, used)) = parse_head(&waiting).expect("a head") else { continue };
            waiting.drain(..used);
            let decoder = BodyDecoder::new(parsed.framing);
            head = Some((parsed, decoder));
        }
        let (_, decoder) = head.as_mut().expect("read above");
        let fed = decoder.feed(&waiting, &mut |data| {
            let deframed = deframer.feed(data, &mut |event| {
                let signal = chat.event(event);
                events.push((event.name.to_vec(), event.data.to_vec(), signal));
            });
            deframed.expect("small events");
        });
        left += waiting.len() - fed.expect("a sound body").consumed;
        waiting.clear();
    }
    let (head, decoder) = head.expect("a whole head");
    decoder.finish().expect("a whole body");
    if let Some(unterminated) = deframer.finish() {
        chat.tail(unterminated.event());
    }
    Seen {
        head,
        events,
        text: chat.said().text.clone(),
        finish: chat.said().finish,
        verdict: chat.verdict(),
        left,
    }
}

/// Events as servers of different habits write them: line ends, comments, names, escapes, reasoning.
const EVENTS: [&str; 12] = [
    ": welcome\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"Hm.\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" wörld\"},\"finish_reason\":null}]}\n\n",
    "data:{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" \\ud83c\\udf0a\"},\"finish_reason\":null}]}\r\n\r\n",
    "event: message\rdata: {\"id\":\"c\",\r\ndata: \"choices\":[{\"index\":0,\"delta\":{\"content\":\"!\"},\"finish_reason\":null}]}\r\r",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\n\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"🌊\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":7}}\n\n",
    "data: [DONE]\n\n",
];

/// A recorded answer: an interim response, a head, chunks that do not care where events begin, a trailer,
/// and the first bytes of what follows.
fn recorded(chunk: usize) -> Vec<u8> {
    let body = EVENTS.concat().into_bytes();
    let mut out = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
        Transfer-Encoding: chunked\r\nx-request-id: r1\r\n\r\n"
        .to_vec();
    for part in body.chunks(chunk) {
        out.extend_from_slice(format!("{:X};n=1\r\n", part.len()).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\nx-trailer: y\r\n\r\n");
    out
}

#[test]
fn cutting_a_recorded_answer_at_any_byte_gives_the_same_events() {
    for chunk in [57, 100_000] {
        let bytes = recorded(chunk);
        let whole = receive([&bytes[..]]);
        assert_eq!(whole.text, "Hello wörld 🌊!\n🌊");
        assert_eq!((whole.finish, whole.verdict, whole.left), (Some(Finish::Stop), Outcome::Ok, 0));
        assert_eq!(whole.events.len(), EVENTS.len() - 1);
        assert_eq!(whole.events.iter().filter(|(_, _, signal)| signal.token).count(), 7);
        assert_eq!(receive(bytes.chunks(1)), whole, "byte by byte");
        for cut in 0..=bytes.len() {
            assert_eq!(receive([&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn cutting_any_answer_anywhere_gives_the_same_events(
        picks in prop::collection::vec(0..EVENTS.len(), 0..12),
        sizes in prop::collection::vec(1usize..90, 1..40),
        ended: bool,
    ) {
        let mut body: String = picks.iter().map(|&pick| EVENTS[pick]).collect();
        if !ended {
            // The last event lacks its end.
            body.truncate(body.trim_end().len());
        }
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        let bytes = [head.as_bytes(), body.as_bytes()].concat();
        let mut parts = Vec::new();
        let mut rest = &bytes[..];
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (part, after) = rest.split_at((*size).min(rest.len()));
            parts.push(part);
            rest = after;
        }
        prop_assert_eq!(receive(parts), receive([&bytes[..]]));
    }
}
