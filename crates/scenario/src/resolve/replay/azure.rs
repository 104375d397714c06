//! The public Azure LLM inference traces: CSV with TIMESTAMP, ContextTokens and GeneratedTokens.
//!
//! Timestamps are read exactly, to the nanosecond. The earliest request is time zero. A prompt or an
//! answer of zero tokens is played as one token, since none can be asked for.

use std::collections::HashMap;

use floodline_core::time::Span;

use crate::error::Problem;
use crate::excerpt::{Excerpt, Show};
use crate::resolve::MOST_TOKENS;

/// A request of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// From the earliest request.
    pub(crate) at: Span,
    pub(crate) input_tokens: u32,
    pub(crate) output_tokens: u32,
}

/// The requests of a file in the order of their times.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) rows: Vec<Recorded>,
    pub(crate) warnings: Vec<String>,
}

const COLUMNS: [&str; 3] = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"];

/// Reads a trace.
pub(crate) fn read(file: &str, bytes: &[u8]) -> Result<Recording, Box<Problem>> {
    let text = std::str::from_utf8(bytes).map_err(|_| {
        Problem::new("this trace is not text in UTF-8").in_file(file).help("expected a CSV file")
    })?;
    let mut csv = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = csv.headers().map_err(|_| no_header(file, text, 1))?.clone();
    let first = line_at(text, header.position());
    let by_name: HashMap<String, usize> =
        header.iter().enumerate().map(|(i, name)| (name.to_ascii_lowercase(), i)).collect();
    let column = |name: &str| {
        by_name.get(&name.to_ascii_lowercase()).copied().ok_or_else(|| no_header(file, text, first))
    };
    let columns = [column(COLUMNS[0])?, column(COLUMNS[1])?, column(COLUMNS[2])?];

    let mut rows: Vec<(i128, u32, u32)> = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut empty = 0usize;
    loop {
        match csv.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(why) => {
                let line = line_at(text, why.position());
                let message = "this row cannot be read";
                return Err(bad(file, text, line, None, message, "check its quotes".into()).into());
            }
        }
        let line = || line_at(text, record.position());
        let field = |k: usize| match record.get(columns[k]) {
            Some(value) => Ok(value),
            None => {
                let message = format!("this row has no {}", COLUMNS[k]);
                Err(bad(file, text, line(), None, &message, format!("a row is {}", COLUMNS.join(","))))
            }
        };
        let wrong = |k: usize, value: &str, help: &str| {
            let message = format!("`{value}` is not a {} of this trace", COLUMNS[k]);
            bad(file, text, line(), Some((columns[k], value)), &message, help.into())
        };
        let time = field(0)?;
        let at =
            nanoseconds(time).ok_or_else(|| wrong(0, time, "write it as 2023-11-16 18:15:46.6805900"))?;
        let tokens = |k: usize| {
            let value = field(k)?;
            let number = value.parse::<u32>().ok().filter(|&n| n <= MOST_TOKENS);
            number.ok_or_else(|| wrong(k, value, "expected a whole number of tokens, up to 10 million"))
        };
        let (input, output) = (tokens(1)?, tokens(2)?);
        empty += usize::from(input == 0) + usize::from(output == 0);
        rows.push((at, input.max(1), output.max(1)));
    }
    if rows.is_empty() {
        return Err(Problem::new("this trace has no requests")
            .in_file(file)
            .help("expected rows below the header")
            .into());
    }
    let mut warnings = Vec::new();
    if !rows.is_sorted_by_key(|row| row.0) {
        rows.sort_by_key(|row| row.0);
        warnings.push(format!("{file}: the rows are not in the order of their times; they were sorted"));
    }
    if empty > 0 {
        warnings.push(format!("{file}: {empty} lengths of zero tokens are played as one token"));
    }
    let start = rows[0].0;
    let rows = rows
        .into_iter()
        .map(|(at, input_tokens, output_tokens)| Recorded {
            at: Span(u64::try_from(at - start).unwrap_or(u64::MAX)),
            input_tokens,
            output_tokens,
        })
        .collect();
    Ok(Recording { rows, warnings })
}

/// The number of the line on which a record starts. Records are found behind the CR of the line before,
/// and ahead of blank lines.
fn line_at(text: &str, at: Option<&csv::Position>) -> usize {
    let byte = at.and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or(0).min(text.len());
    let bytes = text.as_bytes();
    let blank = bytes[byte..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    bytes[..byte + blank].iter().filter(|&&b| b == b'\n').count() + 1
}

fn no_header(file: &str, text: &str, line: usize) -> Problem {
    let help = format!("the first line must be {}", COLUMNS.join(","));
    bad(file, text, line, None, "this is not the header of an Azure trace", help)
}

/// A problem with a line, or with one field of it: its number from 0, and its value.
fn bad(
    file: &str,
    text: &str,
    line: usize,
    field: Option<(usize, &str)>,
    message: &str,
    help: String,
) -> Problem {
    let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or("");
    let (at, width) = match field {
        None => (0, shown.chars().count()),
        Some((number, value)) => {
            let start = number
                .checked_sub(1)
                .and_then(|n| shown.match_indices(',').nth(n))
                .map_or(0, |(at, _)| at + 1);
            let at = shown[start..].find(value).map_or(start, |at| start + at);
            (shown[..at].chars().count(), value.chars().count())
        }
    };
    Problem::new(message).help(help).at(Excerpt::new(file, text, (line, at + 1), width, Show::Line))
}

/// Nanoseconds from 1970 of `YYYY-MM-DD HH:MM:SS[.fffffffff][Z|±hh:mm]`.
fn nanoseconds(text: &str) -> Option<i128> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let (time, offset) = split_offset(time.trim())?;
    let mut date = date.split('-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.split(':').map(digits);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let rest = date.next().is_some() || time.next().is_some();
    let days_in_month = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let valid = (1..=12).contains(&month)
        && (1..=days_in_month).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if rest || !valid || year > 9999 || fraction.len() > 9 {
        return None;
    }
    let fraction = digits(fraction)? * 10i64.pow(9 - u32::try_from(fraction.len()).ok()?);
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(fraction))
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The time of day, and how many seconds its zone is ahead of UTC: `Z`, `±hh`, `±hhmm` or `±hh:mm`.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix('Z') {
        return Some((time, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let zone = &time[at + 1..];
    let (hours, minutes) = match zone.len() {
        2 => (zone, "00"),
        4 => zone.split_at_checked(2)?,
        5 => zone.split_once(':').filter(|(hours, _)| hours.len() == 2)?,
        _ => return None,
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    Some((time[..at].trim_end(), if time[at..].starts_with('-') { -seconds } else { seconds }))
}

/// Days from 1970-01-01 of a date of the Gregorian calendar. Years are counted from March, so that
/// a leap day is the last day of its year and months have one closed formula.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    // 719 468 days lie between the 1st of March of year 0 and 1970-01-01.
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests;
