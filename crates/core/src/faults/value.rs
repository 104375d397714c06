//! Values of fields, from text and back. A message says what would be right.

use super::when::{Key, Rate};
use crate::time::decimal;

/// The longest message.
const LONGEST_MESSAGE: usize = 1_000;

/// From 400 to 599.
pub(super) fn status(text: &str) -> Result<u16, String> {
    let status = whole(text)?;
    u16::try_from(status)
        .ok()
        .filter(|status| (400..600).contains(status))
        .ok_or_else(|| format!("{status} is no status of an error: write one from 400 to 599"))
}

/// A number of tokens.
pub(super) fn tokens(text: &str) -> Result<u32, String> {
    let tokens = whole(text)?;
    u32::try_from(tokens).map_err(|_| format!("{tokens} tokens are too many: at most {}", u32::MAX))
}

/// Words, not too many.
pub(super) fn message(text: &str) -> Result<Box<str>, String> {
    match text.chars().count() {
        0 => Err("the message is empty: leave it out for the API's own words".into()),
        1..=LONGEST_MESSAGE => Ok(text.into()),
        long => Err(format!("a message of {long} characters is too long: at most {LONGEST_MESSAGE}")),
    }
}

/// A name.
pub(super) fn not_empty(text: &str) -> Result<Box<str>, String> {
    if text.is_empty() { Err("the name is empty".into()) } else { Ok(text.into()) }
}

/// What may stand in a header field.
pub(super) fn media_type(text: &str) -> Result<Box<str>, String> {
    let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if plain && text.contains('/') && text.len() <= 200 {
        return Ok(text.into());
    }
    Err(format!("`{text}` is no media type: write one such as text/html"))
}

/// Thousandths of `4`, `1.5`, `4x` and `x4`.
pub(super) fn factor(text: &str) -> Result<u64, String> {
    let number = text.strip_prefix('x').or_else(|| text.strip_suffix('x')).unwrap_or(text);
    let thousandths = decimal(number)
        .and_then(|(digits, scale)| u64::try_from(digits.checked_mul(1_000)?.checked_div(scale)?).ok());
    match thousandths {
        Some(1_001..=1_000_000_000) => Ok(thousandths.unwrap_or_default()),
        _ => Err(format!("`{text}` is no factor of a slow answer: write one above 1, such as 4 or 1.5")),
    }
}

/// As [`factor`] reads it.
pub(super) fn thousandths_text(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    match rest {
        0 => whole.to_string(),
        rest => format!("{whole}.{}", format!("{rest:03}").trim_end_matches('0')),
    }
}

/// A percentage.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let number = text.strip_suffix('%').map(str::trim_end).and_then(decimal);
    let millionths = number
        .and_then(|(digits, scale)| u32::try_from(digits.checked_mul(10_000)?.checked_div(scale)?).ok());
    millionths.and_then(Rate::of_millionths).ok_or_else(|| {
        format!("`{text}` is no share of requests: write a percentage above zero, such as 5% or 0.1%")
    })
}

/// Numbers and ranges with commas between them.
pub(super) fn listed(text: &str) -> Result<Box<[(u64, u64)]>, String> {
    let range = |item: &str| {
        let (from, to) = match item.split_once("..") {
            Some((from, to)) => (whole(from.trim())?, whole(to.trim())?),
            None => (whole(item.trim())?, whole(item.trim())?),
        };
        match (from, to) {
            (0, _) => Err("requests are counted from 1".into()),
            (from, to) if to < from => {
                Err(format!("`{item}` runs backwards: write the smaller number first"))
            }
            range => Ok(range),
        }
    };
    if text.is_empty() {
        return Err("this list of requests is empty: write such as [3, 7]".into());
    }
    text.split(',').map(range).collect()
}

/// As [`listed`] reads it.
pub(super) fn listed_text(ranges: &[(u64, u64)]) -> String {
    let item = |(from, to): &(u64, u64)| if from == to { from.to_string() } else { format!("{from}..{to}") };
    ranges.iter().map(item).collect::<Vec<_>>().join(",")
}

/// Two or more.
pub(super) fn every_nth(text: &str) -> Result<u64, String> {
    match whole(text)? {
        0 | 1 => Err("write 2 or more; without it every request is struck".into()),
        every => Ok(every),
    }
}

/// A reference or a hash. What else it is may be a secret, and is not shown.
pub(super) fn key(text: &str) -> Result<Key, String> {
    let name = text.strip_prefix("${env:").and_then(|rest| rest.strip_suffix('}'));
    let name = name.or_else(|| text.strip_prefix("env:"));
    if let Some(name) = name {
        let plain = !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
        return if plain {
            Ok(Key::Env(name.into()))
        } else {
            Err("a reference to the environment is written ${env:NAME}".into())
        };
    }
    let hash = (text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u64::from_str_radix(text, 16).ok())
        .flatten();
    hash.map(Key::Hash).ok_or_else(|| {
        "a key does not stand here itself: write ${env:NAME}, or its hash as the ledger tells it (16 hexadecimal digits)"
            .into()
    })
}

fn whole(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).ok_or_else(|| format!("`{text}` is not a whole number"))
}
