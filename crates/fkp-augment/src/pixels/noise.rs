//! Noise: normal, photon, and salt and pepper. Each number's noise is a function of the seed and
//! its place, so the result does not depend on how the work is divided.

use super::Canvas;
use crate::draw::{hash, hash_unit};
use fkp_core::Channel;
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

/// Adds normal noise of this standard deviation (fraction of white) to every number.
pub(super) fn gaussian<T: Channel>(data: &mut [T], sigma: f64, seed: u64) {
    let table = quantiles();
    let sigma = sigma as f32 * T::WHITE;
    for (i, five) in data.chunks_mut(5).enumerate() {
        // Twelve bits each.
        let mut bits = hash(seed, i as u64);
        for value in five {
            let noise = table[bits as usize % QUANTILES] * sigma;
            *value = T::from_f32((value.to_f32() + noise).clamp(0.0, T::WHITE));
            bits >>= 12;
        }
    }
}

/// Replaces every number by a Poisson count of photons about its mean.
pub(super) fn poisson<T: Channel>(data: &mut [T], photons: f64, seed: u64) {
    let table = quantiles();
    for (i, value) in data.iter_mut().enumerate() {
        let mean = f64::from(value.to_f32() / T::WHITE).max(0.0) * photons;
        let count = if mean < 30.0 {
            small_poisson(mean, hash_unit(seed, i as u64))
        } else {
            // A normal number of the same mean and variance: within 1 % from 30 photons on.
            let normal = table[hash(seed, i as u64) as usize % QUANTILES];
            (mean + mean.sqrt() * f64::from(normal)).max(0.0).round()
        };
        *value = T::from_f32(((count / photons) as f32).min(1.0) * T::WHITE);
    }
}

/// Inversion by adding up probabilities.
fn small_poisson(mean: f64, uniform: f64) -> f64 {
    let mut probability = (-mean).exp();
    let (mut sum, mut count) = (probability, 0.0);
    while sum < uniform && count < 200.0 {
        count += 1.0;
        probability *= mean / count;
        sum += probability;
    }
    count
}

/// Makes a fraction of the pixels black or white, all channels together.
pub(super) fn salt_and_pepper<T: Channel>(canvas: &mut Canvas<'_, T>, fraction: f64, seed: u64) {
    for (i, pixel) in canvas.data.chunks_exact_mut(canvas.channels).enumerate() {
        let drawn = hash_unit(seed, i as u64);
        if drawn < fraction {
            let value = if drawn < fraction / 2.0 {
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
