//! The product of a convolution in inference: its rows are pixels of a frame, read and written where
//! they are, with the bias as the first term and the epilogue on the values in registers.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::epilogue::{Addition, Epilogue, Operand};
use super::tile::Tile;
use crate::layout::Grid;
use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

/// Columns of the weights that are stored together, row by row.
pub(crate) const PANEL: usize = 2 * CHANNEL_BLOCK;
/// Bytes of input pixels that are multiplied with all panels before the next.
const BLOCK_BYTES: usize = 24 << 10;

/// `output[pixel] = epilogue(bias + input[pixel] · weights)` for each pixel of an image of `h × w`
/// and `n` channels, a multiple of 16. Each pixel's products are added in the order of its input
/// values.
#[derive(Clone, Copy)]
pub(crate) struct PixelProduct<'a> {
    pub(crate) h: usize,
    pub(crate) w: usize,
    pub(crate) n: usize,
    pub(crate) input: Grid,
    pub(crate) runs: Runs<'a>,
    pub(crate) output: Grid,
}

/// The input values of a pixel: runs of `len` consecutive values from each of the offsets on, which
/// are relative to the pixel.
#[derive(Clone, Copy)]
pub(crate) struct Runs<'a> {
    pub(crate) offsets: &'a [usize],
    pub(crate) len: usize,
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

/// Pixels of a line, some columns of a panel of the weights, and the pointers to all operands.
#[derive(Clone, Copy)]
struct Line {
    /// The first pixel of each operand, the latter two from the first channel on.
    input: *const f32,
    residual: *const f32,
    output: *mut f32,
    /// Values from a pixel to the next.
    input_step: usize,
    residual_step: usize,
    output_step: usize,
    pixels: usize,
    /// Row `p` is `width` values after row `p - 1`.
    weights: *const f32,
    width: usize,
    bias: *const f32,
}

impl PixelProduct<'_> {
    // Inlined, since copies of the operands would wait for stores to complete.
    #[inline(always)]
    pub(crate) fn run(self, operands: PixelOperands<'_>) {
        dispatch(Run(self, operands));
    }
}

struct Run<'a>(PixelProduct<'a>, PixelOperands<'a>);

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self(product, operands) = self;
        let PixelProduct {
            h,
            w,
            n,
            input,
            runs,
            output: output_grid,
        } = product;
        let k = runs.offsets.len() * runs.len;
        if h == 0 || w == 0 {
            return;
        }
        assert!(n.is_multiple_of(CHANNEL_BLOCK));
        let last = runs.offsets.iter().copied().max().unwrap_or(0) + runs.len;
        assert!(
            input.offset(h - 1, w - 1) + last <= operands.input.len(),
            "the input is too short"
        );
        assert!(k * n <= operands.weights.len(), "the weights are too short");
        assert!(n <= operands.bias.len(), "the bias is too short");
        assert!(
            output_grid.offset(h - 1, w - 1) + n <= operands.output.len(),
            "the output is too short"
        );
        let residual = operands.epilogue.operand();
        if let Some(added) = residual {
            assert!(
                added.grid.offset(h - 1, w - 1) + n <= added.values.len(),
                "the residual is too short"
            );
        }
        let is_line = |grid: Grid| grid.line == w * grid.pixel;
        let one_line = is_line(input)
            && is_line(output_grid)
            && residual.is_none_or(|added| is_line(added.grid));
        let (h, w) = if one_line { (1, h * w) } else { (h, w) };
        // Parts of a line, or several lines.
        let most = (BLOCK_BYTES / (size_of::<f32>() * k.max(1))).next_multiple_of(LONGEST);
        let most = most.max(2 * LONGEST);
        let (rows, columns) = match w > most + most / 2 {
            true => (1, most),
            false => ((most / w).max(1), w),
        };
        let output = operands.output.as_mut_ptr();
        for y in (0..h).step_by(rows) {
            let mut x = 0;
            while x < w {
                // A last part of few pixels would read all weights again.
                let pixels = match w - x {
                    rest if rest < columns + columns / 2 => rest,
                    _ => columns,
                };
                let mut column = 0;
                while column < n {
                    let panel = column / PANEL * PANEL;
                    let width = PANEL.min(n - panel);
                    let two = column + 2 * S::F32_LANES <= panel + width;
                    for y in y..(y + rows).min(h) {
                        // SAFETY: asserted above for all pixels and channels; the columns are those
                        // of the panel up to `width`.
                        unsafe {
                            let (values, grid) = match residual {
                                Some(Operand { values, grid }) => (values.as_ptr(), grid),
                                None => (std::ptr::null(), output_grid),
                            };
                            let weights = operands.weights.as_ptr().add(panel * k);
                            let line = Line {
                                input: operands.input.as_ptr().add(input.offset(y, x)),
                                residual: values.wrapping_add(grid.offset(y, x) + column),
                                output: output.add(output_grid.offset(y, x) + column),
                                input_step: input.pixel,
                                residual_step: grid.pixel,
                                output_step: output_grid.pixel,
                                pixels,
                                weights: weights.wrapping_add(column - panel),
                                width,
                                bias: operands.bias.as_ptr().add(column),
                            };
                            match two {
                                true => line.run::<S, 2>(s, runs, &operands.epilogue),
                                false => line.run::<S, 1>(s, runs, &operands.epilogue),
                            }
                        }
                    }
                    column += if two { 2 } else { 1 } * S::F32_LANES;
                }
                x += pixels;
            }
        }
    }
}

