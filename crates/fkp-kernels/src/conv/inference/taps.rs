//! Every kernel and stride: windows of the input, read where they are, times the weights.

use std::ops::Range;

use super::buffers::Buffers;
use super::input::InputLayout;
use super::parts::{Part, Parts, pairs_len};
use crate::aligned::{Aligned, SLACK, align};
use crate::conv::geometry::Geometry;
use crate::layout::{Grid, padded};
use crate::matmul::{PANEL, PixelOperands, PixelProduct, Runs, pack_panels};
use crate::scratch::with_scratch;

/// A convolution as a product of windows and weights.
#[derive(Debug)]
pub(super) struct Taps {
    /// The windows.
    input: Grid,
    /// The values of a window.
    runs: Runs,
    /// `[kh · kw · c_in, padded c_out]` in panels.
    weights: Aligned,
}

impl Taps {
    pub(super) fn new(g: &Geometry, input: InputLayout, weights: &[f32]) -> Self {
        let InputLayout { grid, channel } = input;
        // The channels of a pixel, or a value of a plane.
        let run = if channel == 1 { g.c_in } else { 1 };
        let mut offsets = Vec::with_capacity(g.taps() / run);
        for y in 0..g.kh {
            for x in 0..g.kw {
                let corner = y * grid.line + x * grid.pixel;
                offsets.extend((0..g.c_in / run).map(|c| corner + c * channel));
            }
        }
        let (depth, area) = (padded(g.c_out), g.kh * g.kw);
        let mut rows = vec![0.0; g.taps() * depth];
        for (o, weights) in weights.chunks_exact(g.taps()).enumerate() {
            for (i, &value) in weights.iter().enumerate() {
                let (c, tap) = (i / area, i % area);
                rows[(tap * g.c_in + c) * depth + o] = value;
            }
        }
        let mut packed = Aligned::zeros(rows.len());
        pack_panels(&rows, depth, packed.as_mut_slice());
        Self {
            input: grid.every(g.stride),
            runs: Runs::new(offsets, run),
            weights: packed,
        }
    }

    pub(super) fn run(&self, g: &Geometry, mut buffers: Buffers<'_>) {
        let depth = padded(g.c_out);
        let len = pairs_len(g, depth);
        with_scratch(len + SLACK, |pairs| {
            let pairs = align(pairs, len);
            let mut parts = Parts::new(g, depth);
            while let Some(part) = parts.next(&mut buffers, pairs) {
                self.part(g.wo, 0..depth, part);
                parts.pool(&mut buffers, pairs);
            }
        });
    }

    /// Rows of `w` pixels of some channels, from the first of a panel on, which are written from the
    /// start of a pixel on.
    #[inline(always)]
    pub(super) fn part(&self, w: usize, channels: Range<usize>, part: Part<'_>) {
        assert!(channels.start.is_multiple_of(PANEL));
        let k = self.runs.values();
        let product = PixelProduct {
            h: part.h,
            w,
            n: channels.len(),
            input: self.input.at_row(part.y),
            runs: &self.runs,
            output: part.output_grid,
        };
        product.run(PixelOperands {
            input: part.input,
            weights: &self.weights.as_slice()[channels.start * k..],
            bias: &part.bias[channels.start..],
            epilogue: part.epilogue,
            output: part.output,
        });
    }
}
