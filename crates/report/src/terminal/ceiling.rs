//! A search for a ceiling in a terminal: what is asked, the line that is watched, each trial, and the answer.

use floodline_core::Span;
use floodline_core::ceiling::{By, Ceiling, JOURNEYS, Status, Tried, Verdict};
use floodline_core::objective::Objective;
use floodline_core::plan::Plan;

use super::sheet::Sheet;
use crate::ceiling::{self, HEADINGS, load, short_load};
use crate::format::{GLUE, counted, one_line, short_count, stopwatch, three_digits};
use crate::style::{Ink, Style, columns};
use crate::words;

/// What is asked of a search.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What loads are counted in.
    pub by: By,
    /// Where it starts, if that is said.
    pub from: Option<f64>,
    /// What it does not go beyond.
    pub to: Option<f64>,
    /// What the load has to be.
    pub need: Option<f64>,
    /// What a load has to meet.
    pub objectives: &'a [Objective],
    /// The one of them that was assumed.
    pub assumed: Option<&'a Objective>,
    /// Where the answer will be.
    pub folder: &'a str,
}

/// What is shown while a trial goes on.
#[derive(Clone, Copy, Debug)]
pub struct Searching {
    /// The trial's number.
    pub number: u32,
    /// What loads are counted in.
    pub by: By,
    /// Its load.
    pub load: f64,
    /// How long the load has been held; none while an allowance is used up before.
    pub held: Option<Span>,
    /// Requests answered well.
    pub ok: u64,
    /// Requests refused.
    pub refused: u64,
    /// Requests that ended in another way.
    pub other: u64,
    /// The highest load that passed, and the lowest that failed.
    pub bracket: (Option<f64>, Option<f64>),
}

/// What is about to be searched.
pub fn asked(plan: &Plan, asked: &Asked<'_>, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    sheet.verdict(Ink::Strong, "ceiling", &one_line(&plan.name, 100));
    let target = words::target(&plan.target);
    sheet.entry("target", Ink::Plain, &format!("{target}, model {}", one_line(&plan.target.model, 100)));
    let unit = asked.by.unit_of(plan);
    let kind = match asked.by {
        By::Rate if unit == JOURNEYS => "the highest rate, in journeys a second whatever the target does",
        By::Rate => "the highest rate, in requests a second whatever the target does",
        By::Users => "the most users, each waiting for its answer",
    };
    let from = asked.from.map(|from| format!("from {}", load(unit, from)));
    let to = asked.to.map(|to| format!("up to {}", load(unit, to)));
    let need = asked.need.map(|need| format!("{} needed", load(unit, need)));
    let parts: Vec<String> = [Some(kind.to_owned()), from, to, need].into_iter().flatten().collect();
    sheet.entry("searches", Ink::Plain, &parts.join(", "));
    let mut heading = "objectives";
    for objective in asked.objectives {
        let assumed =
            if asked.assumed == Some(objective) { "  (assumed: none speaks of errors)" } else { "" };
        sheet.entry(heading, Ink::Plain, &format!("{objective}{assumed}"));
        heading = "";
    }
    sheet.entry("folder", Ink::Plain, &one_line(asked.folder, 400));
    sheet.space();
    sheet.finish()
}

/// One line without a newline, narrower than the screen.
pub fn searching(now: &Searching, style: Style) -> String {
    let held = now.held.map_or_else(|| "uses up".into(), stopwatch);
    let bracket = match now.bracket {
        (None, None) => String::new(),
        (Some(low), None) => format!("  above {}", short_load(now.by, low)),
        (None, Some(high)) => format!("  below {}", short_load(now.by, high)),
        (Some(low), Some(high)) => format!("  {} to {}", short_load(now.by, low), short_load(now.by, high)),
    };
    let line = format!(
        "trial {:>2} {:>9} {held:>7} {:>5} ok {:>5} refused {:>5} failed{bracket}",
        now.number,
        short_load(now.by, now.load),
        short_count(now.ok),
        short_count(now.refused),
        short_count(now.other),
    );
    let room = usize::from(style.width).min(100).saturating_sub(1);
    style.spell(&line).chars().take(room).collect()
}

/// A trial that is over, in a line.
pub fn tried(tried: &Tried, style: Style) -> String {
    let ink = ink(tried.verdict);
    let verdict = format!("{:<7}", tried.verdict.name());
    let load = match tried.by {
        By::Rate => short_load(tried.by, tried.load),
        By::Users => load(tried.by.unit(), tried.load).replace(GLUE, " "),
    };
    let start = format!("{:>3} {load:>11}  ", tried.number);
    let requests = counted(tried.requests, "request");
    let mut said = format!("{:>6} s {requests:>14}", three_digits(tried.seconds));
    match (&tried.bound, &tried.cut) {
        (Some(bound), _) => said.push_str(&format!(", {}", ceiling::bound(bound))),
        (None, Some(cut)) => said.push_str(&format!(", {}", one_line(cut, 100))),
        (None, None) => {
            if let Some(p95) = tried.ttft.p95.or(tried.latency.p95) {
                let what = if tried.ttft.p95.is_some() { "ttft" } else { "latency" };
                said.push_str(&format!(", {what} p95 {}", crate::format::time(p95)));
            }
        }
    }
    let said = style.spell(&said).replace(GLUE, " ");
    let room = style.columns().saturating_sub(columns(&start) + columns(&verdict));
    let said: String = match columns(&said) <= room {
        true => said,
        false => said.chars().take(room.saturating_sub(3)).chain("...".chars()).collect(),
    };
    format!("{start}{}{said}\n", style.ink(ink, &verdict))
}

