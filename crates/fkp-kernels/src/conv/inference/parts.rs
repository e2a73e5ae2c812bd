//! The parts in which a convolution computes its output: all rows at once, or pairs of rows that are
//! pooled while they are in the first-level cache.

use super::buffers::Buffers;
use crate::conv::config::Pooling;
use crate::conv::geometry::Geometry;
use crate::frame_pool::{FramePool, Reduction};
use crate::layout::Grid;
use crate::matmul::Epilogue;
use crate::simd::{Kernel, Simd, dispatch};

/// Values of the memory for a pair of rows of `depth` channels.
pub(super) fn pairs_len(g: &Geometry, depth: usize) -> usize {
    match g.pooling {
        Pooling::None => 0,
        Pooling::Max2 => 2 * g.wo * depth,
    }
}

/// The parts that are left.
pub(super) struct Parts {
    h: usize,
    w: usize,
    depth: usize,
    pooling: Pooling,
    /// The next row of the result.
    next: usize,
}

/// Rows of the convolution's output, and where they are written.
pub(super) struct Part<'a> {
    /// The first row.
    pub(super) y: usize,
    pub(super) h: usize,
    pub(super) input: &'a [f32],
    pub(super) bias: &'a [f32],
    pub(super) epilogue: Epilogue<'a>,
    pub(super) output: &'a mut [f32],
    pub(super) output_grid: Grid,
}

impl Parts {
    pub(super) fn new(g: &Geometry, depth: usize) -> Self {
        Self {
            h: g.ho,
            w: g.wo,
            depth,
            pooling: g.pooling,
            next: 0,
        }
    }

    /// The next part, which is written to the output or to `pairs`.
    pub(super) fn next<'a>(
        &mut self,
        buffers: &'a mut Buffers<'_>,
        pairs: &'a mut [f32],
    ) -> Option<Part<'a>> {
        let rows = match self.pooling {
            Pooling::None => self.h,
            Pooling::Max2 => 2,
        };
        let y = self.next * rows;
        if y + rows > self.h {
            return None;
        }
        self.next += 1;
        let (output, output_grid) = match self.pooling {
            Pooling::None => (&mut *buffers.output, buffers.output_grid),
            Pooling::Max2 => (pairs, self.pairs()),
        };
        Some(Part {
            y,
            h: rows,
            input: buffers.input,
            bias: buffers.bias,
            epilogue: buffers.epilogue.at_row(y),
            output,
            output_grid,
        })
    }

    /// Pools the part that was computed last, if it is pooled.
    pub(super) fn pool(&self, buffers: &mut Buffers<'_>, pairs: &[f32]) {
        if self.pooling == Pooling::None {
            return;
        }
        let pool = FramePool {
            window: (2, 2),
            stride: 2,
            reduction: Reduction::Max,
            depth: self.depth,
            input: self.pairs(),
            h: 1,
            w: self.w / 2,
            output: buffers.output_grid.at_row(self.next - 1),
        };
        dispatch(Pool {
            pool,
            pairs,
            output: buffers.output,
        });
    }

    fn pairs(&self) -> Grid {
        Grid {
            start: 0,
            pixel: self.depth,
            line: self.w * self.depth,
        }
    }
}

struct Pool<'a> {
    pool: FramePool,
    pairs: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Pool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.pool.run(s, self.pairs, self.output);
    }
}
