//! Files of recorded lengths: one number on each line, or columns of a CSV or JSONL file.
//!
//! What a file is shows in its first character: an object on each line is JSONL, all else is CSV. A length of zero, which
//! cannot be asked for, becomes one.

use serde_json::Value;

use crate::error::{Problem, did_you_mean};
use crate::excerpt::{Excerpt, Show};
use crate::resolve::MOST_TOKENS;

/// A column of lengths.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column<'a> {
    /// The only one of the file.
    Only,
    /// By its name.
    Tokens(&'a str),
}

/// The columns asked for, row by row; whole numbers of tokens, from 1.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    pub(super) rows: Vec<[f64; N]>,
    /// How many of them were zero.
    pub(super) zeros: usize,
}

type Wrong = Box<Problem>;

/// Reads the columns from a file.
pub(super) fn read<const N: usize>(
    file: &str,
    bytes: &[u8],
    columns: &[Column<'_>; N],
) -> Result<Table<N>, Wrong> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Problem::new("this file is not text in UTF-8").in_file(file).help("save it as UTF-8"))?;
    let file = File { name: file, text };
    let mut table = Table { rows: Vec::new(), zeros: 0 };
    if text.trim_start().starts_with('{') {
        objects(&file, columns, &mut table)?;
    } else {
        records(&file, columns, &mut table)?;
    }
    match table.rows.is_empty() {
        false => Ok(table),
        true => Err(Problem::new("this file has no lengths")
            .in_file(file.name)
            .help("expected a number of tokens on each line")
            .into()),
    }
}

struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl File<'_> {
    /// A problem with a line, from 1, or with a value on it.
    fn wrong(&self, line: usize, value: &str, message: impl Into<String>, help: impl Into<String>) -> Wrong {
        let shown = self.text.lines().nth(line.saturating_sub(1)).unwrap_or("");
        let at = if value.is_empty() { None } else { shown.find(value) };
        let (column, width) = match at {
            Some(at) => (shown[..at].chars().count() + 1, value.chars().count()),
            None => (1, shown.chars().count()),
        };
        let excerpt = Excerpt::new(self.name, self.text, (line, column), width, Show::Line);
        Box::new(Problem::new(message).help(help).at(excerpt))
    }

    fn no_column(&self, line: usize, name: &str, names: &[&str]) -> Wrong {
        let near = did_you_mean(name, names.iter().copied());
        let list = match names {
            [] => "it has none".into(),
            names => format!("it has {}", names.iter().take(12).copied().collect::<Vec<_>>().join(", ")),
        };
        let help = near.map_or(list.clone(), |near| format!("did you mean `{near}`? {list}"));
        self.wrong(line, "", format!("this file has no column `{name}`"), help)
    }
}

/// JSONL: a member of each object.
fn objects<const N: usize>(
    file: &File<'_>,
    columns: &[Column<'_>; N],
    table: &mut Table<N>,
) -> Result<(), Wrong> {
    let lines = file.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (i, line) in lines {
        let line_number = i + 1;
        let value: Value = serde_json::from_str(line).map_err(|why| {
            let said = why.to_string();
            let said = said.split_once(" at line ").map_or(said.as_str(), |(said, _)| said);
            file.wrong(line_number, "", format!("this is not valid JSON: {said}"), "expected an object")
        })?;
        let mut row = [0.0; N];
        for (slot, column) in row.iter_mut().zip(columns) {
            let Column::Tokens(name) = column else {
                let help = "name the member that holds them: column: NAME";
                return Err(file.wrong(
                    line_number,
                    "",
                    "these objects do not say which number is the length",
                    help,
                ));
            };
            let found = member(&value, name).ok_or_else(|| {
                let names: Vec<&str> =
                    value.as_object().into_iter().flat_map(|o| o.keys().map(String::as_str)).collect();
                file.no_column(line_number, name, &names)
            })?;
            let text = match found {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            *slot = length(file, line_number, &text, &mut table.zeros)?;
        }
        table.rows.push(row);
    }
    Ok(())
}

/// A member by its name, or by the names on the way to it.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        member(value.get(first)?, rest)
    })
}

