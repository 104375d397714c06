//! Keys and tokens by their own form: vendors' beginnings, JSON web tokens, `Bearer`, private keys, and long strings
//! that were drawn by lot. Such strings may go on in the next line.

use std::ops::Range;

use super::key_forms::{BEGINNINGS, is_drawn_by_lot, is_stand_in, looks_random};
use super::letters::{run_end, word_before};

/// Every key in a text.
pub(super) fn find(text: &str, mut found: impl FnMut(Range<usize>)) {
    private_keys(text, &mut found);
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !is_key_byte(bytes[at]) {
            at += 1;
            continue;
        }
        let end = run_end(bytes, at, usize::MAX, is_key_byte);
        match in_run(text, at..end) {
            // Behind it there may be another.
            Some(key) => {
                at = key.end;
                found(key);
            }
            None => {
                bearer(text, at..end, &mut found);
                at = end;
            }
        }
    }
}

/// How many beginnings of keys are tried in one run, so that a run of nothing but beginnings takes no longer than others.
const ATTEMPTS: usize = 64;

/// Whether a text begins as keys do. Asked of every word, so its first letter decides most cases.
fn begins(text: &str) -> bool {
    let first = text.as_bytes().first();
    let fits = |beginning: &str| beginning.as_bytes().first() == first && text.starts_with(beginning);
    fits("sk-") || fits("eyJ") || BEGINNINGS.iter().any(|(beginning, _)| fits(beginning))
}

/// What a key is made of. A dot is no part of most, but joins the parts of web tokens.
fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+/=.~".contains(&byte)
}

