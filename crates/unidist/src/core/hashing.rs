//! Quick hashing of names: short texts, looked up on every use of a lock.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

/// An odd number without a pattern: the fraction of the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes eight bytes at a time by a folded multiplication. The seed differs
/// from process to process, so that nobody outside can choose names that collide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameHashing {
    seed: u64,
}

impl Default for NameHashing {
    fn default() -> Self {
        static SEED: OnceLock<u64> = OnceLock::new();
        let seed = *SEED.get_or_init(|| RandomState::new().build_hasher().finish());
        Self { seed }
    }
}

impl BuildHasher for NameHashing {
    type Hasher = NameHasher;

    fn build_hasher(&self) -> NameHasher {
        NameHasher(self.seed)
    }
}

#[derive(Debug)]
pub(crate) struct NameHasher(u64);

impl NameHasher {
    fn mix(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * u128::from(MIX);
        self.0 = (wide as u64) ^ ((wide >> 64) as u64) ^ self.0.rotate_left(23);
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.mix(u64::from_le_bytes(last));
        self.mix(bytes.len() as u64);
    }

    // The end mark of a text: the length is in the hash already.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
