//! Depthwise convolution: each vector of channels is multiplied with the vectors of its taps.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::buffers::Buffers;
use super::input::InputLayout;
use super::parts::{Parts, pairs_len};
use crate::aligned::{Aligned, SLACK, align};
use crate::conv::geometry::Geometry;
use crate::layout::{Grid, padded};
use crate::matmul::{Addition, Epilogue, PANEL, Position};
use crate::scratch::with_scratch;
use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

/// A depthwise convolution.
#[derive(Debug)]
pub(super) struct Depthwise {
    depth: usize,
    kh: usize,
    kw: usize,
    /// The input's pixels, from the first of the first window on.
    input: Grid,
    stride: usize,
    /// Panels of `[kh · kw, 32]`, the last of 16 channels if there are an odd multiple of 16.
    weights: Aligned,
}

/// Rows of the output, for some of the channels.
pub(super) struct Rows<'a> {
    pub(super) h: usize,
    pub(super) w: usize,
    /// The first channel, the first of a panel, and their number.
    pub(super) channel: usize,
    pub(super) depth: usize,
    /// The pixels of the input, from the first of the first window on, and those channels of them.
    pub(super) input: &'a [f32],
    pub(super) input_grid: Grid,
    /// Of all channels.
    pub(super) bias: &'a [f32],
    pub(super) epilogue: Epilogue<'a>,
    /// As the input.
    pub(super) output: &'a mut [f32],
    pub(super) output_grid: Grid,
}

impl Depthwise {
    pub(super) fn new(g: &Geometry, input: InputLayout, weights: &[f32]) -> Self {
        let (depth, area) = (padded(g.c_in), g.kh * g.kw);
        let mut packed = Aligned::zeros(area * depth);
        for (c, weights) in weights.chunks_exact(area).enumerate() {
            let panel = c / PANEL * PANEL;
            let width = PANEL.min(depth - panel);
            for (tap, &value) in weights.iter().enumerate() {
                packed.as_mut_slice()[panel * area + tap * width + c - panel] = value;
            }
        }
        Self {
            depth,
            kh: g.kh,
            kw: g.kw,
            input: input.grid,
            stride: g.stride,
            weights: packed,
        }
    }

    pub(super) fn run(&self, g: &Geometry, mut buffers: Buffers<'_>) {
        let len = pairs_len(g, self.depth);
        with_scratch(len + SLACK, |pairs| {
            let pairs = align(pairs, len);
            let mut parts = Parts::new(g, self.depth);
            while let Some(part) = parts.next(&mut buffers, pairs) {
                self.rows(Rows {
                    h: part.h,
                    w: g.wo,
                    channel: 0,
                    depth: self.depth,
                    input: part.input,
                    input_grid: self.input.at_row(part.y * self.stride),
                    bias: part.bias,
                    epilogue: part.epilogue,
                    output: part.output,
                    output_grid: part.output_grid,
                });
                parts.pool(&mut buffers, pairs);
            }
        });
    }

    /// Computes rows whose residual, if there is one, is that of all channels.
    #[inline(always)]
    pub(super) fn rows(&self, rows: Rows<'_>) {
        dispatch(Run { conv: self, rows });
    }
}

struct Run<'a> {
    conv: &'a Depthwise,
    rows: Rows<'a>,
}

/// A vector of channels: pointers to its first input, weight and output.
#[derive(Clone, Copy)]
struct Plane {
    h: usize,
    w: usize,
    input: *const f32,
    input_grid: Grid,
    stride: usize,
    weights: *const f32,
    width: usize,
    bias: *const f32,
    output: *mut f32,
    output_grid: Grid,
    channel: usize,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let conv = self.conv;
        let Rows {
            h,
            w,
            channel,
            depth,
            input,
            input_grid,
            bias,
            epilogue,
            output,
            output_grid,
        } = self.rows;
        assert!(depth.is_multiple_of(S::F32_LANES) && h > 0 && w > 0);
        assert!(channel.is_multiple_of(PANEL) && channel + depth <= conv.depth);
        let last = |n: usize, kernel: usize| (n - 1) * conv.stride + kernel - 1;
        let last = input_grid.offset(last(h, conv.kh), last(w, conv.kw));
        assert!(last + depth <= input.len());
        let area = conv.kh * conv.kw;
        assert!(area * conv.depth <= conv.weights.as_slice().len());
        assert!(conv.depth <= bias.len());
        assert!(output_grid.offset(h - 1, w - 1) + depth <= output.len());
        if let Some(added) = epilogue.operand() {
            assert!(added.grid.offset(h - 1, w - 1) + channel + depth <= added.values.len());
        }
        for c in (0..depth).step_by(S::F32_LANES) {
            let panel = (channel + c) / PANEL * PANEL;
            // SAFETY: asserted above for the last row, column and channel; a panel has whole vectors
            // of channels.
            unsafe {
                let weights = conv.weights.as_slice().as_ptr().add(panel * area);
                let plane = Plane {
                    h,
                    w,
                    input: input.as_ptr().add(input_grid.start + c),
                    input_grid,
                    stride: conv.stride,
                    weights: weights.add(channel + c - panel),
                    width: PANEL.min(conv.depth - panel),
                    bias: bias.as_ptr().add(channel + c),
                    output: output.as_mut_ptr().add(output_grid.start + c),
                    output_grid,
                    channel: channel + c,
                };
                match (conv.kh, conv.kw, epilogue.addition, epilogue.relu) {
                    (3, 3, Addition::None, true) => plane.square::<S, 3>(s, Relu),
                    (3, 3, Addition::None, false) => plane.square::<S, 3>(s, Sum),
                    (5, 5, Addition::None, true) => plane.square::<S, 5>(s, Relu),
                    (5, 5, Addition::None, false) => plane.square::<S, 5>(s, Sum),
                    (kh, kw, ..) => plane.any(s, (kh, kw), &epilogue),
                }
            }
        }
    }
}

