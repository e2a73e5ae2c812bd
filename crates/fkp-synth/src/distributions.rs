//! The random distributions that parameters are sampled from.

use fkp_core::Rng;
use rand::RngExt;

/// Samples numbers from a generator. Each method always consumes the same number of random values,
/// so that a change to the range of one parameter does not change the others.
pub(crate) struct Sampler<'a> {
    rng: &'a mut dyn Rng,
}

impl<'a> Sampler<'a> {
    pub(crate) fn new(rng: &'a mut dyn Rng) -> Self {
        Self { rng }
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit_uniform(&mut self) -> f32 {
        self.rng.random()
    }

    /// Uniform in [low, high).
    pub(crate) fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit_uniform()
    }

    /// Approximately normal, within `mean ± 3·sd`: the sum of three uniform numbers.
    pub(crate) fn approx_normal(&mut self, mean: f32, sd: f32) -> f32 {
        let sum = self.unit_uniform() + self.unit_uniform() + self.unit_uniform();
        mean + sd * 2.0 * (sum - 1.5)
    }

    /// Triangular with its mode at 0, within `±limit`; the standard deviation is limit / √6.
    pub(crate) fn triangular(&mut self, limit: f32) -> f32 {
        limit * (self.unit_uniform() - self.unit_uniform())
    }

    /// True with this probability.
    pub(crate) fn bernoulli(&mut self, probability: f32) -> bool {
        self.unit_uniform() < probability
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }
}
