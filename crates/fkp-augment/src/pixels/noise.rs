//! Noise: normal, photon, and salt and pepper, from a generator that the step's seed starts.
//!
//! Normal numbers come from a table of quantiles, not from `rand_distr::StandardNormal`, which takes
//! twice the time: 29 instead of 14 µs for 96×96 gray values, 0.63 instead of 0.29 ms for 256×256 RGB
//! (medians; AMD EPYC with AVX2), which would make the recipe for faces a tenth slower. For the same
//! reason Poisson counts of 30 and more are rounded normal numbers: 6 ns each, 22 with `rand_distr`.

use super::Canvas;
use fkp_core::{Channel, Rng};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson};
use std::sync::OnceLock;

/// Entries of the table of normal quantiles, a power of two.
const QUANTILES: usize = 4096;

/// The normal distribution's quantiles at the middles of [`QUANTILES`] equal probabilities, scaled
/// to unit variance: a uniform index gives a normal number (cut off at 3.7 standard deviations).
fn quantiles() -> &'static [f32; QUANTILES] {
    static TABLE: OnceLock<Box<[f32; QUANTILES]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Box::new([0f32; QUANTILES]);
        let exact: Vec<f64> = (0..QUANTILES)
            .map(|i| normal_quantile((i as f64 + 0.5) / QUANTILES as f64))
            .collect();
        let variance = exact.iter().map(|q| q * q).sum::<f64>() / QUANTILES as f64;
        for (entry, q) in table.iter_mut().zip(exact) {
            *entry = (q / variance.sqrt()) as f32;
        }
        table
    })
}

/// Abramowitz and Stegun 26.2.23: within 4.5e-4 of the exact quantile.
fn normal_quantile(p: f64) -> f64 {
    let tail = p.min(1.0 - p);
    let t = (-2.0 * tail.ln()).sqrt();
    let fraction = (2.515_517 + t * (0.802_853 + t * 0.010_328))
        / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    (t - fraction) * if p < 0.5 { -1.0 } else { 1.0 }
}

/// Adds normal noise of this standard deviation (fraction of white) to every value.
pub(super) fn gaussian<T: Channel>(data: &mut [T], sigma: f64, seed: u64) {
    let table = quantiles();
    let sigma = sigma as f32 * T::WHITE;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    for five in data.chunks_mut(5) {
        // Twelve bits each.
        let mut bits = rng.next_u64();
        for value in five {
            let noise = table[bits as usize % QUANTILES] * sigma;
            *value = T::from_f32((value.to_f32() + noise).clamp(0.0, T::WHITE));
            bits >>= 12;
        }
    }
}

/// Replaces every value by a Poisson count of photons about its mean.
pub(super) fn poisson<T: Channel>(data: &mut [T], photons: f64, seed: u64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut noisy = |counts: &Counts| ((counts.draw(&mut rng) / photons) as f32).min(1.0);
    match T::bytes_mut(data) {
        Some(bytes) => {
            // There are only 256 means.
            let of_mean: [Counts; 256] =
                std::array::from_fn(|byte| Counts::of(byte as f32 / 255.0, photons));
            for byte in bytes {
                *byte = u8::from_f32(noisy(&of_mean[usize::from(*byte)]) * 255.0);
            }
        }
        None => {
            for value in data {
                let counts = Counts::of(value.to_f32() / T::WHITE, photons);
                *value = T::from_f32(noisy(&counts) * T::WHITE);
            }
        }
    }
}

/// The distribution of a number of photons.
enum Counts {
    None,
    Few(Poisson<f64>),
    /// A normal number of the same mean and variance: within 1 % from 30 photons on.
    Many {
        mean: f64,
        std: f64,
    },
}

impl Counts {
    /// For a value between black and white, with `photons` at white.
    fn of(value: f32, photons: f64) -> Self {
        let mean = f64::from(value) * photons;
        if mean >= 30.0 {
            let std = mean.sqrt();
            return Self::Many { mean, std };
        }
        // No photon where the mean is 0 or not a number.
        Poisson::new(mean).map_or(Self::None, Self::Few)
    }

    fn draw(&self, rng: &mut Xoshiro256PlusPlus) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Few(counts) => counts.sample(rng),
            Self::Many { mean, std } => {
                let normal = quantiles()[rng.next_u64() as usize % QUANTILES];
                (mean + std * f64::from(normal)).max(0.0).round()
            }
        }
    }
}

/// Makes a fraction of the pixels black or white, all channels together.
pub(super) fn salt_and_pepper<T: Channel>(canvas: &mut Canvas<'_, T>, fraction: f64, seed: u64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    for pixel in canvas.data.chunks_exact_mut(canvas.channels) {
        let replay: f64 = rng.random();
        if replay < fraction {
            let value = if replay < fraction / 2.0 {
                0.0
            } else {
                T::WHITE
            };
            pixel.fill(T::from_f32(value));
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
        gaussian(&mut data, 0.1, 3);
        let (mean, std) = moments(&data);
        assert!(
            (mean - 0.5).abs() < 0.002 && (std - 0.1).abs() < 0.002,
            "{mean} {std}"
        );
        let within = data.iter().filter(|v| (**v - 0.5).abs() < 0.1).count();
        assert!((within as f64 / 60_000.0 - 0.6827).abs() < 0.01);
    }

    #[test]
    fn photon_noise_has_the_variance_of_its_mean() {
        for (level, photons) in [(0.5, 20.0), (0.5, 400.0)] {
            let mut data = vec![level as f32; 60_000];
            poisson(&mut data, photons, 3);
            let (mean, std) = moments(&data);
            let expected = (level / photons).sqrt();
            assert!((mean - level).abs() < 0.01, "{mean}");
            assert!((std / expected - 1.0).abs() < 0.03, "{std} {expected}");
        }
    }
}
