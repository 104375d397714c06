//! Lengths of time in files: `60s`, `1500ms`, exactly and in the largest unit that is whole.

use serde::{Deserialize, Deserializer, Serializer};

use crate::time::Span;

/// Writes a span.
pub(crate) fn text(span: Span) -> String {
    const UNITS: [(u64, &str); 5] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    match UNITS.iter().find(|(length, _)| span.0 != 0 && span.0.is_multiple_of(*length)) {
        Some((length, unit)) => format!("{}{unit}", span.0 / length),
        None if span.0 == 0 => "0s".into(),
        None => format!("{}ns", span.0),
    }
}

/// For `#[serde(with)]` on a span that may be missing.
pub(super) mod maybe {
    use super::*;

    #[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
    pub(in crate::limits) fn serialize<S: Serializer>(span: &Option<Span>, to: S) -> Result<S::Ok, S::Error> {
        match span {
            Some(span) => to.serialize_some(&text(*span)),
            None => to.serialize_none(),
        }
    }

    pub(in crate::limits) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Span>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| Span::parse(&text).map_err(serde::de::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_come_back_from_their_text() {
        for (ns, expected) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500_000_000, "1500ms"),
            (60_000_000_000, "60s"),
            (86_400_000_000_000, "1d"),
        ] {
            assert_eq!(text(Span(ns)), expected);
            assert_eq!(Span::parse(expected), Ok(Span(ns)));
        }
    }
}
