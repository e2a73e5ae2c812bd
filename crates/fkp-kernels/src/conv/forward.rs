//! The forward pass of a convolution with its fused epilogue.

use rayon::prelude::*;

use super::epilogue::{finish, pool_channel};
use super::geometry::Geometry;
use super::im2col::im2col;
use super::{Conv2dConfig, Pooling, direct, winograd};
use crate::matmul::{Strides, Write, matmul};
use crate::scratch::with_scratch;

/// Bytes of the record of which value won each pooling window, in the layout of the algorithm
/// that writes and later reads it.
pub(crate) fn winners_len(g: &Geometry, config: &Conv2dConfig) -> usize {
    if winograd::applies(g) {
        return winograd::winners_len(g, config);
    }
    if direct::applies(g) {
        return direct::winners_len(g, config);
    }
    let (oh, ow) = g.out_size(config.pooling);
    g.n * g.c_out * oh * ow
}

/// Computes all images. `winners` receives, for fused pooling, which of each four values won:
/// `None` where no gradient will be asked for.
pub(crate) fn forward(
    g: &Geometry,
    config: &Conv2dConfig,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    winners: Option<&mut [u8]>,
) -> Vec<f32> {
    if winograd::applies(g) {
        return winograd::forward(g, config, x, w, bias, winners);
    }
    if direct::applies(g) {
        return direct::forward(g, config, x, w, bias, winners);
    }
    let (oh, ow) = g.out_size(config.pooling);
    let out_len = g.c_out * oh * ow;
    let mut out = vec![0.0f32; g.n * out_len];
    let images = out.par_chunks_mut(out_len).zip(x.par_chunks(g.x_len()));
    match (config.pooling, winners) {
        (Pooling::None, _) => images.for_each(|(out, x)| {
            products(g, x, w, out);
            finish(out, g.positions(), bias, config.activation);
        }),
        (Pooling::Max2, None) => {
            images.for_each(|(out, x)| pooled_image(g, config, x, w, bias, out, None));
        }
        (Pooling::Max2, Some(winners)) => images
            .zip(winners.par_chunks_mut(out_len))
            .for_each(|((out, x), win)| pooled_image(g, config, x, w, bias, out, Some(win))),
    }
    out
}

fn pooled_image(
    g: &Geometry,
    config: &Conv2dConfig,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    out: &mut [f32],
    mut winners: Option<&mut [u8]>,
) {
    let pooled = out.len() / g.c_out;
    with_scratch(g.c_out * g.positions(), |conv| {
        products(g, x, w, conv);
        let channels = conv
            .chunks_exact(g.positions())
            .zip(out.chunks_exact_mut(pooled));
        for (c, (conv, out)) in channels.enumerate() {
            let bias = bias.map_or(0.0, |b| b[c]);
            let winners = winners
                .as_deref_mut()
                .map(|w| &mut w[c * pooled..][..pooled]);
            pool_channel(conv, g.wo, bias, config.activation, out, winners);
        }
    });
}

/// The bare convolution of one image: `conv`, `[c_out, positions]`, from `x`, `[c_in, h, w]`.
fn products(g: &Geometry, x: &[f32], w: &[f32], conv: &mut [f32]) {
    let (k, p) = (g.taps(), g.positions());
    let multiply = |cols: &[f32], conv: &mut [f32]| {
        matmul(
            (g.c_out, p, k),
            conv,
            Strides::row_major(p),
            Write::Overwrite,
            w,
            Strides::row_major(k),
            cols,
            Strides::row_major(p),
        );
    };
    if g.is_pointwise() {
        multiply(x, conv);
    } else {
        with_scratch(k * p, |cols| {
            im2col(g, x, cols);
            multiply(cols, conv);
        });
    }
}
