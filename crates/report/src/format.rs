//! Numbers as people read them: three significant digits, thousands separators, always a unit.
//!
//! Shares are cut off, never rounded up: `100 %` means all of them, `0 %` means none. Between a number and its
//! unit stands a no-break space ([`GLUE`]), so that no line ends between them.

use floodline_core::Span;

/// A space at which no line is broken.
pub(crate) const GLUE: char = '\u{a0}';

/// Stands for a figure that nobody measured.
pub(crate) const MISSING: &str = "–";

/// A whole number with thousands separators: `19,366`.
pub(crate) fn count(n: u64) -> String {
    floodline_core::grouped(n)
}

/// A count and its noun: `1 request`, `2,000 requests`.
pub(crate) fn counted(n: u64, singular: &str) -> String {
    format!("{} {singular}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A whole number in five characters at most: `64`, `9,999`, `51.6k`, `1.23M`.
pub(crate) fn short_count(n: u64) -> String {
    match n {
        0..10_000 => count(n),
        _ => short(n as f64),
    }
}

/// A number in five characters at most: `0.25`, `51.6`, `999`, `5.16k`, `1.23M`.
pub(crate) fn short(value: f64) -> String {
    let (value, unit) = match value {
        v if v < 999.5 => (v, ""),
        v if v < 999_500.0 => (v / 1e3, "k"),
        v if v < 999_500_000.0 => (v / 1e6, "M"),
        v => (v / 1e9, "G"),
    };
    format!("{}{unit}", three_digits(value))
}

/// As many decimals as make three significant digits, and thousands separators: `1.23`, `51.2`, `5,163`.
pub(crate) fn three_digits(value: f64) -> String {
    match value {
        v if !v.is_finite() || v < 0.0 => MISSING.into(),
        0.0 => "0".into(),
        v if v < 0.000_995 => "<0.001".into(),
        v if v < 0.099_95 => format!("{v:.3}"),
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => count(v.round() as u64),
    }
}

/// A number per second or of a kind, or the mark of a missing one.
pub(crate) fn maybe(value: Option<f64>) -> String {
    value.map_or_else(|| MISSING.into(), three_digits)
}

/// The unit in which a time is best read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Microseconds,
    Milliseconds,
    Seconds,
}

impl Unit {
    /// The unit that gives a time of so many milliseconds one to three digits before the point.
    pub(crate) fn of(ms: f64) -> Unit {
        match ms {
            // At the roundings of `three_digits`, so that no `1,000 ms` stands beside a `1.00 s`.
            v if v == 0.0 || (0.9995..999.5).contains(&v) => Unit::Milliseconds,
            v if v < 0.9995 => Unit::Microseconds,
            _ => Unit::Seconds,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Unit::Microseconds => "µs",
            Unit::Milliseconds => "ms",
            Unit::Seconds => "s",
        }
    }

    /// Milliseconds in this unit.
    pub(crate) fn scale(self, ms: f64) -> f64 {
        match self {
            Unit::Microseconds => ms * 1e3,
            Unit::Milliseconds => ms,
            Unit::Seconds => ms / 1e3,
        }
    }
}

/// A measured time, given in milliseconds: `740 µs`, `51.2 ms`, `1.23 s`, `2m 05s`.
pub(crate) fn time(ms: f64) -> String {
    if ms >= 99_950.0 {
        return clock_words(ms / 1e3);
    }
    let unit = Unit::of(ms);
    format!("{}{GLUE}{}", three_digits(unit.scale(ms)), unit.name())
}

/// A measured time, or the mark of a missing one.
pub(crate) fn maybe_time(ms: Option<f64>) -> String {
    ms.map_or_else(|| MISSING.into(), time)
}

/// `2m 05s`, `1h 02m`.
fn clock_words(seconds: f64) -> String {
    match seconds.round() as u64 {
        s @ 0..3600 => format!("{}m{GLUE}{:02}s", s / 60, s % 60),
        s => format!("{}h{GLUE}{:02}m", s / 3600, s % 3600 / 60),
    }
}

/// A planned length of time as scenarios write it: `250ms`, `30s`, `2m 30s`, `1h`.
pub(crate) fn planned(span: Span) -> String {
    if span.0 < 1_000_000_000 {
        let micros = span.0 / 1_000;
        return match micros % 1_000 {
            0 => format!("{}ms", micros / 1_000),
            _ => format!("{}ms", micros as f64 / 1e3),
        };
    }
    let ms = span.0 / 1_000_000;
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    let mut parts = Vec::new();
    if hours > 0 {
        parts.push(format!("{hours}h"));
    }
    if minutes > 0 {
        parts.push(format!("{minutes}m"));
    }
    if seconds > 0 {
        parts.push(format!("{}s", seconds as f64 / 1e3));
    }
    parts.join(" ")
}

/// A clock that counts up: `00:12`, `10:00`, `1:02:03`.
pub(crate) fn stopwatch(span: Span) -> String {
    let s = span.0 / 1_000_000_000;
    match s {
        0..3600 => format!("{:02}:{:02}", s / 60, s % 60),
        _ => format!("{}:{:02}:{:02}", s / 3600, s % 3600 / 60, s % 60),
    }
}

/// `part` of `whole` in per cent, cut off after one decimal; `100 %` only when it is all of them.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return MISSING.into();
    }
    let permille = u128::from(part) * 1000 / u128::from(whole);
    match permille {
        0 if part > 0 => format!("<0.1{GLUE}%"),
        0 => format!("0{GLUE}%"),
        1000 => format!("100{GLUE}%"),
        p => format!("{}.{}{GLUE}%", p / 10, p % 10),
    }
}

