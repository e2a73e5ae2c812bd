//! The few distributions that parameters are drawn from.

use fkp_core::Rng;
use rand::RngExt;

/// Draws numbers from a generator. Every draw takes the same amount of randomness each time, so
/// that a change to one parameter's range does not reshuffle all others.
pub(crate) struct Draw<'a> {
    rng: &'a mut dyn Rng,
}

impl<'a> Draw<'a> {
    pub(crate) fn new(rng: &'a mut dyn Rng) -> Self {
        Self { rng }
    }

    /// Even in [0, 1).
    pub(crate) fn unit(&mut self) -> f32 {
        self.rng.random()
    }

    /// Even between two numbers.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A bell around `mean` that never leaves `mean ± 3·sd`: the sum of three even draws.
    pub(crate) fn bell(&mut self, mean: f32, sd: f32) -> f32 {
        mean + sd * 2.0 * (self.unit() + self.unit() + self.unit() - 1.5)
    }

    /// A tent that is highest at 0 and never leaves `±limit`; its deviation is limit / √6.
    pub(crate) fn tent(&mut self, limit: f32) -> f32 {
        limit * (self.unit() - self.unit())
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }
}
