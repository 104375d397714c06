//! The tables of figures by name. Where the screen is too narrow, the least telling columns go first.

use super::sheet::Sheet;
use crate::parts::Table;
use crate::style::{Ink, Style, columns};

/// What goes, by its heading: of several, the first.
const DROPPED: [&str; 9] =
    ["gap p50", "p99", "tokens/s", "cost", "attempts", "p99", "ok", "ttft p50", "failed"];

/// Writes the tables.
pub(super) fn tables(sheet: &mut Sheet, tables: Vec<Table>, style: Style) {
    tables_without(sheet, tables, &DROPPED, style);
}

/// The same, but what goes first is given by its heading.
pub(super) fn tables_without(sheet: &mut Sheet, tables: Vec<Table>, dropped: &[&str], style: Style) {
    for mut table in tables {
        sheet.space();
        for (name, cells) in &mut table.rows {
            *name = style.spell(name);
            cells.iter_mut().for_each(|cell| *cell = style.spell(cell));
        }
        for heading in dropped {
            if width(&table) <= style.columns() {
                break;
            }
            drop_column(&mut table, heading);
        }
        let widths = widths(&table);
        let label = label(&table);
        let set = |name: &str, cells: &mut dyn Iterator<Item = &str>, ink: Ink| {
            let pad = " ".repeat(label.saturating_sub(columns(name)));
            let mut line = format!("{}{pad}", style.ink(ink, name));
            for (cell, width) in cells.zip(&widths) {
                let pad = " ".repeat(2 + width.saturating_sub(columns(cell)));
                line.push_str(&format!("{pad}{}", style.ink(ink, cell)));
            }
            line
        };
        let title = format!("by {}", table.title);
        sheet.line(&set(&title, &mut table.headings.iter().copied(), Ink::Faint));
        for (name, cells) in &table.rows {
            sheet.line(&set(name, &mut cells.iter().map(String::as_str), Ink::Plain));
        }
        if table.more > 0 {
            sheet.note(&format!("and {} more in summary.json", table.more));
        }
    }
}

fn label(table: &Table) -> usize {
    let names = table.rows.iter().map(|(name, _)| columns(name));
    names.chain([columns(table.title) + 3]).max().unwrap_or(0)
}

fn widths(table: &Table) -> Vec<usize> {
    let widest = |i: usize| {
        let cells = table.rows.iter().filter_map(|(_, cells)| cells.get(i)).map(|cell| columns(cell));
        cells.chain(table.headings.get(i).map(|heading| columns(heading))).max().unwrap_or(0)
    };
    (0..table.headings.len()).map(widest).collect()
}

fn width(table: &Table) -> usize {
    label(table) + widths(table).iter().map(|w| w + 2).sum::<usize>()
}

fn drop_column(table: &mut Table, heading: &str) {
    if let Some(column) = table.headings.iter().position(|h| *h == heading) {
        table.headings.remove(column);
        for (_, cells) in &mut table.rows {
            cells.remove(column);
        }
    }
}
