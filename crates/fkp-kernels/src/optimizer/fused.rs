//! One pass over a parameter, its gradient and its state, for any element-wise update rule.
#![expect(unsafe_code, reason = "vector loads and stores")]

use std::ops::Range;

use rayon::prelude::*;

use crate::matmul::{DenseSizes, WeightGradient};
use crate::scratch::with_scratch;
use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

/// Elements per parallel task; also the blocks in which the gradient norm is summed.
pub(super) const BLOCK: usize = if cfg!(miri) { 1 << 6 } else { 1 << 14 };
/// Rows per task of a factored gradient, and the block in which it is multiplied, which stays in
/// the first-level cache.
const TASK: usize = 32;
const ROWS: usize = 8;
const COLUMNS: usize = 512;

/// The update of one value of a parameter from its gradient and its `N` values of state.
pub(super) trait Update<const N: usize>: Copy + Sync {
    /// Whether to check that the gradient is finite.
    const CHECKED: bool = true;
    /// The new value and state. Must be `#[inline(always)]` and free of closures, which would not
    /// be compiled for the instruction set of `s`.
    fn apply<S: Simd>(
        self,
        s: S,
        p: S::f32s,
        grad: S::f32s,
        state: [S::f32s; N],
    ) -> (S::f32s, [S::f32s; N]);
}

/// A gradient in host memory.
pub(super) enum HostGradient<'a> {
    Dense(&'a [f32]),
    /// The sum of these products of one shape, at least one.
    Factored(&'a [WeightGradient<'a>]),
}

impl HostGradient<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Dense(grad) => grad.len(),
            Self::Factored(factors) => {
                let DenseSizes { n_in, n_out, .. } = factors[0].sizes;
                for WeightGradient { sizes, .. } in *factors {
                    assert!(sizes.n_in == n_in && sizes.n_out == n_out);
                }
                n_in * n_out
            }
        }
    }

    /// Values per parallel task.
    fn task_len(&self) -> usize {
        match self {
            Self::Dense(_) => BLOCK,
            Self::Factored(factors) => TASK * factors[0].sizes.n_in,
        }
    }

    /// Calls `f(offset in the task's part, values)` for each block of the gradient that belongs to
    /// a task. Products are computed block by block and not stored.
    fn for_each_block(&self, task: usize, mut f: impl FnMut(usize, &[f32])) {
        match self {
            Self::Dense(grad) => {
                let first = task * BLOCK;
                f(0, &grad[first..grad.len().min(first + BLOCK)]);
            }
            Self::Factored(factors) => {
                let DenseSizes { n_in, n_out, .. } = factors[0].sizes;
                let first = task * TASK;
                for_each_block(
                    factors,
                    first..n_out.min(first + TASK),
                    |row, column, grad| {
                        f(row * n_in + column, grad);
                    },
                );
            }
        }
    }
}

/// Updates a parameter and its state, which have the length of the gradient. Returns whether all
/// values of the gradient are finite, as far as they are checked.
pub(super) fn update<const N: usize>(
    p: &mut [f32],
    grad: HostGradient<'_>,
    state: [&mut [f32]; N],
    update: impl Update<N>,
) -> bool {
    assert!(p.len() == grad.len() && state.iter().all(|s| s.len() == p.len()));
    let len = grad.task_len();
    let mut states = state.map(|s| s.chunks_mut(len));
    let parts = p.chunks_mut(len).map(|p| {
        let state = states.each_mut().map(|s| s.next().unwrap_or_default());
        (p, state)
    });
    parts
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .map(|(task, (p, mut state))| {
            let mut finite = true;
            grad.for_each_block(task, |start, grad| {
                let range = start..start + grad.len();
                let state = state.each_mut().map(|s| &mut s[range.clone()]);
                finite &= update_block(&mut p[range], grad, state, update);
            });
            finite
        })
        .reduce(|| true, |a, b| a && b)
}

/// `‖grad‖²` in `f64`, by blocks and then over the tasks in order.
pub(super) fn sum_of_squares(grad: HostGradient<'_>) -> f64 {
    let partial: Vec<f64> = (0..grad.len().div_ceil(grad.task_len()))
        .into_par_iter()
        .map(|task| {
            let mut sum = 0.0;
            grad.for_each_block(task, |_, grad| sum += block_sum_of_squares(grad));
            sum
        })
        .collect();
    partial.iter().sum()
}

fn block_sum_of_squares(values: &[f32]) -> f64 {
    // Eight independent sums, which the compiler vectorizes; additions to a single sum would wait
    // for each other.
    let mut sums = [0.0f64; 8];
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        for (sum, v) in sums.iter_mut().zip(eight) {
            *sum += f64::from(*v) * f64::from(*v);
        }
    }
    let rest: f64 = rest.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    sums.iter().sum::<f64>() + rest
}

