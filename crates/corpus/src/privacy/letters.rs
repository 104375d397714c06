//! What scanners ask about bytes and words.

/// Whether a letter or digit of ASCII stands right before `at`.
pub(super) fn word_before(text: &[u8], at: usize) -> bool {
    at > 0 && text.get(at - 1).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether a letter or digit of ASCII stands at `at`.
pub(super) fn word_at(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether a digit stands at `at`.
pub(super) fn digit_at(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

/// The end of the run from `at` on of bytes that belong, at most `most` long; no character is cut.
pub(super) fn run_end(text: &[u8], at: usize, most: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let mut end = at + rest.iter().take(most).position(|&b| !belongs(b)).unwrap_or(rest.len().min(most));
    while end > at && is_inside_a_character(text, end) {
        end -= 1;
    }
    end
}

/// The start of the run of bytes that belong and end at `at`, at most `most` long; no character is cut.
pub(super) fn run_start(text: &[u8], at: usize, most: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let mut start =
        at - before.iter().rev().take(most).position(|&b| !belongs(b)).unwrap_or(before.len().min(most));
    while start < at && is_inside_a_character(text, start) {
        start += 1;
    }
    start
}

fn is_inside_a_character(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80)
}

/// The last words before `at`, in lower case, the nearest first; at most four, from at most 48 bytes.
pub(super) fn words_before(text: &str, at: usize) -> Vec<String> {
    let mut start = at.saturating_sub(48);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let near = text.get(start..at).unwrap_or_default();
    near.rsplit(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .take(4)
        .map(str::to_lowercase)
        .collect()
}

/// The digits of a text alone.
pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Whether a word of a list, or one that begins like one of it, is among these.
pub(super) fn any_word(words: &[String], exact: &[&str], beginnings: &[&str]) -> bool {
    words.iter().any(|word| exact.contains(&word.as_str()) || beginnings.iter().any(|b| word.starts_with(b)))
}