/// The answer in a screenful.
pub fn ceiling(answer: &Ceiling, name: &str, folder: &str, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    sheet.line("");
    let ink = match (answer.status, answer.exit_code()) {
        (Status::Found | Status::Unbounded, 0) => Ink::Good,
        (Status::Found | Status::Unbounded | Status::Nothing, _) => Ink::Bad,
        (Status::Invalid | Status::Stopped | Status::Interrupted, _) => Ink::Warn,
    };
    sheet.verdict(ink, ceiling::word(answer), &one_line(name, 100));
    sheet.entry("", Ink::Strong, &ceiling::answer(answer));
    if answer.status == Status::Invalid
        && let Some(bound) = &answer.bound_by
    {
        sheet.entry("", Ink::Plain, &ceiling::bound(bound));
    }
    sheet.space();
    let facts = [
        ("ceiling", ceiling::interval(answer)),
        ("headroom", ceiling::headroom(answer)),
        ("knee", ceiling::knee(answer)),
    ];
    for (heading, fact) in facts {
        if let Some(fact) = fact {
            sheet.entry(heading, Ink::Plain, &fact);
        }
    }
    let mut heading = "objectives";
    for text in &answer.objectives {
        let assumed = if answer.assumed.as_ref() == Some(text) { "  (assumed)" } else { "" };
        sheet.entry(heading, Ink::Plain, &format!("{text}{assumed}"));
        heading = "";
    }
    let spent = answer.spent_usd.map_or_else(String::new, |usd| format!(", {usd}"));
    let took = stopwatch(Span((answer.took_s * 1e9) as u64));
    let trials = counted(answer.trials.len() as u64, "trial");
    sheet.entry("search", Ink::Plain, &format!("{trials} in {took}{spent}"));
    sheet.space();
    table(&mut sheet, answer, style);
    for note in ceiling::notes(answer) {
        sheet.note(&note);
    }
    sheet.space();
    sheet.entry("folder", Ink::Plain, &one_line(folder, 400));
    sheet.finish()
}

/// What goes where the screen is too narrow, in this order: the goodput that nobody defined goes first in any case.
const DROPPED: [usize; 4] = [4, 6, 3, 8];

/// The curve.
fn table(sheet: &mut Sheet, answer: &Ceiling, style: Style) {
    let mut rows: Vec<(String, Verdict, Vec<String>)> = ceiling::rows(answer)
        .into_iter()
        .map(|row| {
            let cells = row.cells.iter().map(|cell| style.spell(cell)).collect();
            (short_load(answer.by(), row.load), row.verdict, cells)
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    let mut kept: Vec<usize> = (0..HEADINGS.len()).collect();
    if answer.trials.iter().all(|tried| tried.goodput.is_none()) {
        kept.retain(|column| *column != 4);
    }
    let label = rows.iter().map(|row| columns(&row.0)).max().unwrap_or(0).max(4);
    let width = |column: usize, rows: &[(String, Verdict, Vec<String>)]| {
        let cells = rows.iter().map(|row| columns(&row.2[column]));
        cells.chain([columns(HEADINGS[column])]).max().unwrap_or(0)
    };
    for dropped in DROPPED {
        let all: usize = label + kept.iter().map(|c| width(*c, &rows) + 2).sum::<usize>();
        if all <= style.columns() {
            break;
        }
        kept.retain(|column| *column != dropped);
    }
    let widths: Vec<usize> = kept.iter().map(|column| width(*column, &rows)).collect();
    let set = |name: &str, cells: &[&str], ink: Ink| {
        let mut line = format!("{name:>label$}");
        for (k, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(width.saturating_sub(columns(cell)));
            // The first is a word, the others are numbers.
            let (before, after) = if k == 0 { (String::new(), pad) } else { (pad, String::new()) };
            let cell = if k == 0 { style.ink(ink, cell) } else { (*cell).to_owned() };
            line.push_str(&format!("  {before}{cell}{after}"));
        }
        line
    };
    let headings: Vec<&str> = kept.iter().map(|column| HEADINGS[*column]).collect();
    sheet.line(&style.ink(Ink::Faint, &set("load", &headings, Ink::Faint)));
    for (name, verdict, cells) in &mut rows {
        let cells: Vec<&str> = kept.iter().map(|column| cells[*column].as_str()).collect();
        sheet.line(&set(name, &cells, ink(*verdict)));
    }
}

fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Passed => Ink::Good,
        Verdict::Failed => Ink::Bad,
        Verdict::Invalid | Verdict::Cut => Ink::Warn,
    }
}
