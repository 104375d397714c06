//! Tables: CSV with a header, with commas, semicolons or tabs between the columns.

use std::num::NonZeroU32;

use super::item::{LIMITS, PROMPTS, offset_of, said};
use crate::corpus::Corpus;
use crate::messages::{check, write_user_message};
use crate::problem::Findings;

const EXAMPLE: &str = "the first line names the columns, one of which is `prompt`";

/// Reads every row.
pub(super) fn read(column: Option<&str>, corpus: &mut Corpus, findings: &mut Findings<'_>) -> &'static str {
    let text = findings.text;
    let delimiter = delimiter_of(text.lines().find(|line| !line.is_empty()).unwrap_or(""));
    let mut csv = csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let header = match csv.headers() {
        Ok(header) => header.clone(),
        Err(why) => {
            findings.at(start_of(text, why.position()), "this header cannot be read", EXAMPLE);
            return EXAMPLE;
        }
    };
    if header.iter().all(|name| name.trim().is_empty()) {
        return EXAMPLE;
    }
    let columns = match Columns::of(&header, column) {
        Ok(columns) => columns,
        Err((message, help)) => {
            findings.at(start_of(text, header.position()), message, help);
            return EXAMPLE;
        }
    };
    let mut row = csv::StringRecord::new();
    loop {
        match csv.read_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(why) => {
                findings.at(start_of(text, why.position()), "this row cannot be read", "check its quotes");
                break;
            }
        }
        // Spreadsheets leave rows of nothing but commas behind.
        if row.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let start = start_of(text, row.position());
        let is_last = csv.position().byte() >= text.len() as u64;
        if is_last && let Some(open) = open_quote(&text[start..], delimiter) {
            findings.at(
                start + open,
                "these quotes are never closed",
                "the file was cut short, or a quote within the text is not doubled",
            );
            break;
        }
        if let Err((field, within, message, help)) = columns.take(&row, corpus) {
            // Quotes and escapes ahead of the place are not worth finding it to the letter.
            let field = start + field_starts(&text[start..], delimiter).nth(field).unwrap_or(0);
            findings.at(field + within, message, help);
            if findings.are_many() {
                break;
            }
        }
    }
    EXAMPLE
}

/// Whether a line is the header of a table of prompts.
pub(crate) fn is_header(line: &str, column: Option<&str>) -> bool {
    let delimiter = char::from(delimiter_of(line));
    let names: Vec<&str> = line.split(delimiter).map(|name| name.trim().trim_matches('"')).collect();
    match column {
        Some(column) => names.iter().any(|name| name.eq_ignore_ascii_case(column)),
        None => {
            names.len() > 1 && names.iter().any(|name| PROMPTS.iter().any(|p| name.eq_ignore_ascii_case(p)))
        }
    }
}

/// The columns that are read.
struct Columns {
    prompt: usize,
    /// Whether the prompt is a JSON array of messages.
    is_messages: bool,
    limit: Option<usize>,
}

/// What is wrong with a row: the field, the byte in it, the message and the help.
type Wrong = (usize, usize, String, String);

impl Columns {
    fn of(header: &csv::StringRecord, column: Option<&str>) -> Result<Columns, (String, String)> {
        let find = |name: &str| header.iter().position(|other| other.trim().eq_ignore_ascii_case(name));
        let names: Vec<String> = header.iter().map(|name| format!("`{}`", name.trim())).collect();
        let (name, prompt) = match column {
            Some(column) => match find(column) {
                Some(at) => (column, at),
                None => {
                    let message = format!("this file has no column `{column}`");
                    return Err((message, format!("its columns are {}", names.join(", "))));
                }
            },
            None => {
                let found: Vec<(&str, usize)> =
                    PROMPTS.iter().filter_map(|name| Some((*name, find(name)?))).collect();
                match found.as_slice() {
                    [one] => *one,
                    [] => {
                        let message =
                            "no column of this file is called `prompt`, `messages`, `text` or `input`";
                        let help = format!("say which column is sent: it has {}", names.join(", "));
                        return Err((message.into(), help));
                    }
                    several => {
                        let names: Vec<String> =
                            several.iter().map(|(name, _)| format!("`{name}`")).collect();
                        let message = format!("this file has the columns {}", names.join(" and "));
                        return Err((message, "say which of them is sent".into()));
                    }
                }
            }
        };
        let limit = LIMITS.iter().find_map(|name| find(name));
        Ok(Columns { prompt, is_messages: name.eq_ignore_ascii_case("messages"), limit })
    }

