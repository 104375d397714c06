//! Who asks, and for what, as numbers: keys are secrets, so the limiter remembers none.

use std::fmt;

/// A key, by its hash.
///
/// Two of 100,000 keys share a hash, and then their limits, once in four billion times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub(super) u64);

/// A model, by the hash of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(pub(super) u64);

impl KeyId {
    /// Of a key; of the empty text for requests without one.
    pub fn of(key: &str) -> KeyId {
        KeyId(hash(key))
    }

    /// The hash itself.
    pub fn hash(self) -> u64 {
        self.0
    }
}

impl ModelId {
    /// Of a model's name.
    pub fn of(name: &str) -> ModelId {
        ModelId(hash(name))
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

pub(super) fn of_both(key: KeyId, model: ModelId) -> u64 {
    mixed(key.0 ^ mixed(model.0))
}

/// FNV-1a, and then mixed so that all bits depend on all others. The same on every machine.
fn hash(text: &str) -> u64 {
    mixed(
        text.bytes()
            .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
    )
}

/// The last step of SplitMix64 (Steele, Lea and Flood, 2014).
fn mixed(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
