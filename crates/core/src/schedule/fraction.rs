//! Exact fractions of arrivals per nanosecond, from which the common unit of a schedule is found.

use crate::rate::{Rate, gcd};
use crate::time::Span;

/// `count` arrivals in every `per` nanoseconds, in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    pub(super) count: u128,
    pub(super) per: u128,
}

impl Fraction {
    pub(super) const ZERO: Fraction = Fraction { count: 0, per: 1 };

    pub(super) fn of(rate: Rate) -> Fraction {
        Fraction::reduced(rate.count.into(), rate.per.0.max(1).into())
    }

    fn reduced(count: u128, per: u128) -> Fraction {
        let shared = gcd(count, per).max(1);
        Fraction { count: count / shared, per: per / shared }
    }

    /// This and `times` times `by`, up or down; none below zero or if the fraction gets too fine.
    pub(super) fn step(self, by: Fraction, times: u32, down: bool) -> Option<Fraction> {
        let per = lcm(self.per, by.per)?;
        let start = self.count.checked_mul(per / self.per)?;
        let change = by.count.checked_mul(per / by.per)?.checked_mul(times.into())?;
        let count = if down { start.checked_sub(change)? } else { start.checked_add(change)? };
        Some(Fraction::reduced(count, per))
    }

    /// Whether it is less than `other`; none if the fractions are too fine to tell.
    pub(super) fn is_below(self, other: Fraction) -> Option<bool> {
        Some(self.count.checked_mul(other.per)? < other.count.checked_mul(self.per)?)
    }

    /// As a rate, if it fits one.
    pub(super) fn as_rate(self) -> Option<Rate> {
        // A whole number of seconds reads better, where that is one.
        let second = u128::from(Span::from_secs(1).0);
        let more = if second.is_multiple_of(self.per) { second / self.per } else { 1 };
        let count = u64::try_from(self.count.checked_mul(more)?).ok()?;
        Some(Rate { count, per: Span(u64::try_from(self.per.checked_mul(more)?).ok()?) })
    }

    /// Arrivals per nanosecond.
    pub(super) fn as_f64(self) -> f64 {
        self.count as f64 / self.per as f64
    }
}

/// The least common multiple, unless it has more than 120 bits.
pub(super) fn lcm(a: u128, b: u128) -> Option<u128> {
    let multiple = (a / gcd(a, b).max(1)).checked_mul(b)?;
    (multiple < 1 << 120).then_some(multiple)
}
