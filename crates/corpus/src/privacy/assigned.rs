//! Secrets by what they are assigned to: `password=...`, `"api_key": "..."`, `the password is ...`.

use std::ops::Range;

use super::key_forms::{is_secret_name, is_stand_in};
use super::letters::{run_end, run_start};

/// The longest value in quotes that is looked for, in bytes.
const LONGEST: usize = 1024;

/// Every value that is assigned to the name of a secret.
pub(super) fn find(text: &str, mut found: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    for mark in memchr::memchr2_iter(b':', b'=', bytes) {
        // The first of `::`, `==`, `:=` and the second of `=>` lead to the value as well.
        if mark > 0 && matches!(bytes[mark - 1], b':' | b'=') {
            continue;
        }
        let Some(name) = name_before(text, mark) else { continue };
        let start = run_end(bytes, mark, 3, |b| matches!(b, b':' | b'=' | b'>'));
        if bytes[mark..start].starts_with(b"::") {
            continue;
        }
        value(
            text,
            start,
            &name,
            bytes[mark] == b'=' && start < bytes.len() && bytes[start] != b' ',
            &mut found,
        );
    }
    for mark in memchr::memmem::find_iter(bytes, " is ").chain(memchr::memmem::find_iter(bytes, " ist ")) {
        if let Some(name) = name_before(text, mark) {
            let start = run_end(bytes, mark + 1, 3, |b| b.is_ascii_alphabetic());
            let start = if bytes.get(start) == Some(&b':') { start + 1 } else { start };
            value(text, start, &name, false, &mut found);
        }
    }
}

/// The name before a mark if it is one of a secret. Of `user.password` the last part counts, `API key` is two words.
fn name_before(text: &str, mark: usize) -> Option<String> {
    let bytes = text.as_bytes();
    let end = run_start(bytes, mark, 6, |b| b" \t\"'`]*)".contains(&b));
    let start = run_start(bytes, end, 64, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let name = &text[start..end];
    if is_secret_name(name) {
        return Some(name.to_ascii_lowercase());
    }
    if !name.eq_ignore_ascii_case("key") || start == 0 || bytes[start - 1] != b' ' {
        return None;
    }
    let first = &text[run_start(bytes, start - 1, 16, |b| b.is_ascii_alphabetic())..start - 1];
    let joined = format!("{first}{name}").to_ascii_lowercase();
    is_secret_name(&joined).then_some(joined)
}

/// The value that begins behind `start`.
fn value(text: &str, start: usize, name: &str, tight: bool, found: &mut impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let mut start = run_end(bytes, start, 8, |b| b == b' ' || b == b'\t' || b == b'*');
    let behind = after_scheme(text, start);
    let schemed = behind > start;
    start = behind;
    // b"..." and f"..." of programs.
    if matches!(bytes.get(start), Some(b'b' | b'f' | b'r'))
        && matches!(bytes.get(start + 1), Some(b'"' | b'\''))
    {
        start += 1;
    }
    if let Some(&quote @ (b'"' | b'\'' | b'`')) = bytes.get(start) {
        let inside = start + 1;
        let end = closing(bytes, inside, quote);
        if let Some(end) = end {
            let begin = after_scheme(text, inside);
            if begin < end && is_quoted_secret(name, &text[begin..end]) {
                found(begin..end);
            }
            return;
        }
        start = inside;
    }
    let end = bare_end(bytes, start);
    let written = text[start..end].trim_end_matches(['.', '!', '?', ':', '*', '\\']);
    // `password: str = "..."` of typed programs.
    let next = run_end(bytes, end, 2, |b| b == b' ');
    if bytes.get(next) == Some(&b'=') && bytes.get(next + 1) == Some(&b' ') && is_identifier(written) {
        return value(text, next + 1, name, tight, found);
    }
    let called = matches!(bytes.get(end), Some(b'(' | b'[' | b'{'));
    // What follows a scheme is made by programs.
    let mixed = |class: fn(&u8) -> bool| written.as_bytes().iter().any(class);
    let made =
        schemed && written.len() >= 8 && mixed(u8::is_ascii_uppercase) && mixed(u8::is_ascii_lowercase);
    if !called && !is_stand_in(written) && (made || is_bare_secret(name, written, tight)) {
        found(start..start + written.len());
    }
}

/// Where a value without quotes ends. An ampersand ends it only if another assignment follows, as in a query.
fn bare_end(bytes: &[u8], start: usize) -> usize {
    let part = |b: u8| !b.is_ascii_whitespace() && !b"\"'`<>,;&()[]{}|".contains(&b);
    let mut end = run_end(bytes, start, LONGEST, part);
    while bytes.get(end) == Some(&b'&') && end - start < LONGEST {
        let name = run_end(bytes, end + 1, 64, |b| b.is_ascii_alphanumeric() || b"_-.;".contains(&b));
        if bytes.get(name) == Some(&b'=') {
            break;
        }
        end = run_end(bytes, end + 1, LONGEST, part);
    }
    end
}

/// Behind the scheme of an `Authorization` header, if there is one.
fn after_scheme(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let schemes = ["Bearer ", "bearer ", "Basic ", "basic ", "Token ", "token ", "ApiKey "];
    start + schemes.iter().find(|scheme| rest.starts_with(**scheme)).map_or(0, |scheme| scheme.len())
}

/// Where a string ends that began with this quote.
fn closing(bytes: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from;
    while at < bytes.len().min(from + LONGEST) {
        match bytes[at] {
            b'\\' => at += 1,
            b'\n' => return None,
            b if b == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// A value in quotes is a secret unless it stands for one, or is a sentence about it.
fn is_quoted_secret(name: &str, value: &str) -> bool {
    let lower = value.to_lowercase();
    let about = ["string", "password", "secret", "token", "required", "bearer", "basic", "text", "number"];
    let sentence = value.contains(' ')
        && (!is_pass(name)
            || ["password", "your", "must", "the ", "enter"].iter().any(|w| lower.contains(w)));
    value.chars().count() >= 4
        && !is_stand_in(value)
        && !about.contains(&lower.as_str())
        && !sentence
        && !is_reference(value)
        && !is_small_number(name, value)
}

/// Without quotes it may be a word of a sentence, or a variable: it needs more than letters.
fn is_bare_secret(name: &str, value: &str, tight: bool) -> bool {
    let length = value.chars().count();
    let letters = value.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'.'));
    let shell = tight
        && is_pass(name)
        && value.bytes().all(|b| b.is_ascii_lowercase())
        && length >= 6
        && !is_secret_name(value);
    length >= 4
        && !is_stand_in(value)
        && !is_reference(value)
        && !is_small_number(name, value)
        && (!letters || shell)
}

fn is_pass(name: &str) -> bool {
    ["pass", "pwd", "kennwort", "contrase"].iter().any(|part| name.contains(part))
}

/// How many tokens, not which.
fn is_small_number(name: &str, value: &str) -> bool {
    !is_pass(name) && value.len() < 8 && value.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// `config.password2`, `os.environ`, `self.token`: names of programs, each part of which begins with a letter.
fn is_reference(value: &str) -> bool {
    value.contains('.')
        && !value.contains("..")
        && value.split('.').all(is_identifier)
        && value.split('.').all(|part| !part.bytes().any(|b| b.is_ascii_digit()))
        || value.contains("://")
}

fn is_identifier(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
