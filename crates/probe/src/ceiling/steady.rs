//! From where on a series is steady, and whether a backlog grows: found, not assumed.

/// Values in a batch.
const BATCH: usize = 5;

/// How many values of a series belong to its start and not to its steady state: MSER-5 (White, Cobb and Spratt, Winter
/// Simulation Conference 2000), which cuts where the standard error of the mean of the rest is smallest, over means of
/// five. None where that would be in the second half, or values are too few: the series has not shown its steady state.
pub fn warm_up(values: &[f64]) -> Option<usize> {
    let means: Vec<f64> =
        values.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    if means.len() < 4 {
        return None;
    }
    // From the end, so that each cut costs one step.
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    let mut best = (f64::INFINITY, means.len());
    let mut best_of_half = (f64::INFINITY, 0);
    let half = means.len() / 2;
    for (cut, mean) in means.iter().enumerate().rev() {
        n += 1.0;
        sum += mean;
        squares += mean * mean;
        // The last few alone always look steady.
        if n < 4.0 {
            continue;
        }
        let spread = (squares - sum * sum / n).max(0.0) / (n * n);
        if spread <= best.0 {
            best = (spread, cut);
        }
        if cut <= half && spread <= best_of_half.0 {
            best_of_half = (spread, cut);
        }
    }
    // A cut beyond the half that is hardly better is the luck of few values.
    let steady = best.1 <= half || best.0 > 0.5 * best_of_half.0;
    steady.then_some(best_of_half.1 * BATCH)
}

/// How a backlog changes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Drift {
    /// By how much a second.
    pub per_second: f64,
    /// In standard errors: of a random walk without drift, beyond 3 once in 700 times.
    pub score: f64,
}

/// The drift of a backlog that was looked at every `seconds`: Student's t of its increments. A queue that stands still
/// returns to its mean, which makes the score of its increments smaller than that of a random walk, never larger.
pub fn drift(backlog: &[f64], seconds: f64) -> Drift {
    let increments: Vec<f64> = backlog.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let n = increments.len() as f64;
    if n < 6.0 || seconds <= 0.0 {
        return Drift::default();
    }
    let mean = increments.iter().sum::<f64>() / n;
    let variance = increments.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // Requests are whole: what is counted of them has at least the error of rounding.
    let error = (variance.max(1.0 / 6.0) / n).sqrt();
    Drift { per_second: mean / seconds, score: mean / error }
}

#[cfg(test)]
mod tests {
    use floodline_core::random::{Purpose, Stream};

    use super::*;

    fn noise(seed: u64) -> impl Iterator<Item = f64> {
        let mut stream = Stream::new(seed, Purpose::Words, 0);
        std::iter::from_fn(move || Some(stream.normal()))
    }

    #[test]
    fn a_start_is_cut_off_where_it_ends() {
        for seed in 0..20 {
            let series: Vec<f64> = noise(seed)
                .take(600)
                .enumerate()
                .map(|(k, e)| 100.0 + e - if k < 120 { 80.0 - k as f64 * 80.0 / 120.0 } else { 0.0 })
                .collect();
            let cut = warm_up(&series).expect("it is steady");
            assert!((80..=200).contains(&cut), "{seed}: {cut}");
            let whole: Vec<f64> = noise(seed).take(300).collect();
            assert!(warm_up(&whole).is_none_or(|cut| cut <= 150), "{seed}");
        }
    }

    #[test]
    fn what_grows_to_the_end_is_not_steady() {
        let mut unsteady = 0;
        for seed in 0..20 {
            let series: Vec<f64> = noise(seed).take(400).enumerate().map(|(k, e)| k as f64 + e).collect();
            unsteady += u32::from(warm_up(&series).is_none());
        }
        assert!(unsteady >= 19, "{unsteady} of 20");
        assert_eq!(warm_up(&[1.0; 12]), None, "too few values");
        assert_eq!(warm_up(&[1.0; 40]), Some(0));
    }

    #[test]
    fn a_growing_backlog_is_told_from_one_that_only_moves() {
        let mut false_alarms = 0;
        for seed in 0..200 {
            let mut at = 0.0;
            let walk: Vec<f64> = noise(seed)
                .take(40)
                .map(|e| {
                    at += e;
                    at
                })
                .collect();
            false_alarms += u32::from(drift(&walk, 0.5).score > 3.5);
            let growing: Vec<f64> = walk.iter().enumerate().map(|(k, w)| w + 1.5 * k as f64).collect();
            let drift = drift(&growing, 0.5);
            assert!(drift.score > 4.0, "{seed}: {drift:?}");
            assert!((drift.per_second - 3.0).abs() < 1.2, "{seed}: {drift:?}");
        }
        assert!(false_alarms <= 2, "{false_alarms} of 200");
        assert_eq!(drift(&[4.0; 40], 0.5), Drift { per_second: 0.0, score: 0.0 });
    }
}
