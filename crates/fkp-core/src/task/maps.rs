//! Keypoints from maps: the peak of a heatmap, the mean of a softmax.

use crate::{CoordinateFrame, Keypoint};

/// Maps of one size, each of which covers the whole crop.
pub(super) struct Maps {
    width: usize,
    height: usize,
    frame: CoordinateFrame,
}

impl Maps {
    /// Maps of shape `[n_keypoints, height, width]`, which the caller has checked.
    pub(super) fn new(shape: &[usize], frame: CoordinateFrame) -> Self {
        Self {
            width: shape[2],
            height: shape[1],
            frame,
        }
    }

    /// Number of values in a map.
    pub(super) fn len(&self) -> usize {
        self.width * self.height
    }

    /// A position in a map as a keypoint in pixels of the crop.
    fn to_crop(&self, x: f64, y: f64) -> Keypoint {
        let along =
            |x: f64, crop: usize, map: usize| ((x + 0.5) * crop as f64 / map as f64 - 0.5) as f32;
        Keypoint::new(
            along(x, self.frame.width, self.width),
            along(y, self.frame.height, self.height),
        )
    }

    /// The position of the highest pixel, refined along each axis by the parabola through the
    /// logarithms of three pixels, which is exact for a Gaussian.
    pub(super) fn peak(&self, map: &[f32], sigma_px: f64) -> Keypoint {
        let mut best = 0;
        for (i, value) in map.iter().enumerate() {
            if *value > map[best] {
                best = i;
            }
        }
        let (x, y) = (best % self.width, best / self.width);
        let row = |x: usize| map[y * self.width + x];
        let column = |y: usize| map[y * self.width + x];
        self.to_crop(
            x as f64 + offset(row, x, self.width, sigma_px),
            y as f64 + offset(column, y, self.height, sigma_px),
        )
    }

    /// Mean of the softmax of a map, and its standard deviation in pixels of the crop: the root of
    /// the mean of the variances of x and y.
    pub(super) fn mean(&self, map: &[f32]) -> (Keypoint, f32) {
        let highest = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let (mut sum, mut sums, mut squares) = (0.0f64, [0.0f64; 2], [0.0f64; 2]);
        for (i, score) in map.iter().enumerate() {
            let weight = f64::from(score - highest).exp();
            let position = [(i % self.width) as f64, (i / self.width) as f64];
            sum += weight;
            for axis in 0..2 {
                sums[axis] += weight * position[axis];
                squares[axis] += weight * position[axis] * position[axis];
            }
        }
        let mean = sums.map(|s| s / sum);
        let per_px = [
            self.frame.width as f64 / self.width as f64,
            self.frame.height as f64 / self.height as f64,
        ];
        let variance = |axis: usize| {
            (squares[axis] / sum - mean[axis] * mean[axis]).max(0.0) * per_px[axis].powi(2)
        };
        let sigma = ((variance(0) + variance(1)) / 2.0).sqrt();
        (self.to_crop(mean[0], mean[1]), sigma as f32)
    }
}

/// Distance from the highest pixel `i` to the peak, at most half a pixel.
fn offset(value: impl Fn(usize) -> f32, i: usize, count: usize, sigma_px: f64) -> f64 {
    // Outputs may be negative; a logarithm needs a floor well below any peak.
    let top = f64::from(value(i));
    if top.is_nan() || top <= 0.0 {
        return 0.0;
    }
    let log = |i: usize| f64::from(value(i)).max(1e-6 * top).ln();
    let highest = log(i);
    let variance = sigma_px * sigma_px;
    let offset = if i == 0 {
        // At the border there is one neighbor: the known width replaces the other.
        0.5 - variance * (highest - log(1))
    } else if i + 1 == count {
        variance * (highest - log(i - 1)) - 0.5
    } else {
        let (before, after) = (log(i - 1), log(i + 1));
        let curvature = 2.0 * highest - before - after;
        match curvature > 0.0 {
            true => 0.5 * (after - before) / curvature,
            false => 0.0,
        }
    };
    offset.clamp(-0.5, 0.5)
}
