//! The fused operations on vectors of channels.

use super::planes::INACTIVE;
use crate::Activation;
use crate::simd::Simd;

/// The activation, which is one that [`Activation::split`] leaves to the kernels.
#[inline(always)]
pub(crate) fn activate<S: Simd>(s: S, activation: Activation, v: S::f32s) -> S::f32s {
    match activation {
        Activation::Identity => v,
        _ => s.relu(v),
    }
}

/// The largest of four vectors lane by lane, the first among equals, and its index.
#[inline(always)]
pub(crate) fn max_and_argmax<S: Simd>(s: S, window: [S::f32s; 4]) -> (S::f32s, S::f32s) {
    let (mut max, mut argmax) = (window[0], s.splat_f32s(0.0));
    for (i, &v) in window.iter().enumerate().skip(1) {
        argmax = s.select_f32s(s.greater_than_f32s(v, max), s.splat_f32s(i as f32), argmax);
        max = s.select_f32s(s.greater_than_f32s(v, max), v, max);
    }
    (max, argmax)
}

/// The index to save for the backward pass, [`INACTIVE`] where the activation has no gradient at
/// `value`, the maximum with its bias.
#[inline(always)]
pub(crate) fn saved_argmax<S: Simd>(
    s: S,
    activation: Activation,
    value: S::f32s,
    argmax: S::f32s,
) -> S::f32s {
    match activation {
        Activation::Identity => argmax,
        _ => s.select_f32s(
            s.greater_than_f32s(value, s.splat_f32s(0.0)),
            argmax,
            s.splat_f32s(f32::from(INACTIVE)),
        ),
    }
}

/// The gradient of a pooled value where `index` is its saved argmax, 0 elsewhere.
#[inline(always)]
pub(crate) fn route<S: Simd>(s: S, grad: S::f32s, argmax: S::f32s, index: usize) -> S::f32s {
    let selected = s.equal_f32s(argmax, s.splat_f32s(index as f32));
    s.select_f32s(selected, grad, s.splat_f32s(0.0))
}

/// The gradient of a pooled value, 0 where its saved argmax is [`INACTIVE`].
#[inline(always)]
pub(crate) fn active<S: Simd>(s: S, grad: S::f32s, argmax: S::f32s) -> S::f32s {
    let inactive = s.equal_f32s(argmax, s.splat_f32s(f32::from(INACTIVE)));
    s.select_f32s(inactive, s.splat_f32s(0.0), grad)
}