/// What a sum becomes, known to the compiler.
trait Finish: Copy {
    fn finish<S: Simd>(self, s: S, sum: S::f32s) -> S::f32s;
}

#[derive(Clone, Copy)]
struct Sum;

#[derive(Clone, Copy)]
struct Relu;

impl Finish for Sum {
    #[inline(always)]
    fn finish<S: Simd>(self, _: S, sum: S::f32s) -> S::f32s {
        sum
    }
}

impl Finish for Relu {
    #[inline(always)]
    fn finish<S: Simd>(self, s: S, sum: S::f32s) -> S::f32s {
        s.relu(sum)
    }
}

/// The next pixels of a line: pointers to the rows of the window and to the output.
struct Line<const K: usize> {
    rows: [*const f32; K],
    output: *mut f32,
    output_pixel: usize,
    pixel: usize,
    stride: usize,
}

impl<const K: usize> Line<K> {
    /// `N` pixels at a time, whose sums do not wait for each other and whose windows overlap.
    ///
    /// # Safety
    /// All windows can be read, and all pixels written.
    #[inline(always)]
    unsafe fn pixels<S: Simd, const N: usize>(
        &mut self,
        s: S,
        weights: &[[S::f32s; K]; K],
        bias: S::f32s,
        last: impl Finish,
    ) {
        let mut sums = [bias; N];
        for (row, weights) in self.rows.iter_mut().zip(weights) {
            for (x, &w) in weights.iter().enumerate() {
                for (i, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: the caller's contract.
                    let value = unsafe { s.load(row.add((x + i * self.stride) * self.pixel)) };
                    *sum = s.mul_add(value, w, *sum);
                }
            }
            *row = row.wrapping_add(N * self.stride * self.pixel);
        }
        for (i, &sum) in sums.iter().enumerate() {
            let value = last.finish(s, sum);
            // SAFETY: the caller's contract.
            unsafe { s.store(self.output.add(i * self.output_pixel), value) };
        }
        self.output = self.output.wrapping_add(N * self.output_pixel);
    }
}

impl Plane {
    /// Of `K × K` taps.
    ///
    /// # Safety
    /// All windows can be read, and all pixels written.
    #[inline(always)]
    unsafe fn square<S: Simd, const K: usize>(self, s: S, last: impl Finish) {
        // SAFETY: the caller's contract.
        unsafe {
            match (self.input_grid.pixel, self.stride) {
                (PANEL, 1) => self.steps::<S, K>(s, PANEL, 1, last),
                (PANEL, 2) => self.steps::<S, K>(s, PANEL, 2, last),
                (CHANNEL_BLOCK, 2) => self.steps::<S, K>(s, CHANNEL_BLOCK, 2, last),
                (pixel, stride) => self.steps::<S, K>(s, pixel, stride, last),
            }
        }
    }

    /// The same with distances that the compiler may know. The weights are in registers.
    ///
    /// # Safety
    /// As [`Self::square`].
    #[inline(always)]
    unsafe fn steps<S: Simd, const K: usize>(
        self,
        s: S,
        pixel: usize,
        stride: usize,
        last: impl Finish,
    ) {
        // SAFETY: the caller's contract.
        unsafe {
            let mut weights = [[s.splat_f32s(0.0); K]; K];
            for (tap, w) in weights.as_flattened_mut().iter_mut().enumerate() {
                *w = s.load(self.weights.add(tap * self.width));
            }
            let bias = s.load(self.bias);
            for y in 0..self.h {
                let mut rows = [self.input; K];
                for (i, row) in rows.iter_mut().enumerate() {
                    *row = self.input.add((y * stride + i) * self.input_grid.line);
                }
                let mut line = Line {
                    rows,
                    output: self.output.add(y * self.output_grid.line),
                    output_pixel: self.output_grid.pixel,
                    pixel,
                    stride,
                };
                for _ in 0..self.w / 4 {
                    line.pixels::<S, 4>(s, &weights, bias, last);
                }
                if self.w & 2 != 0 {
                    line.pixels::<S, 2>(s, &weights, bias, last);
                }
                if self.w & 1 != 0 {
                    line.pixels::<S, 1>(s, &weights, bias, last);
                }
            }
        }
    }

    /// # Safety
    /// As [`Self::square`]; the residual has all pixels and channels.
    #[inline(always)]
    unsafe fn any<S: Simd>(self, s: S, (kh, kw): (usize, usize), epilogue: &Epilogue<'_>) {
        let (line, pixel) = (self.input_grid.line, self.input_grid.pixel);
        for y in 0..self.h {
            for x in 0..self.w {
                // SAFETY: the caller's contract.
                unsafe {
                    let window = self
                        .input
                        .add(y * self.stride * line + x * self.stride * pixel);
                    let mut sum = s.load(self.bias);
                    for i in 0..kh {
                        for j in 0..kw {
                            let value = s.load(window.add(i * line + j * pixel));
                            let weight = s.load(self.weights.add((i * kw + j) * self.width));
                            sum = s.mul_add(value, weight, sum);
                        }
                    }
                    let c = self.channel;
                    let value = epilogue.finish(s, sum, Position { y, x, c });
                    let to = y * self.output_grid.line + x * self.output_grid.pixel;
                    s.store(self.output.add(to), value);
                }
            }
        }
    }
}
