//! Which format a trace has, by its stage or by its content, and how it is read then.

use super::reading::{Layout, Recorded, Text};
use super::{csv, jsonl};
use crate::error::Problem;
use crate::resolve::findings::Findings;
use crate::written::{At, Columns, Format, Stage, Unit};

/// Tokens of a block of a Mooncake trace.
const BLOCK_TOKENS: u32 = 512;

/// What a stage says of the format of its trace.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) format: Option<Format>,
    pub(super) columns: Option<Named>,
    pub(super) unit: Option<Unit>,
    pub(super) keep_failed: bool,
    pub(super) block_tokens: Option<u32>,
}

/// The columns that a stage names.
#[derive(Debug)]
pub(super) struct Named {
    columns: [String; 3],
    blocks: Option<String>,
}

impl Said {
    /// Reads the keys of a stage; none if one of them is wrong.
    pub(super) fn of(stage: &Stage, findings: &mut Findings<'_>) -> Option<Said> {
        let format = findings.read(&stage.format);
        let unit = findings.read(&stage.unit);
        let keep_failed = findings.read(&stage.keep_failed);
        let block_tokens = findings.above_zero(&stage.block_tokens, "`block_tokens`");
        let named = stage.columns.as_ref().map(|columns| Named::of(columns, format, findings));
        let right = stage.format.is_some() == format.is_some()
            && stage.unit.is_some() == unit.is_some()
            && stage.keep_failed.is_some() == keep_failed.is_some()
            && stage.block_tokens.is_some() == block_tokens.is_some();
        let columns = match named {
            Some(named) => Some(named?),
            None => None,
        };
        if let (Some(Format::Csv | Format::Jsonl), None, Some(written)) =
            (format, &columns, stage.format.as_ref())
        {
            findings
                .problem(written.place, "which columns of this trace are its times and lengths?")
                .with_help("name them: columns: {time: ts, input: prompt_tokens, output: completion_tokens}");
            return None;
        }
        right.then_some(Said {
            format,
            columns,
            unit,
            keep_failed: keep_failed.unwrap_or(false),
            block_tokens,
        })
    }

    /// Reads a trace in its format.
    pub(super) fn read(&self, file: &str, bytes: &[u8]) -> Result<Recorded, Box<Problem>> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            let problem = Problem::new("this trace is not text in UTF-8").in_file(file);
            return Err(Box::new(problem.help("expected a file of CSV or of JSON lines")));
        };
        let text = Text { file, text };
        let format = match self.format {
            Some(format) => format,
            None => self.recognise(text)?,
        };
        let layout = self.layout(format);
        match format {
            Format::Azure | Format::BurstGpt | Format::Csv => csv::read(text, &layout),
            Format::Mooncake | Format::Jsonl => jsonl::read(text, &layout),
        }
    }

    fn layout(&self, format: Format) -> Layout {
        let (columns, unit) = match format {
            Format::Azure => (["TIMESTAMP", "ContextTokens", "GeneratedTokens"], Some(Unit::Iso)),
            Format::BurstGpt => (["Timestamp", "Request tokens", "Response tokens"], Some(Unit::Seconds)),
            Format::Mooncake => (["timestamp", "input_length", "output_length"], Some(Unit::Milliseconds)),
            Format::Csv | Format::Jsonl => (["time", "input", "output"], None),
        };
        let named = self.columns.as_ref();
        Layout {
            format,
            columns: named.map_or_else(|| columns.map(str::to_owned), |named| named.columns.clone()),
            blocks: match format {
                Format::Mooncake => Some("hash_ids".into()),
                Format::Azure | Format::BurstGpt | Format::Csv | Format::Jsonl => {
                    named.and_then(|named| named.blocks.clone())
                }
            },
            block_tokens: self.block_tokens.unwrap_or(BLOCK_TOKENS),
            unit: self.unit.or(unit),
            drop_failed: format == Format::BurstGpt && !self.keep_failed,
        }
    }

    /// The format of a trace, by the first line that is not blank.
    fn recognise(&self, text: Text<'_>) -> Result<Format, Box<Problem>> {
        let mut lines = text.text.lines().enumerate();
        let Some((i, first)) = lines.find(|(_, line)| !line.trim().is_empty()) else {
            let problem = Problem::new("this trace is empty").in_file(text.file);
            return Err(Box::new(problem.help("expected rows of CSV or JSON lines")));
        };
        let json = first.trim_start().starts_with(['{', '[']);
        if self.columns.is_some() {
            return Ok(if json { Format::Jsonl } else { Format::Csv });
        }
        let lower = first.to_ascii_lowercase();
        let has = |names: &[&str]| names.iter().all(|name| lower.contains(name));
        if json && has(&["\"timestamp\"", "\"input_length\"", "\"output_length\""]) {
            return Ok(Format::Mooncake);
        }
        if !json && has(&["timestamp", "contexttokens", "generatedtokens"]) {
            return Ok(Format::Azure);
        }
        if !json && has(&["timestamp", "request tokens", "response tokens"]) {
            return Ok(Format::BurstGpt);
        }
        let help = match json {
            true => {
                "a Mooncake trace has timestamp, input_length and output_length; name those of another: \
                 columns: {time: ts, input: prompt_tokens, output: completion_tokens}"
            }
            false => {
                "an Azure trace has TIMESTAMP,ContextTokens,GeneratedTokens, a BurstGPT trace Timestamp, Request tokens \
                 and Response tokens; name those of another: columns: {time: ts, input: prompt_tokens, output: completion_tokens}"
            }
        };
        Err(text.bad(i + 1, None, "this is not a trace of a known format", help))
    }
}

impl Named {
    fn of(columns: &At<Columns>, format: Option<Format>, findings: &mut Findings<'_>) -> Option<Named> {
        if let Some(format @ (Format::Azure | Format::BurstGpt | Format::Mooncake)) = format {
            findings
                .problem(
                    columns.place,
                    format!("a trace of the format {} has columns of its own", format.name()),
                )
                .with_help("leave out `columns`, or say format: csv or format: jsonl");
            return None;
        }
        let Columns { time, input, output, hash_ids } = &columns.value;
        for (key, given) in [("time", time), ("input", input), ("output", output)] {
            if given.is_none() {
                findings
                    .problem(columns.place, format!("`columns` does not say which one is `{key}`"))
                    .with_help("name all three: columns: {time: ts, input: prompt_tokens, output: completion_tokens}");
                return None;
            }
        }
        let mut name =
            |given| findings.text(given, "the name of a column").map(|name| name.trim().to_owned());
        let (time, input, output) = (name(time), name(input), name(output));
        let blocks = match hash_ids.is_some() {
            true => Some(name(hash_ids)?),
            false => None,
        };
        Some(Named { columns: [time?, input?, output?], blocks })
    }
}

#[cfg(test)]
mod tests;
