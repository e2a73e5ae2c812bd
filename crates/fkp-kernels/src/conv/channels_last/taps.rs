//! Every kernel and stride: windows of the input, read where they are, times the weights.

use crate::conv::frame_buffers::{GradientBuffers, Source};
use crate::conv::geometry::Geometry;
use crate::layout::{Frame, padded};
use crate::matmul::{Product, Strided, TapGradient, Write};
use crate::simd::{Kernel, Simd, dispatch};

/// Input channels up to which planes are read as they are: as pixels they would be padded to 16.
const MAX_PLANES: usize = 4;

/// A convolution as one product per row of the output, or per image for 1×1 kernels.
#[derive(Debug)]
pub(crate) struct Taps {
    c_in: usize,
    c_out: usize,
    kernel: (usize, usize),
    stride: usize,
    output: Frame,
    input: Frame,
    layout: Layout,
    /// Offset of each value of a window relative to its first.
    offsets: Vec<usize>,
}

/// Where the input values are.
#[derive(Clone, Copy, Debug)]
struct Layout {
    planes: bool,
    len: usize,
    /// Values from a pixel to the one to its right, and to the one below.
    pixel: usize,
    line: usize,
}

impl Taps {
    pub(super) fn new(g: &Geometry, source: Source) -> Self {
        let input = Frame {
            channels: g.c_in,
            h: g.h,
            w: g.w,
            frame_h: g.h + 2 * g.padding,
            frame_w: g.w + 2 * g.padding,
            margin: g.padding,
        };
        let area = input.frame_h * input.frame_w;
        let planes = source == Source::Planes && g.c_in <= MAX_PLANES;
        let depth = padded(g.c_in);
        let layout = match planes {
            true => Layout {
                planes,
                len: g.c_in * area,
                pixel: 1,
                line: input.frame_w,
            },
            false => Layout {
                planes,
                len: area * depth,
                pixel: depth,
                line: input.frame_w * depth,
            },
        };
        let channel = if planes { area } else { 1 };
        let mut offsets = Vec::with_capacity(g.taps());
        for y in 0..g.kh {
            for x in 0..g.kw {
                let corner = y * layout.line + x * layout.pixel;
                offsets.extend((0..g.c_in).map(|c| corner + c * channel));
            }
        }
        Self {
            c_in: g.c_in,
            c_out: g.c_out,
            kernel: (g.kh, g.kw),
            stride: g.stride,
            output: Frame::tight(g.c_out, g.ho, g.wo),
            input,
            layout,
            offsets,
        }
    }

    pub(super) fn input_len(&self) -> usize {
        self.layout.len
    }

    pub(super) fn input(&self) -> Frame {
        self.input
    }

    pub(super) fn output(&self) -> Frame {
        self.output
    }

    pub(super) fn input_gradient(&self) -> Frame {
        self.input
    }

    pub(super) fn fill_from_planes(&self, planes: &[f32], input: &mut [f32]) {
        if !self.layout.planes {
            self.input.pack(planes, input);
            return;
        }
        let Frame {
            h,
            w,
            frame_w,
            margin,
            ..
        } = self.input;
        input.fill(0.0);
        let area = frame_w * self.input.frame_h;
        for (to, from) in input.chunks_exact_mut(area).zip(planes.chunks_exact(h * w)) {
            let lines = to[margin * frame_w..].chunks_mut(frame_w);
            for (to, from) in lines.zip(from.chunks_exact(w)) {
                to[margin..][..w].copy_from_slice(from);
            }
        }
    }

    /// Products per value of the output.
    pub(super) fn terms(&self) -> usize {
        self.offsets.len()
    }

    /// `[kh · kw · c_in, padded c_out]`.
    pub(super) fn forward_weights(&self, w: &[f32]) -> Vec<f32> {
        let depth = padded(self.c_out);
        let mut packed = vec![0.0; self.offsets.len() * depth];
        self.for_each_weight(|from, row, o| packed[row * depth + o] = w[from]);
        packed
    }

    /// `[kh · kw, c_out, padded c_in]`.
    pub(super) fn gradient_weights(&self, w: &[f32]) -> Vec<f32> {
        let depth = padded(self.c_in);
        let mut packed = vec![0.0; self.area() * self.c_out * depth];
        self.for_each_weight(|from, row, o| {
            let (tap, c) = (row / self.c_in, row % self.c_in);
            packed[(tap * self.c_out + o) * depth + c] = w[from];
        });
        packed
    }

    pub(super) fn partial_len(&self) -> usize {
        self.offsets.len() * padded(self.c_out)
    }

    pub(super) fn weight_gradient(&self, dw: &[f32], out: &mut [f32]) {
        let depth = padded(self.c_out);
        self.for_each_weight(|to, row, o| out[to] = dw[row * depth + o]);
    }

    /// Calls `f` with the index of each weight in `[c_out, c_in, kh, kw]`, its row
    /// `(y · kw + x) · c_in + c` and its output channel.
    fn for_each_weight(&self, mut f: impl FnMut(usize, usize, usize)) {
        let area = self.area();
        let mut index = 0;
        for o in 0..self.c_out {
            for c in 0..self.c_in {
                for tap in 0..area {
                    f(index, tap * self.c_in + c, o);
                    index += 1;
                }
            }
        }
    }

