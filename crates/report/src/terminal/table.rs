//! The table of latencies: a line for each metric and, where values are few, a faint one with their intervals.
//!
//! Columns are as wide as what stands in them. Where the screen is too narrow, p90 goes first, then p99.9.

use crate::format::{GLUE, MISSING, short_count, time};
use crate::metrics::{PERCENTILES, Row, interval};
use crate::style::{Ink, Style, columns};

/// A line of cells: the label, the count, the percentiles and the maximum.
struct Line {
    label: String,
    ink: Ink,
    cells: Vec<String>,
}

/// What the table says, and whether any interval is in it.
pub(super) struct Table {
    pub(super) lines: Vec<String>,
    pub(super) has_intervals: bool,
}

/// Sets the table.
pub(super) fn table(rows: &[Row<'_>], style: Style) -> Table {
    let mut lines = vec![heading()];
    let mut has_intervals = false;
    for row in rows {
        lines.push(values(row));
        if row.wants_intervals() {
            lines.push(intervals(row));
            has_intervals = true;
        }
    }
    for line in &mut lines {
        line.cells.iter_mut().for_each(|cell| *cell = style.spell(cell));
    }
    fit(&mut lines, style.columns());
    Table { lines: set(&lines, style), has_intervals }
}

fn heading() -> Line {
    let names = PERCENTILES.map(|(_, name)| format!("{name}   "));
    let cells = std::iter::once("n".into()).chain(names).chain(["max   ".into()]).collect();
    Line { label: "latencies".into(), ink: Ink::Faint, cells }
}

fn values(row: &Row<'_>) -> Line {
    let values = row.percentiles().into_iter().chain([row.figures.max]);
    let mark = if row.upper_bound { "≤" } else { "" };
    let cells = std::iter::once(short_count(row.figures.count))
        .chain(
            values.map(|ms| ms.map_or_else(|| format!("{MISSING}   "), |ms| format!("{mark}{}", cell(ms)))),
        )
        .collect();
    Line { label: row.label(), ink: Ink::Plain, cells }
}

/// A time whose number ends three columns before the cell does, so that numbers stand below each other.
fn cell(ms: f64) -> String {
    let text = time(ms);
    if text.ends_with(&format!("{GLUE}s")) { text + " " } else { text }
}

fn intervals(row: &Row<'_>) -> Line {
    let ends = row.percentiles().into_iter().zip(row.intervals());
    let cells = ends.map(|(value, ends)| value.map_or_else(String::new, |value| interval(value, ends)));
    let cells = std::iter::once(String::new()).chain(cells).chain([String::new()]).collect();
    Line { label: String::new(), ink: Ink::Faint, cells }
}

/// Leaves out columns until the table fits.
fn fit(lines: &mut [Line], room: usize) {
    for name in ["p90   ", "p99.9   "] {
        if width(lines) <= room {
            return;
        }
        let column = lines.first().and_then(|heading| heading.cells.iter().position(|cell| cell == name));
        if let Some(column) = column {
            for line in lines.iter_mut() {
                line.cells.remove(column);
            }
        }
    }
}

fn width(lines: &[Line]) -> usize {
    label_width(lines) + cell_widths(lines).iter().map(|w| w + 1).sum::<usize>()
}

fn label_width(lines: &[Line]) -> usize {
    lines.iter().map(|line| columns(&line.label)).max().unwrap_or(0)
}

fn cell_widths(lines: &[Line]) -> Vec<usize> {
    let number = lines.first().map_or(0, |heading| heading.cells.len());
    let widest = |i: usize| lines.iter().filter_map(|line| line.cells.get(i)).map(|c| columns(c)).max();
    (0..number).map(|i| widest(i).unwrap_or(0)).collect()
}

/// As [`cell_widths`], but the same for every percentile where there is room for that.
fn even_widths(lines: &[Line], room: usize) -> Vec<usize> {
    let widths = cell_widths(lines);
    let [first, percentiles @ .., last] = widths.as_slice() else { return widths };
    let widest = percentiles.iter().copied().max().unwrap_or(0);
    let even: Vec<usize> =
        [*first].into_iter().chain(percentiles.iter().map(|_| widest)).chain([*last]).collect();
    if label_width(lines) + even.iter().map(|w| w + 1).sum::<usize>() <= room { even } else { widths }
}

fn set(lines: &[Line], style: Style) -> Vec<String> {
    let (label, widths) = (label_width(lines), even_widths(lines, style.columns()));
    let used = label + widths.iter().map(|w| w + 1).sum::<usize>();
    let space = 1 + (style.columns().saturating_sub(used) / widths.len().max(1)).min(2);
    let set = |line: &Line| {
        let ink = if line.label.is_empty() { Ink::Plain } else { line.ink };
        let mut text = style.ink(ink, &format!("{:<label$}", line.label));
        for (i, (cell, width)) in line.cells.iter().zip(&widths).enumerate() {
            let ink = if i == 0 { Ink::Faint } else { line.ink };
            let pad = " ".repeat(space + width.saturating_sub(columns(cell)));
            text.push_str(&pad);
            text.push_str(&style.ink(ink, cell));
        }
        text.trim_end().to_owned()
    };
    lines.iter().map(set).collect()
}
