//! The summary for programs.

use floodline_core::ceiling::Ceiling;
use floodline_core::finding::Finding;
use floodline_core::rivals::Rivals;
use floodline_core::summary::RunSummary;
use serde::Serialize;

/// `summary.json`: indented, with a newline at its end.
pub fn summary(summary: &RunSummary) -> String {
    indented(summary)
}

/// `compare.json`, likewise.
pub fn rivals(rivals: &Rivals) -> String {
    indented(rivals)
}

/// `ceiling.json`, likewise.
pub fn ceiling(answer: &Ceiling) -> String {
    indented(answer)
}

/// `finding.json`, likewise.
pub fn finding(finding: &Finding) -> String {
    indented(finding)
}

fn indented(value: &impl Serialize) -> String {
    // Every key is a string and JSON writes absent and infinite numbers as null, so nothing can fail.
    let mut text = serde_json::to_string_pretty(value).expect("figures have only string keys");
    text.push('\n');
    text
}
