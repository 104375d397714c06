//! The values of a prompt that is read from a file.

use floodline_corpus::{Category, Format, Turns};

use super::scalar::Choice;

impl Choice for Format {
    const WHAT: &'static str = "a format of prompts";
    const NAMES: &'static [(&'static str, Format)] = &[
        (Format::Jsonl.name(), Format::Jsonl),
        (Format::Csv.name(), Format::Csv),
        (Format::Lines.name(), Format::Lines),
        (Format::Paragraphs.name(), Format::Paragraphs),
        (Format::ShareGpt.name(), Format::ShareGpt),
        (Format::OpenAiBatch.name(), Format::OpenAiBatch),
    ];
}

impl Choice for Turns {
    const WHAT: &'static str = "a part of a conversation";
    const NAMES: &'static [(&'static str, Turns)] = &[("first", Turns::First), ("all", Turns::All)];
}

impl Choice for Category {
    const WHAT: &'static str = "a category of lengths";
    const NAMES: &'static [(&'static str, Category)] = &[
        (Category::Short.name(), Category::Short),
        (Category::Medium.name(), Category::Medium),
        (Category::Long.name(), Category::Long),
    ];
}

/// How the prompts of a file are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sampling {
    /// In the order of the file, from the start again at its end.
    Sequential,
    /// Any prompt at any time.
    Random,
    /// Every prompt once, then again in another order.
    Shuffled,
    /// No two users ask the same until all is used up.
    Unique,
}

impl Choice for Sampling {
    const WHAT: &'static str = "a way to choose prompts";
    const NAMES: &'static [(&'static str, Sampling)] = &[
        ("sequential", Sampling::Sequential),
        ("random", Sampling::Random),
        ("shuffled", Sampling::Shuffled),
        ("unique", Sampling::Unique),
    ];
}
