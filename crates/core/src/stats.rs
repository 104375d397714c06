//! Statistics of runs: ranks, and what a sample can and cannot say about a percentile, a share or a mean.

mod tail;

use std::fmt;

pub use tail::{binomial_at_most, normal_cdf, student_cdf};

/// A quantile as an exact fraction, so that ranks are whole-number arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantile {
    /// In hundred-thousandths: 99,000 is the 99th percentile.
    parts: u32,
}

/// Parts of a quantile's whole.
const WHOLE: u32 = 100_000;

impl Quantile {
    /// The 5th percentile.
    pub const P5: Quantile = Quantile { parts: 5_000 };
    /// The median.
    pub const P50: Quantile = Quantile { parts: 50_000 };
    /// The 90th percentile.
    pub const P90: Quantile = Quantile { parts: 90_000 };
    /// The 95th percentile.
    pub const P95: Quantile = Quantile { parts: 95_000 };
    /// The 99th percentile.
    pub const P99: Quantile = Quantile { parts: 99_000 };
    /// The 99.9th percentile.
    pub const P999: Quantile = Quantile { parts: 99_900 };

    /// The quantile of so many thousandths of a per cent, from p0.1 (100) to p99.999 (99,999).
    pub const fn of_millipercent(parts: u32) -> Option<Quantile> {
        if parts >= 100 && parts < WHOLE { Some(Quantile { parts }) } else { None }
    }

    /// The rank ⌈p·n⌉ of this quantile among `n` values, at least 1.
    pub fn rank(self, n: u64) -> u64 {
        let rank = (u128::from(self.parts) * u128::from(n)).div_ceil(u128::from(WHOLE));
        (rank as u64).max(1)
    }

    /// As a fraction of 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.parts) / f64::from(WHOLE)
    }
}

/// As it is written: `p50`, `p99.9`.
impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.parts / 1_000, self.parts % 1_000);
        match part {
            0 => write!(f, "p{whole}"),
            _ => write!(f, "p{whole}.{}", format!("{part:03}").trim_end_matches('0')),
        }
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
        let half = Z_975 * variance.sqrt() + 0.5;
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

/// The standard normal variable's 97.5 % quantile: half the width of a 95 % interval in standard errors.
pub const Z_975: f64 = 1.959_964;

/// The two-sided 95 % confidence interval of a share of which `hits` of `n` independent trials were seen
/// (Wilson, J. Am. Stat. Assoc. 22, 1927); none without a trial.
pub fn wilson(hits: u64, n: u64) -> Option<(f64, f64)> {
    if n == 0 {
        return None;
    }
    let (n, share, z2) = (n as f64, hits as f64 / n as f64, Z_975 * Z_975);
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z_975 / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    // At the ends rounding must not make more of it than there is.
    let low = if hits == 0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if share >= 1.0 { 1.0 } else { (middle + half).min(1.0) };
    Some((low, high))
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
            let (z, v) = (Z_975, degrees as f64);
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
    fn quantiles_are_shown_as_they_are_written() {
        for (parts, text) in
            [(50_000, "p50"), (99_900, "p99.9"), (97_500, "p97.5"), (100, "p0.1"), (99_999, "p99.999")]
        {
            assert_eq!(Quantile::of_millipercent(parts).unwrap().to_string(), text);
        }
        assert_eq!((Quantile::of_millipercent(99), Quantile::of_millipercent(100_000)), (None, None));
    }

    /// Newcombe, Stat. Med. 17 (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    #[test]
    fn wilsons_interval_matches_the_published_examples() {
        for (hits, n, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let (l, h) = wilson(hits, n).unwrap();
            assert!((l - low).abs() < 5e-5 && (h - high).abs() < 5e-5, "{hits} of {n}: {l} to {h}");
        }
        assert_eq!(wilson(0, 0), None);
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
