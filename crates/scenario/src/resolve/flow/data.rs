//! Feeders: files of rows, read once and shared by the flows that draw from them.

use std::sync::Arc;

use minijinja::Value;

use super::verdict::refuse_name;
use crate::journey::{Feeder, Order, Rows};
use crate::resolve::findings::Findings;
use crate::written::{At, Data, DataForm, Either, Given, Named, Place, Scalar, Text};

/// The feeders of a scenario file, from which each flow makes its own.
#[derive(Debug, Default)]
pub(in crate::resolve) struct Feeders(Vec<(Arc<str>, Rows, Order)>);

impl Feeders {
    /// Feeders that start from their first rows.
    pub(super) fn made(&self) -> Vec<Feeder> {
        self.0.iter().map(|(name, rows, order)| Feeder::new(name.clone(), rows.clone(), *order)).collect()
    }
}

/// Reads the files of all feeders.
pub(in crate::resolve) fn feeders(written: &Given<Named<DataForm>>, findings: &mut Findings<'_>) -> Feeders {
    let mut feeders = Feeders::default();
    for (At { value: name, place }, form) in written.iter().flat_map(|named| &named.0) {
        let one;
        let data = match form {
            Either::Single(file) => {
                one = Data { file: file.clone().into(), ..Data::default() };
                &one
            }
            Either::Other(At { value, .. }) => value,
        };
        if !refuse_name(name, *place, findings) {
            continue;
        }
        let order = findings.read(&data.order).unwrap_or_default();
        let rows = rows(&data.file, *place, findings);
        feeders.0.extend(rows.map(|rows| (name.as_str().into(), rows, order)));
    }
    feeders
}

fn rows(file: &Given<Scalar<Text>>, place: Place, findings: &mut Findings<'_>) -> Option<Rows> {
    let Some(file) = file.as_ref() else {
        findings
            .problem(place, "the data names no file")
            .with_help("such as {file: people.csv, order: unique}");
        return None;
    };
    let at = At { value: file.text.clone(), place: file.place };
    let (path, bytes) = findings.file(&at)?;
    let is_json =
        path.ends_with(".jsonl") || path.ends_with(".ndjson") || bytes.trim_ascii_start().starts_with(b"{");
    let read = if is_json { objects(&bytes) } else { table(&bytes) };
    match read {
        Ok(rows) if rows.is_empty() => {
            findings
                .problem(file.place, format!("`{}` has no rows", file.text))
                .with_help("write a head line with the names of the columns, and a row for each user");
            None
        }
        Ok(rows) => Some(rows.into()),
        Err(why) => {
            findings
                .problem(file.place, format!("`{}` cannot be read: {why}", file.text))
                .with_help(match is_json {
                    true => "write an object on each line, such as {\"user\": \"anna\"}",
                    false => "write a head line such as user,question and a row for each user; a value with a comma in it stands in \"quotes\"",
                });
            None
        }
    }
}

/// An object on each line.
fn objects(bytes: &[u8]) -> Result<Vec<Value>, String> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let filled = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    let read = |(number, line): (usize, &[u8])| match serde_json::from_slice::<Value>(line) {
        Ok(value) if value.kind() == minijinja::value::ValueKind::Map => Ok(value),
        Ok(_) => Err(format!("line {} is no JSON object", number + 1)),
        Err(why) => {
            let why = why.to_string();
            let why = why.split(" at line ").next().unwrap_or_default();
            Err(format!("line {} is no JSON: {why}", number + 1))
        }
    };
    filled.map(read).collect()
}

/// A table with a head line; values are texts.
fn table(bytes: &[u8]) -> Result<Vec<Value>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let head = reader.headers().map_err(|e| e.to_string())?.clone();
    let read = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row.map_err(|e| uneven(&e))?;
        Ok(Value::from_pairs(head.iter().zip(row.iter())))
    };
    reader.records().map(read).collect()
}

fn uneven(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos: Some(at), expected_len, len } => {
            format!("line {} has {len} of {expected_len} columns", at.line())
        }
        _ => error.to_string(),
    }
}
