//! Motion blur.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::pixels::{Canvas, add_scaled, reflect};
use crate::{AugmentError, Range};
use fkp_core::vectors::{self, Kernel};
use fkp_core::{Channel, Rng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// The mean along a line of random direction, as of a camera that moved; mirrored border.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MotionBlur {
    /// Length of the line in pixels; within [1, 100].
    pub length_px: Range,
}

/// The sampled parameters of [`MotionBlur`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MotionBlurStep {
    /// Length of the line in pixels.
    pub length_px: f64,
    /// Direction, counter-clockwise from the right, in degrees.
    pub angle_deg: f64,
}

impl Photometric for MotionBlur {
    type Step = MotionBlurStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.length_px.check("length_px", 1.0, 100.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> MotionBlurStep {
        MotionBlurStep {
            length_px: self.length_px.sample(rng),
            angle_deg: rng.random_range(0.0..=180.0),
        }
    }
}

impl PixelStep for MotionBlurStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        // Evenly spaced samples along the line, each at its nearest pixel.
        let (width, height, channels) = (canvas.width, canvas.height, canvas.channels);
        let count = (self.length_px.round() as usize).max(1);
        let (sin, cos) = self.angle_deg.to_radians().sin_cos();
        let weight = 1.0 / count as f32;
        let data = &*canvas.data;
        let sums = &mut *canvas.floats;
        sums.clear();
        sums.resize(data.len(), 0.0);
        vectors::run(Line {
            data,
            size: (width, height),
            channels,
            offsets: (0..count).map(|tap| {
                let along = tap as f64 - (count as f64 - 1.0) / 2.0;
                ((along * cos).round() as i64, (-along * sin).round() as i64)
            }),
            weight,
            sums,
        });
        canvas.set_from_floats();
    }
}

/// A weighted sum of shifted images.
struct Line<'a, T, I> {
    data: &'a [T],
    size: (usize, usize),
    channels: usize,
    /// Of each image, in pixels.
    offsets: I,
    weight: f32,
    /// 0 at first.
    sums: &'a mut [f32],
}

impl<T: Channel, I: Iterator<Item = (i64, i64)>> Kernel for Line<'_, T, I> {
    #[inline(always)]
    fn run(self) {
        let Self {
            data,
            size: (width, height),
            channels,
            offsets,
            weight,
            sums,
        } = self;
        let row = width * channels;
        for (dx, dy) in offsets {
            // The columns whose source is inside the image are contiguous.
            let first = dx.min(0).unsigned_abs().min(width as u64) as usize;
            let last = width - dx.max(0).unsigned_abs().min(width as u64) as usize;
            for (y, dst) in sums.chunks_exact_mut(row).enumerate() {
                let src = &data[reflect(y as i64 + dy, height) * row..][..row];
                for x in (0..first).chain(last.max(first)..width) {
                    let from = reflect(x as i64 + dx, width);
                    for c in 0..channels {
                        dst[x * channels + c] += weight * src[from * channels + c].to_f32();
                    }
                }
                if first < last {
                    let start = (first as i64 + dx) as usize * channels;
                    let dst = &mut dst[first * channels..last * channels];
                    add_scaled(dst, &src[start..], weight);
                }
            }
        }
    }
}
