//! Covering random rectangles.

use super::traits::{Photometric, PixelStep, SampleContext, sample_seed};
use crate::pixels::Canvas;
use crate::range::{check_integer, check_number};
use crate::{AugmentError, Range};
use fkp_core::{Channel, Rng};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// Covers rectangles (cutout, random erasing). Keypoints under them become `Occluded`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoarseDropout {
    /// Number of rectangles, 1 to 64.
    pub count: usize,
    /// Width of a rectangle as a fraction of the image's; within [0, 1].
    pub width: Range,
    /// Height of a rectangle as a fraction of the image's; within [0, 1].
    pub height: Range,
    /// What they are filled with.
    pub fill: Fill,
}

/// What a covered rectangle is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// One value in every channel, as a fraction of white.
    Constant(f64),
    /// Uniform noise between black and white, independent in each channel of each pixel.
    Noise,
}

/// One covered rectangle of [`CoarseDropout`], in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoarseDropoutStep {
    /// First covered column.
    pub x: usize,
    /// First covered row.
    pub y: usize,
    /// Number of covered columns.
    pub width: usize,
    /// Number of covered rows.
    pub height: usize,
    /// What the rectangle is filled with.
    pub fill: Fill,
    /// Seed of a noisy fill.
    pub seed: u64,
}

impl Photometric for CoarseDropout {
    type Step = CoarseDropoutStep;

    fn validate(&self) -> Result<(), AugmentError> {
        check_integer("count", self.count, 1, 64)?;
        self.width.check("width", 0.0, 1.0)?;
        self.height.check("height", 0.0, 1.0)?;
        match self.fill {
            Fill::Constant(value) => check_number("fill", value, 0.0, 1.0),
            Fill::Noise => Ok(()),
        }
    }

    fn count(&self) -> usize {
        self.count
    }

    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> CoarseDropoutStep {
        let size = context.size();
        // The order of the random numbers is part of what a seed means.
        let (w, h) = (self.width.sample(rng), self.height.sample(rng));
        let mut side = |fraction: f64, side: usize| {
            let len = ((fraction * side as f64).round() as usize).clamp(1, side);
            (rng.random_range(0..=side - len), len)
        };
        let (x, width) = side(w, size.0);
        let (y, height) = side(h, size.1);
        CoarseDropoutStep {
            x,
            y,
            width,
            height,
            fill: self.fill,
            seed: sample_seed(rng),
        }
    }
}

impl PixelStep for CoarseDropoutStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        let row_len = canvas.width * canvas.channels;
        let (start, end) = (
            self.x.min(canvas.width),
            self.x.saturating_add(self.width).min(canvas.width),
        );
        let columns = start * canvas.channels..end * canvas.channels;
        let rows = canvas
            .data
            .chunks_exact_mut(row_len)
            .skip(self.y)
            .take(self.height);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        for row in rows {
            let values = &mut row[columns.clone()];
            match self.fill {
                Fill::Constant(value) => values.fill(T::from_f32(value as f32 * T::WHITE)),
                Fill::Noise => {
                    // Eight values from one 64-bit number.
                    for eight in values.chunks_mut(8) {
                        let bytes = rng.next_u64().to_le_bytes();
                        for (value, byte) in eight.iter_mut().zip(bytes) {
                            *value = T::from_f32(f32::from(byte) / 255.0 * T::WHITE);
                        }
                    }
                }
            }
        }
    }

    fn covers(&self, x: f32, y: f32) -> bool {
        let within = |v: f32, start: usize, len: usize| {
            v >= start as f32 - 0.5 && v < (start + len) as f32 - 0.5
        };
        within(x, self.x, self.width) && within(y, self.y, self.height)
    }
}
