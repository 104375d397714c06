//! One figure of a limit, as people write it.

use serde::{Deserialize, Serialize};

use super::LimitsError;

/// A figure of a limit, or that there is no such limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// There is no such limit.
    Off,
    /// So much per window.
    Of(u64),
}

impl Figure {
    /// Reads `500`, `30_000`, `2m`, `30k` or `off`.
    ///
    /// # Errors
    /// A sentence that says what would be right.
    pub fn parse(text: &str) -> Result<Figure, LimitsError> {
        let plain = text.trim().replace('_', "").to_ascii_lowercase();
        if plain == "off" {
            return Ok(Figure::Off);
        }
        let (digits, times) = match plain.strip_suffix('k') {
            Some(digits) => (digits, 1_000),
            None => plain.strip_suffix('m').map_or((plain.as_str(), 1), |digits| (digits, 1_000_000)),
        };
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let value =
            digits.parse::<u64>().ok().filter(|_| is_number).and_then(|value| value.checked_mul(times));
        value.filter(|value| *value > 0).map(Figure::Of).ok_or_else(|| {
            LimitsError(format!(
                "`{text}` is no figure of a limit: write a number from 1 up, such as 500, 30k or 2m, or off"
            ))
        })
    }
}

impl std::str::FromStr for Figure {
    type Err = LimitsError;

    fn from_str(text: &str) -> Result<Figure, LimitsError> {
        Figure::parse(text)
    }
}

impl Serialize for Figure {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Figure::Off => to.serialize_str("off"),
            Figure::Of(value) => to.serialize_u64(*value),
        }
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Figure, D::Error> {
        struct Read;
        impl serde::de::Visitor<'_> for Read {
            type Value = Figure;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number from 1 up, such as 500 or 30k, or off")
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Figure, E> {
                if value == 0 {
                    Err(E::custom("a limit of 0 admits nothing: write off for no limit"))
                } else {
                    Ok(Figure::Of(value))
                }
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Figure, E> {
                u64::try_from(value)
                    .map_err(|_| E::custom("a limit is never below 1"))
                    .and_then(|value| self.visit_u64(value))
            }
            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Figure, E> {
                // YAML 1.1 reads `off` as false.
                if value { Err(E::custom("on is no figure: write a number")) } else { Ok(Figure::Off) }
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Figure, E> {
                Figure::parse(text).map_err(E::custom)
            }
        }
        from.deserialize_any(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_numbers_or_off() {
        for (text, figure) in [
            ("500", Figure::Of(500)),
            (" 30k ", Figure::Of(30_000)),
            ("2M", Figure::Of(2_000_000)),
            ("30_000", Figure::Of(30_000)),
            ("OFF", Figure::Off),
        ] {
            assert_eq!(Figure::parse(text), Ok(figure), "{text}");
        }
        for wrong in ["", "0", "-3", "five", "3.5", "99999999999999999m"] {
            assert!(Figure::parse(wrong).is_err(), "{wrong}");
        }
    }
}
