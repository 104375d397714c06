//! What was asked of a run and what it says to it, in words.

use floodline_core::objective::{Finding, Judged};
use floodline_core::summary::RunSummary;
use floodline_core::window::Seen;

use crate::format::{GLUE, MISSING, count, counted, fraction, one_line, three_digits, time};
use crate::metrics;

/// An objective with its verdict.
pub(crate) struct Line {
    pub(crate) finding: Finding,
    /// The objective as it is written.
    pub(crate) text: String,
    /// What was measured: `132 ms (118–151)`.
    pub(crate) value: String,
    /// What follows: `>99.9 % sure`.
    pub(crate) said: String,
}

impl Line {
    /// The sign in front of it; words say the same behind it.
    pub(crate) const fn mark(&self) -> &'static str {
        match self.finding {
            Finding::Met => "✓ ",
            Finding::Missed => "✗ ",
            Finding::Undecided => "? ",
        }
    }
}

/// Every objective, in the order of the scenario.
pub(crate) fn lines(summary: &RunSummary) -> Vec<Line> {
    summary.objectives.iter().map(line).collect()
}

fn line(judged: &Judged) -> Line {
    Line {
        finding: judged.verdict,
        text: one_line(&judged.text, 300),
        value: value(judged),
        said: said(judged),
    }
}

/// What was measured, with its interval.
pub(crate) fn value(judged: &Judged) -> String {
    if let Some(windows) = judged.windows.filter(|windows| windows.judged > 0) {
        let mut text = format!("met in {} of {}", count(windows.met), counted(windows.judged, "window"));
        if windows.without_sample > 0 {
            text.push_str(&format!(", {} without a sample", count(windows.without_sample)));
        }
        return text;
    }
    let Some(value) = judged.value else {
        return judged.reason.as_deref().map_or_else(|| MISSING.into(), |reason| one_line(reason, 200));
    };
    let (shown, interval) = match judged.unit.as_str() {
        "ms" => (time(value), judged.interval.map(|ends| metrics::interval(value, ends))),
        "share" => {
            let digits = |share: f64| fraction(share).replace(&format!("{GLUE}%"), "");
            (fraction(value), judged.interval.map(|ends| ends_of(ends, digits) + &format!("{GLUE}%")))
        }
        "usd" => {
            let digits = |usd: f64| format!("${}", money(usd));
            (digits(value), judged.interval.map(|ends| ends_of(ends, digits)))
        }
        _ => (plain(value), judged.interval.map(|ends| ends_of(ends, plain))),
    };
    match interval {
        Some(interval) => format!("{shown} ({interval})"),
        None => shown,
    }
}

/// A plain number: whole ones as they are, others with three digits.
fn plain(value: f64) -> String {
    if value.fract() == 0.0 && (0.0..1e15).contains(&value) {
        count(value as u64)
    } else {
        three_digits(value)
    }
}

/// Dollars with four significant digits.
fn money(usd: f64) -> String {
    if usd <= 0.0 {
        return "0".into();
    }
    let places = (3 - usd.log10().floor() as i64).clamp(2, 12) as usize;
    let text = format!("{usd:.places$}");
    let kept = text.trim_end_matches('0');
    let short = text.find('.').map_or(0, |point| point + 3);
    text[..kept.len().max(short).min(text.len())].to_owned()
}

fn ends_of(ends: (Option<f64>, Option<f64>), digits: impl Fn(f64) -> String) -> String {
    match ends {
        (Some(low), Some(high)) => format!("{}–{}", digits(low), digits(high)),
        (Some(low), None) => format!("≥{}", digits(low)),
        (None, Some(high)) => format!("≤{}", digits(high)),
        (None, None) => "too few".into(),
    }
}

/// How sure it is.
fn said(judged: &Judged) -> String {
    let sure = |p: f64| match p {
        p if p > 0.999 => format!(">99.9{GLUE}%"),
        p => fraction(p),
    };
    match (judged.verdict, judged.confidence) {
        (Finding::Met, Some(p)) => format!("{} sure", sure(p)),
        (Finding::Met, None) => String::new(),
        (Finding::Missed, Some(p)) => format!("missed, {} sure", sure(1.0 - p)),
        (Finding::Missed, None) => "missed".into(),
        (Finding::Undecided, Some(p)) => format!("undecided, {} likely to be met", sure(p)),
        (Finding::Undecided, None) => "undecided".into(),
    }
}

/// How the rules fared that could have ended the run: one that saw nothing must not look like one that never held.
pub(crate) fn stop_rules(summary: &RunSummary) -> Vec<String> {
    let rule = |seen: &Seen| {
        let text = one_line(&seen.text, 300);
        let looks = counted(seen.looks, "look");
        match (seen.looks, seen.without_sample) {
            (0, _) => format!("{text}: never looked, the run was shorter than its window"),
            (_, 0) => format!("{text}: {looks}"),
            (looks, without) if looks == without => {
                format!("{text}: no sample in any of {}", counted(looks, "look"))
            }
            (_, without) => format!("{text}: no sample in {} of {looks}", count(without)),
        }
    };
    summary.stop_when.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_four_digits_and_at_least_cents() {
        for (usd, text) in [
            (0.0, "0"),
            (5.0, "5.00"),
            (0.5, "0.50"),
            (0.012_345_6, "0.01235"),
            (1234.5, "1234.50"),
            (0.00002, "0.00002"),
        ] {
            assert_eq!(money(usd), text);
        }
    }
}
