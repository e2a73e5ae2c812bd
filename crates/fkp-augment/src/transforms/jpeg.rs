//! The artifacts of JPEG compression.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::pixels::{Canvas, for_rgb, luma};
use crate::{AugmentError, Range};
use fkp_core::vectors::{self, Kernel};
use fkp_core::{Channel, Rng};
use serde::{Deserialize, Serialize};

/// The artifacts of a baseline JPEG without chroma subsampling.
///
/// Only the quantization of the 8×8 blocks is computed, no bytes are coded. The codec of the
/// `image` crate gives the same artifacts (`photometric::jpeg_artifacts_are_those_of_a_codec`), but
/// allocates 12 to 14 times per image and takes longer for detailed images: 73 to 143 µs instead of
/// 37 for 96×96 gray, 1.6 to 7.4 ms instead of 1.7 for 256×256 RGB (smooth waves at quality 30 to
/// noise at 90; medians of 100, AMD EPYC with AVX2).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jpeg {
    /// libjpeg's quality; within [1, 100].
    pub quality: Range,
}

/// The sampled parameters of [`Jpeg`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JpegStep {
    /// 1 (worst) to 100.
    pub quality: usize,
}

impl Photometric for Jpeg {
    type Step = JpegStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.quality.check("quality", 1.0, 100.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> JpegStep {
        JpegStep {
            quality: self.quality.sample(rng).round() as usize,
        }
    }
}

impl PixelStep for JpegStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        let color = canvas.channels >= 3;
        if color {
            for_rgb(canvas, |rgb| {
                let y = luma(rgb);
                [
                    y,
                    (rgb[2] - y) / 1.772 + NEUTRAL,
                    (rgb[0] - y) / 1.402 + NEUTRAL,
                ]
            });
        }
        let cosines = cosines();
        for channel in 0..if color { 3 } else { 1 } {
            let table = scaled(if channel == 0 { &LUMA } else { &CHROMA }, self.quality);
            vectors::run(Blocks {
                canvas,
                channel,
                table: &table,
                cosines: &cosines,
            });
        }
        if color {
            for_rgb(canvas, |[y, cb, cr]| {
                let (cb, cr) = (cb - NEUTRAL, cr - NEUTRAL);
                let (r, b) = (y + 1.402 * cr, y + 1.772 * cb);
                [r, (y - 0.299 * r - 0.114 * b) / 0.587, b]
            });
        }
    }
}

/// ISO/IEC 10918-1, table K.1.
const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

/// ISO/IEC 10918-1, table K.2.
const CHROMA: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// The chroma of gray, as a fraction of white.
const NEUTRAL: f32 = 128.0 / 255.0;

/// libjpeg's scale of the standard tables.
fn scaled(table: &[u8; 64], quality: usize) -> [f32; 64] {
    let quality = quality.clamp(1, 100);
    let percent = match quality < 50 {
        true => 5000 / quality,
        false => 200 - 2 * quality,
    };
    table.map(|q| ((usize::from(q) * percent + 50) / 100).clamp(1, 255) as f32)
}

/// `cosines[u][x] = c(u)/2 · cos((2x+1)uπ/16)`: an orthonormal basis.
fn cosines() -> [[f32; 8]; 8] {
    std::array::from_fn(|u| {
        std::array::from_fn(|x| {
            let scale = if u == 0 { 0.125f64.sqrt() } else { 0.5 };
            let angle = (2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0;
            (scale * angle.cos()) as f32
        })
    })
}

/// All blocks of a channel.
struct Blocks<'a, 'b, T> {
    canvas: &'a mut Canvas<'b, T>,
    channel: usize,
    table: &'a [f32; 64],
    cosines: &'a [[f32; 8]; 8],
}

impl<T: Channel> Kernel for Blocks<'_, '_, T> {
    #[inline(always)]
    fn run(self) {
        for by in (0..self.canvas.height).step_by(8) {
            for bx in (0..self.canvas.width).step_by(8) {
                block(
                    self.canvas,
                    (bx, by),
                    self.channel,
                    self.table,
                    self.cosines,
                );
            }
        }
    }
}

/// One block; at the image's right and lower edge the last pixels are repeated, as encoders do.
#[inline(always)]
fn block<T: Channel>(
    canvas: &mut Canvas<'_, T>,
    (bx, by): (usize, usize),
    channel: usize,
    table: &[f32; 64],
    cosines: &[[f32; 8]; 8],
) {
    let (width, height, channels) = (canvas.width, canvas.height, canvas.channels);
    let index = |i: usize, j: usize| {
        let (x, y) = ((bx + i).min(width - 1), (by + j).min(height - 1));
        (y * width + x) * channels + channel
    };
    let mut cells = [[0f32; 8]; 8];
    for (j, row) in cells.iter_mut().enumerate() {
        for (i, cell) in row.iter_mut().enumerate() {
            *cell = canvas.data[index(i, j)].to_f32() / T::WHITE * 255.0 - 128.0;
        }
    }
    // F = C · f · Cᵀ, and back f = Cᵀ · F · C.
    let mut frequencies = times_transposed(&times(cosines, &cells), cosines);
    for (row, divisors) in frequencies.iter_mut().zip(table.chunks_exact(8)) {
        for (value, divisor) in row.iter_mut().zip(divisors) {
            *value = (*value / divisor).round() * divisor;
        }
    }
    let transposed = std::array::from_fn(|i| std::array::from_fn(|j| cosines[j][i]));
    let cells = times(&times(&transposed, &frequencies), cosines);
    for (j, row) in cells.iter().enumerate().take(height - by) {
        for (i, cell) in row.iter().enumerate().take(width - bx) {
            let value = ((cell + 128.0) / 255.0).clamp(0.0, 1.0);
            canvas.data[index(i, j)] = T::from_f32(value * T::WHITE);
        }
    }
}

#[inline(always)]
fn times(a: &[[f32; 8]; 8], b: &[[f32; 8]; 8]) -> [[f32; 8]; 8] {
    let mut product = [[0f32; 8]; 8];
    for (row, a) in product.iter_mut().zip(a) {
        for (weight, b) in a.iter().zip(b) {
            for (value, b) in row.iter_mut().zip(b) {
                *value += weight * b;
            }
        }
    }
    product
}

#[inline(always)]
fn times_transposed(a: &[[f32; 8]; 8], b: &[[f32; 8]; 8]) -> [[f32; 8]; 8] {
    let transposed = std::array::from_fn(|i| std::array::from_fn(|j| b[j][i]));
    times(a, &transposed)
}
