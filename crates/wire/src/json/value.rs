//! Single values, by whatever type a server has given them.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::string::unescape;

/// The text of a JSON string; `None` for any other value.
pub(crate) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let body = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    Some(if body.contains('\\') { Cow::Owned(unescape(body)) } else { Cow::Borrowed(body) })
}

/// The text of a JSON string, or the JSON of an object or array that some servers put in its place.
pub(crate) fn written(raw: &RawValue) -> Cow<'_, str> {
    match raw.get().as_bytes() {
        [b'{' | b'[', ..] => Cow::Borrowed(raw.get()),
        _ => text(raw).unwrap_or_default(),
    }
}

/// A count, which servers that keep all numbers as floats write as `5.0`.
pub(crate) fn count(raw: &RawValue) -> Option<u64> {
    /// Up to here a float holds every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let text = raw.get();
    text.parse().ok().or_else(|| {
        let value: f64 = text.parse().ok()?;
        ((0.0..=EXACT).contains(&value) && value.fract() == 0.0).then_some(value as u64)
    })
}

/// Whether a value says yes, as scripts understand it: neither null, false, zero nor empty.
pub(crate) fn is_truthy(raw: &RawValue) -> bool {
    !matches!(raw.get(), "null" | "false" | "0" | "\"\"" | "{}" | "[]")
}
