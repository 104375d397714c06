//! A seeded order of n things, without a list of them: the place of each is computed when it is asked for.
//!
//! A Feistel network permutes the whole numbers below the next power of four, whatever its round function is
//! (Luby and Rackoff 1988); walking on from a number that is not below n until one is permutes those below n
//! (Black and Rogaway 2002). Less than four steps on average, no memory, whole-number arithmetic only.

use floodline_core::random::{Purpose, Stream};

/// Rounds of the network; four make it pseudo-random, more even out the small ones.
const ROUNDS: usize = 8;

/// An order of the whole numbers below n.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permutation {
    n: u32,
    /// Bits of each of the two halves.
    half: u32,
    keys: [u64; ROUNDS],
}

impl Permutation {
    /// The order number `index` of a seed.
    pub(crate) fn new(seed: u64, index: u64, n: u32) -> Permutation {
        let mut stream = Stream::new(seed, Purpose::Corpus, index);
        let bits = u32::BITS - n.saturating_sub(1).leading_zeros();
        Permutation { n, half: bits.div_ceil(2).max(1), keys: std::array::from_fn(|_| stream.bits()) }
    }

    /// The number at a place below n.
    pub(crate) fn at(&self, place: u32) -> u32 {
        if self.n <= 1 {
            return 0;
        }
        let n = u64::from(self.n);
        let mut number = u64::from(place) % n;
        // The walk is on a cycle that the place below n is on itself, so it ends.
        loop {
            number = self.step(number);
            if number < n {
                return number as u32;
            }
        }
    }

    /// Permutes the numbers of twice `half` bits.
    fn step(&self, number: u64) -> u64 {
        let mask = (1u64 << self.half) - 1;
        let (mut left, mut right) = (number >> self.half, number & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mixed(right ^ key) >> (u64::BITS - self.half)));
        }
        left << self.half | right
    }
}

/// Spreads every bit over all others (the finaliser of SplitMix64, Steele, Lea and Flood 2014).
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(seed: u64, index: u64, n: u32) -> Vec<u32> {
        let permutation = Permutation::new(seed, index, n);
        (0..n).map(|place| permutation.at(place)).collect()
    }

    #[test]
    fn every_small_number_of_things_is_permuted() {
        for n in 0..300 {
            let mut order = all(7, u64::from(n), n);
            order.sort_unstable();
            assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }

    /// Pinned: a changed order would silently change every recorded seed's run.
    #[test]
    fn the_order_of_a_seed_never_changes() {
        assert_eq!(all(42, 0, 10), [9, 6, 2, 5, 7, 0, 1, 8, 3, 4]);
    }

    #[test]
    fn the_largest_number_of_things_works() {
        let permutation = Permutation::new(1, 1, u32::MAX);
        let (a, b) = (permutation.at(0), permutation.at(u32::MAX - 1));
        assert!(a != b && a < u32::MAX && b < u32::MAX);
    }

    /// All six orders of three things come up about as often: chi-squared with 5 degrees, 0.1 % at 20.5.
    #[test]
    fn orders_are_fair() {
        let mut seen = std::collections::BTreeMap::new();
        for index in 0..6000 {
            *seen.entry(all(5, index, 3)).or_insert(0u32) += 1;
        }
        assert_eq!(seen.len(), 6);
        let chi: f64 = seen.values().map(|&k| (f64::from(k) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi < 20.5, "{chi}");
    }

    /// Where the first of a hundred things goes: chi-squared with 99 degrees, 0.1 % at 149.
    #[test]
    fn places_are_fair() {
        let mut seen = [0u32; 100];
        (0..20_000).for_each(|index| seen[Permutation::new(5, index, 100).at(0) as usize] += 1);
        let chi: f64 = seen.iter().map(|&k| (f64::from(k) - 200.0).powi(2) / 200.0).sum();
        assert!(chi < 149.0, "{chi}");
    }

    proptest! {
        #[test]
        fn any_number_of_things_is_permuted(seed: u64, index: u64, n in 1u32..2000) {
            let mut order = all(seed, index, n);
            order.sort_unstable();
            prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }
}
