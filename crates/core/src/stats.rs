//! Statistics of runs: ranks, and what a sample can and cannot say about a percentile.

/// A quantile as an exact fraction, so that ranks are whole-number arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantile {
    /// In thousandths: 990 is the 99th percentile.
    pub permille: u32,
}

impl Quantile {
    /// The median.
    pub const P50: Quantile = Quantile { permille: 500 };
    /// The 90th percentile.
    pub const P90: Quantile = Quantile { permille: 900 };
    /// The 95th percentile.
    pub const P95: Quantile = Quantile { permille: 950 };
    /// The 99th percentile.
    pub const P99: Quantile = Quantile { permille: 990 };
    /// The 99.9th percentile.
    pub const P999: Quantile = Quantile { permille: 999 };

    /// The rank ⌈p·n⌉ of this quantile among `n` values, at least 1.
    pub fn rank(self, n: u64) -> u64 {
        let rank = (u128::from(self.permille) * u128::from(n)).div_ceil(1000);
        (rank as u64).max(1)
    }

    /// As a fraction of 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.permille) / 1000.0
    }
}

/// A range of ranks; an absent end means the sample is too small to bound that side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RankInterval {
    /// The rank whose value bounds the quantile from below.
    pub low: Option<u64>,
    /// The rank whose value bounds it from above.
    pub high: Option<u64>,
}

/// The two-sided 95 % confidence interval of a quantile of `n` independent values, by order statistics.
///
/// The number of values below the true quantile is binomial(n, p); the interval takes the ranks whose
/// tails hold at most 2.5 % each (Conover, Practical Nonparametric Statistics, 3.2). Exact while
/// n·p·(1−p) ≤ 400, the normal approximation with continuity correction above.
pub fn order_interval(n: u64, q: Quantile) -> RankInterval {
    let p = q.fraction();
    let (nf, variance) = (n as f64, n as f64 * p * (1.0 - p));
    // `below` is the largest count with P(X ≤ below − 1) ≤ 2.5 %; `above` the smallest with P(X ≥ above) ≤ 2.5 %.
    let (below, above) = if variance <= 400.0 {
        (binomial_lower(n, p), n + 1 - binomial_lower(n, 1.0 - p))
    } else {
        let half = 1.959_964 * variance.sqrt() + 0.5;
        ((nf * p - half).floor().max(0.0) as u64, (nf * p + half).ceil() as u64 + 1)
    };
    RankInterval { low: (below >= 1).then_some(below), high: (above <= n).then_some(above) }
}

/// The largest l with P(X ≤ l − 1) ≤ 2.5 % for X ~ binomial(n, p).
fn binomial_lower(n: u64, p: f64) -> u64 {
    // Terms from the log of the first, so that none underflows before it matters.
    let (ln_p, ln_q) = (libm::log(p), libm::log1p(-p));
    let mut ln_choose = 0.0;
    let mut sum = 0.0;
    for k in 0..=n {
        sum += libm::exp(ln_choose + k as f64 * ln_p + (n - k) as f64 * ln_q);
        if sum > 0.025 {
            return k;
        }
        ln_choose += libm::log((n - k) as f64 / (k + 1) as f64);
    }
    n
}

/// The two-sided 97.5 % quantile of Student's t with `degrees` degrees of freedom.
///
/// Exact to three digits for the small numbers where it matters (tabulated), Cornish–Fisher beyond.
pub fn t_975(degrees: u64) -> f64 {
    const TABLE: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    match degrees {
        0 => f64::INFINITY,
        1..=10 => TABLE[degrees as usize - 1],
        _ => {
            let (z, v) = (1.959_964_f64, degrees as f64);
            let z3 = z.powi(3);
            let z5 = z.powi(5);
            z + (z3 + z) / (4.0 * v) + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * v * v)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_rounded_up_exactly() {
        assert_eq!(Quantile::P99.rank(100), 99);
        assert_eq!(Quantile::P99.rank(101), 100);
        assert_eq!(Quantile::P50.rank(1), 1);
        assert_eq!(Quantile::P95.rank(20), 19);
        assert_eq!(Quantile::P999.rank(1000), 999);
    }

    #[test]
    fn intervals_match_the_published_tables() {
        // Median of 20: ranks 6 and 15; of 10: 2 and 9 (coverage 97.9 %). P95 of 100: 90 and 100.
        assert_eq!(order_interval(20, Quantile::P50), RankInterval { low: Some(6), high: Some(15) });
        assert_eq!(order_interval(10, Quantile::P50), RankInterval { low: Some(2), high: Some(9) });
        assert_eq!(order_interval(100, Quantile::P95), RankInterval { low: Some(90), high: Some(100) });
    }

    #[test]
    fn too_small_a_sample_leaves_the_end_open() {
        // 368 values are needed before the largest bounds the 99th percentile from above.
        assert_eq!(order_interval(100, Quantile::P99).high, None);
        assert!(order_interval(400, Quantile::P99).high.is_some());
        assert_eq!(order_interval(1, Quantile::P50), RankInterval { low: None, high: None });
        assert_eq!(order_interval(0, Quantile::P50), RankInterval { low: None, high: None });
    }

    /// Property: the interval covers the true quantile in at least 95 % of samples, and not in many more.
    #[test]
    fn intervals_cover_as_often_as_they_say() {
        use crate::random::{Purpose, Stream};
        for (n, q) in [(50u64, Quantile::P90), (300, Quantile::P50), (2_000, Quantile::P99)] {
            let truth = -libm::log(1.0 - q.fraction());
            let mut covered = 0;
            for run in 0..1000 {
                let mut stream = Stream::new(9, Purpose::Words, run);
                let mut values: Vec<f64> = (0..n).map(|_| stream.exponential()).collect();
                values.sort_by(f64::total_cmp);
                let interval = order_interval(n, q);
                let low = interval.low.map_or(0.0, |r| values[r as usize - 1]);
                let high = interval.high.map_or(f64::INFINITY, |r| values[r as usize - 1]);
                covered += u32::from((low..=high).contains(&truth));
            }
            assert!((935..=995).contains(&covered), "n {n}: {covered} of 1000");
        }
    }

    #[test]
    fn students_t_is_right_where_it_is_looked_up_and_where_it_is_computed() {
        for (degrees, t) in [(1, 12.706), (10, 2.228), (11, 2.201), (31, 2.040), (1000, 1.962)] {
            assert!((t_975(degrees) - t).abs() < 3e-3, "{degrees}: {}", t_975(degrees));
        }
    }
}
