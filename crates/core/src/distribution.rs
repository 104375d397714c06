//! A distribution of times: an HDR histogram of fixed precision, with its exact sum and ends.

use hdrhistogram::Histogram;

use crate::stats::{Quantile, RankInterval, order_interval};
use crate::time::Span;

/// The longest time that is told apart; longer ones count as this long.
pub const LONGEST: Span = Span::from_secs(3600);
/// Significant decimal digits kept.
pub const DIGITS: u8 = 3;
/// The unit that times are counted in.
const FINEST: Span = Span(1);

/// Times, counted. Merging commutes and loses nothing: the counts are whole numbers.
#[derive(Clone, Debug)]
pub struct Distribution {
    counts: Histogram<u64>,
    sum: u128,
    /// Of the squares, for the spread; times of over 18 years count as 18 years.
    squares: u128,
    min: Span,
    max: Span,
}

/// The longest time whose square is summed as it is.
const SQUARED_MOST: u64 = 1 << 59;

impl Default for Distribution {
    fn default() -> Distribution {
        Distribution {
            counts: Histogram::new_with_bounds(FINEST.0, LONGEST.0, DIGITS)
                .expect("the bounds are constants that the histogram accepts"),
            sum: 0,
            squares: 0,
            min: Span(u64::MAX),
            max: Span::ZERO,
        }
    }
}

impl Distribution {
    /// Counts one time.
    pub fn record(&mut self, time: Span) {
        self.counts.saturating_record(time.0.max(1));
        self.sum += u128::from(time.0);
        self.squares = self.squares.saturating_add(u128::from(time.0.min(SQUARED_MOST)).pow(2));
        self.min = self.min.min(time);
        self.max = self.max.max(time);
    }

    /// Adds everything that `other` has counted.
    pub fn merge(&mut self, other: &Distribution) {
        self.counts.add(&other.counts).expect("both have the same bounds");
        self.sum += other.sum;
        self.squares = self.squares.saturating_add(other.squares);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.counts.len()
    }

    /// Their mean, exact.
    pub fn mean(&self) -> Option<Span> {
        let n = u128::from(self.count());
        (n > 0).then(|| Span((self.sum / n) as u64))
    }

    /// Their sum, exact, in nanoseconds.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// Their sample variance, in squared nanoseconds; none of fewer than two.
    pub fn variance(&self) -> Option<f64> {
        let n = self.count();
        if n < 2 {
            return None;
        }
        // Exact where it fits, since the difference of the two is what counts.
        let n = u128::from(n);
        let off = match (n.checked_mul(self.squares), self.sum.checked_mul(self.sum)) {
            (Some(squares), Some(square)) => squares.saturating_sub(square) as f64 / n as f64,
            _ => (self.squares as f64 - (self.sum as f64).powi(2) / n as f64).max(0.0),
        };
        Some(off / (n - 1) as f64)
    }

    /// The shortest, exact.
    pub fn min(&self) -> Option<Span> {
        (self.count() > 0).then_some(self.min)
    }

    /// The longest, exact.
    pub fn max(&self) -> Option<Span> {
        (self.count() > 0).then_some(self.max)
    }

    /// The value at rank ⌈p·n⌉, to three digits; none when nothing was counted.
    pub fn quantile(&self, q: Quantile) -> Option<Span> {
        self.at_rank(q.rank(self.count()))
    }

    /// The value at a rank from 1 on, to three digits.
    pub fn at_rank(&self, rank: u64) -> Option<Span> {
        let n = self.count();
        if n == 0 || rank > n {
            return None;
        }
        // Half a rank below, so that floating point cannot round it into the next one.
        let value = self.counts.value_at_quantile((rank as f64 - 0.5) / n as f64);
        Some(Span(value).min(self.max))
    }

    /// The 95 % confidence interval of a quantile, if the values are independent.
    pub fn interval(&self, q: Quantile) -> (Option<Span>, Option<Span>) {
        let RankInterval { low, high } = order_interval(self.count(), q);
        (low.and_then(|r| self.at_rank(r)), high.and_then(|r| self.at_rank(r)))
    }

    /// How many of the times were no longer than `time`, at the histogram's precision.
    pub fn count_up_to(&self, time: Span) -> u64 {
        self.counts.count_between(0, time.0.clamp(1, LONGEST.0))
    }

    /// How many of the times were shorter than `time`, at the histogram's precision.
    pub fn count_below(&self, time: Span) -> u64 {
        match self.counts.lowest_equivalent(time.0.clamp(1, LONGEST.0)) {
            0 => 0,
            lowest => self.counts.count_between(0, lowest - 1),
        }
    }

    /// The histogram, for storing and for drawing.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.counts
    }
}

impl PartialEq for Distribution {
    fn eq(&self, other: &Distribution) -> bool {
        let exact = |d: &Distribution| (d.sum, d.squares, d.min, d.max);
        self.counts == other.counts && exact(self) == exact(other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_counted_is_missing_and_not_zero() {
        let empty = Distribution::default();
        assert_eq!(empty.mean(), None);
        assert_eq!(empty.max(), None);
        assert_eq!(empty.quantile(Quantile::P50), None);
    }

    #[test]
    fn times_beyond_the_bounds_are_kept() {
        let mut d = Distribution::default();
        d.record(Span::ZERO);
        d.record(Span::from_secs(9000));
        assert_eq!(d.count(), 2);
        assert_eq!(d.max(), Some(Span::from_secs(9000)));
    }

    #[test]
    fn the_spread_of_equal_times_is_nothing_and_that_of_two_is_theirs() {
        assert_eq!(of(&[7]).variance(), None);
        assert_eq!(of(&[9_000_000_000_001; 1000]).variance(), Some(0.0));
        assert_eq!((of(&[1, 3]).variance(), of(&[1, 3]).min()), (Some(2.0), Some(Span(1))));
    }

    fn of(times: &[u64]) -> Distribution {
        let mut d = Distribution::default();
        times.iter().for_each(|&t| d.record(Span(t)));
        d
    }

    proptest! {
        #[test]
        fn merging_commutes(a in prop::collection::vec(0u64..1 << 42, 0..60), b in prop::collection::vec(0u64..1 << 42, 0..60)) {
            let (mut ab, mut ba) = (of(&a), of(&b));
            ab.merge(&of(&b));
            ba.merge(&of(&a));
            prop_assert_eq!(&ab, &ba);
            prop_assert_eq!(&ab, &of(&[a, b].concat()));
        }

        #[test]
        fn quantiles_are_the_value_at_their_rank_to_three_digits(mut times in prop::collection::vec(1_000u64..3_000_000_000_000, 1..300)) {
            let d = of(&times);
            times.sort_unstable();
            for q in [Quantile::P50, Quantile::P90, Quantile::P99, Quantile::P999] {
                let exact = times[q.rank(times.len() as u64) as usize - 1];
                let shown = d.quantile(q).unwrap().0;
                prop_assert!(shown >= exact && shown as f64 <= exact as f64 * 1.001, "{} for {}", shown, exact);
            }
        }
    }
}
