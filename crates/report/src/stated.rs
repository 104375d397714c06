//! How much of the limits that a provider states was used, a sentence for each.

use floodline_core::stated::StatedUse;
use floodline_core::summary::RunSummary;

use crate::format::{count, counted, fraction, one_line, time};

/// More limits than this are left to `summary.json`.
const SHOWN: usize = 12;

/// `requests: 60 allowed; at most 100 % used, 40 % at the end, at least 0 left`, and so on.
pub(crate) fn lines(summary: &RunSummary) -> Vec<String> {
    let mut lines: Vec<String> = summary.stated_limits.iter().take(SHOWN).map(line).collect();
    let more = summary.stated_limits.len().saturating_sub(SHOWN);
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
