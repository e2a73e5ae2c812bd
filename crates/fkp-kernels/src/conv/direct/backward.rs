//! The gradients of weights and bias of a direct convolution.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::plan::Plan;
use crate::conv::batch::sum_over_groups;
use crate::conv::buffers::BackwardInputs;
use crate::conv::config::Pooling;
use crate::conv::epilogue::{active, route};
use crate::conv::geometry::Geometry;
use crate::matmul::TapGradient;
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};
use crate::weighted_op::OpGradients;

/// See [`crate::conv::algorithm::backward`].
pub(crate) fn parameter_gradients(g: &Geometry, inputs: &BackwardInputs<'_>) -> OpGradients {
    let plan = Plan::new(g);
    let w_len = plan.weights_len();
    // [taps, depth] of weights, then [depth] of bias.
    let sums = sum_over_groups(g, None, w_len + plan.depth, |group, sums| {
        sums.fill(0.0);
        let (dw, db) = sums.split_at_mut(w_len);
        let len = plan.input_len() + plan.rows_len() + plan.output.len();
        with_scratch(len, |scratch| {
            let (input, rest) = scratch.split_at_mut(plan.input_len());
            let (rows, dy) = rest.split_at_mut(plan.rows_len());
            group.for_each_image(|image| {
                let image = inputs.image(g, image.index);
                plan.pad(image.x, input);
                image.pack_output_gradient(g, &plan.output, dy);
                dispatch(Backward {
                    plan: &plan,
                    input,
                    dy,
                    argmax: image.argmax,
                    rows,
                    dw,
                    db,
                });
            });
        });
    });
    let (dw, db) = sums.split_at(w_len);
    let w = (0..g.c_out)
        .flat_map(|o| dw.chunks_exact(plan.depth).map(move |tap| tap[o]))
        .collect();
    OpGradients {
        x: None,
        w: Some(w),
        bias: db[..g.c_out].to_vec(),
    }
}

/// Adds the gradients of one image.
struct Backward<'a> {
    plan: &'a Plan<'a>,
    /// The padded image.
    input: &'a [f32],
    /// Gradient of the output, channels last.
    dy: &'a [f32],
    /// Index of the maximum of each window; empty without pooling.
    argmax: &'a [u8],
    /// Memory for rows of the gradient of the convolution.
    rows: &'a mut [f32],
    dw: &'a mut [f32],
    db: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            input,
            dy,
            argmax,
            rows,
            dw,
            db,
        } = self;
        let (g, depth) = (plan.g, plan.depth);
        let (row_len, conv_len) = (plan.output_row_len(), plan.conv_row_len());
        assert!(db.len() == depth && rows.len() == plan.rows_len());
        let gradient = TapGradient {
            m: g.wo,
            n: depth,
            a_row_stride: g.stride,
            taps: &plan.taps,
        };
        // An odd last column belongs to no window.
        rows.fill(0.0);
        for (y, dy) in dy.chunks_exact(row_len).enumerate() {
            let argmax = match g.pooling {
                Pooling::None => &[],
                Pooling::Max2 => &argmax[y * row_len..][..row_len],
            };
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: c + LANES <= depth; `dy` and, with pooling, `argmax` have frame_w
                // pixels; a row of the convolution has g.wo, at least 2 · frame_w with pooling.
                unsafe {
                    let mut sum = s.load(db.as_ptr().add(c));
                    for x in 0..plan.output.frame_w {
                        let grad = s.load(dy.as_ptr().add(x * depth + c));
                        if argmax.is_empty() {
                            s.store(rows.as_mut_ptr().add(x * depth + c), grad);
                            sum = s.add_f32s(sum, grad);
                            continue;
                        }
                        let index = s.load_bytes(argmax.as_ptr().add(x * depth + c));
                        for i in 0..4 {
                            let offset = (i / 2) * conv_len + (2 * x + i % 2) * depth + c;
                            s.store(rows.as_mut_ptr().add(offset), route(s, grad, index, i));
                        }
                        sum = s.add_f32s(sum, active(s, grad, index));
                    }
                    s.store(db.as_mut_ptr().add(c), sum);
                }
            }
            for (i, row) in rows.chunks_exact(conv_len).enumerate() {
                gradient.run(s, &input[plan.row_offset(plan.rows() * y + i)..], row, dw);
            }
        }
    }
}

/// The argmax buffer of all images in the order of the output's planes, as im2col uses it.
pub(crate) fn argmax_in_planes(g: &Geometry, argmax: &[u8]) -> Vec<u8> {
    let plan = Plan::new(g);
    let mut planes = Vec::with_capacity(g.n * g.out_len());
    for image in argmax.chunks_exact(plan.output.len()) {
        for c in 0..g.c_out {
            planes.extend(image.iter().skip(c).step_by(plan.depth));
        }
    }
    planes
}
