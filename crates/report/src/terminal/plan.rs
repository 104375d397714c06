//! The plan as it is shown before the first request leaves.

use floodline_core::plan::{Address, Plan};
use floodline_core::summary::RunInfo;

use super::sheet::Sheet;
use crate::format::one_line;
use crate::style::{Ink, Style};
use crate::words;

/// What will be sent, where, when and up to which limits. `folder` is where the run will be written.
pub fn plan(plan: &Plan, info: &RunInfo, folder: &str, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    sheet.entry("run", Ink::Strong, &one_line(&plan.name, 100));
    sheet.entry("target", Ink::Plain, &words::target(&plan.target));
    if matches!(plan.target.address, Address::Stub(_)) && !info.target.is_empty() {
        sheet.entry("", Ink::Faint, &format!("in this process, at {}", one_line(&info.target, 200)));
    }
    sheet.entry("model", Ink::Plain, &words::model(&plan.target));
    for (i, prompt) in words::prompts(plan).iter().enumerate() {
        sheet.entry(if i == 0 { "sends" } else { "" }, Ink::Plain, prompt);
    }
    for (i, load) in words::loads(plan).iter().enumerate() {
        sheet.entry(if i == 0 { "load" } else { "" }, Ink::Plain, load);
    }
    if let Some(expected) = words::expected(plan) {
        sheet.entry("expects", Ink::Plain, &expected);
    }
    sheet.entry(
        "limits",
        Ink::Plain,
        &words::limits(&plan.limits).unwrap_or_else(|| "none but the plan's end".into()),
    );
    sheet.entry("timeouts", Ink::Plain, &words::timeouts(plan));
    sheet.entry("seed", Ink::Plain, &format!("{} (plan {})", plan.seed, one_line(&info.plan_hash, 40)));
    sheet.entry("folder", Ink::Plain, &one_line(folder, 400));
    if plan.target.insecure {
        sheet.entry("WARNING", Ink::Warn, &format!("--insecure: {}.", words::INSECURE));
    }
    if plan.record_bodies {
        sheet.entry("note", Ink::Warn, "--record-bodies: answers are written to the run folder.");
    }
    sheet.finish()
}
