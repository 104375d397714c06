//! The summary at the end of a run: the verdict, what was measured with what, the figures, what went wrong.

use floodline_core::objective::Finding;
use floodline_core::outcome::Outcome;
use floodline_core::plan::Plan;
use floodline_core::summary::{RunInfo, RunSummary};
use floodline_core::verdict::Status;

use super::sheet::Sheet;
use super::table::table;
use crate::format::{GLUE, count, one_line, share};
use crate::style::{Ink, Style, columns};
use crate::{advice, health, held, journeys, metrics, objectives, parts, volume, words};

/// More ways of going wrong than this are left to `summary.json`.
const ERRORS_SHOWN: usize = 8;

/// The whole run in a screenful. `folder` is where it was written.
pub fn summary(plan: &Plan, info: &RunInfo, summary: &RunSummary, folder: &str, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    verdict(&mut sheet, plan, info, summary);
    sheet.space();
    asked(&mut sheet, summary);
    sheet.space();
    setting(&mut sheet, plan, summary);
    generator(&mut sheet, summary);
    sheet.space();
    latencies(&mut sheet, plan, summary, style);
    walked(&mut sheet, plan, summary, style);
    super::parts::tables(&mut sheet, parts::tables(summary), style);
    sheet.space();
    for (heading, text) in volume::facts(summary) {
        sheet.entry(heading, Ink::Plain, &text);
    }
    sheet.space();
    outcomes(&mut sheet, summary, style);
    errors(&mut sheet, plan, info, summary);
    sheet.space();
    place(&mut sheet, folder);
    sheet.finish()
}

fn verdict(sheet: &mut Sheet, plan: &Plan, info: &RunInfo, summary: &RunSummary) {
    let status = summary.verdict.status;
    let ink = match status {
        Status::Pass => Ink::Good,
        Status::Fail => Ink::Bad,
        Status::Invalid | Status::Stopped => Ink::Warn,
    };
    let word = status.name().to_uppercase();
    sheet.verdict(ink, &word, &one_line(&summary.name, 100));
    sheet.entry("", Ink::Plain, &advice::headline(summary));
    if let Some(meaning) = advice::meaning(&summary.verdict) {
        sheet.entry("", Ink::Strong, meaning);
    }
    for finding in advice::findings(plan, info, summary) {
        sheet.entry("", Ink::Plain, &finding.what);
        if let Some(remedy) = &finding.remedy {
            sheet.hanging("→ ", Ink::Strong, remedy);
        }
    }
}

fn asked(sheet: &mut Sheet, summary: &RunSummary) {
    let lines = objectives::lines(summary);
    // Below each other, but for what is too long: no-break spaces stay where they are.
    const MOST: usize = 30;
    let longest = lines.iter().map(|line| columns(&line.text)).filter(|&n| n <= MOST).max().unwrap_or(0);
    let mut heading = "objectives";
    for line in lines {
        let ink = match line.finding {
            Finding::Met => Ink::Plain,
            Finding::Missed => Ink::Bad,
            Finding::Undecided => Ink::Warn,
        };
        let pad = longest.saturating_sub(columns(&line.text));
        let pad = GLUE.to_string().repeat(pad + 1);
        let said = if line.said.is_empty() { String::new() } else { format!(", {}", line.said) };
        sheet.hanging_from(heading, line.mark(), ink, &format!("{}{pad} {}{said}", line.text, line.value));
        heading = "";
    }
    for (i, rule) in objectives::stop_rules(summary).iter().enumerate() {
        sheet.entry(if i == 0 { "stop when" } else { "" }, Ink::Plain, rule);
    }
}

fn setting(sheet: &mut Sheet, plan: &Plan, summary: &RunSummary) {
    let aside = held::aside(summary).map_or_else(String::new, |aside| format!("; {aside}"));
    for (i, load) in words::loads(plan).iter().enumerate() {
        let aside = if i + 1 == plan.scenarios.len() { aside.as_str() } else { "" };
        sheet.entry(if i == 0 { "load" } else { "" }, Ink::Plain, &format!("{load}{aside}"));
    }
    if let Some(held) = held::held(plan, summary) {
        sheet.entry("", Ink::Warn, &format!("{held}."));
    }
    if let Some(retries) = words::retry::retries(plan) {
        sheet.entry("retries", Ink::Plain, &retries);
    }
    let target = words::target(&plan.target);
    let streamed = if plan.target.stream { "" } else { ", not streamed" };
    let model = one_line(&plan.target.model, 100);
    sheet.entry("target", Ink::Plain, &format!("{target}, model {model}{streamed}"));
    for line in words::several(plan) {
        sheet.entry("", Ink::Plain, &line);
    }
    if let Some(connection) = words::connection(&plan.target) {
        sheet.entry("", Ink::Plain, &connection);
    }
    if plan.target.insecure {
        sheet.entry("WARNING", Ink::Warn, &format!("--insecure: {}.", words::INSECURE));
    }
}