/// Computes `rows` of the sum of products, a few rows and columns at a time, and calls `f(row -
/// rows.start, first column, values)` for each piece of a row.
fn for_each_block(
    factors: &[WeightGradient<'_>],
    rows: Range<usize>,
    mut f: impl FnMut(usize, usize, &[f32]),
) {
    let Some((head, more)) = factors.split_first() else {
        return;
    };
    with_scratch(2 * ROWS * COLUMNS, |scratch| {
        let (grad, term) = scratch.split_at_mut(ROWS * COLUMNS);
        for first in (0..head.sizes.n_in).step_by(COLUMNS) {
            let columns = first..head.sizes.n_in.min(first + COLUMNS);
            let width = columns.len();
            for top in (0..rows.len()).step_by(ROWS) {
                let count = ROWS.min(rows.len() - top);
                let from = rows.start + top..rows.start + top + count;
                head.block(from.clone(), columns.clone(), grad, COLUMNS);
                for factors in more {
                    // Each product is rounded before it is added, as a stored product would be.
                    factors.block(from.clone(), columns.clone(), term, COLUMNS);
                    for row in 0..count {
                        let (grad, term) = (&mut grad[row * COLUMNS..], &term[row * COLUMNS..]);
                        let pairs = grad[..width].iter_mut().zip(&term[..width]);
                        pairs.for_each(|(grad, term)| *grad += term);
                    }
                }
                for row in 0..count {
                    f(top + row, first, &grad[row * COLUMNS..][..width]);
                }
            }
        }
    });
}

fn update_block<const N: usize>(
    p: &mut [f32],
    grad: &[f32],
    state: [&mut [f32]; N],
    update: impl Update<N>,
) -> bool {
    let vectors = p.len() / CHANNEL_BLOCK * CHANNEL_BLOCK;
    let (p, p_tail) = p.split_at_mut(vectors);
    let (grad, grad_tail) = grad.split_at(vectors);
    let mut state = state.map(|s| s.split_at_mut(vectors));
    let finite = dispatch(Block {
        p,
        grad,
        state: state.each_mut().map(|(whole, _)| &mut **whole),
        update,
    });
    if p_tail.is_empty() {
        return finite;
    }
    // The remainder uses the same instructions, so that a value does not depend on its position in
    // the parameter.
    let (mut p, grad) = (pad(p_tail), pad(grad_tail));
    let mut padded = state.each_ref().map(|(_, tail)| pad(tail));
    let tail_finite = dispatch(Block {
        p: &mut p,
        grad: &grad,
        state: padded.each_mut().map(|s| &mut s[..]),
        update,
    });
    let len = p_tail.len();
    p_tail.copy_from_slice(&p[..len]);
    for ((_, tail), padded) in state.into_iter().zip(&padded) {
        tail.copy_from_slice(&padded[..len]);
    }
    finite && tail_finite
}

/// The values, followed by zeros.
fn pad(values: &[f32]) -> [f32; CHANNEL_BLOCK] {
    let mut padded = [0.0; CHANNEL_BLOCK];
    padded[..values.len()].copy_from_slice(values);
    padded
}

/// The update of whole vectors.
struct Block<'a, const N: usize, U> {
    p: &'a mut [f32],
    grad: &'a [f32],
    state: [&'a mut [f32]; N],
    update: U,
}

impl<const N: usize, U: Update<N>> Kernel for Block<'_, N, U> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> bool {
        let Self {
            p,
            grad,
            mut state,
            update,
        } = self;
        let n = p.len();
        assert!(grad.len() == n && n.is_multiple_of(S::F32_LANES));
        for slot in &state {
            assert_eq!(slot.len(), n);
        }
        let zero = s.splat_f32s(0.0);
        // 0 · g is 0 for finite g and NaN otherwise, and NaN stays in a sum.
        let mut check = zero;
        for i in (0..n).step_by(S::F32_LANES) {
            // SAFETY: i + LANES <= n, the length of all slices.
            unsafe {
                let g = s.load(grad.as_ptr().add(i));
                if U::CHECKED {
                    check = s.mul_add(g, zero, check);
                }
                let mut old = [zero; N];
                for (old, slot) in old.iter_mut().zip(&state) {
                    *old = s.load(slot.as_ptr().add(i));
                }
                let (value, new) = update.apply(s, s.load(p.as_ptr().add(i)), g, old);
                for (slot, new) in state.iter_mut().zip(new) {
                    s.store(slot.as_mut_ptr().add(i), new);
                }
                s.store(p.as_mut_ptr().add(i), value);
            }
        }
        s.to_lanes(check).iter().all(|lane| *lane == 0.0)
    }
}