/// A key in an unbroken run of characters, and in the lines after it.
fn in_run(text: &str, run: Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let may_begin = |start: &usize| !word_before(bytes, *start) && begins(&text[*start..]);
    for start in run.clone().filter(may_begin).take(ATTEMPTS) {
        let rest = &text[start..run.end];
        if rest.starts_with("sk-") {
            let end = goes_on(text, run_end(bytes, start, usize::MAX, is_plain), is_plain);
            let body: String = text[start + 3..end].split_whitespace().collect();
            let digit = body.bytes().any(|b| b.is_ascii_digit());
            let word = |c: char| c.is_ascii_lowercase() || c == '-';
            if body.len() >= 10 && digit
                || body.len() >= 16 && (!body.contains('-') || !body.chars().all(word))
            {
                return Some(start..end);
            }
        }
        if rest.starts_with("eyJ") {
            let token = |b: u8| is_plain(b) || b == b'.' || b == b'=';
            let end = goes_on(text, run_end(bytes, start, usize::MAX, token), token);
            let token = text[start..end].trim_end_matches('.');
            if token.len() >= 20 && token.contains('.') {
                return Some(start..start + token.len());
            }
        }
        let beginning = BEGINNINGS.iter().find(|(beginning, _)| rest.starts_with(beginning));
        if let Some(&(beginning, fewest)) = beginning {
            let part = |b: u8| is_plain(b) || b == b'.' && (beginning.ends_with('.'));
            let end = goes_on(text, run_end(bytes, start, usize::MAX, part), part);
            let body: String = text[start + beginning.len()..end].split_whitespace().collect();
            let random = body.bytes().any(|b| b.is_ascii_digit()) || looks_random(&body);
            if body.len() >= fewest && (random || !beginning.ends_with('-') || body.len() >= 32) {
                return Some(start..end);
            }
        }
    }
    drawn_by_lot(text, run)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// A string that looks like nothing but a key; a digest (`sha512-...`) says what it is.
fn drawn_by_lot(text: &str, run: Range<usize>) -> Option<Range<usize>> {
    let digest = ["sha1-", "sha256-", "sha384-", "sha512-"];
    let bytes = text.as_bytes();
    if digest.iter().any(|d| text[run.clone()].starts_with(d))
        || bytes[..run.start].ends_with(b"h1:")
        || bytes[..run.start].ends_with(b"SHA256:")
    {
        return None;
    }
    let part = |b: u8| is_key_byte(b) && b != b'.' && b != b'~';
    let mut at = run.start;
    while at < run.end {
        let end = run_end(bytes, at, run.end - at, part);
        if let Some(key) = of_base64(text, at..end).or_else(|| by_segments(text, at..end)) {
            // The rest of the run belongs to it: parts of a token joined by dots.
            return Some(key.start..goes_on(text, run.end.max(key.end), part));
        }
        at = end + 1;
    }
    None
}

/// The whole part if it may be base64: in base64 one character in 64 is a slash, in a path many are.
fn of_base64(text: &str, part: Range<usize>) -> Option<Range<usize>> {
    let written = &text[part.clone()];
    let slashes = written.matches('/').count();
    (slashes * 16 <= written.len() && !written.starts_with('/') && is_drawn_by_lot(written)).then_some(part)
}

/// A part of a path that is a key, and all behind it.
fn by_segments(text: &str, part: Range<usize>) -> Option<Range<usize>> {
    let mut start = part.start;
    for segment in text[part.clone()].split('/') {
        let value = segment.rsplit('=').next().filter(|v| !v.is_empty()).unwrap_or(segment);
        let at = start + segment.find(value).unwrap_or(0);
        if is_drawn_by_lot(value.trim_end_matches('=')) {
            return Some(at..part.end);
        }
        start += segment.len() + 1;
    }
    None
}

/// The end of a key that may have been broken into lines.
fn goes_on(text: &str, mut end: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let bytes = text.as_bytes();
    loop {
        let broken = run_end(bytes, end, 2, |b| b == b'\\' || b == b'\r');
        if bytes.get(broken) != Some(&b'\n') {
            return end;
        }
        let start = run_end(bytes, broken + 1, 16, |b| b == b' ' || b == b'\t');
        let next = run_end(bytes, start, usize::MAX, &belongs);
        let line = &text[start..next];
        let alone = matches!(bytes.get(next), None | Some(b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'\\'));
        let another =
            line.starts_with("sk-") || BEGINNINGS.iter().any(|(beginning, _)| line.starts_with(beginning));
        let fewest = if alone { 3 } else { 8 };
        if another || line.len() < fewest || !looks_random(line) {
            return end;
        }
        end = next;
    }
}

/// What follows `Bearer` or `Basic`, if the run is that word.
fn bearer(text: &str, run: Range<usize>, found: &mut impl FnMut(Range<usize>)) {
    let scheme = &text[run.clone()];
    let bearer = scheme.eq_ignore_ascii_case("bearer");
    if !(bearer || scheme == "Basic") || text.as_bytes().get(run.end) != Some(&b' ') {
        return;
    }
    let start = run.end + 1;
    let end = run_end(text.as_bytes(), start, usize::MAX, is_key_byte);
    let token = text[start..end].trim_end_matches('.');
    let digit = token.bytes().any(|b| b.is_ascii_digit());
    let likely = match bearer {
        true => token.len() >= 8 && (digit || looks_random(token)) || token.len() >= 20,
        false => token.len() >= 8 && (token.ends_with('=') || digit && looks_random(token)),
    };
    if likely && !is_stand_in(token) {
        found(start..goes_on(text, start + token.len(), is_key_byte));
    }
}

/// Blocks of private keys, from their first line to their last; without a last line, as far as the key goes on.
fn private_keys(text: &str, found: &mut impl FnMut(Range<usize>)) {
    const BEGIN: &str = "-----BEGIN ";
    const END: &str = "-----END ";
    let bytes = text.as_bytes();
    let ends: Vec<usize> = memchr::memmem::find_iter(bytes, END).collect();
    let mut after = 0;
    for start in memchr::memmem::find_iter(bytes, BEGIN) {
        let label_end = run_end(bytes, start + BEGIN.len(), 64, |b| {
            b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' '
        });
        let label = &text[start + BEGIN.len()..label_end];
        if start < after || !label.contains("PRIVATE KEY") {
            continue;
        }
        let body = run_end(bytes, label_end, 5, |b| b == b'-');
        let end = match ends.get(ends.partition_point(|&end| end < body)) {
            Some(&end) if text.get(end + END.len()..).is_some_and(|t| t.starts_with(label)) => {
                let end = end + END.len() + label.len();
                run_end(bytes, end, 5, |b| b == b'-')
            }
            _ => run_end(bytes, body, usize::MAX, |b| {
                is_key_byte(b) || b.is_ascii_whitespace() || b":,".contains(&b)
            }),
        };
        let block = text[start..end].trim_end();
        found(start..start + block.len());
        after = end;
    }
}
