//! The inside of JSON strings.

/// Whether `body` may stand between the quotes of a JSON string: no bare quote, no control character,
/// and only whole escapes.
pub(crate) fn is_body(body: &str) -> bool {
    let mut rest = body.as_bytes();
    loop {
        rest = match rest {
            [] => return true,
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after @ ..] => after,
            [b'\\', b'u', a, b, c, d, after @ ..] if [a, b, c, d].iter().all(|x| x.is_ascii_hexdigit()) => {
                after
            }
            [b'\\' | b'"' | 0..0x20, ..] => return false,
            [_, after @ ..] => after,
        };
    }
}

/// The text that the body of a JSON string stands for. Half of a surrogate pair, which some servers
/// send when they cut a character in two, becomes a replacement character.
pub(crate) fn unescape(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let (c, length) = escape(escaped);
        out.push(c);
        rest = escaped.get(length..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// JSON in which the escapes of halves of surrogate pairs are replaced, so that a strict reader takes it.
pub(crate) fn mend(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let (c, length) = escape(escaped);
        let sequence = escaped.get(..length).unwrap_or(escaped);
        if c == char::REPLACEMENT_CHARACTER
            && sequence.starts_with('u')
            && unit(&sequence.as_bytes()[1..]).is_some()
        {
            out.push(c);
        } else {
            out.push('\\');
            out.push_str(sequence);
        }
        rest = escaped.get(length..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// What an escape stands for, and its length without the backslash.
fn escape(escaped: &str) -> (char, usize) {
    match escaped.as_bytes() {
        [b'n', ..] => ('\n', 1),
        [b'r', ..] => ('\r', 1),
        [b't', ..] => ('\t', 1),
        [b'b', ..] => ('\u{8}', 1),
        [b'f', ..] => ('\u{c}', 1),
        [b'u', rest @ ..] => match (unit(rest), rest.get(4..)) {
            (Some(high @ 0xd800..0xdc00), Some([b'\\', b'u', low @ ..])) => match unit(low) {
                Some(low @ 0xdc00..0xe000) => {
                    let c = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    (char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER), 11)
                }
                _ => (char::REPLACEMENT_CHARACTER, 5),
            },
            (unit, _) => (unit.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER), 5),
        },
        // A quote, a backslash or a slash; nothing else is valid.
        _ => {
            let c = escaped.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
            (c, c.len_utf8())
        }
    }
}

/// The UTF-16 unit that four hexadecimal digits stand for.
fn unit(digits: &[u8]) -> Option<u32> {
    let digits = digits.get(..4)?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    #[test]
    fn halves_of_surrogate_pairs_are_replaced() {
        assert_eq!(unescape(r"\ud83c\udf0a"), "🌊");
        assert_eq!(unescape(r"a\ud83cb"), "a\u{fffd}b");
        assert_eq!(unescape(r"\udf0a\ud83c"), "\u{fffd}\u{fffd}");
        assert_eq!(unescape(r"\ud83c\ud83c\udf0a"), "\u{fffd}🌊");
        assert_eq!(unescape(r"\ud83c\n"), "\u{fffd}\n");
        assert_eq!(unescape(r"\/\b\f\r\t\u0041"), "/\u{8}\u{c}\r\tA");
    }

    proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn strings_are_read_as_serde_reads_them(body in r#"([ !#-\[\]-~é🌊]|\\["/bfnrt]|\\u[0-9a-cA-C]{4}|\\|"|\x01){0,8}"#) {
            let literal = format!("\"{body}\"");
            let read = serde_json::from_str::<String>(&literal).ok();
            prop_assert_eq!(is_body(&body).then(|| unescape(&body)), read);
        }

        #[test]
        fn any_body_is_unescaped_without_panic(body: String) {
            unescape(&body);
            unescape(&format!("\\{body}\\u{body}"));
        }
    }
}
