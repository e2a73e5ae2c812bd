//! The fused operations on planes `[ho, wo]` of one channel each.

use crate::Activation;

/// Argmax of a pooled value without gradient: the input of its ReLU was not positive.
pub(super) const INACTIVE: u8 = 4;

/// Adds the bias to each channel of `[c_out, positions]` and applies the activation.
pub(crate) fn add_bias_and_activate(
    values: &mut [f32],
    positions: usize,
    bias: Option<&[f32]>,
    activation: Activation,
) {
    let Some(bias) = bias else {
        activation.apply_in_place(values);
        return;
    };
    for (channel, &b) in values.chunks_exact_mut(positions).zip(bias) {
        for v in channel {
            *v = activation.apply(*v + b);
        }
    }
}

/// Pools one channel `[ho, wo]` to `[ho / 2, wo / 2]`, with the bias added and the activation
/// applied to each maximum: both are monotonic, so this equals applying them before. Where
/// `argmax` is given it receives the index of the maximum of each window.
pub(crate) fn pool_channel(
    conv: &[f32],
    wo: usize,
    bias: f32,
    activation: Activation,
    out: &mut [f32],
    mut argmax: Option<&mut [u8]>,
) {
    let half = wo / 2;
    for (oy, line) in out.chunks_exact_mut(half).enumerate() {
        let top = &conv[2 * oy * wo..][..2 * half];
        let bottom = &conv[(2 * oy + 1) * wo..][..2 * half];
        let windows = top.chunks_exact(2).zip(bottom.chunks_exact(2));
        match argmax.as_deref_mut() {
            None => {
                for (o, (t, b)) in line.iter_mut().zip(windows) {
                    *o = activation.apply(max_and_argmax([t[0], t[1], b[0], b[1]]).0 + bias);
                }
            }
            Some(argmax) => {
                let argmax = &mut argmax[oy * half..][..half];
                for ((o, saved), (t, b)) in line.iter_mut().zip(argmax).zip(windows) {
                    let (max, index) = max_and_argmax([t[0], t[1], b[0], b[1]]);
                    *o = activation.apply(max + bias);
                    *saved = if activation == Activation::Relu && *o <= 0.0 {
                        INACTIVE
                    } else {
                        index
                    };
                }
            }
        }
    }
}

/// The gradient of [`pool_channel`] with respect to the convolution; returns the gradient of the
/// bias, which is the sum over the windows that have one.
pub(crate) fn unpool_channel(grad: &[f32], argmax: &[u8], wo: usize, dst: &mut [f32]) -> f32 {
    let half = wo / 2;
    dst.fill(0.0);
    let mut sum = 0.0;
    for (oy, (line, argmax)) in grad
        .chunks_exact(half)
        .zip(argmax.chunks_exact(half))
        .enumerate()
    {
        let (top, bottom) = dst[2 * oy * wo..][..2 * wo].split_at_mut(wo);
        let windows = top.chunks_exact_mut(2).zip(bottom.chunks_exact_mut(2));
        for ((&g, &index), (t, b)) in line.iter().zip(argmax).zip(windows) {
            let routed = |i: u8| if index == i { g } else { 0.0 };
            (t[0], t[1], b[0], b[1]) = (routed(0), routed(1), routed(2), routed(3));
            sum += if index == INACTIVE { 0.0 } else { g };
        }
    }
    sum
}

/// The largest of four values (the first among equals; NaN wins) and its index.
#[inline(always)]
fn max_and_argmax(window: [f32; 4]) -> (f32, u8) {
    let (mut max, mut index) = (window[0], 0);
    for (i, &v) in window.iter().enumerate().skip(1) {
        if v > max || v.is_nan() {
            (max, index) = (v, i as u8);
        }
    }
    (max, index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_and_routes_the_gradient_to_the_maximum() {
        let conv = [
            1., 5., -1., -2., 7., //
            5., 0., -3., -1., 7., //
        ];
        let (mut out, mut argmax) = ([0.0; 2], [9; 2]);
        pool_channel(&conv, 5, 0.5, Activation::Relu, &mut out, Some(&mut argmax));
        assert_eq!((out, argmax), ([5.5, 0.0], [1, INACTIVE]));
        let mut back = [9.0; 10];
        let sum = unpool_channel(&[2.0, 3.0], &argmax, 5, &mut back);
        assert_eq!(back, [0., 2., 0., 0., 0., 0., 0., 0., 0., 0.]);
        assert_eq!(sum, 2.0);
    }
}