/// Most pixels of a tile, with 32 registers.
const LONGEST: usize = 14;

impl Line {
    /// All pixels of the line, of `NV` vectors of channels: in tiles as long as the registers allow,
    /// the last of which may compute some pixels again.
    ///
    /// # Safety
    /// The operands have these pixels and channels.
    #[inline(always)]
    unsafe fn run<S: Simd, const NV: usize>(self, s: S, runs: Runs<'_>, epilogue: &Epilogue<'_>) {
        if runs.offsets.len() * runs.len == 1 && matches!(epilogue.addition, Addition::None) {
            // SAFETY: the caller's contract.
            return unsafe { self.scaled::<S, NV>(s, runs.offsets[0], epilogue.relu) };
        }
        let mut at = 0;
        while at < self.pixels {
            let rest = self.pixels - at;
            let tile = tile_len::<S>(rest, self.pixels);
            let first = at.min(self.pixels - tile);
            // Only the longest tile is repeated.
            let count = match tile == longest::<S>() {
                true => (rest / longest::<S>()).max(1),
                false => 1,
            };
            let line = Self {
                input: self.input.wrapping_add(first * self.input_step),
                residual: self.residual.wrapping_add(first * self.residual_step),
                output: self.output.wrapping_add(first * self.output_step),
                ..self
            };
            // SAFETY: no tile is longer than the line, and they end with it.
            unsafe {
                match tile {
                    14 => line.tiles::<S, 14, NV>(s, count, runs, epilogue),
                    12 => line.tiles::<S, 12, NV>(s, count, runs, epilogue),
                    8 => line.tiles::<S, 8, NV>(s, count, runs, epilogue),
                    7 => line.tiles::<S, 7, NV>(s, count, runs, epilogue),
                    4 => line.tiles::<S, 4, NV>(s, count, runs, epilogue),
                    _ => line.tiles::<S, 1, NV>(s, count, runs, epilogue),
                }
            }
            at = first + count * tile;
        }
    }

