//! What follows the products of a convolution: bias, activation, 2×2 max-pooling.

use crate::Activation;

/// Marks a pooled value without gradient: its maximum was not positive under ReLU.
pub(crate) const INACTIVE: u8 = 4;

/// Adds the bias to each channel of `[c_out, positions]` and applies the activation.
pub(crate) fn finish(values: &mut [f32], positions: usize, bias: Option<&[f32]>, act: Activation) {
    let Some(bias) = bias else {
        act.apply_in_place(values);
        return;
    };
    for (channel, &b) in values.chunks_exact_mut(positions).zip(bias) {
        for v in channel {
            *v = act.apply(*v + b);
        }
    }
}

/// Pools one channel `[ho, wo]` to `[ho / 2, wo / 2]`, with the bias added and the activation
/// applied to each maximum: both are monotonic, so this equals applying them before. Where
/// `winners` is given it receives which of the four values won.
pub(crate) fn pool_channel(
    conv: &[f32],
    wo: usize,
    bias: f32,
    act: Activation,
    out: &mut [f32],
    mut winners: Option<&mut [u8]>,
) {
    let half = wo / 2;
    for (oy, line) in out.chunks_exact_mut(half).enumerate() {
        let top = &conv[2 * oy * wo..][..2 * half];
        let bottom = &conv[(2 * oy + 1) * wo..][..2 * half];
        let quads = top.chunks_exact(2).zip(bottom.chunks_exact(2));
        match winners.as_deref_mut() {
            None => {
                for (o, (t, b)) in line.iter_mut().zip(quads) {
                    *o = act.apply(winner([t[0], t[1], b[0], b[1]]).0 + bias);
                }
            }
            Some(winners) => {
                let winners = &mut winners[oy * half..][..half];
                for ((o, win), (t, b)) in line.iter_mut().zip(winners).zip(quads) {
                    let (max, index) = winner([t[0], t[1], b[0], b[1]]);
                    *o = act.apply(max + bias);
                    *win = if act == Activation::Relu && *o <= 0.0 {
                        INACTIVE
                    } else {
                        index
                    };
                }
            }
        }
    }
}

/// The adjoint of [`pool_channel`] with respect to the convolution's result; returns the sum of
/// the gradients that passed, which is the bias gradient of the channel.
pub(crate) fn unpool_channel(grad: &[f32], winners: &[u8], wo: usize, dst: &mut [f32]) -> f32 {
    let half = wo / 2;
    dst.fill(0.0);
    let mut sum = 0.0;
    for (oy, (line, winners)) in grad
        .chunks_exact(half)
        .zip(winners.chunks_exact(half))
        .enumerate()
    {
        let (top, bottom) = dst[2 * oy * wo..][..2 * wo].split_at_mut(wo);
        let quads = top.chunks_exact_mut(2).zip(bottom.chunks_exact_mut(2));
        for ((&g, &win), (t, b)) in line.iter().zip(winners).zip(quads) {
            let at = |i: u8| if win == i { g } else { 0.0 };
            (t[0], t[1], b[0], b[1]) = (at(0), at(1), at(2), at(3));
            sum += if win == INACTIVE { 0.0 } else { g };
        }
    }
    sum
}

/// The largest of four values (the first among equals; NaN wins) and its index.
#[inline(always)]
fn winner(quad: [f32; 4]) -> (f32, u8) {
    let (mut max, mut index) = (quad[0], 0);
    for (i, &v) in quad.iter().enumerate().skip(1) {
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
    fn pools_and_routes_the_gradient_back() {
        let conv = [
            1., 5., -1., -2., 7., //
            5., 0., -3., -1., 7., //
        ];
        let (mut out, mut winners) = ([0.0; 2], [9; 2]);
        pool_channel(
            &conv,
            5,
            0.5,
            Activation::Relu,
            &mut out,
            Some(&mut winners),
        );
        assert_eq!((out, winners), ([5.5, 0.0], [1, INACTIVE]));
        let mut back = [9.0; 10];
        let sum = unpool_channel(&[2.0, 3.0], &winners, 5, &mut back);
        assert_eq!(back, [0., 2., 0., 0., 0., 0., 0., 0., 0., 0.]);
        assert_eq!(sum, 2.0);
    }
}
