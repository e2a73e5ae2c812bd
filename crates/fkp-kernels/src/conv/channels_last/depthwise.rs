//! Depthwise convolution: each vector of channels is multiplied with the vectors of its taps.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use crate::conv::frame_buffers::GradientBuffers;
use crate::conv::geometry::Geometry;
use crate::layout::{Frame, padded};
use crate::simd::{Kernel, Simd, dispatch};

/// A depthwise convolution.
#[derive(Debug)]
pub(crate) struct Depthwise {
    depth: usize,
    channels: usize,
    kernel: (usize, usize),
    stride: usize,
    input: Frame,
    output: Frame,
    /// With a stride of 1 the gradient of the input is the convolution of this frame with the
    /// kernel turned by 180°.
    output_gradient: Frame,
}

impl Depthwise {
    pub(super) fn new(g: &Geometry) -> Self {
        let input = Frame {
            channels: g.c_in,
            h: g.h,
            w: g.w,
            frame_h: g.h + 2 * g.padding,
            frame_w: g.w + 2 * g.padding,
            margin: g.padding,
        };
        let output = Frame::tight(g.c_out, g.ho, g.wo);
        let output_gradient = if Self::is_turned(g) {
            let margin = g.kh - 1 - g.padding;
            Frame {
                frame_h: g.ho + 2 * margin,
                frame_w: g.wo + 2 * margin,
                margin,
                ..output
            }
        } else {
            output
        };
        Self {
            depth: padded(g.c_in),
            channels: g.c_in,
            kernel: (g.kh, g.kw),
            stride: g.stride,
            input,
            output,
            output_gradient,
        }
    }

    fn is_turned(g: &Geometry) -> bool {
        g.stride == 1 && g.kh == g.kw && g.padding < g.kh
    }

    pub(super) fn input(&self) -> Frame {
        self.input
    }

    pub(super) fn output(&self) -> Frame {
        self.output
    }

    pub(super) fn output_gradient(&self) -> Frame {
        self.output_gradient
    }

    /// Without a margin where it is the convolution with the turned kernel.
    pub(super) fn input_gradient(&self) -> Frame {
        match self.gradient_is_turned() {
            true => Frame::tight(self.channels, self.input.h, self.input.w),
            false => self.input,
        }
    }

    fn gradient_is_turned(&self) -> bool {
        self.output_gradient != self.output
            || (self.stride == 1 && self.kernel == (1, 1) && self.input.margin == 0)
    }

    /// `[kh · kw, padded c]`.
    pub(super) fn forward_weights(&self, w: &[f32]) -> Vec<f32> {
        self.pack(w, |tap| tap)
    }

    pub(super) fn gradient_weights(&self, w: &[f32]) -> Vec<f32> {
        let area = self.area();
        match self.gradient_is_turned() {
            true => self.pack(w, |tap| area - 1 - tap),
            false => self.pack(w, |tap| tap),
        }
    }

    fn pack(&self, w: &[f32], tap_of: impl Fn(usize) -> usize) -> Vec<f32> {
        let area = self.area();
        let mut packed = vec![0.0; area * self.depth];
        for (c, taps) in w.chunks_exact(area).enumerate() {
            for (tap, &value) in taps.iter().enumerate() {
                packed[tap_of(tap) * self.depth + c] = value;
            }
        }
        packed
    }

    pub(super) fn partial_len(&self) -> usize {
        self.area() * self.depth
    }

    pub(super) fn weight_gradient(&self, dw: &[f32], out: &mut [f32]) {
        for (c, taps) in out.chunks_exact_mut(self.area()).enumerate() {
            for (tap, value) in taps.iter_mut().enumerate() {
                *value = dw[tap * self.depth + c];
            }
        }
    }

    fn area(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }

    pub(super) fn forward(&self, input: &[f32], weights: &[f32], output: &mut [f32]) {
        let windows = Windows::new(self.kernel, self.stride, self.depth, self.input);
        windows.convolve(self.output, input, weights, output);
    }

    pub(super) fn gradients(&self, buffers: GradientBuffers<'_>) {
        let GradientBuffers {
            input,
            dy,
            weights,
            dw,
            dx,
        } = buffers;
        let windows = Windows::new(self.kernel, self.stride, self.depth, self.input);
        let gradient = Gradient {
            windows: &windows,
            dy_frame: self.output_gradient,
            dy,
        };
        dispatch(WeightGradient {
            gradient,
            input,
            dw,
        });
        if dx.is_empty() {
            return;
        }
        if self.gradient_is_turned() {
            let turned = Windows::new(self.kernel, 1, self.depth, self.output_gradient);
            turned.convolve(self.input_gradient(), dy, weights, dx);
        } else {
            dx.fill(0.0);
            dispatch(Scatter {
                gradient,
                weights,
                dx,
            });
        }
    }
}

