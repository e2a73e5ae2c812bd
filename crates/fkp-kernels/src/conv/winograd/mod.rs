//! 3×3 convolution of stride 1 by Winograd's minimal filtering, F(4×4, 3×3).
//!
//! The output is cut into tiles of 4×4 pixels. Each tile reads 6×6 pixels, which are transformed
//! to 36 points; there the convolution is one product per point and pair of channels instead of
//! 9 per pixel and pair, that is 36 instead of 144 multiplications per tile. The backward pass is
//! the adjoint of exactly these steps. Channels lie side by side in the vectors, so every
//! transform is plain vector arithmetic, and the sum over channels is a small matrix product per
//! point.

mod backward;
mod forward;
mod transform;
mod weights;

use super::geometry::Geometry;
use super::layout::{Frame, padded};
use super::{Conv2dConfig, Pooling};
use transform::{OUT, POINTS};

pub(crate) use backward::backward;
pub(crate) use forward::{forward, quad_winner};

/// Bytes of points that a block of tiles may take: about half of a second-level cache.
const BLOCK_BYTES: usize = 576 << 10;

/// Floats between the points' matrices that keep equal positions of all 36 out of one cache set.
const SKEW: usize = 16;

/// Whether this algorithm computes the convolution, and faster than unrolling would.
pub(crate) fn applies(g: &Geometry) -> bool {
    (g.kh, g.kw, g.stride) == (3, 3, 1) && g.c_in >= 8 && g.c_out >= 8 && g.ho >= OUT && g.wo >= OUT
}

/// How an image is cut into tiles.
#[derive(Clone, Copy, Debug)]
struct Plan {
    tiles_x: usize,
    tiles: usize,
    /// Channels in whole vectors.
    c_in: usize,
    c_out: usize,
    /// Tiles transformed together.
    block: usize,
    /// The padded input.
    input: Frame,
    /// The output; pooled, if pooling is fused.
    output: Frame,
}

impl Plan {
    fn new(g: &Geometry, config: &Conv2dConfig) -> Self {
        let (tiles_y, tiles_x) = (g.ho.div_ceil(OUT), g.wo.div_ceil(OUT));
        let tiles = tiles_y * tiles_x;
        let (c_in, c_out) = (padded(g.c_in), padded(g.c_out));
        let most = (BLOCK_BYTES / (POINTS * (c_in + c_out) * size_of::<f32>())).max(8);
        let block = tiles.div_ceil(tiles.div_ceil(most)).next_multiple_of(4);
        let (oh, ow) = g.out_size(config.pooling);
        let cells = cells(config.pooling);
        Self {
            tiles_x,
            tiles,
            c_in,
            c_out,
            block,
            input: Frame {
                channels: g.c_in,
                h: g.h,
                w: g.w,
                frame_h: tiles_y * OUT + 2,
                frame_w: tiles_x * OUT + 2,
                margin: g.padding,
            },
            output: Frame {
                channels: g.c_out,
                h: oh,
                w: ow,
                frame_h: tiles_y * cells,
                frame_w: tiles_x * cells,
                margin: 0,
            },
        }
    }

    /// Floats between the matrices of two points, for the input and the output side.
    fn v_stride(&self) -> usize {
        self.block * self.c_in + SKEW
    }

    fn m_stride(&self) -> usize {
        self.block * self.c_out + SKEW
    }

    /// Floats of transformed weights.
    fn weights_len(&self) -> usize {
        POINTS * self.c_in * self.c_out
    }

    /// Where tile `t` starts to read in the input frame.
    #[inline(always)]
    fn input_at(&self, t: usize) -> usize {
        let (y, x) = (t / self.tiles_x, t % self.tiles_x);
        (y * OUT * self.input.frame_w + x * OUT) * self.c_in
    }

    /// Where tile `t` starts to write in the output frame.
    #[inline(always)]
    fn output_at(&self, t: usize, cells: usize) -> usize {
        let (y, x) = (t / self.tiles_x, t % self.tiles_x);
        (y * cells * self.output.frame_w + x * cells) * self.c_out
    }
}

/// Output values that a tile has in each direction.
const fn cells(pooling: Pooling) -> usize {
    match pooling {
        Pooling::None => OUT,
        Pooling::Max2 => OUT / 2,
    }
}

/// Bytes of the record of winners of `n` images: one per value of the output's frame.
pub(crate) fn winners_len(g: &Geometry, config: &Conv2dConfig) -> usize {
    g.n * Plan::new(g, config).output.len()
}
