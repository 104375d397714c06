//! What became of the logs.

use std::collections::BTreeMap;

use floodline_wire::tokens::Vocabulary;
use serde_json::{Value, json};

use super::Options;
use super::line::Line;
use crate::category::Category;
use crate::logs::{Format, LeftOut, Unusable};
use crate::privacy::{Counts, Kind, Kinds};

/// Characters of a text that an example shows on each side.
const AROUND: usize = 32;

/// Numbers of tokens, each counted: exact, and as small as there are different ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(BTreeMap<u32, u64>);

impl Tokens {
    pub(super) fn add(&mut self, tokens: u32) {
        *self.0.entry(tokens).or_default() += 1;
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// Their sum.
    pub fn sum(&self) -> u64 {
        self.0.iter().map(|(&tokens, &times)| u64::from(tokens) * times).sum()
    }

    /// The value at rank ⌈p·n⌉ for `percent` of 100; none if none was counted.
    pub fn percentile(&self, percent: u32) -> Option<u32> {
        let rank = (u128::from(self.count()) * u128::from(percent.min(100))).div_ceil(100).max(1);
        let mut upto = 0u128;
        self.0
            .iter()
            .find(|(_, times)| {
                upto += u128::from(**times);
                upto >= rank
            })
            .map(|(&tokens, _)| tokens)
    }

    fn json(&self) -> Value {
        json!({
            "count": self.count(), "sum": self.sum(),
            "min": self.percentile(0), "p50": self.percentile(50), "p90": self.percentile(90),
            "p95": self.percentile(95), "p99": self.percentile(99), "max": self.percentile(100),
        })
    }
}

/// A place where something was taken out, as it reads now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What was taken out.
    pub kind: Kind,
    /// The placeholder and some of the masked text around it, on one line.
    pub text: String,
}

/// What was read, what was written, and what was taken out. It holds no value that was taken out.
#[derive(Clone, Debug)]
pub struct Report {
    /// Lines of logs (of documents: JSON values), without empty ones.
    pub lines: u64,
    /// Requests found in them.
    pub prompts: u64,
    /// How the requests were recognised.
    pub formats: BTreeMap<Format, u64>,
    /// Lines and records that could not be used, by reason.
    pub unusable: BTreeMap<Unusable, u64>,
    /// Requests whose conversation had been met before; they are kept, since real traffic repeats itself. Of a log
    /// of many millions: at least so many.
    pub repeated: u64,
    /// Requests with fewer or more tokens than asked for.
    pub too_short: u64,
    /// See `too_short`.
    pub too_long: u64,
    /// Requests that were dropped because a second look still found something, by kind.
    pub dropped: Counts,
    /// Prompts written.
    pub written: u64,
    /// How many were to be drawn, and with what seed.
    pub sample: Option<(usize, u64)>,
    /// The prompts written, by length.
    pub categories: BTreeMap<Category, u64>,
    /// Tokens of the prompts written.
    pub tokens: Tokens,
    /// Tokens of the answers to them, where known.
    pub output_tokens: Tokens,
    /// The vocabulary that counted.
    pub vocabulary: &'static str,
    /// The model that was named, if its vocabulary is not known.
    pub unknown_model: Option<String>,
    /// What was looked for.
    pub kinds: Kinds,
    /// Whether there was a list of names; without one only the names of participants are taken out.
    pub names_listed: bool,
    /// What was taken out of the prompts written.
    pub removed: Counts,
    /// How many of the prompts written something was taken out of.
    pub touched: u64,
    /// What was left out of the prompts written.
    pub left_out: LeftOut,
    /// Some places where something was taken out.
    pub examples: Vec<Example>,
    /// What records that could not be used look like.
    pub shapes: Vec<String>,
}

