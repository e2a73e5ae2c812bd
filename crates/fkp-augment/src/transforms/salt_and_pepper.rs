//! Salt-and-pepper noise.

use super::traits::{Photometric, PixelStep, SampleContext, sample_seed};
use crate::pixels::Canvas;
use crate::{AugmentError, Range};
use fkp_core::{Channel, Rng};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// Makes random pixels black or white, all channels together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaltAndPepper {
    /// Fraction of the pixels; within [0, 1].
    pub fraction: Range,
}

/// The sampled parameters of [`SaltAndPepper`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaltAndPepperStep {
    /// Fraction of the pixels, half of them black.
    pub fraction: f64,
    /// Seed of the noise.
    pub seed: u64,
}

impl Photometric for SaltAndPepper {
    type Step = SaltAndPepperStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.fraction.check("fraction", 0.0, 1.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> SaltAndPepperStep {
        SaltAndPepperStep {
            fraction: self.fraction.sample(rng),
            seed: sample_seed(rng),
        }
    }
}

impl PixelStep for SaltAndPepperStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        for pixel in canvas.data.chunks_exact_mut(canvas.channels) {
            let sampled: f64 = rng.random();
            if sampled < self.fraction {
                let value = if sampled < self.fraction / 2.0 {
                    0.0
                } else {
                    T::WHITE
                };
                pixel.fill(T::from_f32(value));
            }
        }
    }
}
