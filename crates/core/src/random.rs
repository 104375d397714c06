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
    fn exponentials_have_mean_one() {
        let mut stream = Stream::new(3, Purpose::Arrivals, 0);
        let mean = (0..100_000).map(|_| stream.exponential()).sum::<f64>() / 1e5;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }
}
