//! What is pooled over answers, again by sections of answers: the spread between them bounds the error of the pool.
//!
//! Values of one answer, its gaps, resemble each other, so that answers, not values, are what is independent.

use crate::distribution::Distribution;
use crate::stats::{Quantile, t_975};
use crate::time::Span;

/// Parts into which answers are dealt.
const SECTIONS: u64 = 32;

/// Values by section of answers; only as many sections as there is data for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sections(Vec<Distribution>);

impl Sections {
    /// Counts a value of answer `i`.
    pub fn record(&mut self, i: u64, value: Span) {
        let section = (i % SECTIONS) as usize;
        if self.0.len() <= section {
            self.0.resize_with(section + 1, Distribution::default);
        }
        self.0[section].record(value);
    }

    /// Adds everything that `other` has counted.
    pub fn merge(&mut self, other: &Sections) {
        if self.0.len() < other.0.len() {
            self.0.resize_with(other.0.len(), Distribution::default);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.merge(theirs);
        }
    }

    fn filled(&self) -> impl Iterator<Item = &Distribution> {
        self.0.iter().filter(|section| section.count() > 0)
    }

    /// The degrees of freedom of what is estimated from the spread between sections; none of fewer than two.
    pub fn degrees(&self) -> Option<u64> {
        (self.filled().count() as u64).checked_sub(1).filter(|&degrees| degrees > 0)
    }

    /// The standard error of the ratio of two sums over the sections (Cochran, Sampling Techniques, 6.3).
    fn error_of_ratio(&self, of: impl Fn(&Distribution) -> f64, pooled: &Distribution) -> f64 {
        let (n, g) = (pooled.count() as f64, self.filled().count() as f64);
        let ratio = of(pooled) / n;
        let off = |s: &Distribution| (of(s) - ratio * s.count() as f64).powi(2);
        (self.filled().map(off).sum::<f64>() * g / (g - 1.0)).sqrt() / n
    }

    /// The standard error of the share of values up to `value`. Where many are equal, the share jumps there: both
    /// sides of the jump are looked at.
    pub fn error_of_share(&self, pooled: &Distribution, value: Span) -> f64 {
        let up_to = self.error_of_ratio(|d| d.count_up_to(value) as f64, pooled);
        up_to.max(self.error_of_ratio(|d| d.count_below(value) as f64, pooled))
    }

    /// The standard error of the mean, in nanoseconds.
    pub fn error_of_mean(&self, pooled: &Distribution) -> f64 {
        self.error_of_ratio(|d| d.sum() as f64, pooled)
    }

    /// The 95 % confidence interval of a quantile of the pool: Woodruff's (J. Am. Stat. Assoc. 47, 1952) with the
    /// variance of the share of values up to the quantile taken between sections, and Student's t for their number.
    pub fn interval(&self, pooled: &Distribution, q: Quantile) -> (Option<Span>, Option<Span>) {
        let (Some(value), Some(degrees)) = (pooled.quantile(q), self.degrees()) else { return (None, None) };
        let half = t_975(degrees) * self.error_of_share(pooled, value);
        let (low, high) = (q.fraction() - half, q.fraction() + half);
        let n = pooled.count() as f64;
        let at = |fraction: f64| pooled.at_rank(((fraction * n).ceil() as u64).max(1));
        ((low > 0.0).then(|| at(low)).flatten(), (high < 1.0).then(|| at(high)).flatten())
    }
}
