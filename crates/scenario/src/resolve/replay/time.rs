//! Times of a trace: numbers of a unit, or dates, read exactly to the nanosecond.

use crate::written::Unit;

/// How a date is written, for people.
pub(super) const EXAMPLE: &str = "write it as 2023-11-16 18:15:46.6805900";

impl Unit {
    /// Nanoseconds of a time, from whatever the trace counts from, rounded down.
    pub(super) fn read(self, text: &str) -> Option<i64> {
        match self {
            Unit::Seconds => number(text, 1_000_000_000),
            Unit::Milliseconds => number(text, 1_000_000),
            Unit::Microseconds => number(text, 1_000),
            Unit::Nanoseconds => number(text, 1),
            Unit::Iso => date(text),
        }
    }

    /// What was expected of a time, for people.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Unit::Seconds => "expected a number of seconds",
            Unit::Milliseconds => "expected a number of milliseconds",
            Unit::Microseconds => "expected a number of microseconds",
            Unit::Nanoseconds => "expected a number of nanoseconds",
            Unit::Iso => EXAMPLE,
        }
    }

    /// The unit of the times of a column, from its name and its first value, if there is no doubt about it: a date,
    /// a name that ends in the unit, or a number that is a time of our years in one unit only.
    pub(super) fn recognise(name: &str, value: &str) -> Option<Unit> {
        if date(value).is_some() {
            return Some(Unit::Iso);
        }
        let name = name.to_ascii_lowercase();
        let mut words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let named = match words.next_back()? {
            "s" | "sec" | "secs" | "second" | "seconds" => Some(Unit::Seconds),
            "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => Some(Unit::Milliseconds),
            "us" | "usec" | "micros" | "microsecond" | "microseconds" => Some(Unit::Microseconds),
            "ns" | "nsec" | "nanos" | "nanosecond" | "nanoseconds" => Some(Unit::Nanoseconds),
            _ => None,
        };
        // 2010 and 2040, in seconds from 1970.
        let epoch = 1_262_304_000..2_208_988_800;
        let units = [Unit::Seconds, Unit::Milliseconds, Unit::Microseconds, Unit::Nanoseconds];
        let is_epoch = |unit: &Unit| unit.read(value).is_some_and(|ns| epoch.contains(&(ns / 1_000_000_000)));
        named.or_else(|| units.into_iter().find(is_epoch))
    }
}

/// A decimal number of units of so many nanoseconds, exactly, rounded down.
fn number(text: &str, unit: i128) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() + fraction.len() > 28 {
        return None;
    }
    let mut digits = 0i128;
    for byte in whole.bytes().chain(fraction.bytes()) {
        digits = digits * 10 + i128::from(byte.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    let power = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let ten = 10i128.checked_pow(power.unsigned_abs());
    let signed = if negative { -digits } else { digits }.checked_mul(unit)?;
    let ns = match (power < 0, ten) {
        (true, Some(ten)) => signed.div_euclid(ten),
        (false, Some(ten)) => signed.checked_mul(ten)?,
        // So small a fraction that only its sign is left, or no number of nanoseconds.
        (true, None) => signed.signum().min(0),
        (false, None) => return (digits == 0).then_some(0),
    };
    i64::try_from(ns).ok()
}

/// Nanoseconds from 1970 of `YYYY-MM-DD HH:MM:SS[.fffffffff][Z|±hh:mm]`; none beyond the year 2262 too.
pub(crate) fn date(text: &str) -> Option<i64> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let (time, offset) = split_offset(time.trim())?;
    let mut date = date.split('-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.split(':').map(digits);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let rest = date.next().is_some() || time.next().is_some();
    let days_in_month = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let valid = (1..=12).contains(&month)
        && (1..=days_in_month).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if rest || !valid || year > 9999 || fraction.len() > 9 {
        return None;
    }
    let fraction = digits(fraction)? * 10i64.pow(9 - u32::try_from(fraction.len()).ok()?);
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The time of day, and how many seconds its zone is ahead of UTC: `Z`, `±hh`, `±hhmm` or `±hh:mm`.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix('Z') {
        return Some((time, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let zone = &time[at + 1..];
    let (hours, minutes) = match zone.len() {
        2 => (zone, "00"),
        4 => zone.split_at_checked(2)?,
        5 => zone.split_once(':').filter(|(hours, _)| hours.len() == 2)?,
        _ => return None,
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    Some((time[..at].trim_end(), if time[at..].starts_with('-') { -seconds } else { seconds }))
}

/// Days from 1970-01-01 of a date of the Gregorian calendar. Years are counted from March, so that
/// a leap day is the last day of its year and months have one closed formula.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    // 719 468 days lie between the 1st of March of year 0 and 1970-01-01.
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_and_rounded_down() {
        for (text, ns) in [
            ("0", 0),
            ("19440110.0", 19_440_110_000_000_000),
            ("1689112234.123456789", 1_689_112_234_123_456_789),
            (".5", 500_000_000),
            ("5.", 5_000_000_000),
            ("1.5e3", 1_500_000_000_000),
            ("1e-05", 10_000),
            ("-0.25", -250_000_000),
            ("0.0000000019", 1),
            ("1e-40", 0),
        ] {
            assert_eq!(Unit::Seconds.read(text), Some(ns), "{text}");
        }
        assert_eq!(Unit::Milliseconds.read("27482"), Some(27_482_000_000));
        for text in
            ["", ".", "-", "e5", "1e", "1e99", "0x1", "1,5", "nan", "inf", "1 2", "99999999999999999999"]
        {
            assert_eq!(Unit::Seconds.read(text), None, "{text}");
        }
    }

    #[test]
    fn units_are_recognised_only_without_doubt() {
        for (name, value, unit) in [
            ("ts", "2024-05-10T00:00:00Z", Some(Unit::Iso)),
            ("arrival_ms", "12", Some(Unit::Milliseconds)),
            ("time (s)", "12", Some(Unit::Seconds)),
            ("ts", "1689112234.5", Some(Unit::Seconds)),
            ("ts", "1689112234500", Some(Unit::Milliseconds)),
            ("ts", "1689112234500000", Some(Unit::Microseconds)),
            ("ts", "1689112234500000000", Some(Unit::Nanoseconds)),
            ("ts", "12.5", None),
            ("requests", "0", None),
        ] {
            assert_eq!(Unit::recognise(name, value), unit, "{name} {value}");
        }
    }

    #[test]
    fn a_zone_has_two_four_or_five_characters() {
        let utc = date("2024-05-10 06:30:00Z");
        assert!(utc.is_some());
        for text in ["2024-05-10 12:00:00+0530", "2024-05-10 12:00:00+05:30", "2024-05-10 03:00:00 -0330"] {
            assert_eq!(date(text), utc, "{text}");
        }
        assert_eq!(date("2024-05-10 08:30:00+02"), utc);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "2023-11-16",
            "2023-13-01 00:00:00",
            "2023-02-29 00:00:00",
            "2023-11-16 24:00:00",
            "2023-11-16 18:15:46.1234567890",
            "2023-11-16 18:15:46.",
            "2023-11-16 18:15",
            "2023-11-16 18:15:46:1",
            "99999-11-16 18:15:46",
            "2023-11-16 18:15:46+x",
            "2023-11-16 18:15:46+5",
            "2023-11-16 18:15:46+530",
            "2023-11-16 18:15:46+24:00",
            "2023-11-16 18:15:46+05:60",
            "2023-11-16 18:15:46+05:3é",
            "2023-11-16 18:15:46+05é",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 2, 29), 11_016);
        assert_eq!(date("2300-01-01 00:00:00"), None);
    }
}
