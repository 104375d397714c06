//! Arrival rates as exact fractions: `20/s`, `600/min`, `5/h`, `0.5/s`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::{Span, decimal};

/// `count` arrivals in every `per`; exact, so that arrival k of a constant rate is at exactly k · per / count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Arrivals in one `per`.
    pub count: u64,
    /// The time they take; never zero.
    #[serde(rename = "per_ns")]
    pub per: Span,
}

impl Rate {
    /// No arrivals at all.
    pub const NONE: Rate = Rate::per_second(0);

    /// `count` arrivals each second.
    pub const fn per_second(count: u64) -> Rate {
        Rate { count, per: Span::from_secs(1) }
    }

    /// Arrivals per second, for display and for floating-point work.
    pub fn as_per_second(self) -> f64 {
        self.count as f64 / self.per.as_secs_f64()
    }

    /// Reads `20/s`, `600/min`, `5/h`, `0.5/s`; a bare number is per second.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Rate, String> {
        let wrong =
            || format!("`{text}` is not a rate: write requests per time, such as 20/s, 600/min or 0.5/s");
        let (number, unit) = text.trim().split_once('/').unwrap_or((text.trim(), "s"));
        let unit = match unit.trim() {
            "s" | "sec" => Span::from_secs(1),
            "m" | "min" => Span::from_secs(60),
            "h" => Span::from_secs(3600),
            "d" => Span::from_secs(86_400),
            _ => return Err(wrong()),
        };
        let (digits, scale) = decimal(number.trim()).ok_or_else(wrong)?;
        let shared = gcd(digits, scale).max(1);
        let count = u64::try_from(digits / shared).map_err(|_| wrong())?;
        let per = u64::try_from(u128::from(unit.0) * (scale / shared)).map_err(|_| wrong())?;
        if count == 0 {
            return Err(format!("`{text}` sends nothing: a rate must be above zero"));
        }
        Ok(Rate { count, per: Span(per) })
    }
}

pub(crate) fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per.0 {
            60_000_000_000 => "min",
            3_600_000_000_000 => "h",
            86_400_000_000_000 => "d",
            _ => return write!(f, "{}/s", (self.as_per_second() * 1e6).round() / 1e6),
        };
        write!(f, "{}/{unit}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_exactly() {
        assert_eq!(Rate::parse("20/s"), Ok(Rate::per_second(20)));
        assert_eq!(Rate::parse("20"), Ok(Rate::per_second(20)));
        assert_eq!(Rate::parse("0.5/s"), Ok(Rate { count: 1, per: Span::from_secs(2) }));
        assert_eq!(Rate::parse("600/min"), Ok(Rate { count: 600, per: Span::from_secs(60) }));
        for wrong in ["", "0/s", "x/s", "20/week", "-1/s", "1e3/s"] {
            assert!(Rate::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_shown_as_written() {
        for text in ["20/s", "600/min", "5/h", "0.5/s", "2.5/s"] {
            assert_eq!(Rate::parse(text).unwrap().to_string(), text);
        }
    }
}