/// The windows of a frame.
struct Windows {
    depth: usize,
    stride: usize,
    frame: Frame,
    /// Offset of each tap relative to the first pixel of the window.
    taps: Vec<usize>,
}

impl Windows {
    fn new((kh, kw): (usize, usize), stride: usize, depth: usize, frame: Frame) -> Self {
        let taps = (0..kh).flat_map(|y| (0..kw).map(move |x| (y * frame.frame_w + x) * depth));
        Self {
            depth,
            stride,
            frame,
            taps: taps.collect(),
        }
    }

    /// Offset of the window of pixel `(y, 0)` of the output.
    fn row(&self, y: usize) -> usize {
        y * self.stride * self.frame.frame_w * self.depth
    }

    /// Values from a window to the one to its right.
    fn step(&self) -> usize {
        self.stride * self.depth
    }

    /// One more than the largest index that the windows of an `h × w` output read.
    fn end(&self, h: usize, w: usize) -> usize {
        let last = self.taps.last().copied().unwrap_or(0);
        self.row(h - 1) + (w - 1) * self.step() + last + self.depth
    }

    fn convolve(&self, out: Frame, input: &[f32], weights: &[f32], output: &mut [f32]) {
        dispatch(Convolve {
            windows: self,
            out,
            input,
            weights,
            output,
        });
    }
}

struct Convolve<'a> {
    windows: &'a Windows,
    /// The output, without margin.
    out: Frame,
    input: &'a [f32],
    weights: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.windows.taps.len() {
            9 => self.with_taps::<S, 9>(s),
            25 => self.with_taps::<S, 25>(s),
            _ => self.any_taps(s),
        }
    }
}

impl Convolve<'_> {
    #[inline(always)]
    fn check<S: Simd>(&self) {
        let Self { windows, out, .. } = self;
        let depth = windows.depth;
        assert!(depth.is_multiple_of(S::F32_LANES) && out.h > 0 && out.w > 0);
        assert!(windows.end(out.h, out.w) <= self.input.len());
        assert!(windows.taps.len() * depth <= self.weights.len());
        assert!(out.h * out.w * depth <= self.output.len());
    }

    /// With the weights of a vector of channels in registers.
    #[inline(always)]
    fn with_taps<S: Simd, const N: usize>(self, s: S) {
        self.check::<S>();
        let Self {
            windows,
            out,
            input,
            weights,
            output,
        } = self;
        let (depth, step) = (windows.depth, windows.step());
        let mut taps = [0; N];
        taps.copy_from_slice(&windows.taps);
        for y in 0..out.h {
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: `check`: c + LANES <= depth, and the windows of all pixels of the output
                // are inside the input.
                unsafe {
                    let mut w = [s.splat_f32s(0.0); N];
                    for (tap, w) in w.iter_mut().enumerate() {
                        *w = s.load(weights.as_ptr().add(tap * depth + c));
                    }
                    let from = input.as_ptr().add(windows.row(y) + c);
                    let to = output.as_mut_ptr().add(y * out.w * depth + c);
                    for x in 0..out.w {
                        let from = from.add(x * step);
                        let mut sum = s.splat_f32s(0.0);
                        for (&tap, &w) in taps.iter().zip(&w) {
                            sum = s.mul_add(s.load(from.add(tap)), w, sum);
                        }
                        s.store(to.add(x * depth), sum);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn any_taps<S: Simd>(self, s: S) {
        self.check::<S>();
        let Self {
            windows,
            out,
            input,
            weights,
            output,
        } = self;
        let (depth, step) = (windows.depth, windows.step());
        for y in 0..out.h {
            for x in 0..out.w {
                for c in (0..depth).step_by(S::F32_LANES) {
                    // SAFETY: as in `with_taps`.
                    unsafe {
                        let from = input.as_ptr().add(windows.row(y) + x * step + c);
                        let mut sum = s.splat_f32s(0.0);
                        for (i, &tap) in windows.taps.iter().enumerate() {
                            let w = s.load(weights.as_ptr().add(i * depth + c));
                            sum = s.mul_add(s.load(from.add(tap)), w, sum);
                        }
                        s.store(output.as_mut_ptr().add((y * out.w + x) * depth + c), sum);
                    }
                }
            }
        }
    }
}

/// The gradient of the output, and the windows that it belongs to.
#[derive(Clone, Copy)]
struct Gradient<'a> {
    windows: &'a Windows,
    dy_frame: Frame,
    dy: &'a [f32],
}

impl Gradient<'_> {
    /// Offset of pixel `(y, 0)` of the image in `dy`.
    fn row(&self, y: usize) -> usize {
        let Frame {
            frame_w, margin, ..
        } = self.dy_frame;
        ((y + margin) * frame_w + margin) * self.windows.depth
    }

    #[inline(always)]
    fn check<S: Simd>(&self, input_len: usize, weights_len: usize) {
        let (Frame { h, w, .. }, depth) = (self.dy_frame, self.windows.depth);
        assert!(depth.is_multiple_of(S::F32_LANES) && h > 0 && w > 0);
        assert!(self.row(h - 1) + w * depth <= self.dy.len());
        assert!(self.windows.end(h, w) <= input_len);
        assert!(self.windows.taps.len() * depth <= weights_len);
    }
}

/// Adds the gradient of the weights.
struct WeightGradient<'a> {
    gradient: Gradient<'a>,
    input: &'a [f32],
    dw: &'a mut [f32],
}

