//! Contrast-limited adaptive histogram equalization.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::pixels::{BINS, Canvas, cumulate, histogram, remap};
use crate::range::check_integer;
use crate::{AugmentError, Range};
use fkp_core::{Channel, Rng};
use serde::{Deserialize, Serialize};

/// Contrast-limited adaptive histogram equalization (Zuiderveld 1994), on the luma of color images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clahe {
    /// Limit of a histogram bin as a multiple of the mean bin; within [1, 100].
    pub clip: Range,
    /// Number of tiles along each axis, 1 to 16.
    pub tiles: usize,
}

/// The sampled parameters of [`Clahe`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaheStep {
    /// Limit of a histogram bin as a multiple of the mean bin.
    pub clip: f64,
    /// Number of tiles along each axis.
    pub tiles: usize,
}

impl Photometric for Clahe {
    type Step = ClaheStep;

    fn validate(&self) -> Result<(), AugmentError> {
        check_integer("tiles", self.tiles, 1, 16)?;
        self.clip.check("clip", 1.0, 100.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> ClaheStep {
        ClaheStep {
            clip: self.clip.sample(rng),
            tiles: self.tiles,
        }
    }
}

impl PixelStep for ClaheStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        // One clipped histogram per tile, interpolated bilinearly between the centers of the tiles.
        let (width, height) = (canvas.width, canvas.height);
        let (nx, ny) = (self.tiles.min(width), self.tiles.min(height));
        let edge = |i: usize, n: usize, side: usize| i * side / n;
        let mut tables = std::mem::take(canvas.floats);
        tables.resize(nx * ny * BINS, 0.0);
        for (tile, table) in tables.as_chunks_mut::<BINS>().0.iter_mut().enumerate() {
            let (i, j) = (tile % nx, tile / nx);
            let columns = (edge(i, nx, width), edge(i + 1, nx, width));
            let rows = (edge(j, ny, height), edge(j + 1, ny, height));
            let (mut histogram, count) = histogram(canvas, columns, rows);
            let limit = (self.clip as f32 * count / BINS as f32).max(1.0);
            let excess: f32 = histogram.iter().map(|n| (n - limit).max(0.0)).sum();
            for n in &mut histogram {
                *n = n.min(limit) + excess / BINS as f32;
            }
            cumulate(&mut histogram, count);
            *table = histogram;
        }
        // The tile whose center is before a pixel, the next one, and the position between them.
        let between = |x: usize, n: usize, side: usize| {
            let position =
                ((x as f32 + 0.5) * n as f32 / side as f32 - 0.5).clamp(0.0, (n - 1) as f32);
            let first = position as usize;
            (first, (first + 1).min(n - 1), position - first as f32)
        };
        let by_tile = tables.as_chunks::<BINS>().0;
        remap(canvas, width, |x, y, level| {
            let (i0, i1, fx) = between(x, nx, width);
            let (j0, j1, fy) = between(y, ny, height);
            let row = |j: usize| {
                let (a, b) = (by_tile[j * nx + i0][level], by_tile[j * nx + i1][level]);
                a + (b - a) * fx
            };
            row(j0) + (row(j1) - row(j0)) * fy
        });
        *canvas.floats = tables;
    }
}
