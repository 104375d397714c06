//! Counting many texts with one vocabulary: words that were counted before are looked up.
//!
//! Byte-pair tokenizers split a text before they merge anything, and the patterns of all of OpenAI's and the open
//! vocabularies begin a piece at a space that stands alone: a space is either the first character of a piece or in
//! a run of blanks. So a text may be cut ahead of each such space, and its count is the sum of the parts' counts. The
//! parts are words with what hangs on them, few of which are rare; a rare one is cut again where a letter meets a
//! mark, for there a piece ends as well (but at an apostrophe: `don't` is one piece to some). Not so for
//! SentencePiece models that merge across spaces.

use std::cell::Cell;
use std::fmt;

/// Longest part that is remembered, in bytes: with its count it fills sixteen.
const LONGEST: usize = 15;
/// Pairs of parts that are remembered; two megabytes.
const PAIRS: usize = 1 << 16;

/// Two parts of the same hash; each its text, padded with zeros, and in the highest byte its count.
type Pair = [u128; 2];

/// Counts tokens, and remembers the counts of words. Its figures are those of the counter that it was given. It
/// takes two megabytes, so make one for many texts; and one for each thread.
pub struct CachedCounter<F> {
    count: F,
    pairs: Box<[Cell<Pair>]>,
}

impl<F: Fn(&str) -> u32> CachedCounter<F> {
    /// Remembers what `count` says, which has to begin a piece at every space that stands alone between
    /// characters that are no blanks, and at every mark of ASCII behind a letter of ASCII but the apostrophe.
    pub fn new(count: F) -> CachedCounter<F> {
        CachedCounter { count, pairs: vec![Cell::new([0; 2]); PAIRS].into_boxed_slice() }
    }

    /// The number of tokens in `text`.
    pub fn count(&self, text: &str) -> u32 {
        let mut tokens = 0u32;
        let mut start = 0;
        while start < text.len() {
            let end = next_cut(text.as_bytes(), start);
            tokens = tokens.saturating_add(self.count_part(text, start, end));
            start = end;
        }
        tokens
    }

    /// Counts a part, from memory if it can.
    fn count_part(&self, text: &str, start: usize, end: usize) -> u32 {
        let key = key_of(text.as_bytes(), start, end);
        let cell = key.and_then(|key| Some((key, self.pairs.get(place_of(key))?)));
        if let Some((key, cell)) = cell
            && let Some(tokens) = known(cell.get(), key)
        {
            return tokens;
        }
        let tokens = match next_mark(text.as_bytes(), start, end) {
            Some(_) => self.count_words(text, start, end),
            None => (self.count)(text.get(start..end).unwrap_or_default()),
        };
        if let Some((key, cell)) = cell {
            remember(cell, key, tokens);
        }
        tokens
    }

    /// Counts the words of a part, each with the marks ahead of it.
    fn count_words(&self, text: &str, mut start: usize, end: usize) -> u32 {
        let mut tokens = 0u32;
        while start < end {
            let mark = next_mark(text.as_bytes(), start, end).unwrap_or(end);
            tokens = tokens.saturating_add(self.count_word(text, start, mark));
            start = mark;
        }
        tokens
    }

    /// Counts what is not cut any further.
    fn count_word(&self, text: &str, start: usize, end: usize) -> u32 {
        // Cuts are ahead of spaces and marks, so always between characters.
        let word = text.get(start..end).unwrap_or_default();
        let Some(key) = key_of(text.as_bytes(), start, end) else { return (self.count)(word) };
        let Some(cell) = self.pairs.get(place_of(key)) else { return (self.count)(word) };
        known(cell.get(), key).unwrap_or_else(|| {
            let tokens = (self.count)(word);
            remember(cell, key, tokens);
            tokens
        })
    }
}

/// The count of a part, if it is one of the two.
fn known(pair: Pair, key: u128) -> Option<u32> {
    pair.into_iter().find(|known| known & KEY == key).map(|known| (known >> (8 * LONGEST)) as u32)
}

/// Puts a count in the place of the older one of the two.
fn remember(cell: &Cell<Pair>, key: u128, tokens: u32) {
    if let Ok(small) = u8::try_from(tokens) {
        cell.set([key | u128::from(small) << (8 * LONGEST), cell.get()[0]]);
    }
}

impl<F> fmt::Debug for CachedCounter<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedCounter").finish_non_exhaustive()
    }
}

/// The part of an entry that is text.
const KEY: u128 = u128::MAX >> 8;

/// A part as a number, if it is short enough, and does not end as the padding does.
fn key_of(bytes: &[u8], start: usize, end: usize) -> Option<u128> {
    let length = end - start;
    if length > LONGEST || bytes.get(end - 1) == Some(&0) {
        return None;
    }
    Some(match bytes.get(start..).and_then(<[u8]>::first_chunk::<16>) {
        // What is behind the part is masked: cheaper than copying a few bytes.
        Some(sixteen) => u128::from_le_bytes(*sixteen) & (u128::MAX >> (8 * (16 - length))),
        None => {
            let mut sixteen = [0; 16];
            sixteen[..length].copy_from_slice(&bytes[start..end]);
            u128::from_le_bytes(sixteen)
        }
    })
}

