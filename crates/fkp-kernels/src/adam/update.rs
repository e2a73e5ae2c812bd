//! The arithmetic of one Adam step.

use candle_core::{Result, Tensor, Var};
use rayon::prelude::*;

use super::{AdamConfig, WeightDecay};

/// Elements per parallel task; also the blocks in which the gradient norm is summed.
const BLOCK: usize = 1 << 14;

/// The constants of one step, folded together in `f64` and used in `f32`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coefficients {
    grad_scale: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    /// Learning rate over the bias correction of the first moment.
    rate: f64,
    /// One over the root of the bias correction of the second moment.
    root_scale: f64,
    /// `λ` of coupled decay.
    coupled: f64,
    /// `1 − lr·λ` of decoupled decay.
    shrink: f64,
}

impl Coefficients {
    pub(crate) fn new(config: &AdamConfig, step: u64, lr: f64, grad_scale: f64) -> Self {
        let (coupled, shrink) = match config.weight_decay {
            WeightDecay::None => (0.0, 1.0),
            WeightDecay::Coupled(l) => (l, 1.0),
            WeightDecay::Decoupled(l) => (0.0, 1.0 - lr * l),
        };
        let t = step as f64;
        Self {
            grad_scale,
            beta1: config.beta1,
            beta2: config.beta2,
            eps: config.eps,
            rate: lr / (1.0 - config.beta1.powf(t)),
            root_scale: 1.0 / (1.0 - config.beta2.powf(t)).sqrt(),
            coupled,
            shrink,
        }
    }

    /// The update in candle's operations, for other devices and element types.
    pub(crate) fn update_tensors(
        &self,
        p: &Var,
        grad: &Tensor,
        m: &mut Tensor,
        v: &mut Tensor,
    ) -> Result<()> {
        let grad = grad.affine(self.grad_scale, 0.0)?;
        let grad = if self.coupled == 0.0 {
            grad
        } else {
            (grad + p.affine(self.coupled, 0.0)?)?
        };
        let grad = grad.detach();
        *m = (m.affine(self.beta1, 0.0)? + grad.affine(1.0 - self.beta1, 0.0)?)?;
        *v = (v.affine(self.beta2, 0.0)? + grad.sqr()?.affine(1.0 - self.beta2, 0.0)?)?;
        let denominator = v.sqrt()?.affine(self.root_scale, self.eps)?;
        let update = m.affine(self.rate, 0.0)?.div(&denominator)?;
        p.set(
            &p.as_detached_tensor()
                .affine(self.shrink, 0.0)?
                .sub(&update)?,
        )
    }
}

/// Updates `p` and its moments from `grad`; all four have the same length.
pub(crate) fn update(p: &mut [f32], grad: &[f32], m: &mut [f32], v: &mut [f32], c: &Coefficients) {
    assert!(p.len() == grad.len() && p.len() == m.len() && p.len() == v.len());
    p.par_chunks_mut(BLOCK)
        .zip(grad.par_chunks(BLOCK))
        .zip(m.par_chunks_mut(BLOCK))
        .zip(v.par_chunks_mut(BLOCK))
        .for_each(|(((p, grad), m), v)| update_block(p, grad, m, v, c));
}

fn update_block(p: &mut [f32], grad: &[f32], m: &mut [f32], v: &mut [f32], c: &Coefficients) {
    let (scale, coupled, shrink) = (c.grad_scale as f32, c.coupled as f32, c.shrink as f32);
    let (beta1, rest1) = (c.beta1 as f32, (1.0 - c.beta1) as f32);
    let (beta2, rest2) = (c.beta2 as f32, (1.0 - c.beta2) as f32);
    let (rate, root_scale, eps) = (c.rate as f32, c.root_scale as f32, c.eps as f32);
    for (((p, &g), m), v) in p.iter_mut().zip(grad).zip(m).zip(v) {
        let g = g * scale + coupled * *p;
        *m = beta1 * *m + rest1 * g;
        *v = beta2 * *v + rest2 * (g * g);
        *p = *p * shrink - rate * *m / (v.sqrt() * root_scale + eps);
    }
}

/// The sum of squares in `f64`, by blocks and then over the blocks in order.
pub(crate) fn sum_of_squares(values: &[f32]) -> f64 {
    let partial: Vec<f64> = values
        .par_chunks(BLOCK)
        .map(|block| block.iter().map(|&v| f64::from(v) * f64::from(v)).sum())
        .collect();
    partial.iter().sum()
}
