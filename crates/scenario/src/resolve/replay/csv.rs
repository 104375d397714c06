//! Traces in CSV: a header, and columns that are found by their names, whatever else there is.

use std::collections::HashMap;

use super::reading::{Layout, Part, Recorded, Rows, TOKENS, Text, tokens};
use crate::error::Problem;
use crate::written::{Format, Unit};

/// Reads the rows below the header.
pub(super) fn read(text: Text<'_>, layout: &Layout) -> Result<Recorded, Box<Problem>> {
    let names = &layout.columns;
    let mut csv =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::Headers).from_reader(text.text.as_bytes());
    let header = csv.headers().map_err(|_| no_header(text, layout, 1, &names[0]))?.clone();
    let first = line_at(text.text, header.position());
    let by_name: HashMap<String, usize> =
        header.iter().enumerate().map(|(i, name)| (name.to_ascii_lowercase(), i)).collect();
    let column = |name: &str| {
        by_name.get(&name.to_ascii_lowercase()).copied().ok_or_else(|| no_header(text, layout, first, name))
    };
    let columns = [column(&names[0])?, column(&names[1])?, column(&names[2])?];

    let mut unit = layout.unit;
    let mut rows = Rows::default();
    let mut record = csv::StringRecord::new();
    loop {
        match csv.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(why) => {
                let line = line_at(text.text, why.position());
                return Err(text.bad(line, None, "this row cannot be read", "check its quotes"));
            }
        }
        let line = || line_at(text.text, record.position());
        let field = |k: usize| match record.get(columns[k]) {
            Some(value) => Ok(value.trim()),
            None => {
                let message = format!("this row has no {}", names[k]);
                Err(text.bad(
                    line(),
                    None,
                    message,
                    &format!("a row has {}", header.iter().collect::<Vec<_>>().join(",")),
                ))
            }
        };
        let wrong = |k: usize, value: &str, help: &str| {
            let message = match value.is_empty() {
                true => format!("this row has no {}", names[k]),
                false => format!("`{value}` is not a {} of this trace", names[k]),
            };
            let line = line();
            text.bad(line, Some(part_of(text.line(line), columns[k], value)), message, help)
        };
        let time = field(0)?;
        let known = match unit {
            Some(unit) => unit,
            None => Unit::recognise(&names[0], time).ok_or_else(|| {
                let line = line();
                no_unit(text, line, part_of(text.line(line), columns[0], time), time)
            })?,
        };
        unit = Some(known);
        let at = known.read(time).ok_or_else(|| wrong(0, time, known.expected()))?;
        let tokens = |k: usize| {
            let value = field(k)?;
            tokens(value).ok_or_else(|| wrong(k, value, TOKENS))
        };
        let lengths = (tokens(1)?, tokens(2)?);
        rows.push(layout, at, lengths, None);
    }
    rows.conclude(text.file, layout)
}

/// A column of times of which nobody knows what they count.
pub(super) fn no_unit(text: Text<'_>, line: usize, part: Part, value: &str) -> Box<Problem> {
    let message = format!("`{value}` does not say what the times of this trace count");
    text.bad(line, Some(part), message, "add the unit to the stage: unit: s (or ms, us, ns, iso)")
}

/// The number of the line on which a record starts. Records are found behind the CR of the line before,
/// and ahead of blank lines.
fn line_at(text: &str, at: Option<&csv::Position>) -> usize {
    let byte = at.and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or(0).min(text.len());
    let bytes = text.as_bytes();
    let blank = bytes[byte..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    bytes[..byte + blank].iter().filter(|&&b| b == b'\n').count() + 1
}

fn no_header(text: Text<'_>, layout: &Layout, line: usize, missing: &str) -> Box<Problem> {
    let must = format!("the first line must be {}", layout.columns.join(","));
    match layout.format {
        Format::Azure => text.bad(line, None, "this is not the header of an Azure trace", &must),
        Format::BurstGpt => text.bad(line, None, "this is not the header of a BurstGPT trace", &must),
        Format::Csv | Format::Mooncake | Format::Jsonl => {
            let help = "`columns` gives the names of the file's first line";
            text.bad(line, None, format!("this trace has no column `{missing}`"), help)
        }
    }
}

/// Where a field stands in its line: its number from 0, and its value.
fn part_of(line: &str, number: usize, value: &str) -> Part {
    let mut quoted = false;
    let mut commas = line.char_indices().filter(|(_, c)| {
        quoted ^= *c == '"';
        *c == ',' && !quoted
    });
    let start = number.checked_sub(1).and_then(|n| commas.nth(n)).map_or(0, |(at, _)| at + 1);
    let at = line.get(start..).and_then(|rest| rest.find(value)).map_or(start, |at| start + at);
    Part { at, chars: value.chars().count() }
}

#[cfg(test)]
mod tests;
