//! How an image is divided into tiles, and their memory layout.

use super::transform::{OUT, POINTS};
use crate::Activation;
use crate::conv::config::Pooling;
use crate::conv::geometry::Geometry;
use crate::layout::{Frame, padded};

/// Bytes of `v` and `m` for one block of tiles: about half of a second-level cache.
const BLOCK_BYTES: usize = 576 << 10;

/// Values between the matrices of two points that keep equal positions of all 36 out of one
/// cache set.
pub(super) const SKEW: usize = 16;

/// Whether this algorithm can compute the convolution, and faster than im2col.
pub(crate) fn applies(g: &Geometry) -> bool {
    (g.kh, g.kw, g.stride) == (3, 3, 1) && g.c_in >= 8 && g.c_out >= 8 && g.ho >= OUT && g.wo >= OUT
}

/// The output of one image, channels last, in whole tiles; pooled, if pooling is fused.
pub(crate) fn output_frame(g: &Geometry) -> Frame {
    let (h, w) = g.out_size();
    Frame {
        frame_h: g.ho.div_ceil(OUT) * tile_out(g.pooling),
        frame_w: g.wo.div_ceil(OUT) * tile_out(g.pooling),
        ..Frame::tight(g.c_out, h, w)
    }
}

/// Rows and columns that the tiles of an image read.
pub(crate) fn input_size(g: &Geometry) -> (usize, usize) {
    (g.ho.div_ceil(OUT) * OUT + 2, g.wo.div_ceil(OUT) * OUT + 2)
}

/// Output values of a tile in each direction, after pooling.
const fn tile_out(pooling: Pooling) -> usize {
    match pooling {
        Pooling::None => OUT,
        Pooling::Max2 => OUT / 2,
    }
}

/// How an image is divided into tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    tiles_x: usize,
    pub(super) tiles: usize,
    /// Channels, padded to whole vectors.
    pub(super) c_in: usize,
    pub(super) c_out: usize,
    /// Tiles that are transformed together.
    pub(super) block: usize,
    /// The zero-padded input.
    pub(super) input: Frame,
    pub(super) output: Frame,
    tile_out: usize,
    pub(super) activation: Activation,
    pub(super) pooling: Pooling,
}

/// Consecutive tiles that are transformed together.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) first: usize,
    pub(super) count: usize,
}

impl Plan {
    pub(super) fn new(g: &Geometry) -> Self {
        let (tiles_y, tiles_x) = (g.ho.div_ceil(OUT), g.wo.div_ceil(OUT));
        let tiles = tiles_y * tiles_x;
        let (c_in, c_out) = (padded(g.c_in), padded(g.c_out));
        let most = (BLOCK_BYTES / (POINTS * (c_in + c_out) * size_of::<f32>())).max(8);
        let block = tiles.div_ceil(tiles.div_ceil(most)).next_multiple_of(4);
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
            output: output_frame(g),
            tile_out: tile_out(g.pooling),
            activation: g.activation,
            pooling: g.pooling,
        }
    }

    /// Values between the matrices `[tiles, c_in]` of two points.
    pub(super) fn v_stride(&self) -> usize {
        self.block * self.c_in + SKEW
    }

    /// Values between the matrices `[tiles, c_out]` of two points.
    pub(super) fn m_stride(&self) -> usize {
        self.block * self.c_out + SKEW
    }

    /// Values of `v` and of `m` together.
    pub(super) fn points_len(&self) -> usize {
        POINTS * (self.v_stride() + self.m_stride())
    }

    /// Values of the transformed weights.
    pub(super) fn weights_len(&self) -> usize {
        POINTS * self.c_in * self.c_out
    }

    #[inline(always)]
    pub(super) fn blocks(&self) -> impl Iterator<Item = Block> {
        let Self { tiles, block, .. } = *self;
        (0..tiles).step_by(block).map(move |first| Block {
            first,
            count: block.min(tiles - first),
        })
    }

    /// All tiles of an image.
    pub(super) fn whole(&self) -> Block {
        Block {
            first: 0,
            count: self.tiles,
        }
    }

    /// Offset in the input frame of the first pixel that tile `t` reads.
    #[inline(always)]
    pub(super) fn input_offset(&self, t: usize) -> usize {
        let (y, x) = (t / self.tiles_x, t % self.tiles_x);
        (y * OUT * self.input.frame_w + x * OUT) * self.c_in
    }

    /// The first row and column of tile `t` in the output, before pooling.
    #[inline(always)]
    pub(super) fn corner(&self, t: usize) -> (usize, usize) {
        (t / self.tiles_x * OUT, t % self.tiles_x * OUT)
    }

    /// Offset in the output frame of the first value of tile `t`.
    #[inline(always)]
    pub(super) fn output_offset(&self, t: usize) -> usize {
        let (y, x) = (t / self.tiles_x, t % self.tiles_x);
        (y * self.tile_out * self.output.frame_w + x * self.tile_out) * self.c_out
    }
}
