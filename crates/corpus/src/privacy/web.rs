//! Secrets in URLs: who logs in, and what the query carries.

use std::ops::Range;

use super::key_forms::{is_secret_name, is_short_secret_name, is_stand_in, looks_random};
use super::letters::run_end;

/// The longest value that is looked at, in bytes.
const LONGEST: usize = 1024;

/// Every `user:password` before a host, and every secret in a query.
pub(super) fn find(text: &str, mut found: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    for mark in memchr::memmem::find_iter(bytes, "://") {
        let start = mark + 3;
        let end =
            run_end(bytes, start, 512, |b| !b.is_ascii_whitespace() && !b"/?#\"'`<>()[]|\\".contains(&b));
        let Some(login) = text.get(start..end).and_then(|authority| authority.rfind('@')) else { continue };
        let written = &text[start..start + login];
        let stands_in = written.split(':').all(is_stand_in);
        if login > 0 && written != "git" && !stands_in && !written.contains('{') {
            found(start..start + login);
        }
    }
    for mark in memchr::memchr2_iter(b'?', b'&', bytes).chain(memchr::memchr_iter(b'#', bytes)) {
        let start = mark + 1 + if bytes[mark + 1..].starts_with(b"amp;") { 4 } else { 0 };
        let name_end = run_end(bytes, start, 48, |b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if name_end == start || bytes.get(name_end) != Some(&b'=') {
            continue;
        }
        let name = &text[start..name_end];
        if !is_secret_name(name) && !is_short_secret_name(name) {
            continue;
        }
        let part = |b: u8| !b.is_ascii_whitespace() && !b"?&#\"'`<>()[]{}|\\,;".contains(&b);
        let end = run_end(bytes, name_end + 1, LONGEST, part);
        let value = &text[name_end + 1..end];
        let value = value.trim_end_matches(['.', '!', '?', ':']);
        let likely = is_secret_name(name) && value.len() >= 4
            || is_short_secret_name(name) && value.len() >= 8 && looks_random(value);
        if likely && !is_stand_in(value) {
            found(name_end + 1..name_end + 1 + value.len());
        }
    }
}
