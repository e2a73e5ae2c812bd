//! Every kernel and stride: windows of the input, read where they are, times the weights.

use super::buffers::Buffers;
use super::input::InputLayout;
use super::parts::{Parts, pairs_len};
use crate::aligned::{Aligned, SLACK, align};
use crate::conv::geometry::Geometry;
use crate::layout::{Grid, padded};
use crate::matmul::{PixelOperands, PixelProduct, pack_panels};
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

/// A convolution as a product of windows and weights.
#[derive(Debug)]
pub(super) struct Taps {
    /// The windows.
    input: Grid,
    /// Offsets of the values of a window relative to its first.
    offsets: Vec<usize>,
    /// `[kh · kw · c_in, padded c_out]` in panels.
    weights: Aligned,
}

impl Taps {
    pub(super) fn new(g: &Geometry, input: InputLayout, weights: &[f32]) -> Self {
        let InputLayout { grid, channel } = input;
        let mut offsets = Vec::with_capacity(g.taps());
        for y in 0..g.kh {
            for x in 0..g.kw {
                let corner = y * grid.line + x * grid.pixel;
                offsets.extend((0..g.c_in).map(|c| corner + c * channel));
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
            offsets,
            weights: packed,
        }
    }

    pub(super) fn run(&self, g: &Geometry, buffers: Buffers<'_>) {
        let len = pairs_len(g, padded(g.c_out));
        with_scratch(len + SLACK, |pairs| {
            dispatch(Forward {
                conv: self,
                g,
                buffers,
                pairs: align(pairs, len),
            });
        });
    }
}

struct Forward<'a> {
    conv: &'a Taps,
    g: &'a Geometry,
    buffers: Buffers<'a>,
    /// Memory for two rows of the convolution's output, for pooling.
    pairs: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            conv,
            g,
            mut buffers,
            pairs,
        } = self;
        let mut parts = Parts::new(g, padded(g.c_out));
        while let Some(part) = parts.next(&mut buffers, pairs) {
            let product = PixelProduct {
                h: part.h,
                w: g.wo,
                n: padded(g.c_out),
                input: conv.input.at_row(part.y),
                columns: &conv.offsets,
                output: part.output_grid,
            };
            let operands = PixelOperands {
                input: part.input,
                weights: conv.weights.as_slice(),
                bias: part.bias,
                epilogue: part.epilogue,
                output: part.output,
            };
            product.run(s, operands);
            parts.pool(s, &mut buffers, pairs);
        }
    }
}
