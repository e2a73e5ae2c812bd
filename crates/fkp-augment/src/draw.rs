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
