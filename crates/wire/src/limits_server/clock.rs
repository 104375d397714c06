//! Lengths of time and instants as the vendors write them. All are rounded up, so that who waits as long is let in.

use floodline_core::Span;

/// Whole seconds.
pub(super) fn seconds(span: Span) -> u64 {
    span.0.div_ceil(1_000_000_000)
}

/// Whole seconds, at least one: what a `Retry-After` may say.
pub(super) fn seconds_from_one(span: Span) -> u64 {
    seconds(span).max(1)
}

/// Whole milliseconds.
pub(super) fn millis(span: Span) -> u64 {
    span.0.div_ceil(1_000_000)
}

/// As Go prints a duration of whole milliseconds: `0s`, `174ms`, `18.642s`, `6m0s`, `1h2m3.5s`.
pub(super) fn go_duration(span: Span) -> String {
    let ms = millis(span);
    match ms {
        0 => return "0s".into(),
        1..1_000 => return format!("{ms}ms"),
        _ => {}
    }
    let (minutes, rest) = (ms / 60_000, ms % 60_000);
    let mut seconds = format!("{}", rest / 1_000);
    if rest % 1_000 != 0 {
        let fraction = format!(".{:03}", rest % 1_000);
        seconds.push_str(fraction.trim_end_matches('0'));
    }
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `2026-05-04T12:34:56Z`, of a time since 1970.
pub(super) fn rfc3339(at: Span) -> String {
    let [year, month, day, hour, minute, second] = calendar(seconds(at));
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `2026-05-04 12:34:56 UTC`, of a time since 1970.
pub(super) fn utc(at: Span) -> String {
    let [year, month, day, hour, minute, second] = calendar(seconds(at));
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// `Mon, 04 May 2026 12:34:56 GMT`, of a time since 1970, cut off to the second, as HTTP's `Date` has it.
pub(super) fn http_date(at: Span) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = at.0 / 1_000_000_000;
    let [year, month, day, hour, minute, second] = calendar(seconds);
    let weekday = DAYS.get((seconds / 86_400 % 7) as usize).copied().unwrap_or_default();
    let month = MONTHS.get((month.saturating_sub(1)) as usize).copied().unwrap_or_default();
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// `1.02:03:04`, days only where there are some, as .NET prints it.
pub(super) fn dotted(span: Span) -> String {
    let seconds = seconds(span);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match seconds / 86_400 {
        0 => clock,
        days => format!("{days}.{clock}"),
    }
}

/// Year, month, day, hour, minute and second of the Gregorian calendar.
fn calendar(seconds: u64) -> [u64; 6] {
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    // Counted from March of the year 0, so that a leap day is the last of its year; 146,097 days make 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Five months from March, or from August, have 153 days.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    [year, month, day, clock / 3_600, clock / 60 % 60, clock % 60]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (ns, text) in [
            (0, "0s"),
            (1, "1ms"),
            (174_000_000, "174ms"),
            (999_000_001, "1s"),
            (3_890_000_000, "3.89s"),
            (60_000_000_000, "1m0s"),
            (172_800_000_000, "2m52.8s"),
            (3_723_500_000_000, "1h2m3.5s"),
        ] {
            assert_eq!(go_duration(Span(ns)), text);
        }
    }

    #[test]
    fn instants_are_those_of_the_calendar() {
        assert_eq!(rfc3339(Span::from_secs(0)), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(Span::from_secs(951_782_400)), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(Span::from_secs(1_777_898_096)), "2026-05-04T12:34:56Z");
        assert_eq!(utc(Span(1_777_898_095_000_000_001)), "2026-05-04 12:34:56 UTC");
        assert_eq!(rfc3339(Span(u64::MAX)), "2554-07-21T23:34:34Z");
        assert_eq!(http_date(Span::from_secs(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(Span(1_777_898_096_999_999_999)), "Mon, 04 May 2026 12:34:56 GMT");
        assert_eq!(dotted(Span::from_secs(93_784)), "1.02:03:04");
    }
}
