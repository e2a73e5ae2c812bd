//! Seeded random generators that depend on their purpose, never on time or thread.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What the random numbers are for. Different purposes never share a stream.
///
/// The discriminants are part of the streams: they never change, and a new purpose takes the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights.
    Weights = 0,
    /// The order of the samples in an epoch.
    Shuffle = 1,
    /// Augmentation of one sample.
    Augment = 2,
    /// Dropout masks of one step.
    Dropout = 3,
    /// Which samples go into which split.
    Split = 4,
    /// Rendering one synthetic sample.
    Render = 5,
    /// The jitter of the box of one sample.
    BoxJitter = 6,
    /// Which training samples are held out to choose the best epoch on.
    HoldOut = 7,
    /// Samples with replacement, for the confidence interval of a metric.
    Bootstrap = 8,
    /// Which samples go into which fold of a cross-validation.
    Folds = 9,
    /// Which samples go into which part of a stratified split.
    Stratify = 10,
    /// Which images are set beside each other.
    Mosaic = 11,
}

/// The 64-bit FNV-1a hash (Fowler, Noll, Vo): the same on every machine and in every version,
/// which the standard library's hasher does not promise.
///
/// ```
/// assert_eq!(fkp_core::fnv1a(*b"a"), 0xaf63_dc4c_8601_ec8c);
/// ```
pub fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The generator of `(seed, purpose, epoch, index)`.
///
/// ```
/// use fkp_core::{Purpose, Rng, rng_for};
/// let first = |index| rng_for(7, Purpose::Augment, 0, index).next_u64();
/// assert_eq!(first(3), first(3));
/// assert_ne!(first(3), first(4));
/// ```
pub fn rng_for(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    for (chunk, word) in key
        .chunks_exact_mut(8)
        .zip([seed, purpose as u64, epoch, index])
    {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    /// A changed discriminant would change weights, splits and images for every seed.
    #[test]
    fn the_numbers_of_the_purposes_never_change() {
        let purposes = [
            (Purpose::Weights, 0),
            (Purpose::Shuffle, 1),
            (Purpose::Augment, 2),
            (Purpose::Dropout, 3),
            (Purpose::Split, 4),
            (Purpose::Render, 5),
            (Purpose::BoxJitter, 6),
            (Purpose::HoldOut, 7),
            (Purpose::Bootstrap, 8),
            (Purpose::Folds, 9),
            (Purpose::Stratify, 10),
            (Purpose::Mosaic, 11),
        ];
        for (purpose, number) in purposes {
            assert_eq!(purpose as u64, number, "{purpose:?}");
        }
        let mut seen: Vec<u64> = purposes
            .map(|(purpose, _)| rng_for(7, purpose, 0, 0).next_u64())
            .to_vec();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), purposes.len());
    }
}