    fn take(&self, row: &csv::StringRecord, corpus: &mut Corpus) -> Result<(), Wrong> {
        let max_tokens = match self.limit.and_then(|at| Some((at, row.get(at)?.trim()))) {
            None | Some((_, "")) => None,
            Some((at, written)) => match written.parse::<NonZeroU32>() {
                Ok(limit) => Some(limit),
                Err(_) => {
                    let message = format!("`{written}` is not a number of tokens");
                    return Err((at, 0, message, "expected a whole number above zero, or nothing".into()));
                }
            },
        };
        match row.get(self.prompt) {
            None => {
                Err((0, 0, "this row has no prompt".into(), "it has fewer columns than the header".into()))
            }
            Some(prompt) if prompt.trim().is_empty() => Err((
                self.prompt,
                0,
                "this prompt is empty".into(),
                "write a prompt, or leave out the row".into(),
            )),
            Some(messages) if self.is_messages => {
                check(messages).map_err(|why| {
                    let help = r#"expected messages such as [{"role": "user", "content": "..."}]"#;
                    (self.prompt, offset_of(messages, &why), said(&why), help.into())
                })?;
                corpus.push(max_tokens, |out| out.extend_from_slice(messages.trim().as_bytes()));
                Ok(())
            }
            Some(text) => {
                corpus.push(max_tokens, |out| write_user_message(out, text));
                Ok(())
            }
        }
    }
}

/// The mark that stands between the columns of a header.
fn delimiter_of(header: &str) -> u8 {
    let count = |mark: u8| header.bytes().filter(|&b| b == mark).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|&mark| count(mark)).unwrap_or(b',')
}

/// Where a record starts. Records are found behind the CR of the line before, and ahead of blank lines.
fn start_of(text: &str, at: Option<&csv::Position>) -> usize {
    let byte = at.and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or(0).min(text.len());
    byte + text.as_bytes()[byte..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count()
}

/// Where the quoted field starts that has no end, if the record has one.
fn open_quote(record: &str, delimiter: u8) -> Option<usize> {
    let bytes = record.as_bytes();
    field_starts(record, delimiter).find(|&start| {
        bytes.get(start) == Some(&b'"') && {
            let quotes = bytes[start + 1..].iter();
            let mut inside = true;
            // A doubled quote leaves and enters again.
            quotes.for_each(|&b| inside ^= b == b'"');
            inside && field_end(bytes, start, delimiter) == bytes.len()
        }
    })
}

/// Where the fields of a record start, which may go on behind the record.
fn field_starts(record: &str, delimiter: u8) -> impl Iterator<Item = usize> {
    let bytes = record.as_bytes();
    std::iter::successors(Some(0), move |&start| {
        let end = field_end(bytes, start, delimiter);
        (bytes.get(end) == Some(&delimiter)).then_some(end + 1)
    })
}

/// Where the field that starts at a byte ends: at its delimiter, its line's end or the text's.
fn field_end(bytes: &[u8], start: usize, delimiter: u8) -> usize {
    let mut quoted = bytes.get(start) == Some(&b'"');
    let mut at = start + usize::from(quoted);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' if quoted && bytes.get(at + 1) == Some(&b'"') => at += 1,
            b'"' if quoted => quoted = false,
            b'\n' | b'\r' if !quoted => return at,
            _ if byte == delimiter && !quoted => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}
