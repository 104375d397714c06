//! Retry policies side by side.

use floodline_core::summary::RunSummary;

use super::parts::tables_without;
use super::sheet::Sheet;
use crate::advice;
use crate::format::one_line;
use crate::parts::Table;
use crate::style::{Ink, Style};

/// What goes first where the screen is too narrow.
const DROPPED: [&str; 8] =
    ["wasted tokens", "cost", "p99", "refusals", "ttft p50", "goodput", "ok/s", "took"];

/// The table and what it shows.
pub(crate) fn table_of_policies(table: Table, sentences: &[String], folder: &str, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    tables_without(&mut sheet, vec![table], &DROPPED, style);
    sheet.note("ttft is from schedule: waits and attempts that failed are in it.");
    sheet.space();
    for (i, sentence) in sentences.iter().enumerate() {
        let ink = if i == 0 { Ink::Strong } else { Ink::Plain };
        sheet.entry(if i == 0 { "finding" } else { "" }, ink, sentence);
    }
    sheet.space();
    sheet.entry("folder", Ink::Plain, &one_line(folder, 400));
    sheet.finish()
}

/// What came of a run, in a line or two, while others are still to come.
pub fn in_a_line(policy: &str, summary: &RunSummary, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let verdict = summary.verdict.status.name();
    let line = format!("{}: {} ({verdict})", one_line(policy, 40), advice::headline(summary));
    sheet.note(&line);
    sheet.finish()
}
