//! The forward pass of a direct convolution.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::plan::Plan;
use crate::conv::batch::{ForwardImage, forward_images};
use crate::conv::config::Pooling;
use crate::conv::epilogue::{activate, max_and_argmax, saved_argmax};
use crate::conv::geometry::Geometry;
use crate::matmul::{Product, Write};
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};
use crate::weighted_op::OpInputs;

/// See [`crate::conv::algorithm::forward`].
pub(crate) fn forward(g: &Geometry, inputs: OpInputs<'_>, argmax: Option<&mut [u8]>) -> Vec<f32> {
    let plan = Plan::new(g);
    // [taps, depth], padded with zeros.
    let mut w = vec![0.0f32; plan.weights_len()];
    for (o, taps) in inputs.w.chunks_exact(g.taps()).enumerate() {
        for (tap, &value) in taps.iter().enumerate() {
            w[tap * plan.depth + o] = value;
        }
    }
    let bias = inputs.padded_bias(plan.depth);
    let forward = |image: ForwardImage<'_>| {
        let len = plan.input_len() + plan.rows_len() + plan.output.len();
        with_scratch(len, |scratch| {
            let (input, rest) = scratch.split_at_mut(plan.input_len());
            let (rows, output) = rest.split_at_mut(plan.rows_len());
            plan.pad(image.x, input);
            dispatch(Forward {
                plan: &plan,
                input,
                w: &w,
                bias: &bias,
                rows,
                output,
                argmax: image.argmax,
            });
            plan.output.unpack(output, image.out);
        });
    };
    // SAFETY: `unpack` writes the whole image.
    unsafe { forward_images(g, inputs, argmax, forward) }
}

/// The convolution of one image.
struct Forward<'a> {
    plan: &'a Plan<'a>,
    /// The padded image.
    input: &'a [f32],
    w: &'a [f32],
    bias: &'a [f32],
    /// Memory for rows of the convolution.
    rows: &'a mut [f32],
    output: &'a mut [f32],
    argmax: Option<&'a mut [u8]>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            input,
            w,
            bias,
            rows,
            output,
            mut argmax,
        } = self;
        let (g, depth) = (plan.g, plan.depth);
        let (row_len, conv_len) = (plan.output_row_len(), plan.conv_row_len());
        assert!(bias.len() == depth && rows.len() == plan.rows_len());
        assert!(argmax.as_ref().is_none_or(|a| a.len() == output.len()));
        let product = Product {
            m: g.wo,
            n: depth,
            a_row_stride: g.stride,
            a_columns: plan.taps.as_slice(),
            b_row_stride: depth,
            dst_row_stride: depth,
        };
        let activation = g.activation;
        for (y, out) in output.chunks_exact_mut(row_len).enumerate() {
            for (i, row) in rows.chunks_exact_mut(conv_len).enumerate() {
                let input = &input[plan.row_offset(plan.rows() * y + i)..];
                product.run(s, input, w, row, Write::Overwrite);
            }
            let argmax = argmax
                .as_deref_mut()
                .map(|a| &mut a[y * row_len..][..row_len]);
            let argmax = argmax.map_or(std::ptr::null_mut(), <[u8]>::as_mut_ptr);
            for x in 0..plan.output.frame_w {
                for c in (0..depth).step_by(S::F32_LANES) {
                    // SAFETY: c + LANES <= depth; a row of the convolution has g.wo pixels, of
                    // which pooling reads 2 · frame_w at most; `out` has frame_w pixels and
                    // `argmax`, where not null, the same length.
                    unsafe {
                        let bias = s.load(bias.as_ptr().add(c));
                        let to = out.as_mut_ptr().add(x * depth + c);
                        match g.pooling {
                            Pooling::None => {
                                let conv = s.load(rows.as_ptr().add(x * depth + c));
                                s.store(to, activate(s, activation, s.add_f32s(conv, bias)));
                            }
                            Pooling::Max2 => {
                                let top = rows.as_ptr().add(2 * x * depth + c);
                                let bottom = top.add(conv_len);
                                let window = [
                                    s.load(top),
                                    s.load(top.add(depth)),
                                    s.load(bottom),
                                    s.load(bottom.add(depth)),
                                ];
                                let (max, index) = max_and_argmax(s, window);
                                let value = s.add_f32s(max, bias);
                                s.store(to, activate(s, activation, value));
                                if !argmax.is_null() {
                                    let index = saved_argmax(s, activation, value, index);
                                    s.store_bytes(argmax.add(x * depth + c), index);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
