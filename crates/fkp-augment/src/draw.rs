//! Uniform random numbers from the generator trait that the seams use.

use fkp_core::Rng;

/// Uniform in [0, 1), with the 53 bits that an `f64` holds.
pub(crate) fn unit(rng: &mut dyn Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// Uniform in [low, high).
pub(crate) fn uniform(rng: &mut dyn Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * unit(rng)
}

/// True with probability `p`. Always draws, so that the numbers after it do not depend on `p`.
pub(crate) fn chance(rng: &mut dyn Rng, p: f64) -> bool {
    unit(rng) < p
}

/// A seed for a step that needs many numbers. 63 bits, because TOML's integers are signed.
pub(crate) fn seed(rng: &mut dyn Rng) -> u64 {
    rng.next_u64() >> 1
}

/// Uniform in 0..count.
pub(crate) fn below(rng: &mut dyn Rng, count: usize) -> usize {
    ((unit(rng) * count as f64) as usize).min(count.saturating_sub(1))
}

/// The `index`-th 64-bit number of a seed: SplitMix64 (Steele, Lea, Flood 2014), which gives any
/// number of a stream without those before it.
#[inline(always)]
pub(crate) fn hash(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add((index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The `index`-th number of a seed in [0, 1).
pub(crate) fn hash_unit(seed: u64, index: u64) -> f64 {
    (hash(seed, index) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}
