//! Lengths as they were seen: values or bins, each with a weight.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{uniform, uniform_mean};
use crate::grouped;
use crate::random::Stream;

/// The whole numbers from `low` to `high`, both included, and how often one of them is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The shortest length of it.
    pub low: u32,
    /// The longest.
    pub high: u32,
    /// Its share, against the other weights.
    pub weight: f64,
}

/// Bins drawn by weight; uniform within each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Bin>", into = "Vec<Bin>")]
pub struct Weighted {
    /// In the order of their lengths, none of them without a weight.
    bins: Vec<Bin>,
    /// Running sums of the weights.
    upto: Vec<f64>,
}

impl Weighted {
    /// From bins that do not overlap; values have the same low and high end. Bins of the same lengths become one, and those
    /// without a weight above zero are left out. None when nothing is left.
    pub fn new(bins: impl IntoIterator<Item = Bin>) -> Option<Weighted> {
        let weighted = Weighted::from(bins.into_iter().collect::<Vec<Bin>>());
        (!weighted.bins.is_empty()).then_some(weighted)
    }

    /// From lengths as they were recorded, each as often as it occurs. None when there are none.
    pub fn recorded(lengths: impl IntoIterator<Item = u32>) -> Option<Weighted> {
        let mut counts = BTreeMap::new();
        for length in lengths {
            *counts.entry(length).or_insert(0u64) += 1;
        }
        let bins = counts.into_iter().map(|(value, n)| Bin { low: value, high: value, weight: n as f64 });
        Weighted::new(bins)
    }

    /// The bins, in the order of their lengths.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    pub(super) fn draw(&self, stream: &mut Stream) -> u32 {
        let drawn = stream.fraction() * self.total();
        let at = self.upto.partition_point(|&upto| upto < drawn);
        match self.bins.get(at.min(self.bins.len().saturating_sub(1))) {
            Some(bin) if bin.low == bin.high => bin.low,
            Some(bin) => uniform(bin.low, bin.high, stream),
            None => 1,
        }
    }

    pub(super) fn mean(&self, least: u32, most: Option<u32>) -> f64 {
        let mean = |bin: &Bin| bin.weight * uniform_mean(bin.low, bin.high, least, most);
        self.bins.iter().map(mean).sum::<f64>() / self.total()
    }

    pub(super) fn quantile(&self, p: f64) -> u32 {
        // A hair less, so that the rounding of a sum does not reach into the next bin.
        let wanted = p * self.total() * (1.0 - 1e-12);
        let at = self.upto.partition_point(|&upto| upto < wanted).min(self.bins.len().saturating_sub(1));
        let Some(bin) = self.bins.get(at) else { return 1 };
        let before = at.checked_sub(1).and_then(|at| self.upto.get(at)).copied().unwrap_or(0.0);
        let count = f64::from(bin.high) - f64::from(bin.low) + 1.0;
        let rank = ((wanted - before) / bin.weight * count).ceil().clamp(1.0, count);
        bin.low + (rank - 1.0) as u32
    }

    pub(super) fn share_below(&self, tokens: u32) -> f64 {
        let below = |bin: &Bin| {
            let count = f64::from(bin.high) - f64::from(bin.low) + 1.0;
            bin.weight * ((f64::from(tokens) - f64::from(bin.low)) / count).clamp(0.0, 1.0)
        };
        self.bins.iter().map(below).sum::<f64>() / self.total()
    }

    pub(super) fn least(&self) -> u32 {
        self.bins.first().map_or(1, |bin| bin.low)
    }

    pub(super) fn most(&self) -> u32 {
        self.bins.iter().map(|bin| bin.high).max().unwrap_or(1)
    }

    pub(super) fn describe(&self) -> String {
        let figures = || {
            let (median, p95) = (grouped(self.quantile(0.5)), grouped(self.quantile(0.95)));
            format!("median {median}, p95 {p95} tokens")
        };
        match self.bins.as_slice() {
            [Bin { low, high, .. }] if low == high => {
                format!("{} token{}", grouped(*low), if *low == 1 { "" } else { "s" })
            }
            bins if bins.iter().all(|bin| bin.low == bin.high) => {
                let count = grouped(u32::try_from(bins.len()).unwrap_or(u32::MAX));
                format!("{count} lengths by weight, {}", figures())
            }
            bins => {
                let count = grouped(u32::try_from(bins.len()).unwrap_or(u32::MAX));
                format!("histogram of {count} bin{}, {}", if bins.len() == 1 { "" } else { "s" }, figures())
            }
        }
    }

    fn total(&self) -> f64 {
        self.upto.last().copied().unwrap_or(1.0)
    }
}

impl From<Vec<Bin>> for Weighted {
    fn from(mut bins: Vec<Bin>) -> Weighted {
        bins.retain(|bin| bin.weight.is_finite() && bin.weight > 0.0);
        for bin in &mut bins {
            bin.high = bin.high.max(bin.low);
        }
        bins.sort_by_key(|bin| (bin.low, bin.high));
        bins.dedup_by(|next, kept| {
            let same = (next.low, next.high) == (kept.low, kept.high);
            if same {
                kept.weight += next.weight;
            }
            same
        });
        let upto = bins
            .iter()
            .scan(0.0, |sum, bin| {
                *sum += bin.weight;
                Some(*sum)
            })
            .collect();
        Weighted { bins, upto }
    }
}

impl From<Weighted> for Vec<Bin> {
    fn from(weighted: Weighted) -> Vec<Bin> {
        weighted.bins
    }
}
