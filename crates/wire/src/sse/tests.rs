use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

type Owned = (String, Vec<u8>);

/// The events in `parts`, fed one after the other, and what the end leaves.
fn events<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Owned>, Option<Owned>) {
    let own = |event: Event<'_>| (String::from_utf8_lossy(event.name).into_owned(), event.data.to_vec());
    let mut deframer = Deframer::new();
    let mut found = Vec::new();
    for part in parts {
        deframer.feed(part, &mut |event| found.push(own(event))).unwrap();
    }
    let left = deframer.finish();
    (found, left.map(|left| own(left.event())))
}

/// Feeds `bytes` whole, byte by byte and cut in two at every place: always the same events.
fn every_cut(bytes: &[u8]) -> (Vec<Owned>, Option<Owned>) {
    let whole = events([bytes]);
    assert_eq!(events(bytes.chunks(1)), whole, "byte by byte");
    for cut in 0..=bytes.len() {
        assert_eq!(events([&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
    }
    whole
}

fn messages(bytes: &[u8]) -> Vec<String> {
    let (found, _) = every_cut(bytes);
    found
        .into_iter()
        .map(|(name, data)| {
            assert_eq!(name, "");
            String::from_utf8(data).unwrap()
        })
        .collect()
}

#[test]
fn conformance_comments() {
    let long = "x".repeat(2048);
    let text = format!("data:1\r:\0\n:\r\ndata:2\n:{long}\rdata:3\n:data:fail\r:{long}\ndata:4\n\n");
    assert_eq!(messages(text.as_bytes()), ["1\n2\n3\n4"]);
}

#[test]
fn conformance_field_parsing() {
    let text = b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n";
    assert_eq!(messages(text), ["\0\n 2\n1\n3\n\n4"]);
}

#[test]
fn conformance_leading_space() {
    assert_eq!(messages(b"data:\ttest\rdata: \ndata:test\n\n"), ["\ttest\n\ntest"]);
}

#[test]
fn conformance_before_final() {
    let (found, left) = every_cut(b"retry:1000\ndata:test1\n\nid:test\ndata:test2");
    assert_eq!(found, [("".into(), b"test1".to_vec())]);
    assert_eq!(left, Some(("".into(), b"test2".to_vec())));
}

#[test]
fn conformance_null() {
    assert_eq!(messages(b"data:\0\n\n"), ["\0"]);
}

#[test]
fn conformance_only_one_byte_order_mark_is_stripped() {
    assert_eq!(messages(b"\xef\xbb\xbfdata:1\n\n\xef\xbb\xbfdata:2\n\ndata:3\n\n"), ["1", "3"]);
    assert_eq!(messages(b"\xef\xbb\xbf\xef\xbb\xbfdata:1\n\ndata:2\n\n"), ["2"]);
    assert_eq!(messages(b"\xef\xbbdata:1\n\ndata:2\n\n"), ["2"]);
}

#[test]
fn conformance_event() {
    let (found, _) = every_cut(b"event:test\ndata:x\n\ndata:x\n\n");
    assert_eq!(found, [("test".into(), b"x".to_vec()), ("".into(), b"x".to_vec())]);
}

#[test]
fn conformance_retry() {
    assert_eq!(messages(b"retry:03000\ndata:x\n\n"), ["x"]);
    assert_eq!(messages(b"retry\ndata:test\n\n"), ["test"]);
    assert_eq!(messages(b"retry:3000\nretry:1000x\ndata:x\n\n"), ["x"]);
}

#[test]
fn conformance_newlines() {
    assert_eq!(messages(b"data:test\r\ndata\ndata:test\r\n\r\n"), ["test\n\ntest"]);
}

#[test]
fn conformance_unknown_fields() {
    let text = b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n";
    assert_eq!(messages(text), ["test\n\ntest"]);
}

#[test]
fn conformance_field_data() {
    assert_eq!(messages(b"data:\n\ndata\ndata\n\ndata:test\n\n"), ["", "\n", "test"]);
}

#[test]
fn every_pair_of_line_ends_ends_an_event() {
    for end in ["\n\n", "\r\r", "\r\n\r\n", "\r\n\n", "\r\n\r", "\n\r", "\n\r\n", "\r\r\n"] {
        let text = format!("data: a{end}data:b{end}event: e{end}data: c{end}");
        assert_eq!(messages(text.as_bytes()), ["a", "b", "c"], "{end:?}");
    }
}

#[test]
fn a_name_without_data_is_no_event_and_does_not_linger() {
    assert_eq!(messages(b"event: ping\n\ndata: x\n\n: keep-alive\n\n\n\n"), ["x"]);
}

#[test]
fn invalid_utf8_and_unicode_line_separators_pass_through() {
    let (found, _) = every_cut(b"data: \xff\xe2\x80\xa8\xc2\x85\x0c\n\n");
    assert_eq!(found, [("".into(), b"\xff\xe2\x80\xa8\xc2\x85\x0c".to_vec())]);
}

#[test]
fn an_end_without_blank_line_leaves_the_event_to_look_at() {
    assert_eq!(every_cut(b"event: e\ndata: [DONE]").1, Some(("e".into(), b"[DONE]".to_vec())));
    assert_eq!(every_cut(b"data: a\ndata: b\n").1, Some(("".into(), b"a\nb".to_vec())));
    assert_eq!(every_cut(b"data: a\n\n").1, None);
    assert_eq!(every_cut(b"event: e\n: comment").1, None);
    assert_eq!(every_cut(b"dat").1, None);
}

#[test]
fn events_above_the_limit_are_refused_however_they_are_cut() {
    let feed = |parts: &[&[u8]]| {
        let mut deframer = Deframer::new();
        let mut found = 0;
        let result = parts.iter().try_for_each(|part| deframer.feed(part, &mut |_| found += 1));
        (result, found, deframer)
    };
    let fits = [b"data:".to_vec(), vec![b'x'; MAX_EVENT - 5], b"\n\n".to_vec()].concat();
    let large = [b"data:".to_vec(), vec![b'x'; MAX_EVENT - 4], b"\n\n".to_vec()].concat();
    for cut in [0, 1, 1 << 20, fits.len() - 2, fits.len() - 1] {
        let (result, found, deframer) = feed(&[&fits[..cut], &fits[cut..]]);
        assert_eq!((result, found), (Ok(()), 1), "{cut}");
        let kept = deframer.line.capacity() + deframer.data.capacity();
        assert!(kept <= 2 * KEEP, "{kept} bytes kept after one large event");
        let (result, found, mut deframer) = feed(&[&large[..cut], &large[cut..]]);
        assert_eq!((result, found), (Err(EventTooLarge), 0), "{cut}");
        assert_eq!(deframer.feed(b"data:x\n\n", &mut |_| {}), Err(EventTooLarge), "and stays refused");
    }
    let comment = [b":".to_vec(), vec![b'x'; MAX_EVENT], b"\ndata:x\n\n".to_vec()].concat();
    for cut in [0, 1, 2, MAX_EVENT, comment.len()] {
        assert_eq!((feed(&[&comment[..cut], &comment[cut..]]).1), 1, "a comment is not kept: {cut}");
    }
}

#[test]
fn uncut_events_cost_no_memory() {
    let mut deframer = Deframer::new();
    deframer.feed(b"data: x\n\nevent: e\ndata: y\r\n\r\n", &mut |_| {}).unwrap();
    assert_eq!(deframer.line.capacity() + deframer.data.capacity() + deframer.name.capacity(), 0);
}

/// A second look at what follows every line would take minutes here.
#[test]
fn a_flood_of_lines_without_an_event_is_read_in_one_pass() {
    let lines = [":\n", "x\n", "event: e\n", "\n"].map(|line| line.repeat(300_000));
    for lines in lines {
        assert_eq!(events([lines.as_bytes(), b"\ndata: x\n\n"]).0.len(), 1);
    }
}

/// The standard's own algorithm, written without a thought for speed: lines first, then fields.
fn by_the_book(bytes: &[u8]) -> Vec<Owned> {
    let bytes = bytes.strip_prefix(&BOM).unwrap_or(bytes);
    let mut lines = vec![];
    let mut line = vec![];
    let mut last = 0;
    for &byte in bytes {
        match byte {
            b'\n' if last == b'\r' => {}
            b'\n' | b'\r' => lines.push(std::mem::take(&mut line)),
            _ => line.push(byte),
        }
        last = byte;
    }
    let (mut found, mut name, mut data) = (vec![], String::new(), vec![]);
    for line in lines {
        let (field, value) = match line.iter().position(|&b| b == b':') {
            Some(colon) => (line[..colon].to_vec(), line[colon + 1..].to_vec()),
            None => (line.clone(), vec![]),
        };
        let value = if value.first() == Some(&b' ') { value[1..].to_vec() } else { value };
        match field.as_slice() {
            _ if line.is_empty() => {
                if data.pop().is_some() {
                    found.push((std::mem::take(&mut name), std::mem::take(&mut data)));
                }
                name.clear();
            }
            b"event" => name = String::from_utf8_lossy(&value).into_owned(),
            b"data" => {
                data.extend(value);
                data.push(b'\n');
            }
            _ => {}
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn any_stream_at_any_cut_gives_what_the_standard_says(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "data:", "data: ", "data", "event:", "id: 1", ":", " ", "\n", "\n", "\r", "\r\n", "\n\n", "x", "é", "\u{feff}", "\0",
        ]), 0..30),
        size in 1usize..9,
    ) {
        let bytes = pieces.concat().into_bytes();
        let expected = by_the_book(&bytes);
        prop_assert_eq!(&events([&bytes[..]]).0, &expected);
        prop_assert_eq!(&events(bytes.chunks(size)).0, &expected);
        let left = events([&bytes[..]]).1;
        prop_assert_eq!(events(bytes.chunks(size)).1, left);
    }
}
