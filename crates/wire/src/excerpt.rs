//! Short printable excerpts of bytes that somebody else wrote, for error messages.

/// At most `limit` characters of `bytes`, on one line: control characters are escaped, invalid
/// UTF-8 is replaced, and what was left out is marked with an ellipsis.
pub(crate) fn excerpt(bytes: &[u8], limit: usize) -> String {
    let bytes = bytes.trim_ascii();
    // No character is longer than four bytes, so what lies beyond cannot be shown.
    let head = &bytes[..bytes.len().min(limit.saturating_mul(4).saturating_add(4))];
    let mut out = String::with_capacity(head.len());
    for c in String::from_utf8_lossy(head).chars() {
        if is_unprintable(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    match out.char_indices().nth(limit) {
        Some(_) => {
            let end = out.char_indices().nth(limit.saturating_sub(1)).map_or(0, |(end, _)| end);
            out.truncate(end);
            out.push('…');
        }
        None => out.shrink_to_fit(),
    }
    out
}

/// Control characters, and the marks that change the direction of the text around them.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_is_short_printable_and_on_one_line() {
        assert_eq!(excerpt(b"  plain \n", 20), "plain");
        assert_eq!(excerpt(b"a\nb\x1b[31m", 40), "a\\nb\\u{1b}[31m");
        assert_eq!(excerpt(b"0123456789", 10), "0123456789");
        assert_eq!(excerpt(b"0123456789a", 10), "012345678…");
        assert_eq!(excerpt(b"\xff\xfe", 10), "\u{fffd}\u{fffd}");
        assert!(excerpt(&[b'\n'.wrapping_add(1); 5000], 120).chars().count() <= 120);
        assert_eq!(excerpt(b"", 10), "");
    }
}
