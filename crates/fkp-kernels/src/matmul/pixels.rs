//! The product of a convolution in inference: its rows are pixels of a frame, read and written where
//! they are, with the bias as the first term and the epilogue on the values in registers.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::epilogue::{Addition, Epilogue, Operand};
use super::tile::Tile;
use crate::layout::Grid;
use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

/// Columns of the weights that are stored together, row by row.
pub(crate) const PANEL: usize = 2 * CHANNEL_BLOCK;
/// Input values that are multiplied with all panels before the next, 24 KiB.
const BLOCK: usize = 6 << 10;

/// `output[pixel] = epilogue(bias + input[pixel] · weights)` for each pixel of an image of `h × w`
/// and `n` channels, a multiple of 16. Each pixel's products are added in the order of its input
/// values.
#[derive(Clone, Copy)]
pub(crate) struct PixelProduct<'a> {
    pub(crate) h: usize,
    pub(crate) w: usize,
    pub(crate) n: usize,
    pub(crate) input: Grid,
    pub(crate) runs: &'a Runs,
    pub(crate) output: Grid,
}

/// The input values of a pixel: runs of `len` consecutive values from each of the offsets on, which
/// are relative to the pixel.
#[derive(Debug)]
pub(crate) struct Runs {
    offsets: Vec<usize>,
    len: usize,
    /// The end of the last run.
    end: usize,
}

impl Runs {
    pub(crate) fn new(offsets: Vec<usize>, len: usize) -> Self {
        let last = offsets.iter().copied().max().unwrap_or(0);
        Self {
            offsets,
            len,
            end: last + len,
        }
    }

    /// Their number.
    pub(crate) fn values(&self) -> usize {
        self.offsets.len() * self.len
    }
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

/// Pixels of a line, or of two lines, some columns of a panel of the weights, and the pointers to all
/// operands.
#[derive(Clone, Copy)]
struct Line {
    input: Pixels<*const f32>,
    /// From the first channel on.
    residual: Pixels<*const f32>,
    output: Pixels<*mut f32>,
    count: usize,
    /// Row `p` is `width` values after row `p - 1`.
    weights: *const f32,
    width: usize,
    bias: *const f32,
}

/// Where the pixels of a line are.
#[derive(Clone, Copy)]
struct Pixels<P> {
    first: P,
    /// Values from a pixel to the next.
    step: usize,
    /// Values by which the second half of a tile is further away, if it is of another line.
    gap: usize,
}

impl<P> Pixels<P> {
    /// Offset of pixel `i` of a tile of `MR`.
    #[inline(always)]
    fn offset<const MR: usize>(&self, i: usize) -> usize {
        i * self.step + if i < MR / 2 { 0 } else { self.gap }
    }
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
        let k = runs.values();
        if h == 0 || w == 0 {
            return;
        }
        assert!(n.is_multiple_of(CHANNEL_BLOCK));
        assert!(
            input.offset(h - 1, w - 1) + runs.end <= operands.input.len(),
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
        // Of two lines of half a tile, a tile.
        let pairs = longest::<S>() == LONGEST && w == LONGEST / 2 && k > 1;
        let (rows, columns) = match h * w * k <= BLOCK {
            true => (h, w),
            false => parts(w, k),
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
                    let (mut at, end) = (y, (y + rows).min(h));
                    while at < end {
                        let lines = if pairs && at + 1 < end { 2 } else { 1 };
                        let gap = |grid: Grid| match lines {
                            2 => grid.line.wrapping_sub(w * grid.pixel),
                            _ => 0,
                        };
                        // SAFETY: asserted above for all pixels and channels; the columns are those
                        // of the panel up to `width`.
                        unsafe {
                            let (values, grid) = match residual {
                                Some(Operand { values, grid }) => (values.as_ptr(), grid),
                                None => (std::ptr::null(), output_grid),
                            };
                            let weights = operands.weights.as_ptr().add(panel * k);
                            let line = Line {
                                input: Pixels {
                                    first: operands.input.as_ptr().add(input.offset(at, x)),
                                    step: input.pixel,
                                    gap: gap(input),
                                },
                                residual: Pixels {
                                    first: values.wrapping_add(grid.offset(at, x) + column),
                                    step: grid.pixel,
                                    gap: gap(grid),
                                },
                                output: Pixels {
                                    first: output.add(output_grid.offset(at, x) + column),
                                    step: output_grid.pixel,
                                    gap: gap(output_grid),
                                },
                                count: lines * pixels,
                                weights: weights.wrapping_add(column - panel),
                                width,
                                bias: operands.bias.as_ptr().add(column),
                            };
                            match two {
                                true => line.run::<S, 2>(s, runs, &operands.epilogue),
                                false => line.run::<S, 1>(s, runs, &operands.epilogue),
                            }
                        }
                        at += lines;
                    }
                    column += if two { 2 } else { 1 } * S::F32_LANES;
                }
                x += pixels;
            }
        }
    }
}

