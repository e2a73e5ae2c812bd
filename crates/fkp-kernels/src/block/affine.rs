//! Normalization as one multiplication and one addition per value, applied where the values are
//! read next.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use crate::Activation;
use crate::layout::{Frame, padded};
use crate::simd::{Kernel, Simd, dispatch};

/// Evaluates `$body` with `$name` as the activation, which is a constant where it is a common one: a
/// choice between all activations inside of a loop keeps vectors out of registers.
macro_rules! with_constant {
    ($activation:expr, $name:ident => $body:expr) => {
        match $activation {
            $crate::Activation::Identity => {
                let $name = $crate::Activation::Identity;
                $body
            }
            $crate::Activation::Relu => {
                let $name = $crate::Activation::Relu;
                $body
            }
            $name => $body,
        }
    };
}
pub(super) use with_constant;

/// `activation(scale · z + shift)` for each channel, padded to whole vectors with zeros.
#[derive(Debug)]
pub(super) struct Affine {
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
    pub(super) activation: Activation,
}

/// Mean and `1 / √(variance + ε)` of each channel, padded like [`Affine`].
#[derive(Debug)]
pub(super) struct Statistics {
    pub(super) mean: Vec<f32>,
    pub(super) inv_std: Vec<f32>,
}

impl Statistics {
    pub(super) fn new(moments: &[[f64; 2]], channels: usize, eps: f64) -> Self {
        let pad = |f: &dyn Fn(&[f64; 2]) -> f64| -> Vec<f32> {
            let mut values: Vec<f32> = moments[..channels].iter().map(|m| f(m) as f32).collect();
            values.resize(moments.len(), 0.0);
            values
        };
        Self {
            mean: pad(&|&[mean, _]| mean),
            inv_std: pad(&|&[_, variance]| 1.0 / (variance + eps).sqrt()),
        }
    }
}

impl Affine {
    pub(super) fn new(
        statistics: &Statistics,
        gamma: &[f32],
        beta: &[f32],
        activation: Activation,
    ) -> Self {
        let Statistics { mean, inv_std } = statistics;
        let mut scale: Vec<f32> = gamma.iter().zip(inv_std).map(|(g, s)| g * s).collect();
        let terms = beta.iter().zip(mean).zip(&scale);
        let mut shift: Vec<f32> = terms.map(|((b, m), s)| b - m * s).collect();
        scale.resize(inv_std.len(), 0.0);
        shift.resize(inv_std.len(), 0.0);
        Self {
            scale,
            shift,
            activation,
        }
    }

    /// Applies it to the image in `from`, without margin, and writes the result to the image in
    /// `to`; everything around it becomes 0.
    pub(super) fn apply(&self, from: &Frame, z: &[f32], to: &Frame, out: &mut [f32]) {
        dispatch(Apply {
            affine: self,
            from,
            z,
            to,
            out,
        });
    }

    /// Scale and shift of the channels from `c`.
    ///
    /// # Safety
    /// `c + LANES` is at most the padded number of channels.
    #[inline(always)]
    pub(super) unsafe fn vectors<S: Simd>(&self, s: S, c: usize) -> ChannelVectors<S> {
        // SAFETY: the caller's contract.
        unsafe {
            ChannelVectors {
                scale: s.load(self.scale.as_ptr().add(c)),
                shift: s.load(self.shift.as_ptr().add(c)),
            }
        }
    }
}

/// Scale and shift of a vector of channels.
#[derive(Clone, Copy)]
pub(super) struct ChannelVectors<S: Simd> {
    pub(super) scale: S::f32s,
    pub(super) shift: S::f32s,
}

struct Apply<'a> {
    affine: &'a Affine,
    from: &'a Frame,
    z: &'a [f32],
    to: &'a Frame,
    out: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            affine,
            from,
            z,
            to,
            out,
        } = self;
        let depth = padded(from.channels);
        assert!((from.channels, from.h, from.w) == (to.channels, to.h, to.w));
        assert!(from.margin == 0 && z.len() == from.len() && out.len() == to.len());
        assert!(affine.scale.len() == depth && affine.shift.len() == depth);
        to.clear_margin(out);
        with_constant!(affine.activation, activation => {
            for y in 0..from.h {
                let (z, out) = (from.row(y, z), to.row_mut(y, out));
                // In the order of memory, which is read from far away.
                for x in 0..from.w {
                    for c in (0..depth).step_by(S::F32_LANES) {
                        let offset = x * depth + c;
                        // SAFETY: a row has w pixels of depth values, and c + LANES <= depth.
                        unsafe {
                            let channel = affine.vectors(s, c);
                            let z = s.load(z.as_ptr().add(offset));
                            let u = s.mul_add(z, channel.scale, channel.shift);
                            let v = activation.apply_vector(s, u);
                            s.store(out.as_mut_ptr().add(offset), v);
                        }
                    }
                }
            }
        });
    }
}

impl Statistics {
    /// Mean and reciprocal standard deviation of the channels from `c`.
    ///
    /// # Safety
    /// `c + LANES` is at most the padded number of channels.
    #[inline(always)]
    pub(super) unsafe fn vectors<S: Simd>(&self, s: S, c: usize) -> (S::f32s, S::f32s) {
        // SAFETY: the caller's contract.
        unsafe {
            (
                s.load(self.mean.as_ptr().add(c)),
                s.load(self.inv_std.as_ptr().add(c)),
            )
        }
    }
}
