//! Groups of requests that begin alike, and which of them an arrival belongs to.

use floodline_core::random::{Purpose, Stream};

/// A number of groups and what their requests share.
#[derive(Debug)]
pub(crate) struct Groups {
    count: u32,
    tokens: u32,
    /// Running sums of the groups' weights; empty when all weigh the same.
    upto: Vec<f64>,
}

impl Groups {
    /// `count` groups, each of which shares `tokens`. Group k, from 1, is drawn in proportion to 1/k^`skew` (Zipf's law).
    pub(crate) fn new(count: u32, tokens: u32, skew: f64) -> Groups {
        let mut sum = 0.0;
        let weights = (1..=count).map(|k| {
            sum += libm::pow(f64::from(k), -skew);
            sum
        });
        let upto = if skew > 0.0 { weights.collect() } else { Vec::new() };
        Groups { count, tokens, upto }
    }

    /// Tokens that the requests of one group share.
    pub(super) fn tokens(&self) -> u32 {
        self.tokens
    }

    /// The group of arrival `i`, from 0.
    pub(super) fn of(&self, seed: u64, i: u64) -> u32 {
        let mut stream = Stream::new(seed, Purpose::Prefix, i);
        let Some(total) = self.upto.last() else { return stream.below(self.count) };
        let drawn = stream.fraction() * total;
        let group = self.upto.partition_point(|&upto| upto < drawn);
        u32::try_from(group).unwrap_or(u32::MAX).min(self.count.saturating_sub(1))
    }
}
