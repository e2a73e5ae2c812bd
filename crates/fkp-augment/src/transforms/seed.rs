//! The seed of a step that needs many random numbers.

use fkp_core::Rng;

/// Samples a seed. 63 bits, because TOML's integers are signed.
pub(super) fn sample_seed(rng: &mut dyn Rng) -> u64 {
    rng.next_u64() >> 1
}
