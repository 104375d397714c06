//! Prompts of an exact number of tokens, built from words of one token each.
//!
//! No two arrivals get the same prompt, as long as the words allow it: the first words are the
//! arrival's index written in base "number of words", lowest digit first and shifted by the seed, so that
//! prompts differ from their first word on and no cache of prefixes can help. The others are random.

use std::sync::LazyLock;

use floodline_core::random::{Purpose, Stream};
use floodline_wire::tokens::words::WORDS;

/// A word with the space before it, padded so that it is copied in one go.
#[derive(Clone, Copy)]
struct Piece {
    bytes: [u8; PIECE],
    length: usize,
}

const PIECE: usize = 16;

static PIECES: LazyLock<Vec<Piece>> = LazyLock::new(|| {
    let piece = |word: &&str| {
        let mut bytes = [b' '; PIECE];
        let length = word.len().min(PIECE - 1);
        bytes[1..=length].copy_from_slice(&word.as_bytes()[..length]);
        Piece { bytes, length: length + 1 }
    };
    WORDS.iter().map(piece).collect()
});

/// Appends the JSON array of one user message of `tokens` words.
pub(super) fn message(out: &mut Vec<u8>, seed: u64, i: u64, tokens: u32) {
    out.extend_from_slice(b"[{\"role\":\"user\",\"content\":");
    let quote = out.len();
    out.push(b'"');
    if tokens > 0 {
        // Every word comes with a space before it; the quote takes the place of the first one.
        out.truncate(quote);
        words(out, seed, i, tokens);
        out[quote] = b'"';
    }
    out.extend_from_slice(b"\"}]");
}

fn words(out: &mut Vec<u8>, seed: u64, i: u64, tokens: u32) {
    let pieces = PIECES.as_slice();
    let base = pieces.len() as u64;
    let start = out.len();
    // Room for the longest words, so that each is copied whole and the next one overwrites its padding.
    let room = (tokens as usize).saturating_mul(PIECE);
    let mut buffer = Room { out, at: start };
    buffer.out.resize(start + room, b' ');

    let mut stream = Stream::new(seed, Purpose::Words, i);
    let mut shift = Stream::new(seed, Purpose::Words, u64::MAX);
    let mut rest = i;
    let digits = tokens.min(digits_of_an_index(base));
    for _ in 0..digits {
        let digit = (rest % base + u64::from(shift.below(pieces.len() as u32))) % base;
        buffer.push(&pieces[digit as usize]);
        rest /= base;
    }
    let mut left = tokens - digits;
    while left > 0 {
        // Four words of one draw: sixteen bits choose among some thousand words evenly enough.
        let mut bits = stream.bits();
        for _ in 0..left.min(4) {
            buffer.push(&pieces[(((bits & 0xffff) * base) >> 16) as usize]);
            bits >>= 16;
        }
        left = left.saturating_sub(4);
    }
    let end = buffer.at;
    out.truncate(end);
}

/// Where the next word goes.
struct Room<'a> {
    out: &'a mut Vec<u8>,
    at: usize,
}

impl Room<'_> {
    #[inline]
    fn push(&mut self, piece: &Piece) {
        if let Some(slot) = self.out.get_mut(self.at..self.at + PIECE) {
            slot.copy_from_slice(&piece.bytes);
            self.at += piece.length;
        }
    }
}

/// Digits that any 64-bit index fits into.
fn digits_of_an_index(base: u64) -> u32 {
    u64::MAX.checked_ilog(base.max(2)).map_or(64, |digits| digits + 1)
}
