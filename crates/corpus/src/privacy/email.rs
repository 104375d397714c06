//! E-mail addresses.

use std::ops::Range;

use super::letters::run_end;

/// RFC 5321's limits, in bytes.
const LOCAL: usize = 64;
const DOMAIN: usize = 255;

/// What follows an at sign in the names of pictures (`logo@2x.png`), and is no domain.
const NO_DOMAINS: [&str; 8] = ["png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico"];

/// Every address in a text.
pub(super) fn find(text: &str, mut found: impl FnMut(Range<usize>)) {
    for at in memchr::memchr_iter(b'@', text.as_bytes()) {
        let Some(start) = local_part(text, at) else { continue };
        let Some(end) = domain(text, at + 1) else { continue };
        // What version control logs in as; nobody's.
        if &text[start..at] != "git" {
            found(start..end);
        }
    }
}

/// Where the part before an at sign begins.
fn local_part(text: &str, at: usize) -> Option<usize> {
    let before = &text[..at];
    if let Some(quoted) = before.strip_suffix('"') {
        let quote = quoted.bytes().rev().take(LOCAL).position(|b| b == b'"')?;
        let start = quoted.len() - quote - 1;
        return (quote > 0 && !text[start..at].contains('\n')).then_some(start);
    }
    let (mut start, mut length) = (at, 0);
    for (place, c) in before.char_indices().rev() {
        length += c.len_utf8();
        if length > LOCAL || !(is_letter(c) || ".!#$&*+-_~'".contains(c)) {
            break;
        }
        start = place;
    }
    // Marks around an address, as in *bob@example.com* or 'bob@example.com', are not of it.
    let trimmed = text[start..at].trim_start_matches(|c| !is_letter(c) && c != '_');
    (!trimmed.is_empty() && !trimmed.ends_with('.')).then(|| at - trimmed.len())
}

/// Where the domain that begins at `from` ends.
fn domain(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(from) == Some(&b'[') {
        let end = run_end(bytes, from + 1, 64, |b| b.is_ascii_hexdigit() || b".:IPv".contains(&b));
        return (bytes.get(end) == Some(&b']') && end > from + 4).then_some(end + 1);
    }
    let mut end = from;
    for c in text[from..].chars() {
        if end - from > DOMAIN || !(is_letter(c) || c == '.' || c == '-') {
            break;
        }
        end += c.len_utf8();
    }
    let domain = text[from..end].trim_end_matches(['.', '-']);
    let mut labels: Vec<&str> = domain.split('.').collect();
    // `..` ends it: an ellipsis.
    if let Some(gap) = labels.iter().position(|l| l.is_empty()) {
        labels.truncate(gap);
    }
    let length = labels.iter().map(|l| l.len() + 1).sum::<usize>().checked_sub(1)?;
    let top = labels.last().filter(|_| labels.len() > 1)?.to_ascii_lowercase();
    let letters = top.chars().all(char::is_alphabetic) && top.chars().count() > 1;
    let domain = (letters || top.starts_with("xn--")) && !NO_DOMAINS.contains(&top.as_str());
    domain.then_some(from + length)
}

/// Letters of the alphabets and digits; those of scripts without spaces between words would take the sentence along.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || ('\u{c0}'..'\u{530}').contains(&c) && c.is_alphanumeric()
}
