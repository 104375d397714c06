//! Times and numbers that users draw: how long they think, how long they stay, how often they ask.

use serde::{Deserialize, Serialize};

use crate::random::Stream;
use crate::time::Span;

/// How a length of time is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeLaw {
    /// Always the same.
    #[serde(rename = "fixed_ns")]
    Fixed(Span),
    /// Every length between the two alike.
    #[serde(rename = "uniform")]
    Uniform {
        /// The shortest.
        #[serde(rename = "from_ns")]
        from: Span,
        /// The longest.
        #[serde(rename = "to_ns")]
        to: Span,
    },
    /// Exponential.
    #[serde(rename = "exponential")]
    Exponential {
        /// Its mean.
        #[serde(rename = "mean_ns")]
        mean: Span,
    },
    /// Lognormal: its logarithm is normal.
    #[serde(rename = "lognormal")]
    Lognormal {
        /// Half of the lengths are shorter.
        #[serde(rename = "median_ns")]
        median: Span,
        /// 95 of a hundred lengths are shorter.
        #[serde(rename = "p95_ns")]
        p95: Span,
    },
}

/// The 95th percentile of a standard normal variable.
const NORMAL_P95: f64 = 1.644_853_626_951_472_2;

impl TimeLaw {
    /// The next length, rounded down to the nanosecond. A fixed one uses nothing of the stream.
    pub fn draw(&self, stream: &mut Stream) -> Span {
        match *self {
            TimeLaw::Fixed(span) => span,
            TimeLaw::Uniform { from, to } => {
                from + Span((stream.fraction() * (to - from).0 as f64) as u64).min(to - from)
            }
            TimeLaw::Exponential { mean } => Span((stream.exponential() * mean.0 as f64) as u64),
            TimeLaw::Lognormal { median, p95 } => {
                Span((median.0 as f64 * libm::exp(sigma(median, p95) * stream.normal())) as u64)
            }
        }
    }

    /// The mean length, rounded to the nanosecond.
    pub fn mean(&self) -> Span {
        match *self {
            TimeLaw::Fixed(span) => span,
            TimeLaw::Uniform { from, to } => from + Span((to - from).0 / 2),
            TimeLaw::Exponential { mean } => mean,
            TimeLaw::Lognormal { median, p95 } => {
                let sigma = sigma(median, p95);
                Span(libm::round(median.0 as f64 * libm::exp(sigma * sigma / 2.0)) as u64)
            }
        }
    }
}

/// The standard deviation of the logarithm.
fn sigma(median: Span, p95: Span) -> f64 {
    libm::log(p95.0.max(1) as f64 / median.0.max(1) as f64).max(0.0) / NORMAL_P95
}

/// How it is drawn how often a session asks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    /// Always as often.
    Exactly(u32),
    /// Every number between the two alike.
    Uniform {
        /// The smallest.
        from: u32,
        /// The largest.
        to: u32,
    },
    /// After each answer it goes on with the same probability: 1 − 1 / mean.
    Geometric {
        /// The mean; at least 1.
        mean: f64,
    },
}

impl Asks {
    /// The next number, at least 1.
    pub fn draw(&self, stream: &mut Stream) -> u32 {
        let drawn = match *self {
            Asks::Exactly(n) => n,
            Asks::Uniform { from, to } => match to.saturating_sub(from).checked_add(1) {
                Some(numbers) => from + stream.below(numbers),
                None => stream.bits() as u32,
            },
            Asks::Geometric { mean } => {
                // The inverse of the distribution; at a mean of 1, the logarithm is −∞ and the number 1.
                let goes_on = 1.0 - 1.0 / mean.max(1.0);
                libm::ceil(libm::log(stream.fraction()) / libm::log(goes_on)) as u32
            }
        };
        drawn.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    fn draws(law: TimeLaw) -> Vec<f64> {
        let mut stream = Stream::new(7, Purpose::Users, 0);
        let mut all: Vec<f64> = (0..100_000).map(|_| law.draw(&mut stream).as_secs_f64()).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    #[test]
    fn drawn_times_have_the_mean_that_little_counts_with() {
        let s = Span::from_secs;
        for law in [
            TimeLaw::Fixed(s(2)),
            TimeLaw::Uniform { from: s(1), to: s(3) },
            TimeLaw::Exponential { mean: s(3) },
            TimeLaw::Lognormal { median: s(2), p95: s(10) },
        ] {
            let all = draws(law);
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            assert!((mean / law.mean().as_secs_f64() - 1.0).abs() < 0.02, "{law:?}: {mean}");
        }
    }

    #[test]
    fn a_lognormal_has_the_quantiles_it_is_given_by() {
        let all = draws(TimeLaw::Lognormal { median: Span::from_secs(2), p95: Span::from_secs(10) });
        assert!((all[50_000] / 2.0 - 1.0).abs() < 0.02, "{}", all[50_000]);
        assert!((all[95_000] / 10.0 - 1.0).abs() < 0.03, "{}", all[95_000]);
    }

    #[test]
    fn a_uniform_stays_between_its_ends() {
        let all = draws(TimeLaw::Uniform { from: Span::from_secs(1), to: Span::from_secs(3) });
        assert!(all[0] >= 1.0 && all[0] < 1.001 && all[99_999] <= 3.0 && all[99_999] > 2.999);
    }

    #[test]
    fn sessions_ask_at_least_once_and_on_average_as_often_as_said() {
        let mut stream = Stream::new(7, Purpose::Users, 0);
        for (asks, mean) in [
            (Asks::Exactly(5), 5.0),
            (Asks::Uniform { from: 2, to: 6 }, 4.0),
            (Asks::Geometric { mean: 1.0 }, 1.0),
            (Asks::Geometric { mean: 3.5 }, 3.5),
        ] {
            let all: Vec<u32> = (0..100_000).map(|_| asks.draw(&mut stream)).collect();
            let seen = f64::from(all.iter().sum::<u32>()) / 1e5;
            assert!((seen / mean - 1.0).abs() < 0.02, "{asks:?}: {seen}");
            assert!(all.iter().all(|&n| n >= 1));
        }
    }
}
