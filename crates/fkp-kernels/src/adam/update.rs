//! The arithmetic of one Adam step.
#![expect(unsafe_code, reason = "vector loads and stores")]

use candle_core::{Result, Tensor, Var};
use rayon::prelude::*;

use super::{AdamConfig, WeightDecay};
use crate::linear::{Sizes, weight_gradient_block};
use crate::scratch::with_scratch;
use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

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

/// As [`update`] with the gradient `dyᵀ · x`, which is multiplied a few rows and columns at a
/// time, just before these are used.
pub(crate) fn update_factored(
    p: &mut [f32],
    (sizes, x, dy): (Sizes, &[f32], &[f32]),
    m: &mut [f32],
    v: &mut [f32],
    c: &Coefficients,
) {
    /// Rows per task, and the block in which gradients are computed: it stays in the first cache.
    const TASK: usize = 32;
    const ROWS: usize = 8;
    const COLUMNS: usize = 512;
    let n_in = sizes.n_in;
    assert!(p.len() == sizes.n_out * n_in && p.len() == m.len() && p.len() == v.len());
    p.par_chunks_mut(TASK * n_in)
        .zip(m.par_chunks_mut(TASK * n_in))
        .zip(v.par_chunks_mut(TASK * n_in))
        .enumerate()
        .for_each(|(task, ((p, m), v))| {
            let rows = p.len() / n_in;
            with_scratch(ROWS * COLUMNS, |grad| {
                for first in (0..n_in).step_by(COLUMNS) {
                    let width = COLUMNS.min(n_in - first);
                    for top in (0..rows).step_by(ROWS) {
                        let count = ROWS.min(rows - top);
                        let from = (task * TASK + top, count);
                        weight_gradient_block(sizes, x, dy, from, (first, width), (grad, COLUMNS));
                        for row in 0..count {
                            let at = (top + row) * n_in + first;
                            let (p, m, v) = (
                                &mut p[at..][..width],
                                &mut m[at..][..width],
                                &mut v[at..][..width],
                            );
                            update_block(p, &grad[row * COLUMNS..][..width], m, v, c);
                        }
                    }
                }
            });
        });
}

fn update_block(p: &mut [f32], grad: &[f32], m: &mut [f32], v: &mut [f32], c: &Coefficients) {
    let vectors = p.len() / CHANNEL_BLOCK * CHANNEL_BLOCK;
    let (p, p_tail) = p.split_at_mut(vectors);
    let (grad, grad_tail) = grad.split_at(vectors);
    let (m, m_tail) = m.split_at_mut(vectors);
    let (v, v_tail) = v.split_at_mut(vectors);
    dispatch(Block { p, grad, m, v, c });
    if !p_tail.is_empty() {
        // The tail goes through the same instructions, so that a value does not depend on its
        // place in the parameter.
        let mut full = [[0.0f32; CHANNEL_BLOCK]; 4];
        let [p, grad, m, v] = &mut full;
        p[..p_tail.len()].copy_from_slice(p_tail);
        grad[..p_tail.len()].copy_from_slice(grad_tail);
        m[..p_tail.len()].copy_from_slice(m_tail);
        v[..p_tail.len()].copy_from_slice(v_tail);
        dispatch(Block { p, grad, m, v, c });
        p_tail.copy_from_slice(&p[..p_tail.len()]);
        m_tail.copy_from_slice(&m[..m_tail.len()]);
        v_tail.copy_from_slice(&v[..v_tail.len()]);
    }
}

/// The update of whole vectors.
struct Block<'a> {
    p: &'a mut [f32],
    grad: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
    c: &'a Coefficients,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { p, grad, m, v, c } = self;
        let n = p.len();
        assert!(grad.len() == n && m.len() == n && v.len() == n && n.is_multiple_of(S::LANES));
        let splat = |value: f64| s.splat(value as f32);
        let (scale, coupled, shrink) = (splat(c.grad_scale), splat(c.coupled), splat(c.shrink));
        let (beta1, rest1) = (splat(c.beta1), splat(1.0 - c.beta1));
        let (beta2, rest2) = (splat(c.beta2), splat(1.0 - c.beta2));
        let (rate, root_scale, eps) = (splat(-c.rate), splat(c.root_scale), splat(c.eps));
        for i in (0..n).step_by(S::LANES) {
            // SAFETY: i + LANES <= n, the length of all four.
            unsafe {
                let old = s.load(p.as_ptr().add(i));
                let g = s.mul(s.load(grad.as_ptr().add(i)), scale);
                let g = s.mul_add(coupled, old, g);
                let m_new = s.mul_add(beta1, s.load(m.as_ptr().add(i)), s.mul(rest1, g));
                let v_old = s.mul(beta2, s.load(v.as_ptr().add(i)));
                let v_new = s.mul_add(s.mul(rest2, g), g, v_old);
                let step = s.div(
                    s.mul(rate, m_new),
                    s.mul_add(s.sqrt(v_new), root_scale, eps),
                );
                s.store(m.as_mut_ptr().add(i), m_new);
                s.store(v.as_mut_ptr().add(i), v_new);
                s.store(p.as_mut_ptr().add(i), s.mul_add(old, shrink, step));
            }
        }
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
