//! The plan as it is shown before the first request leaves.

use floodline_core::forecast::Forecast;
use floodline_core::plan::{Address, Plan};
use floodline_core::summary::RunInfo;

use super::sheet::Sheet;
use crate::format::one_line;
use crate::style::{Ink, Style};
use crate::words;

/// What will be sent, where, when, up to which limits, and at what cost. Of a run about to start, `run` is what is known
/// of it and the folder it will be written to.
pub fn plan(plan: &Plan, forecast: &Forecast, run: Option<(&RunInfo, &str)>, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    sheet.entry("run", Ink::Strong, &one_line(&plan.name, 100));
    sheet.entry("target", Ink::Plain, &words::target(&plan.target));
    if let (Address::Stub(_), Some((info, _))) = (&plan.target.address, run)
        && !info.target.is_empty()
    {
        sheet.entry("", Ink::Faint, &format!("in this process, at {}", one_line(&info.target, 200)));
    }
    for line in words::several(plan) {
        sheet.entry("", Ink::Plain, &line);
    }
    if let Some(connection) = words::connection(&plan.target) {
        sheet.entry("", Ink::Plain, &connection);
    }
    sheet.entry("model", Ink::Plain, &words::model(&plan.target));
    for (i, prompt) in words::prompts(plan).iter().enumerate() {
        sheet.entry(if i == 0 { "sends" } else { "" }, Ink::Plain, prompt);
    }
    let mut heading = "flow";
    for line in words::flow::lines(plan) {
        sheet.hanging_from(heading, &"  ".repeat(line.depth), Ink::Plain, &line.text);
        heading = "";
    }
    for (i, load) in words::loads(plan).iter().enumerate() {
        sheet.entry(if i == 0 { "load" } else { "" }, Ink::Plain, load);
    }
    if let Some(retries) = words::retry::retries(plan) {
        sheet.entry("retries", Ink::Plain, &retries);
    }
    for (i, expected) in words::expected(plan, forecast).iter().enumerate() {
        sheet.entry(if i == 0 { "expects" } else { "" }, Ink::Plain, expected);
    }
    if let Some(cost) = words::cost(plan, forecast) {
        sheet.entry("costs", Ink::Plain, &cost);
    }
    sheet.entry(
        "limits",
        Ink::Plain,
        &words::limits(&plan.limits).unwrap_or_else(|| "none but the plan's end".into()),
    );
    if let Some(objectives) = words::objectives(plan) {
        sheet.entry("objectives", Ink::Plain, &objectives);
    }
    sheet.entry("timeouts", Ink::Plain, &words::timeouts(plan));
    let hash = run.map_or_else(|| plan.hash(), |(info, _)| info.plan_hash.clone());
    sheet.entry("seed", Ink::Plain, &format!("{} (plan {})", plan.seed, one_line(&hash, 40)));
    if let Some((_, folder)) = run {
        sheet.entry("folder", Ink::Plain, &one_line(folder, 400));
    }
    if plan.target.insecure {
        sheet.entry("WARNING", Ink::Warn, &format!("--insecure: {}.", words::INSECURE));
    }
    if plan.record_bodies {
        sheet.entry("note", Ink::Warn, "--record-bodies: answers are written to the run folder.");
    }
    sheet.finish()
}
