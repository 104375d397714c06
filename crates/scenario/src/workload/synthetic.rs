//! Prompts of an exact number of tokens, built from words of one token each.
//!
//! Unless told otherwise no two arrivals get the same prompt, as long as the words allow it: the first words behind what
//! prompts share are the arrival's index written in base "number of words", lowest digit first and shifted by the seed, so
//! that prompts differ from there on and no cache of prefixes can help. The others are random.
//!
//! What prompts share counts towards their length: a system message, rendered once, and the first words of the user
//! message, which depend on the arrival's group. A group's words are made anew for each request, which costs no more
//! than other words and needs no memory, however many groups there are.

use std::sync::LazyLock;

use floodline_core::random::{Purpose, Stream};
use floodline_wire::tokens::words::WORDS;

use super::groups::Groups;

/// What the messages of one prompt are made of.
#[derive(Debug)]
pub(crate) struct Synthetic {
    seed: u64,
    shift: Shift,
    /// The array of messages up to the content of the user's.
    opening: Vec<u8>,
    /// Tokens of the system message.
    system: u32,
    groups: Option<Groups>,
    /// Which prompt of the mix it is.
    prompt: u32,
    /// Whether prompts differ behind what they share.
    unique: bool,
}

/// What prompts have in common.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Tokens of the system message; none without one.
    pub(crate) system: u32,
    pub(crate) groups: Option<Groups>,
    /// Whether all behind it is the same as well.
    pub(crate) rest: bool,
}

impl Synthetic {
    /// Prompt number `prompt` of the mix; prompts of different numbers share no text.
    pub(crate) fn new(seed: u64, prompt: u32, Shared { system, groups, rest }: Shared) -> Synthetic {
        let shift = Shift::new(seed);
        let mut opening = b"[".to_vec();
        if system > 0 {
            opening.extend_from_slice(b"{\"role\":\"system\",\"content\":");
            let number = shared_text(prompt, u32::MAX);
            quoted(&mut opening, |out| words(out, shift, number, prefix_stream(seed, number), system));
            opening.extend_from_slice(b"},");
        }
        opening.extend_from_slice(b"{\"role\":\"user\",\"content\":");
        Synthetic { seed, shift, opening, system, groups, prompt, unique: !rest }
    }

    /// Appends the JSON array of arrival `i`'s messages, of `tokens` words altogether. The system message is sent whole
    /// even if that is more.
    pub(super) fn messages(&self, out: &mut Vec<u8>, i: u64, tokens: u32) {
        out.extend_from_slice(&self.opening);
        quoted(out, |out| {
            let mut left = tokens.saturating_sub(self.system);
            if let Some(groups) = &self.groups {
                let number = shared_text(self.prompt, groups.of(self.seed, i));
                let shared = groups.tokens().min(left);
                words(out, self.shift, number, prefix_stream(self.seed, number), shared);
                left -= shared;
            }
            let number = if self.unique { i } else { u64::from(self.prompt) };
            words(out, self.shift, number, Stream::new(self.seed, Purpose::Words, number), left);
        });
        out.extend_from_slice(b"}]");
    }
}

/// Words of one seed, where a prompt is put together from several texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wording {
    seed: u64,
    shift: Shift,
}

impl Wording {
    pub(super) fn new(seed: u64) -> Wording {
        Wording { seed, shift: Shift::new(seed) }
    }

    /// Appends the first `count` words of the text of this number, each with a space before it.
    pub(super) fn write(&self, out: &mut Vec<u8>, number: u64, count: u32) {
        words(out, self.shift, number, Stream::new(self.seed, Purpose::Words, number), count);
    }
}

/// Appends the JSON array of one user message; `content` appends its words, each with a space before it.
pub(super) fn user(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"[{\"role\":\"user\",\"content\":");
    quoted(out, content);
    out.extend_from_slice(b"}]");
}

/// The number of a shared text, one for each prompt and group. Arrivals, which draw their groups from streams of the same
/// purpose, never come so far.
fn shared_text(prompt: u32, group: u32) -> u64 {
    1 << 63 | u64::from(prompt) << 32 | u64::from(group)
}

fn prefix_stream(seed: u64, number: u64) -> Stream {
    Stream::new(seed, Purpose::Prefix, number)
}

/// A JSON string of whatever words are written. Each comes with a space before it; the quote takes the place of the first.
fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    match out.get_mut(start) {
        Some(space) => *space = b'"',
        None => out.push(b'"'),
    }
    out.push(b'"');
}

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

/// What is added to the digits of a number, so that another seed writes it in other words.
#[derive(Clone, Copy, Debug)]
struct Shift([u32; DIGITS]);

/// Digits that any 64-bit number fits into, in the base of that many words.
const DIGITS: usize = match u64::MAX.checked_ilog(WORDS.len() as u64) {
    Some(digits) => digits as usize + 1,
    None => 64,
};

impl Shift {
    fn new(seed: u64) -> Shift {
        let mut stream = Stream::new(seed, Purpose::Words, u64::MAX);
        Shift(std::array::from_fn(|_| stream.below(WORDS.len() as u32)))
    }
}

/// Appends `count` words: those of a number, then random ones, each with a space before it. Fewer words are the beginning
/// of more.
fn words(out: &mut Vec<u8>, Shift(shift): Shift, number: u64, mut stream: Stream, count: u32) {
    let pieces = PIECES.as_slice();
    let base = pieces.len() as u64;
    let start = out.len();
    // Room for the longest words, so that each is copied whole and the next one overwrites its padding.
    let room = (count as usize).saturating_mul(PIECE);
    let mut buffer = Room { out, at: start };
    buffer.out.resize(start + room, b' ');

    let mut rest = number;
    let mut left = count;
    for shift in shift.into_iter().take(count as usize) {
        let digit = (rest % base + u64::from(shift)) % base;
        buffer.push(&pieces[digit as usize]);
        rest /= base;
        left -= 1;
    }
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