/// A fraction of 1 in per cent, cut off likewise.
pub(crate) fn fraction(value: f64) -> String {
    match value {
        v if !v.is_finite() || v < 0.0 => MISSING.into(),
        0.0 => format!("0{GLUE}%"),
        v if v < 0.001 => format!("<0.1{GLUE}%"),
        1.0 => format!("100{GLUE}%"),
        // A little more, so that 0.29 does not come out as 28.9 %.
        v => format!("{:.1}{GLUE}%", (v * 1000.0 + 1e-9).floor() / 10.0),
    }
}

/// Text from elsewhere on one line, without anything that could command a terminal, and no longer than `most`.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let kept: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: String) -> String {
        text.replace(GLUE, " ")
    }

    #[test]
    fn counts_have_thousands_separators() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(12_345_678), "12,345,678");
    }

    #[test]
    fn times_have_three_digits_and_the_unit_that_fits() {
        for (ms, text) in [
            (0.0, "0 ms"),
            (0.000_5, "0.50 µs"),
            (0.021, "21.0 µs"),
            (0.999_4, "999 µs"),
            (0.999_6, "1.00 ms"),
            (51.24, "51.2 ms"),
            (999.4, "999 ms"),
            (999.6, "1.00 s"),
            (99_940.0, "99.9 s"),
            (125_000.0, "2m 05s"),
            (7_260_000.0, "2h 01m"),
        ] {
            assert_eq!(plain(time(ms)), text);
        }
        assert_eq!(maybe_time(None), "–");
    }

    #[test]
    fn shares_are_never_rounded_to_all_or_nothing() {
        assert_eq!(plain(share(640, 640)), "100 %");
        assert_eq!(plain(share(999_999, 1_000_000)), "99.9 %");
        assert_eq!(plain(share(1, 1_000_000)), "<0.1 %");
        assert_eq!(plain(share(0, 10)), "0 %");
        assert_eq!(plain(share(0, 0)), "–");
        assert_eq!(plain(fraction(0.9999)), "99.9 %");
        assert_eq!(plain(fraction(0.29)), "29.0 %");
        assert_eq!(plain(fraction(1.0)), "100 %");
    }

    #[test]
    fn short_numbers_fit_five_characters() {
        for (value, text) in
            [(0.0, "0"), (51.63, "51.6"), (999.6, "1.00k"), (51_630.0, "51.6k"), (1_234_567.0, "1.23M")]
        {
            assert_eq!(short(value), text);
        }
        assert_eq!(short_count(9_999), "9,999");
        assert_eq!(short_count(64_000), "64.0k");
    }

    #[test]
    fn planned_lengths_are_shown_as_scenarios_write_them() {
        for text in ["250ms", "1.5s", "30s", "10m", "2m 30s", "1h 5m 10s"] {
            let sum = text.split(' ').map(|part| Span::parse(part).unwrap()).fold(Span::ZERO, |a, b| a + b);
            assert_eq!(planned(sum), text);
        }
        assert_eq!(planned(Span::ZERO), "0ms");
    }

    #[test]
    fn text_from_elsewhere_cannot_command_the_terminal() {
        assert_eq!(one_line("a\u{1b}[31mred\r\n\tb", 80), "a [31mred b");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }
}
