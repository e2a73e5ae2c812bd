//! The gradients of a convolution with its fused epilogue.

use rayon::prelude::*;

use super::epilogue::unpool_channel;
use super::geometry::Geometry;
use super::im2col::{col2im, im2col};
use super::{Conv2dConfig, Pooling, direct, winograd};
use crate::activation::BLOCK;
use crate::matmul::{Strides, Write, matmul};
use crate::scratch::with_scratch;

/// The weight gradient is summed in at most this many partial sums, each over consecutive
/// images. The number is part of the result (it fixes the order of the additions), so it does
/// not depend on the number of threads.
const PARTIAL_SUMS: usize = 16;

/// Images per partial sum.
pub(crate) fn group_size(n: usize) -> usize {
    n.div_ceil(PARTIAL_SUMS)
}

/// Adds partial sums of `len` values each, in their order.
pub(crate) fn add_in_order(partials: &[f32], len: usize) -> Vec<f32> {
    let (first, others) = partials.split_at(len);
    let mut sum = first.to_vec();
    sum.par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(block, sum)| {
            for other in others.chunks_exact(len) {
                let other = &other[block * BLOCK..][..sum.len()];
                sum.iter_mut().zip(other).for_each(|(s, &o)| *s += o);
            }
        });
    sum
}

/// What the backward pass needs from the forward pass.
pub(crate) struct Saved<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) w: &'a [f32],
    pub(crate) y: &'a [f32],
    /// Which value won each 2×2 window; empty without pooling.
    pub(crate) winners: &'a [u8],
}

/// Which gradients to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Weights and bias only: the input is data.
    Parameters,
    /// Weights, bias and input.
    All,
}

/// The gradients, laid out like what they belong to.
pub(crate) struct Gradients {
    pub(crate) x: Option<Vec<f32>>,
    pub(crate) w: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// Computes the gradients from that of the (pooled, activated) output.
pub(crate) fn backward(
    g: &Geometry,
    config: &Conv2dConfig,
    saved: &Saved<'_>,
    grad: &[f32],
    wanted: Wanted,
) -> Gradients {
    if winograd::applies(g) {
        return winograd::backward(g, config, saved, grad, wanted);
    }
    if direct::applies(g) {
        if wanted == Wanted::Parameters {
            return direct::parameter_gradients(g, config, saved, grad);
        }
        let winners = direct::winners_in_planes(g, config, saved.winners);
        let saved = Saved {
            winners: &winners,
            ..*saved
        };
        return unrolled(g, config, &saved, grad, wanted);
    }
    unrolled(g, config, saved, grad, wanted)
}

/// The gradients by unrolling: for every kernel and stride.
fn unrolled(
    g: &Geometry,
    config: &Conv2dConfig,
    saved: &Saved<'_>,
    grad: &[f32],
    wanted: Wanted,
) -> Gradients {
    let group = group_size(g.n);
    let groups = g.n.div_ceil(group);
    let w_len = saved.w.len();
    let partial_len = w_len + g.c_out;
    let mut dx = match wanted {
        Wanted::All => Some(vec![0.0f32; saved.x.len()]),
        Wanted::Parameters => None,
    };
    let mut w = with_scratch(groups * partial_len, |partials| {
        let one_group = |(index, partial): (usize, &mut [f32]), mut dx: Option<&mut [f32]>| {
            let (dw, db) = partial.split_at_mut(w_len);
            db.fill(0.0);
            for image in index * group..g.n.min((index + 1) * group) {
                let first = image == index * group;
                let at = (image - index * group) * g.x_len();
                let dx = dx.as_deref_mut().map(|dx| &mut dx[at..][..g.x_len()]);
                let write = if first {
                    Write::Overwrite
                } else {
                    Write::Accumulate
                };
                one_image(g, config, saved, grad, image, (dw, db), write, dx);
            }
        };
        let tasks = partials.par_chunks_mut(partial_len).enumerate();
        match &mut dx {
            None => tasks.for_each(|task| one_group(task, None)),
            Some(dx) => tasks
                .zip(dx.par_chunks_mut(group * g.x_len()))
                .for_each(|(task, dx)| one_group(task, Some(dx))),
        }
        add_in_order(partials, partial_len)
    });
    let bias = w.split_off(w_len);
    Gradients { x: dx, w, bias }
}

/// Adds one image to the partial sums of its group and computes its input gradient.
#[expect(clippy::too_many_arguments, reason = "the buffers of one image")]
fn one_image(
    g: &Geometry,
    config: &Conv2dConfig,
    saved: &Saved<'_>,
    grad: &[f32],
    image: usize,
    (dw, db): (&mut [f32], &mut [f32]),
    write: Write,
    dx: Option<&mut [f32]>,
) {
    let (k, p) = (g.taps(), g.positions());
    let out_len = grad.len() / g.n;
    let at = image * out_len;
    let grad = &grad[at..][..out_len];
    let x = &saved.x[image * g.x_len()..][..g.x_len()];
    with_scratch(g.c_out * p, |dy| {
        match config.pooling {
            Pooling::None => {
                config
                    .activation
                    .backward_into(dy, &saved.y[at..][..out_len], grad);
                for (db, dy) in db.iter_mut().zip(dy.chunks_exact(p)) {
                    *db += dy.iter().sum::<f32>();
                }
            }
            Pooling::Max2 => {
                let pooled = out_len / g.c_out;
                let winners = &saved.winners[at..][..out_len];
                let channels = grad.chunks_exact(pooled).zip(winners.chunks_exact(pooled));
                for ((db, dy), (grad, winners)) in
                    db.iter_mut().zip(dy.chunks_exact_mut(p)).zip(channels)
                {
                    *db += unpool_channel(grad, winners, g.wo, dy);
                }
            }
        }
        let weight_gradient = |cols: &[f32], dw: &mut [f32]| {
            matmul(
                (g.c_out, k, p),
                dw,
                Strides::row_major(k),
                write,
                dy,
                Strides::row_major(p),
                cols,
                Strides::transposed(p),
            );
        };
        let input_gradient = |cols: &mut [f32]| {
            matmul(
                (k, p, g.c_out),
                cols,
                Strides::row_major(p),
                Write::Overwrite,
                saved.w,
                Strides::transposed(k),
                dy,
                Strides::row_major(p),
            );
        };
        if g.is_pointwise() {
            weight_gradient(x, dw);
            if let Some(dx) = dx {
                input_gradient(dx);
            }
        } else {
            with_scratch(k * p, |cols| {
                im2col(g, x, cols);
                weight_gradient(cols, dw);
                if let Some(dx) = dx {
                    input_gradient(cols);
                    col2im(g, cols, dx);
                }
            });
        }
    });
}
