//! What reading a trace of any format has in common: the text and its mistakes, the rows and their warnings.
//!
//! The earliest request is time zero, played or not. A prompt or an answer of zero tokens is played as one
//! token, since none can be asked for.

use floodline_core::replay::{BlocksAt, TraceRow};
use floodline_core::time::Moment;

use crate::error::Problem;
use crate::excerpt::{Excerpt, Show};
use crate::resolve::MOST_TOKENS;
use crate::written::{Format, Unit};

/// How a trace is read.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) format: Format,
    /// Names of the columns of times, prompts and answers.
    pub(super) columns: [String; 3],
    /// The name of the member that names blocks.
    pub(super) blocks: Option<String>,
    /// Tokens of a block.
    pub(super) block_tokens: u32,
    /// The unit of the times; recognised if not given.
    pub(super) unit: Option<Unit>,
    /// Whether an answer of zero tokens is a failure, which is left out.
    pub(super) drop_failed: bool,
}

/// The text of a trace and where it came from.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

/// A part of a line that is at fault: its number in bytes from the line's start, and its length in characters.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) at: usize,
    pub(super) chars: usize,
}

impl<'a> Text<'a> {
    /// A line by its number, from 1.
    pub(super) fn line(self, number: usize) -> &'a str {
        self.text.lines().nth(number.saturating_sub(1)).unwrap_or("")
    }

    /// A problem with a line, or with a part of it.
    pub(super) fn bad(
        self,
        line: usize,
        part: Option<Part>,
        message: impl Into<String>,
        help: &str,
    ) -> Box<Problem> {
        let shown = self.line(line);
        let part = part.unwrap_or(Part { at: 0, chars: shown.chars().count() });
        let column = shown.get(..part.at).map_or(1, |before| before.chars().count() + 1);
        let excerpt = Excerpt::new(self.file, self.text, (line, column), part.chars, Show::Line);
        Box::new(Problem::new(message).help(help).at(excerpt))
    }
}

/// A number of tokens: whole, though tables with gaps write whole numbers as `446.0`.
pub(super) fn tokens(text: &str) -> Option<u32> {
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    let plain = whole.bytes().all(|b| b.is_ascii_digit());
    whole.parse().ok().filter(|&n| plain && n <= MOST_TOKENS)
}

pub(super) const TOKENS: &str = "expected a whole number of tokens, up to 10 million";

/// The requests of a trace in the order of their times.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) format: Format,
    /// Times from the earliest request on.
    pub(crate) rows: Vec<TraceRow>,
    /// As in [`floodline_core::replay::Recording`].
    pub(crate) blocks: Vec<u64>,
    pub(crate) block_tokens: u32,
    pub(crate) warnings: Vec<String>,
}

/// The rows of a trace as they are read.
#[derive(Default)]
pub(super) struct Rows {
    /// In the room of a [`TraceRow`], which they become.
    rows: Vec<(i64, u32, u32, Option<BlocksAt>)>,
    pub(super) blocks: Vec<u64>,
    earliest: Option<i64>,
    empty: u64,
    failed: u64,
    all: u64,
}

impl Rows {
    /// Adds a request; `blocks` is where its blocks begin in the arena.
    pub(super) fn push(
        &mut self,
        layout: &Layout,
        at: i64,
        (input, output): (u32, u32),
        blocks: Option<BlocksAt>,
    ) {
        self.all += 1;
        self.earliest = Some(self.earliest.map_or(at, |earliest| earliest.min(at)));
        if output == 0 && layout.drop_failed {
            self.failed += 1;
            return;
        }
        self.empty += u64::from(input == 0) + u64::from(output == 0);
        self.rows.push((at, input.max(1), output.max(1), blocks));
    }

    /// The trace, when all rows are there.
    pub(super) fn conclude(mut self, file: &str, layout: &Layout) -> Result<Recorded, Box<Problem>> {
        if self.rows.is_empty() {
            let (message, help) = match (self.failed, layout.format) {
                (0, Format::Azure | Format::BurstGpt | Format::Csv) => {
                    ("this trace has no requests", "expected rows below the header")
                }
                (0, Format::Mooncake | Format::Jsonl) => {
                    ("this trace has no requests", "expected a JSON object on each line")
                }
                _ => (
                    "every request of this trace failed: it has no tokens of an answer",
                    "keep_failed: true plays them",
                ),
            };
            return Err(Box::new(Problem::new(message).in_file(file).help(help)));
        }
        let mut warnings = Vec::new();
        if !self.rows.is_sorted_by_key(|row| row.0) {
            self.rows.sort_by_key(|row| row.0);
            warnings.push(format!("{file}: the rows are not in the order of their times; they were sorted"));
        }
        if self.failed > 0 {
            warnings.push(format!(
                "{file}: {} of {} requests failed when they were recorded (no tokens of an answer) and are left out; \
                 keep_failed: true plays them",
                self.failed, self.all
            ));
        }
        if self.empty > 0 {
            warnings.push(format!("{file}: {} lengths of zero tokens are played as one token", self.empty));
        }
        let start = self.earliest.unwrap_or(0);
        let row = |(at, input_tokens, output_tokens, blocks): (i64, u32, u32, Option<BlocksAt>)| TraceRow {
            at: Moment(at.abs_diff(start)),
            input_tokens,
            output_tokens,
            blocks,
            copy: 0,
        };
        Ok(Recorded {
            format: layout.format,
            rows: self.rows.into_iter().map(row).collect(),
            blocks: self.blocks,
            block_tokens: layout.block_tokens,
            warnings,
        })
    }
}
