//! The product of a convolution in inference: its rows are pixels of a frame, read and written where
//! they are, with the bias as the first term and the epilogue on the values in registers.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::epilogue::{Addition, Epilogue, Operand, Position};
use super::tile;
use crate::layout::Grid;
use crate::simd::{CHANNEL_BLOCK, Simd};

/// Columns of the weights that are stored together, row by row.
const PANEL: usize = 2 * CHANNEL_BLOCK;
/// Most rows of a tile.
const MAX_ROWS: usize = 8;
/// Bytes of input pixels that are multiplied with all panels before the next.
const BLOCK_BYTES: usize = 24 << 10;

/// `output[pixel] = epilogue(bias + input[pixel] · weights)` for each pixel of an image of `h × w`
/// and `n` channels, a multiple of 16. Value `p` of a pixel's input is at `input.offset(pixel)` plus
/// `columns[p]`. Each pixel's products are added in the order of `p`.
#[derive(Clone, Copy)]
pub(crate) struct PixelProduct<'a> {
    pub(crate) h: usize,
    pub(crate) w: usize,
    pub(crate) n: usize,
    pub(crate) input: Grid,
    pub(crate) columns: &'a [usize],
    pub(crate) output: Grid,
}

/// The operands of a [`PixelProduct`].
pub(crate) struct PixelOperands<'a> {
    pub(crate) input: &'a [f32],
    /// As packed by [`pack_panels`].
    pub(crate) weights: &'a [f32],
    /// `n` values.
    pub(crate) bias: &'a [f32],
    pub(crate) epilogue: Epilogue<'a>,
    pub(crate) output: &'a mut [f32],
}

/// Weights `[k, n]` as panels `[k, 32]`, the last of 16 columns if `n` is an odd multiple of 16.
pub(crate) fn pack_panels(weights: &[f32], n: usize, panels: &mut [f32]) {
    assert!(n.is_multiple_of(CHANNEL_BLOCK) && weights.len() == panels.len());
    let k = weights.len() / n;
    for first in (0..n).step_by(PANEL) {
        let width = PANEL.min(n - first);
        let panel = &mut panels[first * k..][..width * k];
        for (to, from) in panel.chunks_exact_mut(width).zip(weights.chunks_exact(n)) {
            to.copy_from_slice(&from[first..][..width]);
        }
    }
}

/// Consecutive pixels, row by row.
#[derive(Clone, Copy)]
struct Cursor {
    y: usize,
    x: usize,
}

/// A panel of the weights, the columns from `first` on, and the pointers to all operands.
#[derive(Clone, Copy)]
struct Pointers {
    input: *const f32,
    /// Row `p` is `width` values after row `p - 1`.
    weights: *const f32,
    width: usize,
    bias: *const f32,
    output: *mut f32,
    /// The first channel.
    channel: usize,
}