fn generator(sheet: &mut Sheet, summary: &RunSummary) {
    let health = health::health(summary);
    let (ink, word) = if health.valid { (Ink::Plain, "healthy") } else { (Ink::Warn, "not healthy") };
    sheet.entry("generator", ink, &format!("{word}: {}", health.facts.join(", ")));
    for remark in &health.remarks {
        sheet.entry("", Ink::Warn, remark);
    }
    if let Some(provider) = &health.provider {
        sheet.entry("provider", Ink::Plain, provider);
    }
}

fn latencies(sheet: &mut Sheet, plan: &Plan, summary: &RunSummary, style: Style) {
    let rows = metrics::rows(plan, summary);
    if rows.iter().all(|row| row.figures.count == 0) {
        sheet.entry("latencies", Ink::Plain, "none: no answer began");
        return;
    }
    let table = table(&rows, style);
    table.lines.iter().for_each(|line| sheet.line(line));
    let mut notes = Vec::new();
    if table.has_intervals {
        notes.push(
            "Second lines: 95 % confidence intervals; ≥ and ≤ where too few values bound only one side."
                .into(),
        );
    }
    if metrics::is_upper_bound(summary) {
        notes.push("≤ before a value: an upper bound, see generator.".into());
    }
    if !plan.target.stream {
        notes.push("An answer that is no stream has no ttft, gap or tpot.".into());
    }
    notes.extend(advice::censored(summary));
    notes.iter().for_each(|note: &String| sheet.note(note));
}

/// What became of the journeys, and of each of their steps.
fn walked(sheet: &mut Sheet, plan: &Plan, summary: &RunSummary, style: Style) {
    let sentences = journeys::sentences(summary);
    if sentences.is_empty() {
        return;
    }
    sheet.space();
    let mut heading = "journeys";
    for sentence in sentences {
        sheet.entry(heading, Ink::Plain, &sentence);
        heading = "";
    }
    super::parts::tables(sheet, parts::of_journeys(plan, summary), style);
}

fn outcomes(sheet: &mut Sheet, summary: &RunSummary, style: Style) {
    let r = &summary.requests;
    let shown: Vec<(Outcome, u64)> = Outcome::ALL
        .into_iter()
        .map(|o| (o, r.by_outcome.get(o.name()).copied().unwrap_or(0)))
        .filter(|&(_, n)| n > 0)
        .collect();
    let name = shown.iter().map(|(o, _)| o.name().len()).max().unwrap_or(0);
    let digits = shown.iter().map(|(_, n)| count(*n).len()).max().unwrap_or(0);
    let mut heading = "outcomes";
    for (outcome, n) in shown {
        let ink = if outcome.is_error() { Ink::Bad } else { Ink::Plain };
        let line = format!("{:<name$}  {:>digits$}  {:>7}", outcome.name(), count(n), share(n, r.planned));
        sheet.row(heading, &style.ink(ink, &line));
        heading = "";
    }
    if r.planned == 0 {
        sheet.entry(heading, Ink::Plain, "none");
    }
}

fn errors(sheet: &mut Sheet, plan: &Plan, info: &RunInfo, summary: &RunSummary) {
    let errors = advice::errors(summary);
    let Some(most) = errors.first() else { return };
    sheet.space();
    let digits = count(most.count).len();
    let mut heading = "errors";
    for line in errors.iter().take(ERRORS_SHOWN) {
        let mark = format!("{:>digits$} × ", count(line.count));
        sheet.hanging_from(heading, &mark, Ink::Plain, &advice::error(line));
        heading = "";
    }
    if let Some(more) = errors.len().checked_sub(ERRORS_SHOWN).filter(|&n| n > 0) {
        sheet.entry("", Ink::Faint, &format!("and {more} more kinds in summary.json"));
    }
    // With nothing ok, the first is said with the verdict.
    let said = usize::from(summary.requests.ok == 0);
    for remedy in advice::remedies(plan, info, &summary.errors).into_iter().skip(said) {
        sheet.hanging("→ ", Ink::Strong, &remedy);
    }
}

fn place(sheet: &mut Sheet, folder: &str) {
    let folder = one_line(folder, 400);
    sheet.entry("folder", Ink::Plain, &folder);
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    let quoted = match folder.chars().all(plain) {
        true => folder,
        false => format!("'{}'", folder.replace('\'', r"'\''")),
    };
    sheet.entry("again", Ink::Plain, &format!("floodline report {quoted}"));
}
