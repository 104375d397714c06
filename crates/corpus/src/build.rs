//! Making a corpus of prompts from logs of production traffic.
//!
//! Bytes of logs go in, clean lines of a corpus and a report come out. With a sample only the sample is held in
//! memory, without one nothing is; so logs may be of any length. What holds for every line that is written:
//! - it was masked by a [`Cleaner`], and a second look at the line as it is written found nothing more. A line in
//!   which something was still found is dropped and counted;
//! - it holds the conversation and figures about it, and nothing else of the log.
//!
//! The same logs, options and seed give the same corpus.

mod line;
mod report;
mod sample;
mod words;

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use floodline_wire::tokens::Vocabulary;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::logs::{self, Format, Logged, Unusable};
use crate::privacy::Cleaner;

pub use report::{Example, Report, Tokens};

use line::Line;
use sample::Sample;

/// How many prompts are remembered to tell repeated ones, in 8 bytes each.
const REMEMBERED: usize = 4_000_000;
/// How many shapes of unusable records are kept, to be named when nothing was usable.
const SHAPES: usize = 5;

/// What to make of the logs.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is taken out.
    pub cleaner: Cleaner,
    /// The format to read; `None` recognises it.
    pub format: Option<Format>,
    /// How many prompts to draw; `None` takes all.
    pub sample: Option<usize>,
    /// Seed of the draw.
    pub seed: u64,
    /// The fewest and the most tokens of a prompt, as it is written.
    pub min_tokens: Option<u32>,
    /// See `min_tokens`.
    pub max_tokens: Option<u32>,
    /// The model whose vocabulary counts tokens; o200k_base if it is not given or not known.
    pub model: Option<String>,
    /// How many masked examples of each kind to keep for the report.
    pub examples: usize,
}

/// A corpus in the making.
#[derive(Debug)]
pub struct Builder {
    options: Options,
    vocabulary: Vocabulary,
    sample: Option<Sample>,
    seen: HashSet<u64, BuildHasherDefault<DefaultHasher>>,
    report: Report,
}

impl Builder {
    /// Begins one.
    pub fn new(options: Options) -> Builder {
        let vocabulary =
            options.model.as_deref().and_then(Vocabulary::for_model).unwrap_or(Vocabulary::O200k);
        let sample = options.sample.map(|size| Sample::new(size, options.seed));
        let report = Report::new(&options, vocabulary);
        Builder { options, vocabulary, sample, seen: HashSet::default(), report }
    }

    /// Whether a line of a log is a JSON value by itself. If the first is not, but begins like one, the log may be
    /// one document.
    pub fn is_whole(line: &[u8]) -> bool {
        serde_json::from_slice::<IgnoredAny>(line).is_ok()
    }

    /// Reads one line of a log. Lines for the corpus are appended to `out`, each with its line end.
    pub fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        if line.is_empty() {
            return;
        }
        self.report.lines += 1;
        match serde_json::from_slice::<Value>(line) {
            Ok(value) => self.value(&value, out),
            Err(_) => self.unusable(Unusable::NotJson, None),
        }
    }

    /// Reads a whole document: one JSON value, or several one after the other. `false`, and nothing is read, if it
    /// is not JSON from beginning to end.
    pub fn document(&mut self, document: &[u8], out: &mut Vec<u8>) -> bool {
        let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
        let values: Result<Vec<Value>, _> =
            serde_json::Deserializer::from_slice(document).into_iter().collect();
        let Ok(values) = values else { return false };
        for value in values {
            self.report.lines += 1;
            self.value(&value, out);
        }
        true
    }

    /// Appends the sample, if one was drawn, and says what became of the logs.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Report {
        if let Some(sample) = self.sample.take() {
            for line in sample.in_order() {
                self.write(&line, out);
            }
        }
        self.report
    }

    fn value(&mut self, value: &Value, out: &mut Vec<u8>) {
        let wanted = self.options.format;
        let mut any = false;
        logs::read(value, wanted, &mut |request| {
            any = true;
            match request {
                Ok(logged) => self.request(logged, out),
                Err(reason) => self.unusable(reason, Some(value)),
            }
        });
        if !any {
            // A list or an export of nothing.
            self.unusable(Unusable::NoPrompt, Some(value));
        }
    }

    fn unusable(&mut self, reason: Unusable, value: Option<&Value>) {
        *self.report.unusable.entry(reason).or_default() += 1;
        let shapes = &mut self.report.shapes;
        if shapes.len() < SHAPES && self.report.prompts == 0 {
            let shape =
                value.map_or_else(|| "a line that is no JSON".into(), |v| shape(v, &self.options.cleaner));
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
    }

    fn request(&mut self, logged: Logged, out: &mut Vec<u8>) {
        self.report.prompts += 1;
        *self.report.formats.entry(logged.format).or_default() += 1;
        let hash = self.seen.hasher().hash_one(&logged.messages);
        if self.seen.len() < REMEMBERED {
            self.report.repeated += u64::from(!self.seen.insert(hash));
        } else {
            self.report.repeated += u64::from(self.seen.contains(&hash));
        }
        let bounded = self.options.min_tokens.is_some() || self.options.max_tokens.is_some();
        match self.sample.take() {
            None => {
                if let Some(line) = self.prepared(logged) {
                    self.write(&line, out);
                }
            }
            // Only what is drawn need be masked, unless its length decides whether it takes part.
            Some(mut sample) => {
                if bounded {
                    if let Some(line) = self.prepared(logged)
                        && let Some(place) = sample.draw()
                    {
                        sample.put(place, line);
                    }
                } else if let Some(place) = sample.draw()
                    && let Some(line) = self.prepared(logged)
                {
                    sample.put(place, line);
                }
                self.sample = Some(sample);
            }
        }
    }

    /// The masked line of a request, unless it is too short, too long, or not clean.
    fn prepared(&mut self, logged: Logged) -> Option<Line> {
        let line = Line::of(logged, &self.options.cleaner, self.vocabulary);
        if self.options.min_tokens.is_some_and(|fewest| line.tokens < fewest) {
            self.report.too_short += 1;
            return None;
        }
        if self.options.max_tokens.is_some_and(|most| line.tokens > most) {
            self.report.too_long += 1;
            return None;
        }
        if let Some(kind) = line.still_holds(&self.options.cleaner) {
            self.report.dropped.add(kind);
            return None;
        }
        Some(line)
    }

    fn write(&mut self, line: &Line, out: &mut Vec<u8>) {
        self.report.add(line, self.options.examples);
        out.extend_from_slice(line.json.as_bytes());
        out.push(b'\n');
    }
}

/// What a value is, said with the names of its members, which are masked like everything else.
fn shape(value: &Value, cleaner: &Cleaner) -> String {
    const NAMES: usize = 8;
    match value {
        Value::Object(object) => {
            let mut masking = cleaner.prompt();
            let name =
                |name: &String| format!("`{}`", masking.mask(name).chars().take(40).collect::<String>());
            let names: Vec<String> = object.keys().take(NAMES).map(name).collect();
            let more = if object.len() > NAMES { ", …" } else { "" };
            match names.is_empty() {
                true => "an empty object".into(),
                false => format!("an object with {}{more}", names.join(", ")),
            }
        }
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::String(_) => "a text".into(),
        Value::Number(_) => "a number".into(),
        Value::Null | Value::Bool(_) => "`null` or a truth value".into(),
    }
}

#[cfg(test)]
mod tests;
