//! How much of the limits that a provider states was used, a sentence for each: the one that was used most comes first.

use floodline_core::stated::StatedUse;

use crate::format::{count, counted, fraction, one_line, time};

/// More limits than this are left to `summary.json`.
const SHOWN: usize = 12;

/// `requests: 60 allowed; at most 100 % used, 40 % at the end, at least 0 left`, and so on.
pub(crate) fn lines(stated: &[StatedUse]) -> Vec<String> {
    let mut by_use: Vec<&StatedUse> = stated.iter().collect();
    // Where the limit itself is not stated, what was used up was used whole.
    by_use.sort_by(|one, other| {
        let whole = |used: &StatedUse| if used.exhausted > 0 { 1.0 } else { f64::NEG_INFINITY };
        let peak = |used: &StatedUse| used.peak_used.unwrap_or_else(|| whole(used));
        peak(other).total_cmp(&peak(one)).then(other.exhausted.cmp(&one.exhausted))
    });
    let mut lines: Vec<String> = by_use.into_iter().take(SHOWN).map(line).collect();
    let more = stated.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("and {more} more in summary.json"));
    }
    lines
}

fn line(used: &StatedUse) -> String {
    let mut parts = vec![allowed(used)];
    if let Some(peak) = used.peak_used {
        let last = used.last_used.map_or_else(String::new, |last| format!(", {} at the end", fraction(last)));
        parts.push(format!("at most {} used{last}", fraction(peak)));
    }
    if let Some(lowest) = used.lowest_remaining {
        let last = used.last_remaining.filter(|_| used.peak_used.is_none());
        let last = last.map_or_else(String::new, |last| format!(", {} at the end", signed(last)));
        parts.push(format!("at least {} left{last}", signed(lowest)));
    }
    if used.exhausted > 0 {
        parts.push(format!("used up in {} of {}", count(used.exhausted), counted(used.answers, "answer")));
    }
    if let Some(reset) = used.longest_reset_s {
        parts.push(format!("whole again within {}", time(reset * 1e3)));
    }
    format!("{}: {}", one_line(&used.label, 60), parts.join("; "))
}

fn allowed(used: &StatedUse) -> String {
    match (used.lowest_limit, used.highest_limit) {
        (Some(low), Some(high)) if low != high => {
            format!("{} to {} allowed, it changed", signed(low), signed(high))
        }
        (Some(limit), _) => format!("{} allowed", signed(limit)),
        (None, _) => "how much is allowed is not stated".into(),
    }
}

fn signed(n: i64) -> String {
    let digits = count(n.unsigned_abs());
    if n < 0 { format!("−{digits}") } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: of many limits the first by name were shown, and the one that was used up was not.
    #[test]
    fn what_was_used_most_comes_first() {
        let of = |label: &str, peak_used, exhausted| StatedUse {
            label: label.into(),
            target: None,
            key: None,
            name: label.into(),
            answers: 9,
            limit: Some(10),
            lowest_limit: Some(10),
            highest_limit: Some(10),
            lowest_remaining: None,
            last_remaining: None,
            peak_used,
            last_used: None,
            exhausted,
            longest_reset_s: None,
        };
        let mut stated: Vec<StatedUse> =
            (0..20).map(|i| of(&format!("limit {i:02}"), Some(f64::from(i) / 20.0), 0)).collect();
        stated.push(of("unknown", None, 3));
        let lines = lines(&stated);
        assert_eq!(lines.len(), SHOWN + 1);
        assert!(lines[0].starts_with("unknown: ") && lines[1].starts_with("limit 19: "), "{lines:#?}");
        assert_eq!(lines[SHOWN], "and 9 more in summary.json");
        let unknown = [of("never", None, 0), of("once", None, 1), of("some", Some(0.1), 0)];
        let names: Vec<String> = super::lines(&unknown).iter().map(|line| line[..4].to_owned()).collect();
        assert_eq!(names, ["once", "some", "neve"]);
    }
}
