//! Normally distributed noise.

use super::traits::{Photometric, PixelStep, SampleContext, sample_seed};
use crate::pixels::{Canvas, QUANTILES, quantiles};
use crate::{AugmentError, Range};
use fkp_core::{Channel, Rng};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

/// Adds normally distributed noise, independent in each channel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianNoise {
    /// Standard deviation as a fraction of white; within [0, 1].
    pub sigma: Range,
}

/// The sampled parameters of [`GaussianNoise`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianNoiseStep {
    /// Standard deviation as a fraction of white.
    pub sigma: f64,
    /// Seed of the noise.
    pub seed: u64,
}

impl Photometric for GaussianNoise {
    type Step = GaussianNoiseStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.sigma.check("sigma", 0.0, 1.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> GaussianNoiseStep {
        GaussianNoiseStep {
            sigma: self.sigma.sample(rng),
            seed: sample_seed(rng),
        }
    }
}

impl PixelStep for GaussianNoiseStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        add_noise(canvas.data, self.sigma, self.seed);
    }
}

/// Adds normal noise of this standard deviation (fraction of white) to every value.
fn add_noise<T: Channel>(data: &mut [T], sigma: f64, seed: u64) {
    let table = quantiles();
    let sigma = sigma as f32 * T::WHITE;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    for five in data.chunks_mut(5) {
        // Twelve bits for each value.
        let mut bits = rng.next_u64();
        for value in five {
            let noise = table[bits as usize % QUANTILES] * sigma;
            *value = T::from_f32((value.to_f32() + noise).clamp(0.0, T::WHITE));
            bits >>= 12;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(data: &[f32]) -> (f64, f64) {
        let n = data.len() as f64;
        let mean = data.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let variance = data
            .iter()
            .map(|v| (f64::from(*v) - mean).powi(2))
            .sum::<f64>()
            / n;
        (mean, variance.sqrt())
    }

    #[test]
    fn normal_noise_has_the_given_spread() {
        let mut data = vec![0.5f32; 60_000];
        add_noise(&mut data, 0.1, 3);
        let (mean, std) = moments(&data);
        assert!(
            (mean - 0.5).abs() < 0.002 && (std - 0.1).abs() < 0.002,
            "{mean} {std}"
        );
        let within = data.iter().filter(|v| (**v - 0.5).abs() < 0.1).count();
        assert!((within as f64 / 60_000.0 - 0.6827).abs() < 0.01);
    }
}
