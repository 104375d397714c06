//! Lengths of prompts and of their answers that belong together: long questions do not get the answers of short ones.

use serde::{Deserialize, Serialize};

use super::{Bin, Lengths, Weighted};
use crate::grouped;
use crate::random::Stream;

/// A prompt and its answer, in tokens, and how often they are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Tokens of the prompt.
    pub input: u32,
    /// Tokens of the answer.
    pub output: u32,
    /// Its share, against the other weights.
    pub weight: f64,
}

/// Pairs drawn by weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Pair>", into = "Vec<Pair>")]
pub struct Pairs {
    rows: Vec<Pair>,
    /// Running sums of the weights.
    upto: Vec<f64>,
}

impl Pairs {
    /// In the order given; those without a weight above zero are left out. None when nothing is left.
    pub fn new(rows: impl IntoIterator<Item = Pair>) -> Option<Pairs> {
        let pairs = Pairs::from(rows.into_iter().collect::<Vec<Pair>>());
        (!pairs.rows.is_empty()).then_some(pairs)
    }

    /// The pairs.
    pub fn rows(&self) -> &[Pair] {
        &self.rows
    }

    /// Input and output of the next pair of a stream; both at least 1. It takes one number.
    pub fn draw(&self, stream: &mut Stream) -> (u32, u32) {
        let drawn = stream.fraction() * self.upto.last().copied().unwrap_or(1.0);
        let at = self.upto.partition_point(|&upto| upto < drawn).min(self.rows.len().saturating_sub(1));
        self.rows.get(at).map_or((1, 1), |row| (row.input.max(1), row.output.max(1)))
    }

    /// The lengths of the prompts by themselves.
    pub fn input(&self) -> Lengths {
        self.one_side(|row| row.input)
    }

    /// The lengths of the answers by themselves.
    pub fn output(&self) -> Lengths {
        self.one_side(|row| row.output)
    }

    /// What they are, for people.
    pub fn describe(&self) -> String {
        let (input, output) = (self.input().summary(), self.output().summary());
        let count = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        format!(
            "{} pair{}, prompts of median {}, p95 {} tokens, answers of median {}, p95 {}",
            grouped(count),
            if count == 1 { "" } else { "s" },
            grouped(input.p50),
            grouped(input.p95),
            grouped(output.p50),
            grouped(output.p95)
        )
    }

    fn one_side(&self, side: impl Fn(&Pair) -> u32) -> Lengths {
        let bin = |row: &Pair| Bin { low: side(row), high: side(row), weight: row.weight };
        Lengths::from(Weighted::from(self.rows.iter().map(bin).collect::<Vec<Bin>>()))
    }
}

impl From<Vec<Pair>> for Pairs {
    fn from(mut rows: Vec<Pair>) -> Pairs {
        rows.retain(|row| row.weight.is_finite() && row.weight > 0.0);
        let upto = rows
            .iter()
            .scan(0.0, |sum, row| {
                *sum += row.weight;
                Some(*sum)
            })
            .collect();
        Pairs { rows, upto }
    }
}

impl From<Pairs> for Vec<Pair> {
    fn from(pairs: Pairs) -> Vec<Pair> {
        pairs.rows
    }
}
