//! What a corpus is like, for people and for the plan, and whether it resembles real traffic.

use std::collections::HashSet;
use std::fmt::Write;

use floodline_core::grouped;
use floodline_core::stats::Quantile;

use crate::category::{Bounds, Category};
use crate::corpus::Corpus;

/// Fewer distinct prompts than this are no traffic.
const FEW: usize = 50;

/// What a corpus is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Prompts.
    pub prompts: usize,
    /// Prompts that are not the same, byte by byte, as an earlier one.
    pub distinct: usize,
    /// Prompts whose answer's bound is known.
    pub with_max_tokens: usize,
    /// Entries of the file that held nothing to ask.
    pub left_out: usize,
    /// The lengths of the prompts; `None` until all are counted, and when there are none.
    pub lengths: Option<Lengths>,
}

/// Lengths of prompts, in tokens. A percentile is the value at rank ⌈p·n⌉, exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lengths {
    /// The shortest.
    pub min: u32,
    /// The 5th percentile.
    pub p5: u32,
    /// The median.
    pub p50: u32,
    /// The 95th percentile.
    pub p95: u32,
    /// The 99th percentile.
    pub p99: u32,
    /// The longest.
    pub max: u32,
    /// The mean.
    pub mean: f64,
    /// All tokens together.
    pub total: u64,
    /// How many prompts are short, medium and long.
    pub shares: Shares,
}

/// How many prompts are of each category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Short ones.
    pub short: usize,
    /// Medium ones.
    pub medium: usize,
    /// Long ones.
    pub long: usize,
}

impl Summary {
    /// Looks at every prompt.
    pub fn of(corpus: &Corpus, bounds: Bounds) -> Summary {
        let mut distinct = HashSet::with_capacity(corpus.len());
        distinct.extend(corpus.prompts().map(|prompt| prompt.messages));
        Summary {
            prompts: corpus.len(),
            distinct: distinct.len(),
            with_max_tokens: corpus.prompts().filter(|prompt| prompt.max_tokens.is_some()).count(),
            left_out: corpus.left_out(),
            lengths: Lengths::of(corpus, bounds),
        }
    }

    /// One line, such as `p.jsonl: 1,240 prompts, 1,198 distinct, 12 to 8,120 tokens (median 310, p95 2,410; o200k_base)`.
    /// `counter` is what the tokens were counted with.
    pub fn describe(&self, file: &str, counter: &str) -> String {
        let mut line = format!(
            "{file}: {}, {} distinct",
            number_of(self.prompts, "prompt"),
            grouped(self.distinct as u64)
        );
        if let Some(Lengths { min, p50, p95, max, .. }) = self.lengths {
            let range = match min == max {
                true => number_of(max as usize, "token"),
                false => format!("{} to {} tokens", grouped(min), grouped(max)),
            };
            let (p50, p95) = (grouped(p50), grouped(p95));
            // Writing into a string cannot fail.
            let _ = match min == max {
                true => write!(line, ", {range} each ({counter})"),
                false => write!(line, ", {range} (median {p50}, p95 {p95}; {counter})"),
            };
        }
        if self.left_out > 0 {
            let _ =
                write!(line, "; {} left out that asked nothing", number_of(self.left_out, "conversation"));
        }
        line
    }

    /// Why figures that are measured with this corpus would be better than those of real traffic: a sentence each,
    /// with what follows and what to do.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let (prompts, distinct) = (grouped(self.prompts as u64), grouped(self.distinct as u64));
        // Much too few prompts repeat anyway: one sentence says it.
        if self.distinct < FEW {
            warnings.push(format!(
                "only {} distinct: they are sent over and over, a prefix cache answers most requests, and the figures \
                 will be better than in production; use at least {FEW}, better thousands",
                are(self.distinct)
            ));
        } else if 2 * self.distinct < self.prompts {
            warnings.push(format!(
                "only {distinct} of the {prompts} prompts are distinct: a prefix cache answers the others, and the \
                 figures will be better than in production unless its traffic repeats as much; remove the duplicates",
            ));
        }
        if let Some(lengths) = self.lengths.filter(|_| self.prompts > 1) {
            let Lengths { min, p5, p95, max, .. } = lengths;
            let all = match (min == max, p5 == p95) {
                (true, _) => Some("all prompts have the same length"),
                (false, true) => Some("nine in ten prompts have the same length"),
                (false, false) => None,
            };
            if let Some(all) = all {
                warnings.push(format!(
                    "{all}, {}: a server batches them better than the mixed lengths of real traffic, and the long \
                     prompts that make others wait are missing; use prompts of the lengths that production sees",
                    number_of(p95 as usize, "token")
                ));
            }
        }
        warnings
    }
}