    /// The product with a single input value for each pixel.
    ///
    /// # Safety
    /// As [`Self::run`]; there is no residual.
    #[inline(always)]
    unsafe fn scaled<S: Simd, const NV: usize>(self, s: S, offset: usize, relu: bool) {
        // SAFETY: the caller's contract.
        unsafe {
            let (mut weights, mut biases) = ([s.splat_f32s(0.0); NV], [s.splat_f32s(0.0); NV]);
            for (j, (weight, bias)) in weights.iter_mut().zip(&mut biases).enumerate() {
                *weight = s.load(self.weights.add(j * S::F32_LANES));
                *bias = s.load(self.bias.add(j * S::F32_LANES));
            }
            let input = self.input.add(offset);
            for i in 0..self.pixels {
                let factor = s.splat_f32s(*input.add(i * self.input_step));
                let output = self.output.add(i * self.output_step);
                for (j, (&weight, &bias)) in weights.iter().zip(&biases).enumerate() {
                    let sum = s.mul_add(factor, weight, bias);
                    let value = if relu { s.relu(sum) } else { sum };
                    s.store(output.add(j * S::F32_LANES), value);
                }
            }
        }
    }

    /// `count` times `MR` pixels, of `NV` vectors of channels, held in registers.
    ///
    /// # Safety
    /// As [`Self::run`], for as many pixels.
    #[inline(always)]
    unsafe fn tiles<S: Simd, const MR: usize, const NV: usize>(
        self,
        s: S,
        count: usize,
        runs: Runs<'_>,
        epilogue: &Epilogue<'_>,
    ) {
        let Self {
            mut input,
            mut residual,
            mut output,
            ..
        } = self;
        for _ in 0..count {
            // SAFETY: the caller's contract.
            unsafe {
                let mut sums = [[s.splat_f32s(0.0); NV]; MR];
                for j in 0..NV {
                    let bias = s.load(self.bias.add(j * S::F32_LANES));
                    for row in &mut sums {
                        row[j] = bias;
                    }
                }
                let mut b = self.weights;
                for &offset in runs.offsets {
                    let mut a = input.add(offset);
                    for _ in 0..runs.len {
                        let mut columns = [s.splat_f32s(0.0); NV];
                        for (j, column) in columns.iter_mut().enumerate() {
                            *column = s.load(b.add(j * S::F32_LANES));
                        }
                        for (i, row) in sums.iter_mut().enumerate() {
                            let factor = s.splat_f32s(*a.add(i * self.input_step));
                            for (sum, &column) in row.iter_mut().zip(&columns) {
                                *sum = s.mul_add(factor, column, *sum);
                            }
                        }
                        a = a.wrapping_add(1);
                        b = b.wrapping_add(self.width);
                    }
                }
                if let Addition::BeforeActivation(_) = epilogue.addition {
                    add(s, &mut sums, residual, self.residual_step);
                }
                if epilogue.relu {
                    for v in sums.as_flattened_mut() {
                        *v = s.relu(*v);
                    }
                }
                if let Addition::AfterActivation(_) = epilogue.addition {
                    add(s, &mut sums, residual, self.residual_step);
                }
                super::tile::store(s, &sums, output, self.output_step);
                input = input.wrapping_add(MR * self.input_step);
                residual = residual.wrapping_add(MR * self.residual_step);
                output = output.wrapping_add(MR * self.output_step);
            }
        }
    }
}

/// The length of the next tile of a line with `rest` of `pixels` pixels left: the shortest that covers
/// the rest, which may compute pixels of the tile before again, otherwise the longest.
#[inline(always)]
fn tile_len<S: Simd>(rest: usize, pixels: usize) -> usize {
    let lengths = [1, 4, 7, 8, 12, LONGEST];
    let mut best = 1;
    for len in lengths.into_iter().filter(|len| *len <= longest::<S>()) {
        if len > pixels {
            break;
        }
        best = len;
        if len >= rest {
            break;
        }
    }
    best
}

/// The pixels of a tile of two vectors that leave registers for the weights and an input.
#[inline(always)]
const fn longest<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { LONGEST } else { 4 }
}

/// Adds the values of a tile's pixels.
///
/// # Safety
/// `NV` vectors can be read for every pixel.
#[inline(always)]
unsafe fn add<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    sums: &mut Tile<S::f32s, MR, NV>,
    values: *const f32,
    step: usize,
) {
    for (i, row) in sums.iter_mut().enumerate() {
        for (j, v) in row.iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            *v = s.add_f32s(*v, unsafe {
                s.load(values.add(i * step + j * S::F32_LANES))
            });
        }
    }
}
