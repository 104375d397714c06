//! The summary for programs.

use floodline_core::ceiling::Ceiling;
use floodline_core::summary::RunSummary;

/// `summary.json`: indented, with a newline at its end.
pub fn summary(summary: &RunSummary) -> String {
    // Every key of a summary is a string and JSON writes absent and infinite numbers as null, so nothing can fail.
    let mut text = serde_json::to_string_pretty(summary).expect("a summary has only string keys");
    text.push('\n');
    text
}

/// `ceiling.json`, likewise.
pub fn ceiling(answer: &Ceiling) -> String {
    let mut text = serde_json::to_string_pretty(answer).expect("an answer has only string keys");
    text.push('\n');
    text
}
