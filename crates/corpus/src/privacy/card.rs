//! Numbers of payment cards.

use std::ops::Range;

use super::letters::{digit_at, word_at, word_before};

/// Digits of a card's number (ISO/IEC 7812).
const DIGITS: Range<usize> = 13..20;

/// Every number of a card in a text: groups of digits with one space or hyphen between them.
pub(super) fn find(text: &str, mut found: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let groups = groups(bytes, at);
        let end = groups.last().map_or(at + 1, |g| g.end);
        if bounded(bytes, at, end) {
            in_groups(bytes, &groups, &mut found);
        }
        at = end;
    }
}

/// The groups of digits that begin at `at`.
fn groups(bytes: &[u8], mut at: usize) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    loop {
        let start = at;
        while digit_at(bytes, at) {
            at += 1;
        }
        groups.push(start..at);
        let goes_on = matches!(bytes.get(at), Some(b' ' | b'-')) && digit_at(bytes, at + 1);
        if !goes_on {
            return groups;
        }
        at += 1;
    }
}

/// Whether the digits are a number of their own: no part of a word, and no part of a fraction.
fn bounded(bytes: &[u8], start: usize, end: usize) -> bool {
    let fraction = start > 1 && matches!(bytes[start - 1], b'.' | b',') && bytes[start - 2].is_ascii_digit();
    let goes_on = bytes.get(end) == Some(&b'.') && digit_at(bytes, end + 1);
    !word_before(bytes, start)
        && !word_at(bytes, end)
        && !fraction
        && !goes_on
        && bytes.get(end) != Some(&b'_')
        && (start == 0 || bytes[start - 1] != b'_')
}

fn in_groups(bytes: &[u8], groups: &[Range<usize>], found: &mut impl FnMut(Range<usize>)) {
    let mut first = 0;
    while first < groups.len() {
        let mut digits = 0;
        let mut longest = None;
        for last in first..groups.len() {
            digits += groups[last].len();
            if digits >= DIGITS.end {
                break;
            }
            let window = &groups[first..=last];
            let alone = window.len() == groups.len();
            let number = number(bytes, window);
            if DIGITS.contains(&digits) && plausible(&number, window, alone) && luhn(&number) {
                longest = Some(last);
            }
        }
        if let Some(last) = longest {
            found(groups[first].start..groups[last].end);
        }
        first = longest.unwrap_or(first) + 1;
    }
}

fn number(bytes: &[u8], groups: &[Range<usize>]) -> Vec<u8> {
    groups.iter().flat_map(|g| &bytes[g.clone()]).map(|b| b - b'0').collect()
}

/// Numbers of cards begin with 2 or more (1 is for airlines; with 1 begin the times of programs, too). Among other
/// numbers only those count that are grouped as cards are, from a known network.
fn plausible(number: &[u8], groups: &[Range<usize>], alone: bool) -> bool {
    let lengths: Vec<usize> = groups.iter().map(Range::len).collect();
    let grouped = matches!(lengths.as_slice(), [_] | [4, 6, 4 | 5] | [4, 4, 4, 1..=4] | [4, 4, 4, 4, 1..=3]);
    let network = match number {
        [2, 2..=7, ..] | [3, 4..=8, ..] | [4, ..] | [5, 0..=8, ..] | [6, ..] => true,
        [first, second, ..] => matches!((first, second), (8, 1 | 2) | (9, 7)),
        _ => false,
    };
    number.first().is_some_and(|&d| d > 1) && (alone || grouped && network)
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn luhn(number: &[u8]) -> bool {
    let sum: u32 = number
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &digit)| match (i % 2, u32::from(digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => 2 * digit - 9,
            (_, digit) => 2 * digit,
        })
        .sum();
    sum.is_multiple_of(10) && number.iter().any(|&d| d != number[0])
}
