//! The forward pass by im2col.
#![expect(unsafe_code, reason = "the result is not zeroed before it is written")]

use super::unroll::im2col;
use crate::conv::batch::{ForwardImage, forward_images};
use crate::conv::config::Pooling;
use crate::conv::epilogue::{add_bias_and_activate, pool_channel};
use crate::conv::geometry::Geometry;
use crate::matmul::{Matrix, Write, matmul};
use crate::scratch::with_scratch;
use crate::weighted_op::OpInputs;

/// See [`crate::conv::algorithm::forward`].
pub(crate) fn forward(g: &Geometry, inputs: OpInputs<'_>, argmax: Option<&mut [u8]>) -> Vec<f32> {
    let forward = |image: ForwardImage<'_>| match g.pooling {
        Pooling::None => {
            products(g, image.x, inputs.w, image.out);
            add_bias_and_activate(image.out, g.positions(), inputs.bias, g.activation);
        }
        Pooling::Max2 => pooled_image(g, inputs, image),
    };
    // SAFETY: a product overwrites the image, and pooling writes each value.
    unsafe { forward_images(g, inputs, argmax, forward) }
}

fn pooled_image(g: &Geometry, inputs: OpInputs<'_>, image: ForwardImage<'_>) {
    let ForwardImage { x, out, mut argmax } = image;
    let pooled = out.len() / g.c_out;
    with_scratch(g.c_out * g.positions(), |conv| {
        products(g, x, inputs.w, conv);
        let channels = conv
            .chunks_exact(g.positions())
            .zip(out.chunks_exact_mut(pooled));
        for (c, (conv, out)) in channels.enumerate() {
            let bias = inputs.bias.map_or(0.0, |b| b[c]);
            let argmax = argmax
                .as_deref_mut()
                .map(|a| &mut a[c * pooled..][..pooled]);
            pool_channel(conv, g.wo, bias, g.activation, out, argmax);
        }
    });
}

/// The convolution of one image, without epilogue: `conv`, `[c_out, positions]`, from `x`,
/// `[c_in, h, w]`.
fn products(g: &Geometry, x: &[f32], w: &[f32], conv: &mut [f32]) {
    let (k, p) = (g.taps(), g.positions());
    let w = Matrix::new(w, g.c_out, k);
    let conv = Matrix::new(conv, g.c_out, p);
    if g.is_pointwise() {
        matmul(w, Matrix::new(x, k, p), conv, Write::Overwrite);
    } else {
        with_scratch(k * p, |cols| {
            im2col(g, x, cols);
            matmul(w, Matrix::new(&*cols, k, p), conv, Write::Overwrite);
        });
    }
}
