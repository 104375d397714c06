//! Retry policies side by side: one table, and what it shows in plain words; for a terminal and for a browser.

use floodline_core::rivals::{Rival, Rivals};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use crate::format::{MISSING, fraction, maybe, maybe_time, one_line, short_count, three_digits};
use crate::parts::Table;
use crate::style::Style;
use crate::terminal::table_of_policies;

const TEMPLATE: &str = include_str!("html/rivals.html");

/// The comparison in a screenful. `folder` is where it was written.
pub fn text(rivals: &Rivals, folder: &str, style: Style) -> String {
    table_of_policies(table(rivals), &sentences(rivals), folder, style)
}

/// The comparison as one self-contained file, to lie in the folder that holds those of the runs.
pub fn page(rivals: &Rivals) -> String {
    #[derive(Serialize)]
    struct Page {
        name: String,
        sentences: Vec<String>,
        headings: Vec<&'static str>,
        rows: Vec<Row>,
        seed: u64,
    }
    #[derive(Serialize)]
    struct Row {
        name: String,
        folder: String,
        cells: Vec<String>,
        /// Of its bar, in per cent.
        width: String,
    }
    let Table { headings, rows, .. } = table(rivals);
    let row = |((name, cells), run): ((String, Vec<String>), &Rival)| Row {
        name,
        folder: one_line(&run.folder, 200),
        cells,
        width: format!("{:.2}", run.ok_share.unwrap_or(0.0) * 100.0),
    };
    let page = Page {
        name: one_line(&rivals.name, 100),
        sentences: sentences(rivals),
        headings,
        rows: rows.into_iter().zip(&rivals.runs).map(row).collect(),
        seed: rivals.seed,
    };
    let mut environment = Environment::empty();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    // The template is a constant without filters or calls, and every key it names is a field above.
    environment.render_str(TEMPLATE, Serde(page)).expect("the constant template renders every page")
}

fn table(rivals: &Rivals) -> Table {
    let runs = &rivals.runs;
    let has_goodput = runs.iter().any(|run| run.goodput.is_some());
    let has_cost = runs.iter().any(|run| run.spent_usd.is_some());
    let mut headings = vec!["ok", "attempts each", "refusals", "wasted tokens", "waiting each"];
    headings.extend(["ttft p50", "p99"]);
    if has_goodput {
        headings.insert(1, "goodput");
    }
    if has_cost {
        headings.push("cost");
    }
    headings.push("verdict");
    let row = |run: &Rival| {
        let mut cells = vec![run.ok_share.map_or_else(|| MISSING.into(), fraction)];
        if has_goodput {
            cells.push(run.goodput.map_or_else(|| MISSING.into(), fraction));
        }
        cells.extend([
            maybe(run.amplification),
            short_count(run.refusals),
            short_count(run.wasted_tokens),
            maybe_time(run.waited_each_s.map(|seconds| seconds * 1e3)),
            maybe_time(run.ttft_from_schedule_p50_ms),
            maybe_time(run.ttft_from_schedule_p99_ms),
        ]);
        if has_cost {
            let spent = run.spent_usd.as_deref().and_then(|usd| floodline_core::Usd::parse(usd).ok());
            cells.push(spent.map_or_else(|| MISSING.into(), |usd| usd.to_string()));
        }
        cells.push(run.verdict.clone());
        (one_line(&run.policy, 24), cells)
    };
    Table { title: "policy", headings, rows: runs.iter().map(row).collect(), more: 0 }
}

/// What the runs show, in plain words.
fn sentences(rivals: &Rivals) -> Vec<String> {
    if rivals.runs.len() < 2 {
        return vec![
            "Fewer than two policies were run, so there is nothing to hold against each other.".into(),
        ];
    }
    let find = |name: &str| rivals.runs.iter().find(|run| run.policy == name);
    let name = |run: &Rival| format!("`{}`", one_line(&run.policy, 40));
    let mut sentences = Vec::new();
    let goal = rivals.finding.own_goal.as_ref();
    if let Some((goal, run, against)) =
        goal.and_then(|goal| Some((goal, find(&goal.policy)?, find(&goal.against)?)))
    {
        sentences.push(format!(
            "{} was the own goal: it sent {} attempts per request and answered {} fewer requests than {}, which sent {}.",
            name(run),
            maybe(run.amplification),
            fraction(goal.fewer),
            name(against),
            maybe(against.amplification),
        ));
        let extra = run.refusals.saturating_sub(against.refusals);
        if extra > 0 {
            sentences.push(format!(
                "Its attempts met {} more refusals than those of {}.",
                short_count(extra),
                name(against)
            ));
        }
    }
    match rivals.finding.best.as_deref().and_then(find) {
        None => sentences.push(
            "No run that is valid and was carried through had an answer, so there is nothing to compare."
                .into(),
        ),
        Some(_) if rivals.runs.iter().all(|run| run.refusals + run.rejected == 0) => {
            return vec!["Nothing was refused, so no policy had anything to do.".into()];
        }
        Some(best) => sentences.push(format!(
            "{} answered most: {} of the requests with {} attempts each{}.",
            name(best),
            best.ok_share.map_or_else(|| MISSING.into(), fraction),
            maybe(best.amplification),
            match best.waited_each_s {
                Some(waited) if waited > 0.0 => format!(" and {} of waiting", waited_each(waited)),
                _ => String::new(),
            }
        )),
    }
    if goal.is_none() && rivals.finding.best.is_some() {
        sentences.push(
            "No policy was an own goal: none had more attempts and, beyond chance, fewer answers.".into(),
        );
    }
    if rivals.runs.iter().any(|run| matches!(run.verdict.as_str(), "invalid" | "stopped")) {
        sentences.push(
            "A run that is invalid or was cut short says nothing of its policy: see its own report.".into(),
        );
    }
    sentences
}

fn waited_each(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => crate::format::time(s * 1e3),
        s => format!("{} s", three_digits(s)),
    }
}
