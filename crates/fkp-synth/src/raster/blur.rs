//! Blur with kernels that keep the mean and the position of everything.

use super::Raster;
use super::resize::{Resampling, resized};

/// Below this standard deviation in pixels a blur is not visible.
const INVISIBLE: f32 = 0.2;

/// A larger blur than this, in pixels, is made on a reduced image.
const WIDE: f32 = 2.6;

/// Gaussian blur of standard deviation `sigma` in pixels; pixels beyond the edge repeat it.
pub(crate) fn gaussian(raster: &mut Raster, sigma: f32) {
    if sigma < INVISIBLE {
        return;
    }
    // An image must stay large enough to be blurred: a larger blur leaves nothing anyway.
    let sigma = sigma.min(raster.size as f32);
    let small = (raster.size as f32 * 1.6 / sigma).ceil().max(8.0) as usize;
    if sigma <= WIDE || small >= raster.size {
        separable(raster, &half_kernel(sigma));
        return;
    }
    let factor = raster.size as f32 / small as f32;
    let mut reduced = resized(raster, small, Resampling::Tent);
    // The reduction has the variance factor² / 6. The enlargement has none.
    let rest = (sigma * sigma - factor * factor / 6.0).max(0.0).sqrt() / factor;
    separable(&mut reduced, &half_kernel(rest));
    *raster = resized(&reduced, raster.size, Resampling::Bicubic);
}

/// The blur with the weights 1, 2, 1 along both axes.
pub(crate) fn binomial(raster: &mut Raster) {
    separable(raster, &[0.5, 0.25]);
}

/// The weights of a Gaussian at distance 0, 1, 2, …
fn half_kernel(sigma: f32) -> Vec<f32> {
    let radius = (2.6 * sigma).ceil() as usize;
    let weight = |i| (-0.5 * (i as f32 / sigma).powi(2)).exp();
    let mut half: Vec<f32> = (0..=radius).map(weight).collect();
    let total = 2.0 * half.iter().sum::<f32>() - half[0];
    half.iter_mut().for_each(|weight| *weight /= total);
    half
}

/// Convolves both axes with the symmetric kernel whose weights at distance 0, 1, 2, … are `half`.
fn separable(raster: &mut Raster, half: &[f32]) {
    let (len, channels, radius) = (raster.row_len(), raster.channels, half.len() - 1);
    let mut across = vec![0.0; raster.data.len()];
    let mut padded = Vec::with_capacity(len + 2 * radius * channels);
    for (y, row) in across.chunks_exact_mut(len).enumerate() {
        raster.padded_row(y as isize, radius, &mut padded);
        let at = |shift: usize| &padded[shift * channels..shift * channels + len];
        weighted_sum(row, half, |k| [at(radius - k), at(radius + k)]);
    }
    let last = raster.size - 1;
    for (y, row) in raster.data.chunks_exact_mut(len).enumerate() {
        let at = |y: usize| &across[y * len..(y + 1) * len];
        weighted_sum(row, half, |k| {
            [at(y.saturating_sub(k)), at((y + k).min(last))]
        });
    }
}

/// The sum over k of `half[k]` times the pair of rows at distance k; the pair at 0 is one row twice.
fn weighted_sum<'a>(sum: &mut [f32], half: &[f32], pair: impl Fn(usize) -> [&'a [f32]; 2]) {
    let center = pair(0)[0];
    if half.len() == 1 {
        sum.copy_from_slice(center);
        return;
    }
    for (sum, ((center, before), after)) in sum
        .iter_mut()
        .zip(center.iter().zip(pair(1)[0]).zip(pair(1)[1]))
    {
        *sum = half[0] * center + half[1] * (before + after);
    }
    // Two distances at a time, which halves the loads and stores of the sum.
    let (twos, one) = half[2..].as_chunks::<2>();
    for (i, weights) in twos.iter().enumerate() {
        add_two(sum, *weights, pair(2 * i + 2), pair(2 * i + 3));
    }
    if let [weight] = one {
        let [before, after] = pair(half.len() - 1);
        for ((sum, before), after) in sum.iter_mut().zip(before).zip(after) {
            *sum += weight * (before + after);
        }
    }
}

fn add_two(sum: &mut [f32], weights: [f32; 2], near: [&[f32]; 2], far: [&[f32]; 2]) {
    let count = sum.len();
    let [a, b] = near.map(|row| &row[..count]);
    let [c, d] = far.map(|row| &row[..count]);
    for i in 0..count {
        sum[i] += weights[0] * (a[i] + b[i]) + weights[1] * (c[i] + d[i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::testing::{dot, moments};

    #[test]
    fn blur_keeps_the_sum_and_the_position_of_a_dot() {
        for (sigma, tolerance) in [(0.5, 1e-3), (1.2, 1e-3), (4.0, 0.03), (6.0, 0.05)] {
            let mut raster = dot(64, 3, 30, 35);
            gaussian(&mut raster, sigma);
            let [sum, x, y] = moments(&raster);
            assert!((sum - 1.0).abs() < 0.01, "sum {sum} at {sigma}");
            let off = (x - 30.0).abs().max((y - 35.0).abs());
            assert!(off < tolerance, "{off} px at {sigma}");
        }
    }

    #[test]
    fn the_standard_deviation_is_as_asked_for() {
        for sigma in [0.8, 2.0, 3.0, 5.0] {
            let mut raster = dot(80, 1, 40, 40);
            gaussian(&mut raster, sigma);
            let variance = |(i, v): (usize, &f32)| v * ((i % 80) as f32 - 40.0).powi(2);
            let sd: f32 = raster.data.iter().enumerate().map(variance).sum();
            let sd = sd.sqrt();
            assert!((sd / sigma - 1.0).abs() < 0.04, "{sd}, wanted {sigma}");
        }
    }

    #[test]
    fn a_uniform_image_stays_uniform() {
        for sigma in [0.7, 3.0, 20.0, 500.0] {
            let mut raster = Raster::zeros(31, 3);
            raster.data.fill(0.7);
            gaussian(&mut raster, sigma);
            assert!(raster.data.iter().all(|v| (v - 0.7).abs() < 1e-4));
        }
    }
}