impl Lengths {
    fn of(corpus: &Corpus, bounds: Bounds) -> Option<Lengths> {
        let mut tokens = corpus.prompts().map(|prompt| prompt.tokens).collect::<Option<Vec<u32>>>()?;
        tokens.sort_unstable();
        let n = tokens.len() as u64;
        let quantile = |q: Quantile| {
            let rank = q.rank(n);
            tokens.get(usize::try_from(rank).ok()?.checked_sub(1)?).copied()
        };
        let mut shares = Shares::default();
        for &tokens in &tokens {
            match bounds.category(tokens) {
                Category::Short => shares.short += 1,
                Category::Medium => shares.medium += 1,
                Category::Long => shares.long += 1,
            }
        }
        let total: u64 = tokens.iter().map(|&tokens| u64::from(tokens)).sum();
        Some(Lengths {
            min: *tokens.first()?,
            p5: quantile(Quantile::P5)?,
            p50: quantile(Quantile::P50)?,
            p95: quantile(Quantile::P95)?,
            p99: quantile(Quantile::P99)?,
            max: *tokens.last()?,
            mean: total as f64 / n as f64,
            total,
            shares,
        })
    }
}

fn are(count: usize) -> String {
    match count {
        1 => "1 prompt is".into(),
        _ => format!("{} prompts are", grouped(count as u64)),
    }
}

fn number_of(count: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    /// Prompts by their text's number and their tokens.
    fn of(prompts: impl IntoIterator<Item = (usize, u32)>) -> Summary {
        let mut corpus = Corpus::default();
        for (i, (text, tokens)) in prompts.into_iter().enumerate() {
            let max_tokens = NonZeroU32::new(5).filter(|_| i % 2 == 0);
            corpus.push(max_tokens, |out| out.extend_from_slice(text.to_string().as_bytes()));
            corpus.set_tokens(i, tokens, None);
        }
        Summary::of(&corpus, Bounds::default())
    }

    #[test]
    fn the_figures_are_exact() {
        let summary = of((1..=1000).map(|i| (i, (1001 - i as u32) * 3)));
        assert_eq!((summary.prompts, summary.distinct, summary.with_max_tokens), (1000, 1000, 500));
        let lengths = summary.lengths.unwrap();
        let Lengths { min, p5, p50, p95, p99, max, mean, total, shares } = lengths;
        assert_eq!([min, p5, p50, p95, p99, max], [3, 150, 1500, 2850, 2970, 3000]);
        assert_eq!((mean, total), (1501.5, 1_501_500));
        // 3·85 = 255 and 3·682 = 2046 are the last of their kind.
        assert_eq!(shares, Shares { short: 85, medium: 597, long: 318 });
        assert_eq!(
            summary.describe("p.jsonl", "o200k_base"),
            "p.jsonl: 1,000 prompts, 1,000 distinct, 3 to 3,000 tokens (median 1,500, p95 2,850; o200k_base)"
        );
        assert_eq!(summary.warnings(), [] as [String; 0]);
    }

    #[test]
    fn a_corpus_that_was_not_counted_has_no_lengths() {
        let mut corpus = Corpus::default();
        corpus.push(None, |out| out.push(b'x'));
        corpus.push(None, |out| out.push(b'y'));
        corpus.set_tokens(0, 1, None);
        let summary = Summary::of(&corpus, Bounds::default());
        assert_eq!(summary.lengths, None);
        assert_eq!(summary.describe("p", "o200k_base"), "p: 2 prompts, 2 distinct");
        let empty = Summary::of(&Corpus::default(), Bounds::default());
        assert_eq!((empty.prompts, empty.lengths), (0, None));
    }

    #[test]
    fn what_is_left_out_is_said() {
        let summary = Summary { left_out: 1204, ..of([(1, 1)]) };
        let said = "p: 1 prompt, 1 distinct, 1 token each (o200k_base); 1,204 conversations left out that asked nothing";
        assert_eq!(summary.describe("p", "o200k_base"), said);
    }

    #[test]
    fn corpora_unlike_real_traffic_are_warned_of() {
        let starts = |summary: Summary| {
            let starts = summary.warnings().into_iter().map(|w| w.split(':').next().unwrap().to_owned());
            starts.collect::<Vec<_>>()
        };
        assert_eq!(starts(of((0..49).map(|i| (i, i as u32)))), ["only 49 prompts are distinct"]);
        assert_eq!(starts(of((0..50).map(|i| (i, i as u32)))), [] as [String; 0]);
        assert_eq!(starts(of([(1, 7)])), ["only 1 prompt is distinct"]);
        assert_eq!(starts(of((0..120).map(|i| (i % 60, i as u32)))), [] as [String; 0]);
        assert_eq!(
            starts(of((0..121).map(|i| (i % 60, i as u32)))),
            ["only 60 of the 121 prompts are distinct"]
        );
        assert_eq!(starts(of((0..100).map(|i| (i, 7)))), ["all prompts have the same length, 7 tokens"]);
        assert_eq!(
            starts(of((0..100).map(|i| (i, if i < 4 { 6 } else { 7 })))),
            ["nine in ten prompts have the same length, 7 tokens"]
        );
    }
}