    fn area(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }

    /// Whether pixel `i` of the output is computed from pixel `i` of the input alone.
    fn is_pointwise(&self) -> bool {
        self.kernel == (1, 1) && self.stride == 1 && self.input.margin == 0 && !self.layout.planes
    }

    pub(super) fn forward(&self, input: &[f32], weights: &[f32], output: &mut [f32]) {
        dispatch(Forward {
            conv: self,
            input,
            weights,
            output,
        });
    }

    pub(super) fn gradients(&self, buffers: GradientBuffers<'_>) {
        dispatch(Gradients {
            conv: self,
            buffers,
        });
    }
}

struct Forward<'a> {
    conv: &'a Taps,
    input: &'a [f32],
    weights: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            conv,
            input,
            weights,
            output,
        } = self;
        let depth = padded(conv.c_out);
        if conv.is_pointwise() {
            let product = Product {
                m: conv.output.h * conv.output.w,
                n: depth,
                a_row_stride: conv.layout.pixel,
                a_columns: Strided {
                    count: conv.c_in,
                    stride: 1,
                },
                b_row_stride: depth,
                dst_row_stride: depth,
            };
            product.run(s, input, weights, output, Write::Overwrite);
            return;
        }
        let product = Product {
            m: conv.output.w,
            n: depth,
            a_row_stride: conv.stride * conv.layout.pixel,
            a_columns: conv.offsets.as_slice(),
            b_row_stride: depth,
            dst_row_stride: depth,
        };
        let rows = output.chunks_exact_mut(conv.output.w * depth);
        for (y, row) in rows.enumerate() {
            let input = &input[y * conv.stride * conv.layout.line..];
            product.run(s, input, weights, row, Write::Overwrite);
        }
    }
}

struct Gradients<'a> {
    conv: &'a Taps,
    buffers: GradientBuffers<'a>,
}

impl Kernel for Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { conv, buffers } = self;
        let GradientBuffers {
            input,
            dy,
            weights,
            dw,
            dx,
        } = buffers;
        weight_gradient(s, conv, input, dy, dw);
        if !dx.is_empty() {
            input_gradient(s, conv, dy, weights, dx);
        }
    }
}

#[inline(always)]
fn weight_gradient<S: Simd>(s: S, conv: &Taps, input: &[f32], dy: &[f32], dw: &mut [f32]) {
    let (depth, width) = (padded(conv.c_out), conv.output.w);
    let pixel = conv.stride * conv.layout.pixel;
    let rows = conv.output.h;
    if conv.layout.planes {
        let gradient = TapGradient {
            m: width,
            n: depth,
            a_row_stride: pixel,
            taps: &conv.offsets,
        };
        for y in 0..rows {
            let input = &input[y * conv.stride * conv.layout.line..];
            gradient.run(s, input, &dy[y * width * depth..][..width * depth], dw);
        }
        return;
    }
    // A 1×1 convolution is a single product for all rows.
    let (rows, width) = match conv.is_pointwise() {
        true => (1, rows * width),
        false => (rows, width),
    };
    let product = Product {
        m: conv.c_in,
        n: depth,
        a_row_stride: 1,
        a_columns: Strided {
            count: width,
            stride: pixel,
        },
        b_row_stride: depth,
        dst_row_stride: depth,
    };
    for y in 0..rows {
        let dy = &dy[y * width * depth..][..width * depth];
        for tap in 0..conv.area() {
            let (ky, kx) = (tap / conv.kernel.1, tap % conv.kernel.1);
            let from = (y * conv.stride + ky) * conv.layout.line + kx * conv.layout.pixel;
            let dw = &mut dw[tap * conv.c_in * depth..][..conv.c_in * depth];
            product.run(s, &input[from..], dy, dw, Write::Accumulate);
        }
    }
}

#[inline(always)]
fn input_gradient<S: Simd>(s: S, conv: &Taps, dy: &[f32], weights: &[f32], dx: &mut [f32]) {
    let (depth_in, depth) = (padded(conv.c_in), padded(conv.c_out));
    let columns = Strided {
        count: conv.c_out,
        stride: 1,
    };
    if conv.is_pointwise() {
        let product = Product {
            m: conv.output.h * conv.output.w,
            n: depth_in,
            a_row_stride: depth,
            a_columns: columns,
            b_row_stride: depth_in,
            dst_row_stride: depth_in,
        };
        product.run(s, dy, weights, dx, Write::Overwrite);
        return;
    }
    let (width, line) = (conv.output.w, conv.input.frame_w * depth_in);
    let product = Product {
        m: width,
        n: depth_in,
        a_row_stride: depth,
        a_columns: columns,
        b_row_stride: depth_in,
        dst_row_stride: conv.stride * depth_in,
    };
    dx.fill(0.0);
    for (y, dy) in dy.chunks_exact(width * depth).enumerate() {
        for (tap, weights) in weights.chunks_exact(conv.c_out * depth_in).enumerate() {
            let (ky, kx) = (tap / conv.kernel.1, tap % conv.kernel.1);
            let to = (y * conv.stride + ky) * line + kx * depth_in;
            product.run(s, dy, weights, &mut dx[to..], Write::Accumulate);
        }
    }
}
