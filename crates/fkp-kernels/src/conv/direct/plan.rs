//! The memory layout of one image in a direct convolution.

use crate::conv::config::Pooling;
use crate::conv::geometry::Geometry;
use crate::layout::{Frame, padded};

/// Input channels up to which this is faster than im2col.
const MAX_CHANNELS: usize = 4;

/// Whether this algorithm can compute the convolution, and faster than im2col.
pub(crate) fn applies(g: &Geometry) -> bool {
    g.c_in <= MAX_CHANNELS && g.c_out >= 8 && g.kh * g.kw > 1
}

/// The output of one image, channels last; pooled, if pooling is fused.
pub(crate) fn output_frame(g: &Geometry) -> Frame {
    let (h, w) = g.out_size();
    Frame::tight(g.c_out, h, w)
}

/// The memory layout of one image.
pub(super) struct Plan<'a> {
    pub(super) g: &'a Geometry,
    /// Output channels, padded to whole vectors.
    pub(super) depth: usize,
    /// Width of a row of the padded image, and the size of its planes.
    line: usize,
    plane: usize,
    /// Offset of each tap relative to the corner of its window.
    pub(super) taps: Vec<usize>,
    pub(super) output: Frame,
}

impl<'a> Plan<'a> {
    pub(super) fn new(g: &'a Geometry) -> Self {
        let line = g.w + 2 * g.padding;
        let plane = line * (g.h + 2 * g.padding);
        let mut taps = Vec::with_capacity(g.taps());
        for c in 0..g.c_in {
            for y in 0..g.kh {
                taps.extend((0..g.kw).map(|x| c * plane + y * line + x));
            }
        }
        Self {
            g,
            depth: padded(g.c_out),
            line,
            plane,
            taps,
            output: output_frame(g),
        }
    }

    /// Values of the padded image.
    pub(super) fn input_len(&self) -> usize {
        self.g.c_in * self.plane
    }

    /// Values of the weights, `[taps, depth]`.
    pub(super) fn weights_len(&self) -> usize {
        self.g.taps() * self.depth
    }

    /// Rows of the convolution that one row of the output is computed from.
    pub(super) fn rows(&self) -> usize {
        match self.g.pooling {
            Pooling::None => 1,
            Pooling::Max2 => 2,
        }
    }

    /// Values of one row of the convolution.
    pub(super) fn conv_row_len(&self) -> usize {
        self.g.wo * self.depth
    }

    /// Values of one row of the output.
    pub(super) fn output_row_len(&self) -> usize {
        self.output.frame_w * self.depth
    }

    /// Values of the rows of the convolution that one row of the output is computed from.
    pub(super) fn rows_len(&self) -> usize {
        self.rows() * self.conv_row_len()
    }

    /// Pads the image with zeros.
    pub(super) fn pad(&self, x: &[f32], input: &mut [f32]) {
        let (g, p) = (self.g, self.g.padding);
        input.fill(0.0);
        for (plane, x) in input
            .chunks_exact_mut(self.plane)
            .zip(x.chunks_exact(g.h * g.w))
        {
            for (line, x) in plane[p * self.line..]
                .chunks_mut(self.line)
                .zip(x.chunks_exact(g.w))
            {
                line[p..p + g.w].copy_from_slice(x);
            }
        }
    }

    /// Offset in the padded image of the windows of row `y` of the convolution.
    pub(super) fn row_offset(&self, y: usize) -> usize {
        y * self.g.stride * self.line
    }
}
