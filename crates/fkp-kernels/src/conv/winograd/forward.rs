//! The forward pass: pixels to points, products, points to pixels with the fused epilogue.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::plan::{Block, Plan};
use super::tiles::{PointRows, Points, input_to_points};
use super::transform::{OUT, Output, POINTS, Transform};
use super::weights::{Rows, to_points};
use crate::conv::batch::{ForwardImage, forward_images};
use crate::conv::config::Pooling;
use crate::conv::epilogue::{activate, max_and_argmax, saved_argmax};
use crate::conv::geometry::Geometry;
use crate::matmul::{Product, Strided, Write};
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};
use crate::weighted_op::OpInputs;

/// See [`crate::conv::algorithm::forward`].
pub(crate) fn forward(g: &Geometry, inputs: OpInputs<'_>, argmax: Option<&mut [u8]>) -> Vec<f32> {
    let plan = Plan::new(g);
    let bias = inputs.padded_bias(plan.c_out);
    with_scratch(plan.weights_len(), |u| {
        to_points(inputs.w, g.c_out, g.c_in, Rows::In, u);
        let u = &*u;
        let forward = |image: ForwardImage<'_>| {
            let (points_len, input_len) = (plan.points_len(), plan.input.len());
            with_scratch(input_len + points_len + plan.output.len(), |scratch| {
                let (input, rest) = scratch.split_at_mut(input_len);
                let (points, output) = rest.split_at_mut(points_len);
                let (v, m) = points.split_at_mut(POINTS * plan.v_stride());
                plan.input.pack(image.x, input);
                dispatch(Forward {
                    plan: &plan,
                    input,
                    u,
                    bias: &bias,
                    v,
                    m,
                    output: OutputBuffers {
                        values: output,
                        argmax: image.argmax,
                    },
                });
                plan.output.unpack(output, image.out);
            });
        };
        // SAFETY: `unpack` writes the whole image.
        unsafe { forward_images(g, inputs, argmax, forward) }
    })
}

/// The convolution of one image.
pub(super) struct Forward<'a> {
    pub(super) plan: &'a Plan,
    /// The input frame.
    pub(super) input: &'a [f32],
    pub(super) u: &'a [f32],
    pub(super) bias: &'a [f32],
    /// Memory for the points of one block.
    pub(super) v: &'a mut [f32],
    pub(super) m: &'a mut [f32],
    pub(super) output: OutputBuffers<'a>,
}

/// The output frame and, where a backward pass may follow, the argmax buffer.
pub(super) struct OutputBuffers<'a> {
    pub(super) values: &'a mut [f32],
    pub(super) argmax: Option<&'a mut [u8]>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            input,
            u,
            bias,
            v,
            m,
            mut output,
        } = self;
        for block in plan.blocks() {
            products(s, plan, (input, u), block, v, m);
            let points = Points {
                values: m,
                stride: plan.m_stride(),
            };
            points_to_output(s, plan, points, bias, block, &mut output);
        }
    }
}

/// Transforms a block of tiles of the input and multiplies it with the weights, point by point.
#[inline(always)]
pub(super) fn products<S: Simd>(
    s: S,
    plan: &Plan,
    (input, u): (&[f32], &[f32]),
    block: Block,
    v: &mut [f32],
    m: &mut [f32],
) {
    let rows = PointRows::new(v, plan.v_stride(), plan.c_in);
    input_to_points(s, plan, input, block, rows);
    let matrix = plan.c_in * plan.c_out;
    let product = Product {
        m: block.count,
        n: plan.c_out,
        a_row_stride: plan.c_in,
        a_columns: Strided {
            count: plan.c_in,
            stride: 1,
        },
        b_row_stride: plan.c_out,
        dst_row_stride: plan.c_out,
    };
    for point in 0..POINTS {
        let v = &v[point * plan.v_stride()..][..plan.v_stride()];
        let m = &mut m[point * plan.m_stride()..][..plan.m_stride()];
        product.run(s, v, &u[point * matrix..][..matrix], m, Write::Overwrite);
    }
}

/// Transforms the products of a block of tiles to pixels and applies the epilogue.
#[inline(always)]
pub(super) fn points_to_output<S: Simd>(
    s: S,
    plan: &Plan,
    points: Points<'_>,
    bias: &[f32],
    block: Block,
    output: &mut OutputBuffers<'_>,
) {
    let Block { first, count } = block;
    let OutputBuffers { values, argmax } = output;
    let depth = plan.c_out;
    let line = plan.output.frame_w * depth;
    assert!(first + count <= plan.tiles && bias.len() == depth);
    points.check(count, depth);
    assert!(values.len() == plan.output.len());
    assert!(argmax.as_ref().is_none_or(|a| a.len() == values.len()));
    let activation = plan.activation;
    for t in 0..count {
        let corner = plan.output_offset(first + t);
        for c in (0..depth).step_by(S::F32_LANES) {
            // SAFETY: t < count, for which the points were checked; c + LANES <= depth =
            // bias.len().
            let (values_of_points, bias) =
                unsafe { (points.load(s, (t, depth), c), s.load(bias.as_ptr().add(c))) };
            let pixels = Output.apply_2d(s, &values_of_points);
            match plan.pooling {
                Pooling::None => {
                    for (y, row) in pixels.iter().enumerate() {
                        for (x, &pixel) in row.iter().enumerate() {
                            let value = activate(s, activation, s.add_f32s(pixel, bias));
                            let offset = corner + y * line + x * depth + c;
                            // SAFETY: the output frame consists of whole tiles of 4×4 pixels.
                            unsafe { s.store(values.as_mut_ptr().add(offset), value) };
                        }
                    }
                }
                Pooling::Max2 => {
                    for y in 0..OUT / 2 {
                        for x in 0..OUT / 2 {
                            let window = [
                                pixels[2 * y][2 * x],
                                pixels[2 * y][2 * x + 1],
                                pixels[2 * y + 1][2 * x],
                                pixels[2 * y + 1][2 * x + 1],
                            ];
                            let (max, index) = max_and_argmax(s, window);
                            let value = s.add_f32s(max, bias);
                            let offset = corner + y * line + x * depth + c;
                            let activated = activate(s, activation, value);
                            // SAFETY: the output frame consists of whole tiles of 2×2 values,
                            // and the argmax buffer has its length.
                            unsafe { s.store(values.as_mut_ptr().add(offset), activated) };
                            if let Some(argmax) = argmax.as_deref_mut() {
                                let index = saved_argmax(s, activation, value, index);
                                // SAFETY: as above.
                                unsafe { s.store_bytes(argmax.as_mut_ptr().add(offset), index) };
                            }
                        }
                    }
                }
            }
        }
    }
}
