//! Random numbers for the details of an element.

use crate::math::hash;

/// A sequence of numbers that depends on a seed alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dice {
    seed: u32,
    count: u32,
}

impl Dice {
    pub(super) fn new(seed: u32) -> Self {
        Self { seed, count: 0 }
    }

    /// 32 random bits.
    pub(super) fn bits(&mut self) -> u32 {
        self.count += 1;
        hash(self.count, self.seed)
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f32 {
        (self.bits() >> 8) as f32 / (1 << 24) as f32
    }

    /// Uniform in [low, high).
    pub(super) fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform over the elements of a slice that is not empty.
    pub(super) fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[(self.unit() * values.len() as f32) as usize % values.len()]
    }
}
