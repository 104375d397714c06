//! Whether a share lies below or above a bound, decided as values come in and valid however often one looks.
//!
//! A mixture martingale: for s misses among n values, M(q) = B(a+s, b+n−s) / B(a, b) / (q^s (1−q)^(n−s)) has mean 1 if the
//! true share is q, so that it ever reaches 1/α with probability α at most (Ville's inequality). The q that it has not
//! excluded form a confidence sequence (Robbins, Ann. Math. Stat. 41, 1970; Howard, Ramdas, McAuliffe and Sekhon, Ann. Stat.
//! 49, 2021, for the use of beta mixtures). The prior is Beta(1, (1−q)/q): its mean is the bound itself.
//!
//! That holds of independent values. Those of neighbouring requests resemble each other, so counts are divided by their
//! design effect first ([`design_effect`]).

/// What the values so far say of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It is below the bound.
    Below,
    /// It is above the bound.
    Above,
    /// The values cannot tell.
    Open,
}

/// The chance that a share at its bound is ever called below or above it.
pub const ALPHA: f64 = 0.05;

/// On which side of `bound` the share is of which `missed` of `values` were seen; both may be fractions.
pub fn side(missed: f64, values: f64, bound: f64) -> Side {
    let side = if missed > bound * values { Side::Above } else { Side::Below };
    if values <= 0.0 || !values.is_finite() {
        return Side::Open;
    }
    // A single miss excludes a share of nothing, and nothing excludes a share of all.
    match bound {
        b if b <= 0.0 => return if missed > 0.0 { Side::Above } else { Side::Open },
        b if b >= 1.0 => return Side::Below,
        _ => {}
    }
    let evidence = ln_mixture(missed.clamp(0.0, values), values, bound);
    if evidence >= -libm::log(ALPHA) { side } else { Side::Open }
}

/// ln M(q).
fn ln_mixture(missed: f64, values: f64, q: f64) -> f64 {
    let (a, b) = (1.0, (1.0 - q) / q);
    let met = values - missed;
    ln_beta(a + missed, b + met) - ln_beta(a, b) - missed * libm::log(q) - met * libm::log1p(-q)
}

fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

/// How many values count as one, because neighbours resemble each other: the variance of the shares of batches in order
/// of time against that of independent values (Kish, Survey Sampling, 1965, 8.2; batch means after Law and Kelton,
/// Simulation Modeling and Analysis, 9.5.3). `batches` are (misses, values) of stretches of about equal length; at least 1.
pub fn design_effect(batches: &[(u64, u64)]) -> f64 {
    let filled: Vec<(f64, f64)> =
        batches.iter().filter(|(_, n)| *n > 0).map(|(s, n)| (*s as f64, *n as f64)).collect();
    let (missed, values) = filled.iter().fold((0.0, 0.0), |(s, n), batch| (s + batch.0, n + batch.1));
    let share = if values > 0.0 { missed / values } else { 0.0 };
    let single = share * (1.0 - share);
    if filled.len() < 4 || single <= 0.0 {
        return 1.0;
    }
    // Each batch's deviation in standard errors of independent values; their mean square is 1 for such.
    let squares: f64 = filled.iter().map(|(s, n)| (s - share * n).powi(2) / (n * single)).sum();
    (squares / (filled.len() - 1) as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use floodline_core::random::{Purpose, Stream};

    use super::*;

    #[test]
    fn it_decides_where_the_values_say_so_and_not_before() {
        assert_eq!(side(0.0, 100.0, 0.01), Side::Open);
        assert_eq!(side(0.0, 600.0, 0.01), Side::Below);
        assert_eq!(side(30.0, 100.0, 0.05), Side::Above);
        assert_eq!(side(5.0, 100.0, 0.05), Side::Open);
        assert_eq!(side(500.0, 10_000.0, 0.05), Side::Open);
        assert_eq!(side(1.0, 5.0, 0.0), Side::Above);
        assert_eq!(side(0.0, 5_000.0, 0.0), Side::Open);
        assert_eq!(side(0.0, 0.0, 0.01), Side::Open);
    }

    /// Property: looked at after every value, a share at its bound is called off it in 5 % of all series at most; one of
    /// half or twice the bound is called right, and soon.
    #[test]
    fn it_errs_as_seldom_as_it_says_however_often_one_looks() {
        let bound = 0.05;
        let decide = |share: f64, seed: u64| {
            let mut stream = Stream::new(seed, Purpose::Words, 0);
            let mut missed = 0.0;
            for n in 1..=3_000u32 {
                missed += f64::from(u8::from(stream.fraction() <= share));
                match side(missed, f64::from(n), bound) {
                    Side::Open => {}
                    decided => return (decided, n),
                }
            }
            (Side::Open, 3_000)
        };
        let at_bound = (0..400).filter(|seed| decide(bound, *seed).0 != Side::Open).count();
        assert!(at_bound <= 28, "{at_bound} of 400");
        for (share, expected) in [(0.025, Side::Below), (0.1, Side::Above)] {
            let all: Vec<(Side, u32)> = (0..200).map(|seed| decide(share, 1_000 + seed)).collect();
            let right = all.iter().filter(|(side, _)| *side == expected).count();
            assert!(right >= 194, "{share}: {right} of 200");
            let mean = all.iter().map(|(_, n)| f64::from(*n)).sum::<f64>() / 200.0;
            assert!(mean < 700.0, "{share}: {mean} values");
        }
    }

    #[test]
    fn neighbours_that_resemble_each_other_count_less() {
        let alike = [(10, 10), (0, 10), (10, 10), (0, 10), (0, 10), (0, 10), (0, 10), (0, 10)];
        let mixed = [(2, 10), (3, 10), (2, 10), (3, 10), (2, 10), (3, 10), (2, 10), (3, 10)];
        assert!(design_effect(&alike) > 8.0, "{}", design_effect(&alike));
        assert_eq!(design_effect(&mixed), 1.0);
        assert_eq!(design_effect(&[(0, 10); 8]), 1.0);
        assert_eq!(design_effect(&[]), 1.0);
    }
}
