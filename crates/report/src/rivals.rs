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
    let mut headings =
        vec!["ok", "ok/s", "took", "attempts each", "refusals", "wasted tokens", "waiting each"];
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
            maybe(run.ok_per_s),
            maybe_time(run.duration_s.map(|seconds| seconds * 1e3)),
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

/// What the runs show, in plain words, and which are missing.
fn sentences(rivals: &Rivals) -> Vec<String> {
    let mut sentences = found(rivals);
    if !rivals.missing.is_empty() {
        let has = if rivals.missing.len() == 1 { "has" } else { "have" };
        sentences.push(format!("{} {has} no run that came to its end.", listed(&rivals.missing)));
    }
    sentences
}

/// What the runs show.
fn found(rivals: &Rivals) -> Vec<String> {
    if rivals.runs.len() < 2 {
        return vec![
            "Fewer than two policies were run, so there is nothing to hold against each other.".into(),
        ];
    }
    let find = |name: &str| rivals.runs.iter().find(|run| run.policy == name);
    let name = |run: &Rival| quoted(&run.policy);
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
    let tell = rivals.runs.iter().filter(|run| run.tells()).count();
    match rivals.finding.best.as_deref().and_then(find) {
        Some(only) if tell < 2 => sentences.push(format!(
            "Only the run under {} is valid and was carried through, so there is nothing to hold against it.",
            name(only)
        )),
        None => sentences.push(
            "No run that is valid and was carried through had an answer, so there is nothing to compare."
                .into(),
        ),
        Some(_) if rivals.runs.iter().all(|run| run.refusals + run.rejected == 0) => {
            return vec!["Nothing was refused, so no policy had anything to do.".into()];
        }
        Some(best) => sentences.push(answered_most(rivals, best)),
    }
    if goal.is_none() && rivals.finding.best.is_some() && tell > 1 {
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

/// Who answered most, and at what price.
fn answered_most(rivals: &Rivals, best: &Rival) -> String {
    let share = best.ok_share.map_or_else(|| MISSING.into(), fraction);
    let price = format!(
        "{} attempts each{}",
        maybe(best.amplification),
        match best.waited_each_s {
            Some(waited) if waited > 0.0 => format!(" and {} of waiting", waited_each(waited)),
            _ => String::new(),
        }
    );
    let name = quoted(&best.policy);
    let others = &rivals.finding.as_many;
    if others.is_empty() {
        return format!("{name} answered most: {share} of the requests with {price}.");
    }
    let all: Vec<String> = [&best.policy].into_iter().chain(others).cloned().collect();
    let none_as_few = |run: &Rival| !others.contains(&run.policy) || run.attempts > best.attempts;
    let with = match rivals.runs.iter().all(none_as_few) {
        true => format!("{name} with the fewest attempts"),
        false => format!("none with fewer attempts than {name}"),
    };
    format!("{} answered as many, {share} of the requests; {with}: {price}.", listed(&all))
}

fn quoted(policy: &str) -> String {
    format!("`{}`", one_line(policy, 40))
}

/// Policies by name: `a`, `b` and `c`.
fn listed(policies: &[String]) -> String {
    let names: Vec<String> = policies.iter().map(|policy| quoted(policy)).collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => names.join(""),
    }
}

fn waited_each(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => crate::format::time(s * 1e3),
        s => format!("{} s", three_digits(s)),
    }
}
