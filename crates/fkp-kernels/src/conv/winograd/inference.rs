//! The convolution of one image in inference: bias, residual, activation and pooling on the pixels in
//! registers, which are written to a frame of any margin.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::forward::products;
use super::plan::{Block, Plan};
use super::tiles::load_square;
use super::transform::{IN, OUT, Output, POINTS, Transform};
use super::weights::{Rows, to_points};
use crate::aligned::{Aligned, SLACK, align};
use crate::conv::config::Pooling;
use crate::conv::geometry::Geometry;
use crate::conv::inference::Buffers;
use crate::frame_pool::larger;
use crate::layout::Grid;
use crate::matmul::Position;
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

/// A convolution with its transformed weights.
#[derive(Debug)]
pub(crate) struct InferenceWinograd {
    plan: Plan,
    /// The first pixel of the first window.
    start: usize,
    /// Size of the output before pooling.
    h: usize,
    w: usize,
    u: Aligned,
}

impl InferenceWinograd {
    /// `input` is where the windows are, and `weights` are `[c_out, c_in, 3, 3]`.
    pub(crate) fn new(g: &Geometry, input: Grid, weights: &[f32]) -> Self {
        let mut plan = Plan::new(g);
        assert!(input.pixel == plan.c_in && input.line.is_multiple_of(input.pixel));
        plan.input.frame_w = input.line / input.pixel;
        let mut u = Aligned::zeros(plan.weights_len());
        to_points(weights, g.c_out, g.c_in, Rows::In, u.as_mut_slice());
        Self {
            plan,
            start: input.start,
            h: g.ho,
            w: g.wo,
            u,
        }
    }

    pub(crate) fn run(&self, buffers: Buffers<'_>) {
        let len = self.plan.points_len();
        with_scratch(len + SLACK, |points| {
            let (v, m) = align(points, len).split_at_mut(POINTS * self.plan.v_stride());
            dispatch(Forward {
                conv: self,
                buffers,
                v,
                m,
            });
        });
    }
}

struct Forward<'a> {
    conv: &'a InferenceWinograd,
    buffers: Buffers<'a>,
    /// Memory for the points of one block.
    v: &'a mut [f32],
    m: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            conv,
            mut buffers,
            v,
            m,
        } = self;
        let plan = &conv.plan;
        let input = &buffers.input[conv.start..];
        for block in plan.blocks() {
            products(s, plan, (input, conv.u.as_slice()), block, v, m);
            points_to_frame(s, conv, m, block, &mut buffers);
        }
    }
}

/// Transforms the products of a block of tiles to pixels and writes those inside the image.
#[inline(always)]
fn points_to_frame<S: Simd>(
    s: S,
    conv: &InferenceWinograd,
    m: &[f32],
    block: Block,
    buffers: &mut Buffers<'_>,
) {
    let InferenceWinograd { plan, h, w, .. } = conv;
    let Block { first, count } = block;
    let (depth, stride) = (plan.c_out, plan.m_stride());
    assert!(first + count <= plan.tiles && count <= plan.block && buffers.bias.len() == depth);
    assert!(m.len() >= POINTS * stride && depth.is_multiple_of(S::F32_LANES));
    let (out_h, out_w) = match plan.pooling {
        Pooling::None => (*h, *w),
        Pooling::Max2 => (h / 2, w / 2),
    };
    let (grid, epilogue) = (buffers.output_grid, buffers.epilogue);
    assert!(grid.offset(out_h - 1, out_w - 1) + depth <= buffers.output.len());
    if let Some(added) = buffers.epilogue.operand() {
        assert!(added.grid.offset(h - 1, w - 1) + depth <= added.values.len());
    }
    for t in first..first + count {
        let (top, left) = plan.corner(t);
        let (rows, columns) = (OUT.min(h - top), OUT.min(w - left));
        for c in (0..depth).step_by(S::F32_LANES) {
            // SAFETY: t - first < block, so each load ends inside its point's stride; c + LANES <=
            // depth = bias.len().
            let (points, bias) = unsafe {
                (
                    load_square(
                        s,
                        m.as_ptr().add((t - first) * depth + c),
                        IN * stride,
                        stride,
                    ),
                    s.load(buffers.bias.as_ptr().add(c)),
                )
            };
            let mut pixels: [[S::f32s; OUT]; OUT] = Output.apply_2d(s, &points);
            for (y, row) in pixels.iter_mut().enumerate().take(rows) {
                for (x, pixel) in row.iter_mut().enumerate().take(columns) {
                    let at = Position {
                        y: top + y,
                        x: left + x,
                        c,
                    };
                    // SAFETY: the pixel is inside the image, for whose last pixel the residual's
                    // length was asserted.
                    *pixel = unsafe { epilogue.finish(s, s.add_f32s(*pixel, bias), at) };
                }
            }
            let to = buffers.output.as_mut_ptr();
            match plan.pooling {
                Pooling::None => {
                    for (y, row) in pixels.iter().enumerate().take(rows) {
                        for (x, &pixel) in row.iter().enumerate().take(columns) {
                            let offset = grid.offset(top + y, left + x) + c;
                            // SAFETY: as above, for the output.
                            unsafe { s.store(to.add(offset), pixel) };
                        }
                    }
                }
                Pooling::Max2 => {
                    for y in 0..rows / 2 {
                        for x in 0..columns / 2 {
                            let (a, b) = (&pixels[2 * y], &pixels[2 * y + 1]);
                            let upper = larger(s, a[2 * x + 1], a[2 * x]);
                            let lower = larger(s, b[2 * x + 1], b[2 * x]);
                            let max = larger(s, lower, upper);
                            let offset = grid.offset(top / 2 + y, left / 2 + x) + c;
                            // SAFETY: the whole window is inside the image, so the pooled pixel
                            // is inside the output.
                            unsafe { s.store(to.add(offset), max) };
                        }
                    }
                }
            }
        }
    }
}
