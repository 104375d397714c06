//! What all framings have in common.

use floodline_core::plan::Api;

use super::Codec;
use super::frames::{Frames, Framing};
use crate::http1::ContentType;
use crate::own::{Format, Kind};
use crate::sse::{Event, EventTooLarge, MAX_EVENT};

/// The events of a body, and what its end leaves.
pub(super) type Found = (Vec<&'static str>, Option<&'static str>);

/// The events of a body that is fed whole, byte by byte and cut in two at every place: always the same.
pub(super) fn every_cut(framing: Framing, bytes: &[u8]) -> Found {
    let whole = events(framing, [bytes]);
    assert_eq!(events(framing, bytes.chunks(1)), whole, "byte by byte");
    for cut in 0..=bytes.len() {
        assert_eq!(events(framing, [&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
    }
    // Leaked, so that tests can compare them to literals.
    let leak = |text: String| &*text.leak();
    (whole.0.into_iter().map(leak).collect(), whole.1.map(leak))
}

fn events<'a>(framing: Framing, parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, Option<String>) {
    let own = |event: Event<'_>| String::from_utf8_lossy(event.data).into_owned();
    let mut frames = Frames::new(framing);
    let mut found = Vec::new();
    for part in parts {
        frames.feed(part, &mut |event| found.push(own(event))).unwrap();
    }
    (found, frames.finish().map(|left| own(left.event())))
}

#[test]
fn events_above_the_limit_are_refused_however_they_are_cut_and_for_good() {
    let object = |length: usize| [b"{\"a\":\"", &vec![b'x'; length - 8][..], b"\"}\n"].concat();
    let (fits, large) = (object(MAX_EVENT), object(MAX_EVENT + 1));
    for framing in [Framing::Lines, Framing::Array, Framing::Mixed] {
        for cut in [0, 1, 1 << 20, MAX_EVENT - 1, MAX_EVENT] {
            let feed = |bytes: &[u8]| {
                let (mut frames, mut found) = (Frames::new(framing), 0);
                let parts = [&bytes[..cut], &bytes[cut..]];
                let result = parts.iter().try_for_each(|part| frames.feed(part, &mut |_| found += 1));
                (result, found, frames.feed(b"{}\n", &mut |_| found += 1))
            };
            assert_eq!(feed(&fits), (Ok(()), 1, Ok(())), "{framing:?}, cut at {cut}");
            assert_eq!(
                feed(&large),
                (Err(EventTooLarge), 0, Err(EventTooLarge)),
                "{framing:?}, cut at {cut}"
            );
        }
    }
}

#[test]
fn each_api_streams_in_its_own_types_and_no_other() {
    use Framing::{Array, Events, Lines, Mixed};
    let lines = || ContentType::Other("application/x-ndjson".into());
    let text = || ContentType::Other("text/plain".into());
    for (api, expected) in [
        (Api::OpenAiChat, [Some(Events), None, None, None, Some(Events)]),
        (Api::Anthropic, [Some(Events), None, None, None, Some(Events)]),
        (Api::Gemini, [Some(Mixed), Some(Array), None, None, Some(Mixed)]),
        // One JSON object is the answer to who did not ask for a stream.
        (Api::Ollama, [None, None, Some(Lines), None, Some(Lines)]),
        (Api::OllamaGenerate, [None, None, Some(Lines), None, Some(Lines)]),
        (Api::Tgi, [Some(Events), None, None, None, Some(Events)]),
    ] {
        let types = [ContentType::EventStream, ContentType::Json, lines(), text(), ContentType::Missing];
        assert_eq!(types.map(|of| Codec::of(api).framing(&of)), expected, "{}", api.name());
    }
    let own = Codec::Own(Format { kind: Some(Kind::Ndjson), ..Format::default() }.into());
    assert_eq!(own.framing(&text()), Some(Lines));
    assert_eq!(Codec::of(Api::Http).framing(&lines()), Some(Lines));
}