/// CSV: a header and rows, or a number on each line.
fn records<const N: usize>(
    file: &File<'_>,
    columns: &[Column<'_>; N],
    table: &mut Table<N>,
) -> Result<(), Wrong> {
    let mut csv = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(file.text.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut places: Option<[usize; N]> = None;
    loop {
        match csv.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(why) => {
                let line = file.line_at(why.position());
                return Err(file.wrong(line, "", "this row cannot be read", "check its quotes"));
            }
        }
        let line = || file.line_at(record.position());
        let at = match places {
            Some(at) => at,
            None => {
                let (at, is_header) = header(file, &record, columns, line())?;
                places = Some(at);
                if is_header {
                    continue;
                }
                at
            }
        };
        let mut row = [0.0; N];
        for ((slot, at), column) in row.iter_mut().zip(at).zip(columns) {
            let missing = || match column {
                Column::Only => "this line has no number".to_owned(),
                Column::Tokens(name) => format!("this row has no {name}"),
            };
            let text = record
                .get(at)
                .filter(|text| !text.is_empty())
                .ok_or_else(|| file.wrong(line(), "", missing(), "every row has a value in each column"))?;
            if matches!(column, Column::Only) && record.len() > 1 {
                return Err(several_columns(file, line()));
            }
            // The line is looked for only when something is wrong with it.
            if let Some(tokens) = whole(text) {
                table.zeros += usize::from(tokens == 0);
                *slot = f64::from(tokens.max(1));
            } else {
                length(file, line(), text, &mut table.zeros)?;
            }
        }
        table.rows.push(row);
    }
}

/// Where the columns are, and whether the first record is a header.
fn header<const N: usize>(
    file: &File<'_>,
    first: &csv::StringRecord,
    columns: &[Column<'_>; N],
    line: usize,
) -> Result<([usize; N], bool), Wrong> {
    let mut at = [0; N];
    let mut is_header = false;
    for (slot, column) in at.iter_mut().zip(columns) {
        match column {
            Column::Only if first.len() > 1 => return Err(several_columns(file, line)),
            // A single name above the numbers.
            Column::Only => {
                is_header = first.get(0).is_some_and(|text| text.starts_with(|c: char| c.is_alphabetic()));
            }
            Column::Tokens(name) => {
                is_header = true;
                *slot = first
                    .iter()
                    .position(|found| found.eq_ignore_ascii_case(name))
                    .ok_or_else(|| file.no_column(line, name, &first.iter().collect::<Vec<_>>()))?;
            }
        }
    }
    Ok((at, is_header))
}

fn several_columns(file: &File<'_>, line: usize) -> Wrong {
    file.wrong(line, "", "this file has several columns", "name the one that holds the lengths: column: NAME")
}

impl File<'_> {
    /// The line on which a record starts. Records are found behind the CR of the line before, and ahead of blank lines.
    fn line_at(&self, at: Option<&csv::Position>) -> usize {
        let bytes = self.text.as_bytes();
        let byte = at.and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or(0).min(bytes.len());
        let blank = bytes[byte..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        bytes[..byte + blank].iter().filter(|&&b| b == b'\n').count() + 1
    }
}

/// A length on a line, at least 1.
fn length(file: &File<'_>, line: usize, text: &str, zeros: &mut usize) -> Result<f64, Wrong> {
    let tokens = whole(text).ok_or_else(|| {
        let help = "expected a whole number of tokens, up to 10 million";
        file.wrong(line, text, format!("`{text}` is not a length"), help)
    })?;
    *zeros += usize::from(tokens == 0);
    Ok(f64::from(tokens.max(1)))
}

/// A whole number of tokens; data frames write theirs as 374.0.
fn whole(text: &str) -> Option<u32> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if zeros.bytes().all(|b| b == b'0') => digits,
        Some(_) => return None,
        None => text,
    };
    let plain = digits.starts_with(|c: char| c.is_ascii_digit());
    digits.parse().ok().filter(|&tokens| plain && tokens <= MOST_TOKENS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Result<Vec<f64>, String> {
        let table = read("f", text.as_bytes(), &[Column::Only]).map_err(|problem| problem.to_string())?;
        Ok(table.rows.into_iter().map(|[tokens]| tokens).collect())
    }

    fn column(text: &str, name: &str) -> Result<Vec<f64>, String> {
        let table =
            read("f", text.as_bytes(), &[Column::Tokens(name)]).map_err(|problem| problem.to_string())?;
        Ok(table.rows.into_iter().map(|[tokens]| tokens).collect())
    }

    #[test]
    fn numbers_by_line_with_and_without_a_name_above() {
        assert_eq!(only("120\n400\n"), Ok(vec![120.0, 400.0]));
        assert_eq!(only("tokens\r\n120\r\n\r\n374.0\r\n0"), Ok(vec![120.0, 374.0, 1.0]));
    }

    #[test]
    fn columns_by_name() {
        assert_eq!(column("time,Input Tokens\nx,5\ny,7\n", "input tokens"), Ok(vec![5.0, 7.0]));
        let json = "{\"usage\": {\"prompt_tokens\": 5}, \"a.b\": 1}\n\n{\"usage\": {\"prompt_tokens\": \"7\"}, \"a.b\": 2}\n";
        assert_eq!(column(json, "usage.prompt_tokens"), Ok(vec![5.0, 7.0]));
        assert_eq!(column(json, "a.b"), Ok(vec![1.0, 2.0]));
    }

    #[test]
    fn mistakes_name_the_line_and_the_value() {
        for (text, message, place) in [
            ("120\nmany\n", "`many` is not a length", "f:2:1"),
            ("120\n4.5\n", "`4.5` is not a length", "f:2:1"),
            ("120\n-4\n", "`-4` is not a length", "f:2:1"),
            ("120\n10000001\n", "`10000001` is not a length", "f:2:1"),
            ("1,2\n", "this file has several columns", "f:1:1"),
            ("1\n\n2,3\n", "this file has several columns", "f:3:1"),
            ("{\"a\": 1}\n", "these objects do not say which", "f:1:1"),
            ("\n", "this file has no lengths", "f"),
            ("name\n", "this file has no lengths", "f"),
        ] {
            let error = only(text).unwrap_err();
            assert!(error.contains(message) && error.contains(&format!("--> {place}")), "{text:?}: {error}");
        }
        for (text, message, place) in [
            ("time,inptu\n1,2\n", "did you mean `inptu`?", "f:1:1"),
            ("time,input\n1,2\n3\n", "this row has no input", "f:3:1"),
            ("time,input\n1,2\n3,x\n", "`x` is not a length", "f:3:3"),
            ("{\"input\": 1}\n{\"inputs\": 1}\n", "did you mean `inputs`?", "f:2:1"),
            ("{\"input\": 1}\n{\"input\": nul}\n", "this is not valid JSON", "f:2:1"),
            ("{\"input\": null}\n", "`null` is not a length", "f:1:11"),
        ] {
            let error = column(text, "input").unwrap_err();
            assert!(error.contains(message) && error.contains(&format!("--> {place}")), "{text:?}: {error}");
        }
    }
}