impl Kernel for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.gradient.windows.taps.len() {
            9 => self.groups_of_taps::<S, 9>(s),
            25 => self.groups_of_taps::<S, 25>(s),
            _ => self.groups_of_taps::<S, 1>(s),
        }
    }
}

impl WeightGradient<'_> {
    /// With the sums of `N` taps in registers.
    #[inline(always)]
    fn groups_of_taps<S: Simd, const N: usize>(self, s: S) {
        let Self {
            gradient,
            input,
            dw,
        } = self;
        gradient.check::<S>(input.len(), dw.len());
        let Gradient {
            windows,
            dy_frame: Frame { h, w, .. },
            dy,
        } = gradient;
        let (depth, step) = (windows.depth, windows.step());
        for (group, taps) in windows.taps.chunks_exact(N).enumerate() {
            let dw = &mut dw[group * N * depth..][..N * depth];
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: `check`: c + LANES <= depth, the windows of all pixels are inside the
                // input, and all pixels inside `dy`.
                unsafe {
                    let mut sums = [s.splat_f32s(0.0); N];
                    for (tap, sum) in sums.iter_mut().enumerate() {
                        *sum = s.load(dw.as_ptr().add(tap * depth + c));
                    }
                    for y in 0..h {
                        let dy = dy.as_ptr().add(gradient.row(y) + c);
                        let from = input.as_ptr().add(windows.row(y) + c);
                        for x in 0..w {
                            let dy = s.load(dy.add(x * depth));
                            let from = from.add(x * step);
                            for (sum, &tap) in sums.iter_mut().zip(taps) {
                                *sum = s.mul_add(dy, s.load(from.add(tap)), *sum);
                            }
                        }
                    }
                    for (tap, &sum) in sums.iter().enumerate() {
                        s.store(dw.as_mut_ptr().add(tap * depth + c), sum);
                    }
                }
            }
        }
    }
}

/// Adds the gradient of each pixel of the output to the pixels of its window.
struct Scatter<'a> {
    gradient: Gradient<'a>,
    weights: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            gradient,
            weights,
            dx,
        } = self;
        gradient.check::<S>(dx.len(), weights.len());
        let Gradient {
            windows,
            dy_frame: Frame { h, w, .. },
            dy,
        } = gradient;
        let (depth, step) = (windows.depth, windows.step());
        for y in 0..h {
            for c in (0..depth).step_by(S::F32_LANES) {
                for x in 0..w {
                    // SAFETY: `check`: c + LANES <= depth, the windows of all pixels are inside
                    // `dx`, which has the layout of the input, and all pixels inside `dy`.
                    unsafe {
                        let dy = s.load(dy.as_ptr().add(gradient.row(y) + x * depth + c));
                        let to = dx.as_mut_ptr().add(windows.row(y) + x * step + c);
                        for (i, &tap) in windows.taps.iter().enumerate() {
                            let w = s.load(weights.as_ptr().add(i * depth + c));
                            let to = to.add(tap);
                            s.store(to, s.mul_add(dy, w, s.load(to)));
                        }
                    }
                }
            }
        }
    }
}