impl PixelProduct<'_> {
    #[inline(always)]
    pub(crate) fn run<S: Simd>(self, s: S, operands: PixelOperands<'_>) {
        let Self { h, w, n, .. } = self;
        let k = self.columns.len();
        if h == 0 || w == 0 {
            return;
        }
        assert!(n.is_multiple_of(CHANNEL_BLOCK));
        let last =
            self.input.offset(h - 1, w - 1) + self.columns.iter().copied().max().unwrap_or(0);
        assert!(last < operands.input.len(), "the input is too short");
        assert!(k * n <= operands.weights.len(), "the weights are too short");
        assert!(n <= operands.bias.len(), "the bias is too short");
        assert!(
            self.output.offset(h - 1, w - 1) + n <= operands.output.len(),
            "the output is too short"
        );
        if let Some(added) = operands.epilogue.operand() {
            assert!(
                added.grid.offset(h - 1, w - 1) + n <= added.values.len(),
                "the residual is too short"
            );
        }
        let pixels = h * w;
        let most = BLOCK_BYTES / (size_of::<f32>() * k.max(1));
        let block = (most / MAX_ROWS * MAX_ROWS).max(2 * MAX_ROWS);
        let output = operands.output.as_mut_ptr();
        let mut first = 0;
        while first < pixels {
            // A last block of few pixels would read all weights again.
            let count = match pixels - first {
                rest if rest < block + block / 2 => rest,
                _ => block,
            };
            let mut channel = 0;
            while channel < n {
                let width = PANEL.min(n - channel);
                let panel = &operands.weights[channel * k..][..width * k];
                let mut column = 0;
                while column < width {
                    let pointers = Pointers {
                        input: operands.input.as_ptr(),
                        weights: panel.as_ptr().wrapping_add(column),
                        width,
                        bias: operands.bias[channel + column..].as_ptr(),
                        output,
                        channel: channel + column,
                    };
                    // SAFETY: asserted above for all pixels and channels; the columns are those of
                    // the panel up to `width`.
                    unsafe {
                        if column + 2 * S::F32_LANES <= width {
                            self.pixels::<S, 2>(s, pointers, (first, count), operands.epilogue);
                            column += 2 * S::F32_LANES;
                        } else {
                            self.pixels::<S, 1>(s, pointers, (first, count), operands.epilogue);
                            column += S::F32_LANES;
                        }
                    }
                }
                channel += width;
            }
            first += count;
        }
    }

    /// `count` pixels from `first` on, of `NV` vectors of channels. Where they are no multiple of a
    /// tile's rows, the last tile computes some of them again.
    #[inline(always)]
    unsafe fn pixels<S: Simd, const NV: usize>(
        self,
        s: S,
        p: Pointers,
        (first, count): (usize, usize),
        epilogue: Epilogue<'_>,
    ) {
        let end = first + count;
        let mut at = first;
        // SAFETY: the caller's contract.
        unsafe {
            if S::REGISTER_COUNT >= 32 && count >= 8 {
                while at + 8 <= end {
                    self.tile::<S, 8, NV>(s, p, at, epilogue);
                    at += 8;
                }
                if end - at > 4 {
                    return self.tile::<S, 8, NV>(s, p, end - 8, epilogue);
                }
            }
            if count >= 4 {
                while at + 4 <= end {
                    self.tile::<S, 4, NV>(s, p, at, epilogue);
                    at += 4;
                }
                if at < end {
                    self.tile::<S, 4, NV>(s, p, end - 4, epilogue);
                }
                return;
            }
            for at in at..end {
                self.tile::<S, 1, NV>(s, p, at, epilogue);
            }
        }
    }

    /// `MR` pixels of `NV` vectors of channels, held in registers.
    #[inline(always)]
    unsafe fn tile<S: Simd, const MR: usize, const NV: usize>(
        self,
        s: S,
        p: Pointers,
        first: usize,
        epilogue: Epilogue<'_>,
    ) {
        let mut at = Cursor {
            y: first / self.w,
            x: first % self.w,
        };
        let mut pixels = [at; MR];
        let mut rows = [p.input; MR];
        // SAFETY: the assertions of `run`.
        unsafe {
            for (pixel, row) in pixels.iter_mut().zip(&mut rows) {
                *pixel = at;
                *row = p.input.add(self.input.offset(at.y, at.x));
                at.x += 1;
                if at.x == self.w {
                    at = Cursor { y: at.y + 1, x: 0 };
                }
            }
            let mut sums = [[s.splat_f32s(0.0); NV]; MR];
            for j in 0..NV {
                let bias = s.load(p.bias.add(j * S::F32_LANES));
                for row in &mut sums {
                    row[j] = bias;
                }
            }
            let mut b = p.weights;
            for &offset in self.columns {
                let mut a = rows;
                for a in &mut a {
                    *a = a.add(offset);
                }
                tile::add_outer_product(s, &mut sums, a, b);
                b = b.wrapping_add(p.width);
            }
            if let Addition::BeforeActivation(operand) = epilogue.addition {
                add(s, &mut sums, operand, &pixels, p.channel);
            }
            if epilogue.relu {
                for v in sums.as_flattened_mut() {
                    *v = s.relu(*v);
                }
            }
            if let Addition::AfterActivation(operand) = epilogue.addition {
                add(s, &mut sums, operand, &pixels, p.channel);
            }
            for (pixel, row) in pixels.iter().zip(&sums) {
                let to = p
                    .output
                    .add(self.output.offset(pixel.y, pixel.x) + p.channel);
                for (j, &v) in row.iter().enumerate() {
                    s.store(to.add(j * S::F32_LANES), v);
                }
            }
        }
    }
}

/// Adds the values of a tile's pixels from `channel` on.
///
/// # Safety
/// The operand has these pixels and channels.
#[inline(always)]
unsafe fn add<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    sums: &mut [[S::f32s; NV]; MR],
    operand: Operand<'_>,
    pixels: &[Cursor; MR],
    channel: usize,
) {
    for (pixel, row) in pixels.iter().zip(sums) {
        for (j, v) in row.iter_mut().enumerate() {
            let at = Position {
                y: pixel.y,
                x: pixel.x,
                c: channel + j * S::F32_LANES,
            };
            // SAFETY: the caller's contract.
            *v = s.add_f32s(*v, unsafe { operand.load(s, at) });
        }
    }
}