impl Report {
    pub(super) fn new(options: &Options, vocabulary: Vocabulary) -> Report {
        let unknown = |model: &&String| Vocabulary::for_model(model).is_none();
        Report {
            lines: 0,
            prompts: 0,
            formats: BTreeMap::new(),
            unusable: BTreeMap::new(),
            repeated: 0,
            too_short: 0,
            too_long: 0,
            dropped: Counts::default(),
            written: 0,
            sample: options.sample.map(|size| (size, options.seed)),
            categories: BTreeMap::new(),
            tokens: Tokens::default(),
            output_tokens: Tokens::default(),
            vocabulary: vocabulary.name(),
            unknown_model: options.model.as_ref().filter(unknown).cloned(),
            kinds: options.cleaner.kinds(),
            names_listed: options.cleaner.has_names(),
            removed: Counts::default(),
            touched: 0,
            left_out: LeftOut::default(),
            examples: Vec::new(),
            shapes: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, line: &Line, examples: usize) {
        self.written += 1;
        *self.categories.entry(line.category).or_default() += 1;
        self.tokens.add(line.tokens);
        if let Some(tokens) = line.output_tokens {
            self.output_tokens.add(tokens);
        }
        self.removed.merge(&line.removed);
        self.touched += u64::from(line.removed.total() > 0);
        self.left_out.merge(line.left_out);
        if examples > 0 && line.removed.total() > 0 {
            self.exemplify(line, examples);
        }
    }

    fn exemplify(&mut self, line: &Line, most: usize) {
        for text in line.texts() {
            for (kind, place) in crate::privacy::placeholders(&text) {
                let there = |example: &&Example| example.kind == kind;
                if self.examples.iter().filter(there).count() < most {
                    let example = Example { kind, text: around(&text, place.start, place.end) };
                    if !self.examples.contains(&example) {
                        self.examples.push(example);
                    }
                }
            }
        }
    }

    /// How many records could not be used.
    pub fn unusable_total(&self) -> u64 {
        self.unusable.values().sum()
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        let by_kind = |counts: &Counts| -> Value {
            self.kinds.iter().map(|kind| (kind.word().to_owned(), Value::from(counts.of(kind)))).collect()
        };
        json!({
            "format": "floodline-corpus-build/1",
            "lines": self.lines,
            "prompts": self.prompts,
            "formats": self.formats.iter().map(|(f, n)| (f.word().to_owned(), Value::from(*n))).collect::<Value>(),
            "unusable": Unusable::ALL.iter()
                .filter_map(|reason| Some((reason.word().to_owned(), Value::from(*self.unusable.get(reason)?))))
                .collect::<Value>(),
            "repeated": self.repeated,
            "too_short": self.too_short,
            "too_long": self.too_long,
            "dropped": by_kind(&self.dropped),
            "sample": self.sample.map(|(size, seed)| json!({"size": size, "seed": seed})),
            "written": self.written,
            "categories": Category::ALL.iter()
                .map(|c| (c.name().to_owned(), Value::from(self.categories.get(c).copied().unwrap_or(0))))
                .collect::<Value>(),
            "vocabulary": self.vocabulary,
            "tokens": self.tokens.json(),
            "output_tokens": self.output_tokens.json(),
            "removed": by_kind(&self.removed),
            "prompts_with_removals": self.touched,
            "left_out": self.left_out,
            "examples": self.examples.iter()
                .map(|example| json!({"kind": example.kind.word(), "text": example.text}))
                .collect::<Value>(),
        })
    }
}

/// A part of a masked text and what stands around it, on one line.
fn around(text: &str, start: usize, end: usize) -> String {
    let before: Vec<char> = text[..start].chars().rev().take(AROUND + 1).collect();
    let after: Vec<char> = text[end..].chars().take(AROUND + 1).collect();
    let mut shown = String::new();
    if before.len() > AROUND {
        shown.push('…');
    }
    shown.extend(before.iter().take(AROUND).rev());
    shown.push_str(&text[start..end]);
    shown.extend(after.iter().take(AROUND));
    if after.len() > AROUND {
        shown.push('…');
    }
    let line: String = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
