//! Random numbers that are the same on every machine: ChaCha8, one stream per purpose and index.
//!
//! A stream depends on (seed, purpose, index) only, never on how many workers draw from it.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The name and version of the generator, as recorded with a run.
pub const ALGORITHM: &str = "chacha8/1";

/// What a stream is for. Streams of different purposes never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Gaps between arrivals.
    Arrivals,
    /// Which prompt an arrival sends.
    Mix,
    /// The words of an arrival's prompt.
    Words,
    /// The words of a simulated answer.
    Answers,
    /// The lengths of an arrival's prompt and answer.
    Lengths,
    /// Which prompt of a corpus an arrival sends.
    Corpus,
    /// The words of prefixes that prompts share.
    Prefix,
    /// How long a user thinks, and how long it stays.
    Users,
    /// What of a trace is kept, and where its copies fall.
    Trace,
    /// The seeds of a plan's further scenarios.
    Scenarios,
    /// What a user does on its way through a flow: which branch it takes, how long it thinks, whether it leaves.
    Journeys,
    /// Which rows of a feeder users get.
    Feeders,
    /// Which of several targets a request goes to.
    Targets,
    /// How long a refused request waits, and whether it is let out at all.
    Retries,
    /// Which requests a fault of a simulated provider strikes.
    Faults,
}

/// One stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of `purpose` at `index` of a run seeded with `seed`.
    pub fn new(seed: u64, purpose: Purpose, index: u64) -> Stream {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        Stream(ChaCha8Rng::from_seed(key))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A whole number below `bound` (Lemire's multiply-shift; its bias is below 2⁻³² for any bound under 2³²).
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// A fraction in (0, 1], never zero, so that its logarithm is finite.
    pub fn fraction(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// An exponential variable of mean 1. The logarithm is `libm`'s, the same on every machine.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(self.fraction())
    }

    /// A normal variable of mean 0 and variance 1 (Box–Muller; its second number is not kept, so that a draw
    /// uses two fractions whatever came before).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(self.fraction()));
        radius * libm::cos(std::f64::consts::TAU * self.fraction())
    }

    /// A gamma variable of the given shape and of scale 1, so that its mean is `shape` (Marsaglia and Tsang 2000;
    /// below a shape of 1, their boost of the next higher one).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = libm::pow(self.fraction(), 1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let v = v * v * v;
            if libm::log(self.fraction()) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
                return d * v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_a_function_of_seed_purpose_and_index() {
        let draw = |seed, purpose, index| Stream::new(seed, purpose, index).bits();
        assert_eq!(draw(1, Purpose::Words, 7), draw(1, Purpose::Words, 7));
        assert_ne!(draw(1, Purpose::Words, 7), draw(2, Purpose::Words, 7));
        assert_ne!(draw(1, Purpose::Words, 7), draw(1, Purpose::Mix, 7));
        assert_ne!(draw(1, Purpose::Words, 7), draw(1, Purpose::Words, 8));
    }

    /// Pinned: a changed number would silently change every recorded seed's run.
    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut stream = Stream::new(42, Purpose::Arrivals, 0);
        assert_eq!([stream.bits(), stream.bits()], [6_424_161_053_832_095_879, 5_270_208_426_312_333_099]);
    }

    #[test]
    fn normals_and_gammas_have_their_moments() {
        let moments = |draw: &mut dyn FnMut() -> f64| {
            let values: Vec<f64> = (0..100_000).map(|_| draw()).collect();
            let mean = values.iter().sum::<f64>() / 1e5;
            (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 1e5)
        };
        let mut stream = Stream::new(5, Purpose::Lengths, 0);
        let (mean, variance) = moments(&mut || stream.normal());
        assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        for shape in [0.25, 1.0, 4.0] {
            let (mean, variance) = moments(&mut || stream.gamma(shape));
            assert!((mean / shape - 1.0).abs() < 0.03, "{shape}: {mean}");
            assert!((variance / shape - 1.0).abs() < 0.06, "{shape}: {variance}");
        }
    }

    #[test]
    fn exponentials_have_mean_one() {
        let mut stream = Stream::new(3, Purpose::Arrivals, 0);
        let mean = (0..100_000).map(|_| stream.exponential()).sum::<f64>() / 1e5;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }
}
