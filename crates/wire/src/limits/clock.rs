//! Lengths of time and instants as HTTP and the vendors write them.

use floodline_core::Span;

const SECOND: u64 = 1_000_000_000;

/// Seconds, with a fraction or without one: `4`, `1.5`.
pub(super) fn seconds(text: &str) -> Option<Span> {
    scaled(text, SECOND).map(Span)
}

/// A duration as Go prints it: `1s`, `6m0s`, `547ms`, `2m52.8s`.
pub(super) fn go_duration(text: &str) -> Option<Span> {
    let mut rest = text;
    let mut sum = 0u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let end = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, after) = behind.split_at(end);
        let unit = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => SECOND,
            "m" => 60 * SECOND,
            "h" => 3_600 * SECOND,
            _ => return None,
        };
        sum = sum.checked_add(scaled(number, unit)?)?;
        rest = after;
    }
    Some(Span(sum))
}

/// An instant such as `2026-05-04T12:34:56.5Z` or with an offset, in nanoseconds since 1970.
pub(super) fn rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let offset = match zone {
        "Z" | "z" => 0,
        zone => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = number(hours)?.checked_mul(60)?.checked_add(number(minutes)?)?;
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let fraction = scaled(&format!("0.{fraction}"), SECOND)?;
    let at = instant(year, month, day, clock)?.checked_sub(offset.checked_mul(60)?)?;
    u64::try_from(at).ok()?.checked_mul(SECOND)?.checked_add(fraction)
}

/// An instant such as `Tue, 15 Nov 1994 08:12:31 GMT`, in nanoseconds since 1970.
pub(super) fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let day = number(parts.next()?)?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as i64 + 1;
    let year = number(parts.next()?)?;
    let at = instant(year, month, day, parts.next()?)?;
    u64::try_from(at).ok()?.checked_mul(SECOND)
}

/// Seconds since 1970 of a date and `12:34:56`.
fn instant(year: i64, month: i64, day: i64, clock: &str) -> Option<i64> {
    let mut parts = clock.splitn(3, ':');
    let (hour, minute, second) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    let is_date = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let is_time = hour < 24 && minute < 60 && second <= 60;
    (is_date && is_time).then(|| days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days from 1970 to a date of the Gregorian calendar. Years are taken to begin in March, so that the day that some
/// of them have more is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_years = 365 * year + year / 4 - year / 100 + year / 400;
    // March to July and August to December repeat the same lengths: 153 days in five months.
    let of_months = (153 * month + 2) / 5;
    // The first of January 1970, counted in this way.
    of_years + of_months + day - 1 - 719_468
}

fn number(text: &str) -> Option<i64> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// A decimal number of `unit`s, exactly; digits below one are dropped.
fn scaled(text: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || whole.len() > 18 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = fraction.get(..fraction.len().min(15))?;
    let part = match fraction {
        "" => 0,
        digits => {
            let part = digits.parse::<u128>().ok()? * u128::from(unit) / 10u128.pow(digits.len() as u32);
            u64::try_from(part).ok()?
        }
    };
    whole.checked_mul(unit)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly_or_not_at_all() {
        let ns = |text| go_duration(text).map(|span| span.0);
        for (text, expected) in [
            ("120ms", 120_000_000),
            ("6m0s", 360_000_000_000),
            ("2m52.8s", 172_800_000_000),
            ("1h2m3s", 3_723_000_000_000),
            ("1.5µs", 1_500),
        ] {
            assert_eq!(ns(text), Some(expected), "{text}");
        }
        for wrong in ["", "5", "s", "5d", "1..2s", "-1s", "99999999999999999h"] {
            assert_eq!(ns(wrong), None, "{wrong}");
        }
        assert_eq!(seconds("1.25"), Some(Span(1_250_000_000)));
        assert_eq!([seconds("-1"), seconds("."), seconds("1e3")], [None; 3]);
    }

    #[test]
    fn instants_are_those_of_the_calendar() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777 * SECOND));
        assert_eq!(rfc3339("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(rfc3339("2000-02-29T12:00:00.25Z"), Some(951_825_600 * SECOND + SECOND / 4));
        assert_eq!(rfc3339("2026-05-04T14:34:56+02:00"), rfc3339("2026-05-04T12:34:56Z"));
        for wrong in
            ["", "2026-05-04", "2026-13-04T00:00:00Z", "1969-12-31T23:59:59Z", "2026-05-04T25:00:00Z"]
        {
            assert_eq!(rfc3339(wrong), None, "{wrong}");
        }
        assert_eq!(http_date("yesterday, I think"), None);
    }
}
