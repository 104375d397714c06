//! Numbers of a finding in JSON: whole where they are whole.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Part(f64),
}

fn number(value: f64) -> Number {
    // Nothing is measured to more than six digits.
    let rounded = (value * 1e6).round() / 1e6;
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
        Number::Whole(rounded as i64)
    } else {
        Number::Part(rounded)
    }
}

/// A number that may be missing.
pub(super) mod maybe {
    use super::*;

    #[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
    pub(in crate::finding) fn serialize<S: Serializer>(
        value: &Option<f64>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(number).serialize(to)
    }

    pub(in crate::finding) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<f64>, D::Error> {
        Option::deserialize(from)
    }
}

/// Two numbers that may be missing.
pub(super) mod pair {
    use super::*;

    #[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
    pub(in crate::finding) fn serialize<S: Serializer>(
        value: &Option<(f64, f64)>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(|(low, high)| [number(low), number(high)]).serialize(to)
    }

    pub(in crate::finding) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<(f64, f64)>, D::Error> {
        Option::deserialize(from)
    }
}

/// `true`, `false` or `"unknown"`.
pub(super) mod tri {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Tri {
        Known(bool),
        Unknown(Box<str>),
    }

    #[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
    pub(in crate::finding) fn serialize<S: Serializer>(
        value: &Option<bool>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.map_or_else(|| Tri::Unknown("unknown".into()), Tri::Known).serialize(to)
    }

    pub(in crate::finding) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<bool>, D::Error> {
        match Tri::deserialize(from)? {
            Tri::Known(known) => Ok(Some(known)),
            Tri::Unknown(word) if &*word == "unknown" => Ok(None),
            Tri::Unknown(word) => {
                Err(serde::de::Error::custom(format!("`{word}` is neither true, false nor \"unknown\"")))
            }
        }
    }
}