/// Multiplication carries low bits up only, so the place is taken from the top.
fn place_of(key: u128) -> usize {
    let folded = (key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((key >> 64) as u64).rotate_left(23);
    let mixed = (folded ^ folded >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed >> (u64::BITS - PAIRS.trailing_zeros())) as usize
}

/// Where the part that starts at `start` ends: ahead of the next space that stands alone, or with the text.
fn next_cut(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        at = next_space(bytes, at);
        match (bytes.get(at - 1), bytes.get(at + 1)) {
            // Beyond ASCII there are blanks too.
            (Some(&before), Some(&after)) if before.is_ascii() && after.is_ascii() => {
                if !is_blank(before) && !is_blank(after) {
                    return at;
                }
            }
            (_, Some(_)) => {}
            (_, None) => return bytes.len(),
        }
        at += 1;
    }
}

/// The first space at or behind `at`, or the end. Eight bytes at a time: words are short.
fn next_space(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let differs = u64::from_le_bytes(*eight) ^ (ONES * b' ' as u64);
        // The lowest top bit marks the first zero byte.
        let zeros = differs.wrapping_sub(ONES) & !differs & TOPS;
        if zeros != 0 {
            return at + zeros.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|&b| b == b' ').map_or(bytes.len(), |found| at + found)
}

/// The first mark behind a letter, between `start` and `end`.
fn next_mark(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    let neighbours = bytes.get(start..end)?.windows(2);
    let meets = |pair: &[u8]| {
        matches!(pair, [letter, mark]
            if letter.is_ascii_alphabetic() && mark.is_ascii_punctuation() && *mark != b'\'')
    };
    neighbours.into_iter().position(meets).map(|at| start + at + 1)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Vocabulary;
    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        let mut parts = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let end = next_cut(text.as_bytes(), start);
            parts.push(&text[start..end]);
            start = end;
        }
        parts
    }

    #[test]
    fn cuts_are_ahead_of_spaces_that_stand_alone() {
        assert_eq!(parts("a bc, d"), ["a", " bc,", " d"]);
        assert_eq!(parts(" a  b \n c\t d e "), [" a  b \n c\t d", " e "]);
        assert_eq!(parts("é a b é c"), ["é a", " b é c"]);
        assert_eq!(parts("abcdefgh ijklmnop qrstuvwxyz"), ["abcdefgh", " ijklmnop", " qrstuvwxyz"]);
        assert_eq!(parts(""), [] as [&str; 0]);
        assert_eq!(parts(" "), [" "]);
    }

    #[test]
    fn what_was_counted_is_not_counted_again() {
        let calls = Cell::new(0);
        let counter = CachedCounter::new(|part: &str| {
            calls.set(calls.get() + 1);
            part.len() as u32
        });
        assert_eq!(counter.count("well well well"), 14);
        assert_eq!(calls.get(), 2, "the first has no space");
        assert_eq!(counter.count("well, well, it's well."), 22);
        assert_eq!(calls.get(), 5, "the comma, `it's` and the point");
        assert_eq!(counter.count("well, well, it's well."), 22);
        assert_eq!(counter.count("incomprehensibilities"), 21);
        assert_eq!(counter.count("incomprehensibilities"), 21);
        assert_eq!(calls.get(), 7, "long parts are not remembered");
        // Too many tokens for a byte: not remembered, and not cut off.
        let many = CachedCounter::new(|_: &str| 300);
        assert_eq!((many.count("a"), many.count("a")), (300, 300));
    }

    /// Regression: a part is padded with zeros, and must not be taken for one that ends in them.
    #[test]
    fn zeros_are_told_from_padding() {
        let counter = CachedCounter::new(|part: &str| part.len() as u32);
        assert_eq!([counter.count("a"), counter.count("a\0"), counter.count("a\0\0")], [1, 2, 3]);
        assert_eq!([counter.count("a\0b"), counter.count("a\0b"), counter.count("\0")], [3, 3, 1]);
    }

    proptest! {
        /// The claim on which this rests, for every vocabulary, on texts that are all seams.
        #[test]
        fn counts_are_those_of_the_vocabulary(texts in prop::collection::vec("([ \\t\\n\\r\\x00]{0,3}([A-Za-z]{0,9}|'s|'LL|[0-9]{0,5}|[.,/!()'_:<`\"-]{0,3}|[éÄß中文か\u{a0}\u{2003}\u{3000}\u{301}🌊]{0,2})){0,14}", 1..6)) {
            for vocabulary in Vocabulary::ALL {
                let counter = CachedCounter::new(|text: &str| vocabulary.count(text));
                for text in texts.iter().chain(&texts) {
                    prop_assert_eq!(counter.count(text), vocabulary.count(text), "{:?}", text);
                }
            }
        }

        #[test]
        fn any_text_has_its_count(text: String) {
            let counter = CachedCounter::new(|text: &str| Vocabulary::O200k.count(text));
            prop_assert_eq!(counter.count(&text), Vocabulary::O200k.count(&text));
        }
    }
}
