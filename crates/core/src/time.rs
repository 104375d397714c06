//! Time as the run counts it: [`Moment`]s since its start and [`Span`]s between them, both in
//! whole nanoseconds. No clock is read here.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant of a run: nanoseconds since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub u64);

impl Moment {
    /// The start of the run.
    pub const START: Moment = Moment(0);

    /// The span from `earlier` to `self`; zero if `earlier` is the later one.
    pub fn since(self, earlier: Moment) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since the start, as a fraction, for display and for rates.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// Whole milliseconds.
    pub const fn from_millis(ms: u64) -> Span {
        Span(ms * 1_000_000)
    }

    /// Whole seconds.
    pub const fn from_secs(s: u64) -> Span {
        Span(s * 1_000_000_000)
    }

    /// Milliseconds as a fraction, the unit of `summary.json`.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Whole seconds.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Seconds as a fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Reads `250us`, `50ms`, `1.5s`, `10m`, `2h`, `1d`; a unit is required, a fraction allowed.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Span, String> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit_ns: u128 = match unit.trim() {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => {
                return Err(format!(
                    "`{text}` is not a duration: write a number and a unit, such as 250ms, 30s, 10m or 2h"
                ));
            }
        };
        let (digits, scale) = decimal(number)
            .ok_or_else(|| format!("`{text}` is not a duration: `{number}` is not a number"))?;
        let ns = digits
            .checked_mul(unit_ns)
            .map(|n| n / scale)
            .and_then(|n| u64::try_from(n).ok())
            .ok_or_else(|| format!("`{text}` is too long a duration"))?;
        Ok(Span(ns))
    }
}

/// A decimal number as (digits, power of ten below them): `1.50` is (150, 100).
pub(crate) fn decimal(number: &str) -> Option<(u128, u128)> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 12 || whole.len() > 18 {
        return None;
    }
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, 10u128.pow(u32::try_from(fraction.len()).ok()?)))
}

impl From<Span> for Duration {
    fn from(span: Span) -> Duration {
        Duration::from_nanos(span.0)
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Span {
        Span(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Add<Span> for Moment {
    type Output = Moment;
    fn add(self, span: Span) -> Moment {
        Moment(self.0.saturating_add(span.0))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Span;
    /// Saturates at zero.
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

/// For people: three significant digits and the unit that fits, such as `51.2 ms` or `2m 05s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0;
        if ns == 0 {
            return f.pad("0 ms");
        }
        let text = match ns {
            // Each unit ends where rounding to three digits would make a thousand of it.
            0..1_000 => format!("{ns} ns"),
            1_000..999_500 => format!("{} µs", three_digits(ns as f64 / 1e3)),
            999_500..999_500_000 => format!("{} ms", three_digits(ns as f64 / 1e6)),
            999_500_000..99_950_000_000 => format!("{} s", three_digits(ns as f64 / 1e9)),
            _ => {
                let s = ns.saturating_add(500_000_000) / 1_000_000_000;
                match s {
                    0..3600 => format!("{}m {:02}s", s / 60, s % 60),
                    _ => format!("{}h {:02}m", s / 3600, s % 3600 / 60),
                }
            }
        };
        f.pad(&text)
    }
}

/// As many decimals as make three significant digits: `1.23`, `12.3`, `123`.
fn three_digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        assert_eq!(Span::parse("50ms"), Ok(Span(50_000_000)));
        assert_eq!(Span::parse("1.5s"), Ok(Span(1_500_000_000)));
        assert_eq!(Span::parse("0.1us"), Ok(Span(100)));
        assert_eq!(Span::parse(" 2h "), Ok(Span::from_secs(7200)));
        for wrong in ["", "5", "s", "-3s", "1.2.3s", "3 weeks", "99999999999999999d"] {
            assert!(Span::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_longest_span_is_shown_without_a_panic() {
        assert_eq!(Span(u64::MAX).to_string(), "5124095h 34m");
    }

    #[test]
    fn spans_are_shown_with_three_digits() {
        for (ns, text) in [
            (0, "0 ms"),
            (740, "740 ns"),
            (51_240_000, "51.2 ms"),
            (999_960_000, "1.00 s"),
            (1_234_000_000, "1.23 s"),
            (125_000_000_000, "2m 05s"),
            (7_260_000_000_000, "2h 01m"),
        ] {
            assert_eq!(Span(ns).to_string(), text);
        }
    }
}