/// The lines, and the pixels of a line, that are multiplied with all panels before the next: several
/// lines, or parts of one.
#[inline(always)]
fn parts(w: usize, k: usize) -> (usize, usize) {
    let most = (BLOCK / k.max(1))
        .next_multiple_of(LONGEST)
        .max(2 * LONGEST);
    match w > most + most / 2 {
        true => (1, most),
        false => ((most / w).max(1).next_multiple_of(2), w),
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
    unsafe fn run<S: Simd, const NV: usize>(self, s: S, runs: &Runs, epilogue: &Epilogue<'_>) {
        if runs.values() == 1 && matches!(epilogue.addition, Addition::None) {
            // SAFETY: the caller's contract.
            return unsafe { self.scaled::<S, NV>(s, runs.offsets[0], epilogue.relu) };
        }
        let mut at = 0;
        while at < self.count {
            let rest = self.count - at;
            let tile = tile_len::<S>(rest, self.count);
            let first = at.min(self.count - tile);
            // Only the longest tile is repeated.
            let count = match tile == longest::<S>() {
                true => (rest / longest::<S>()).max(1),
                false => 1,
            };
            let line = self.moved(first);
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

    /// From pixel `first` on.
    #[inline(always)]
    fn moved(mut self, first: usize) -> Self {
        let Self {
            input,
            residual,
            output,
            ..
        } = &mut self;
        input.first = input.first.wrapping_add(first * input.step);
        residual.first = residual.first.wrapping_add(first * residual.step);
        output.first = output.first.wrapping_add(first * output.step);
        self
    }

    /// The product with a single input value for each pixel.
    ///
    /// # Safety
    /// As [`Self::run`], of one line without a residual.
    #[inline(always)]
    unsafe fn scaled<S: Simd, const NV: usize>(self, s: S, offset: usize, relu: bool) {
        // SAFETY: the caller's contract.
        unsafe {
            let (mut weights, mut biases) = ([s.splat_f32s(0.0); NV], [s.splat_f32s(0.0); NV]);
            for (j, (weight, bias)) in weights.iter_mut().zip(&mut biases).enumerate() {
                *weight = s.load(self.weights.add(j * S::F32_LANES));
                *bias = s.load(self.bias.add(j * S::F32_LANES));
            }
            let input = self.input.first.add(offset);
            for i in 0..self.count {
                let factor = s.splat_f32s(*input.add(i * self.input.step));
                let output = self.output.first.add(i * self.output.step);
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
        runs: &Runs,
        epilogue: &Epilogue<'_>,
    ) {
        let mut line = self;
        for _ in 0..count {
            // SAFETY: the caller's contract.
            unsafe {
                let mut sums = [[s.splat_f32s(0.0); NV]; MR];
                for j in 0..NV {
                    let bias = s.load(line.bias.add(j * S::F32_LANES));
                    for row in &mut sums {
                        row[j] = bias;
                    }
                }
                let mut b = line.weights;
                for &offset in &runs.offsets {
                    let mut a = line.input.first.add(offset);
                    for _ in 0..runs.len {
                        let mut columns = [s.splat_f32s(0.0); NV];
                        for (j, column) in columns.iter_mut().enumerate() {
                            *column = s.load(b.add(j * S::F32_LANES));
                        }
                        for (i, row) in sums.iter_mut().enumerate() {
                            let factor = s.splat_f32s(*a.add(line.input.offset::<MR>(i)));
                            for (sum, &column) in row.iter_mut().zip(&columns) {
                                *sum = s.mul_add(factor, column, *sum);
                            }
                        }
                        a = a.wrapping_add(1);
                        b = b.wrapping_add(line.width);
                    }
                }
                if let Addition::BeforeActivation(_) = epilogue.addition {
                    add(s, &mut sums, line.residual);
                }
                if epilogue.relu {
                    for v in sums.as_flattened_mut() {
                        *v = s.relu(*v);
                    }
                }
                if let Addition::AfterActivation(_) = epilogue.addition {
                    add(s, &mut sums, line.residual);
                }
                for (i, row) in sums.iter().enumerate() {
                    let to = line.output.first.add(line.output.offset::<MR>(i));
                    for (j, &v) in row.iter().enumerate() {
                        s.store(to.add(j * S::F32_LANES), v);
                    }
                }
                line = line.moved(MR);
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
    pixels: Pixels<*const f32>,
) {
    for (i, row) in sums.iter_mut().enumerate() {
        for (j, v) in row.iter_mut().enumerate() {
            let from = pixels.offset::<MR>(i) + j * S::F32_LANES;
            // SAFETY: the caller's contract.
            *v = s.add_f32s(*v, unsafe { s.load(pixels.first.add(from)) });
        }
    }
}
