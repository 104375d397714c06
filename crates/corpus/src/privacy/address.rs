//! IP addresses.

// Of `core`, which has addresses and no sockets.
use core::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::letters::{run_end, word_at, word_before, words_before};

/// After one of these, four numbers with dots are no address.
const NUMBERED: [&str; 20] = [
    "version",
    "versions",
    "ver",
    "v",
    "release",
    "rev",
    "revision",
    "build",
    "section",
    "chapter",
    "clause",
    "figure",
    "table",
    "appendix",
    "paragraph",
    "rfc",
    "oid",
    "upgrade",
    "firmware",
    "assembly",
];

/// Every address in a text that points at somebody: not loopback, unspecified, or a net mask.
pub(super) fn find(text: &str, mut found: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_hexdigit() || bytes[at] == b':') {
            at += 1;
            continue;
        }
        let end = run_end(bytes, at, usize::MAX, |b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
        // In `node:10.1.2.3` the run begins inside a word.
        let start = match word_before(bytes, at) {
            true => text[at..end].find(':').map_or(end, |mark| at + mark),
            false => at,
        };
        if !v6(text, &trimmed(text, &(start..end)), &mut found) {
            // An address with its port, or behind a name.
            let mut piece = start;
            for part in text[start..end].split(':') {
                let length = part.trim_end_matches('.').len();
                v4(text, &(piece..piece + length), &mut found);
                piece += part.len() + 1;
            }
        }
        at = end;
    }
}

/// The run without the marks of the sentence at its ends.
fn trimmed(text: &str, run: &Range<usize>) -> Range<usize> {
    let mut end = run.end;
    while end > run.start
        && (text[run.start..end].ends_with('.')
            || text[run.start..end].ends_with(':') && !text[run.start..end].ends_with("::"))
    {
        end -= 1;
    }
    let start = match text[run.start..end].strip_prefix(':') {
        Some(rest) if !rest.starts_with(':') => run.start + 1,
        _ => run.start,
    };
    start..end.max(start)
}

fn v4(text: &str, run: &Range<usize>, found: &mut impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let Ok(address) = text[run.clone()].parse::<Ipv4Addr>() else { return };
    let before = |n: usize| run.start.checked_sub(n).map(|i| bytes[i]);
    let word = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphabetic());
    let part_of_more = matches!(before(1), Some(b'.' | b'_')) || before(1) == Some(b'-') && word(before(2));
    let goes_on = match bytes.get(run.end) {
        Some(b'_') => true,
        Some(b'-') => word_at(bytes, run.end + 1) && !bytes[run.end + 1].is_ascii_digit(),
        Some(b) => b.is_ascii_alphanumeric(),
        None => false,
    };
    let octets = address.octets();
    // Chrome/120.0.0.0
    let product = before(1) == Some(b'/') && word(before(2)) && octets[1..] == [0, 0, 0];
    // requests==2.31.0.1
    let required = before(1) == Some(b'=') && matches!(before(2), Some(b'=' | b'>' | b'<' | b'~' | b'!'));
    let numbered = near(text, run.start)
        && words_before(text, run.start).first().is_some_and(|word| NUMBERED.contains(&word.as_str()));
    let nobody = address.is_loopback() || octets[0] == 0 || octets[0] == 255;
    if !(part_of_more || goes_on || product || required || numbered || nobody) {
        found(run.clone());
    }
}

/// Whether only marks stand between a place and the word before it.
fn near(text: &str, at: usize) -> bool {
    let marks = text[..at].chars().rev().take_while(|c| !c.is_alphabetic());
    marks.take(5).all(|c| " :=\"'.(§".contains(c))
}

/// Whether the run is an IPv6 address, found or not.
fn v6(text: &str, run: &Range<usize>, found: &mut impl FnMut(Range<usize>)) -> bool {
    let written = &text[run.clone()];
    let Ok(address) = written.parse::<Ipv6Addr>() else { return false };
    let bytes = text.as_bytes();
    let goes_on = bytes.get(run.end).is_some_and(|&b| b.is_ascii_alphanumeric() || b == b'_' || b == b':');
    // Paths of programs, such as `a::b` and `dead::beef`, are written like addresses.
    let groups = written.split(':').filter(|g| !g.is_empty()).count();
    let first = address.segments()[0];
    let routed = matches!(first, 0x2000..=0x3fff | 0xfc00..=0xfdff | 0xfe80..=0xfebf | 0xff00..);
    let digits = written.bytes().any(|b| b.is_ascii_digit());
    let nobody = address.is_loopback() || address.is_unspecified();
    if !goes_on && !nobody && digits && (groups > 2 || routed || written.contains('.')) {
        found(run.clone());
    }
    true
}
