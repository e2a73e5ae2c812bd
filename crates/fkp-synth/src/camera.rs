//! The camera: blur, contrast, noise and quantization to 8 bits.

use crate::math::hash;
use crate::params::{Camera, Texture};

/// Turns brightness (1 is white) of a `size × size` image into bytes.
pub(crate) fn develop(
    mut light: Vec<f32>,
    size: usize,
    camera: &Camera,
    texture: Texture,
) -> Vec<u8> {
    let sigma = camera.blur * size as f32;
    if sigma > 0.15 {
        blur(&mut light, size, sigma);
    }
    let pixels = light.iter().enumerate().map(|(index, value)| {
        // A soft shoulder prevents bright skin from saturating.
        let above = (value - 0.7).max(0.0) / 0.3;
        let exposed = value.min(0.7) + 0.3 * above / (1.0 + 0.8 * above);
        let toned = (exposed - 0.45) * camera.contrast + 0.45 + camera.brightness;
        let (x, y) = (index % size, index / size);
        let x = if texture.mirrored { size - 1 - x } else { x };
        let index = y * size + x;
        let noise = camera.noise * pixel_noise(index as u32, texture.seed);
        // `as` saturates; half is added to round to nearest.
        (255.0 * toned + noise + 0.5) as u8
    });
    pixels.collect()
}

/// Noise of mean 0 and standard deviation 1 for a pixel: the sum of four uniform bytes.
fn pixel_noise(index: u32, seed: u32) -> f32 {
    let bits = hash(index, !seed);
    let sum: u32 = bits.to_le_bytes().iter().map(|byte| u32::from(*byte)).sum();
    // Each byte has mean 127.5 and variance (256² − 1)/12.
    (sum as f32 - 510.0) / 147.8
}

/// Gaussian blur; the edge pixels are replicated.
fn blur(light: &mut [f32], size: usize, sigma: f32) {
    let radius = (3.0 * sigma).ceil() as usize;
    let weight = |i: usize| (-0.5 * ((i as f32 - radius as f32) / sigma).powi(2)).exp();
    let weights: Vec<f32> = (0..=2 * radius).map(weight).collect();
    let total: f32 = weights.iter().sum();
    let weights: Vec<f32> = weights.iter().map(|w| w / total).collect();
    let mut padded = vec![0.0; size + 2 * radius];
    for axis in 0..2 {
        for k in 0..size {
            let (start, step) = if axis == 0 { (k * size, 1) } else { (k, size) };
            let line = || light[start..].iter().step_by(step).take(size);
            let (first, last) = (light[start], light[start + (size - 1) * step]);
            padded[..radius].fill(first);
            padded[radius + size..].fill(last);
            for (to, from) in padded[radius..].iter_mut().zip(line()) {
                *to = *from;
            }
            let windows = padded.windows(weights.len());
            for (to, window) in light[start..].iter_mut().step_by(step).zip(windows) {
                *to = window.iter().zip(&weights).map(|(v, w)| v * w).sum();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blur_keeps_the_sum_and_the_position_of_a_dot() {
        let size = 21;
        let mut light = vec![0.0; size * size];
        light[10 * size + 7] = 1.0;
        blur(&mut light, size, 1.2);
        let sum: f32 = light.iter().sum();
        let x: f32 = (0..size * size).map(|i| (i % size) as f32 * light[i]).sum();
        let y: f32 = (0..size * size).map(|i| (i / size) as f32 * light[i]).sum();
        assert!((sum - 1.0).abs() < 1e-4);
        assert!((x - 7.0).abs() < 1e-3 && (y - 10.0).abs() < 1e-3);
    }

    #[test]
    fn noise_has_the_stated_standard_deviation() {
        let samples: Vec<f32> = (0..10_000).map(|i| pixel_noise(i, 9)).collect();
        let mean = samples.iter().sum::<f32>() / 1e4;
        let variance = samples.iter().map(|d| (d - mean).powi(2)).sum::<f32>() / 1e4;
        assert!(
            mean.abs() < 0.04 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }
}
