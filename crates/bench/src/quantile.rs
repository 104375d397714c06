//! Percentiles as Floodline defines them: the value at rank ⌈p · n⌉, here without any rounding.

/// Values in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sorted(Vec<f64>);

impl Sorted {
    /// The percentile `p` in percent; missing if there are no values.
    pub(crate) fn percentile(&self, p: f64) -> Option<f64> {
        let rank = (p / 100.0 * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.clamp(1, self.0.len().max(1)) - 1).copied()
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<f64> for Sorted {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Sorted {
        let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        values.sort_unstable_by(f64::total_cmp);
        Sorted(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_at_a_rank() {
        let values: Sorted = (1..=100).rev().map(f64::from).collect();
        let at = |p| values.percentile(p).unwrap();
        assert_eq!(
            [at(0.0), at(1.0), at(50.0), at(99.0), at(99.1), at(100.0)],
            [1.0, 1.0, 50.0, 99.0, 100.0, 100.0]
        );
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Sorted::from_iter([]).percentile(50.0), None);
        assert_eq!(Sorted::from_iter([f64::NAN, 3.0]).percentile(99.0), Some(3.0));
    }
}
