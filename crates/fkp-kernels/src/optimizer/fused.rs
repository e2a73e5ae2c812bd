//! One pass over a parameter, its gradient and its state, for any element-wise update rule.
#![expect(unsafe_code, reason = "vector loads and stores")]

use std::ops::Range;

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use crate::matmul::WeightGradient;
use crate::scratch::with_scratch;
use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

/// Elements per parallel task; also the blocks in which the gradient norm is summed.
const BLOCK: usize = 1 << 14;
/// Rows per task of a factored gradient, and the block in which it is multiplied, which stays in
/// the first-level cache.
const TASK: usize = 32;
const ROWS: usize = 8;
const COLUMNS: usize = 512;

/// The update of one value of a parameter from its gradient and its `N` values of state.
pub(super) trait Rule<const N: usize>: Sync {
    /// The coefficients as vectors.
    type Lanes<S: Simd>: Copy;
    fn lanes<S: Simd>(&self, s: S) -> Self::Lanes<S>;
    /// The new value and state. Must be `#[inline(always)]` and free of closures, which would not
    /// be compiled for the instruction set of `s`.
    fn apply<S: Simd>(
        s: S,
        coefficients: Self::Lanes<S>,
        p: S::f32s,
        grad: S::f32s,
        state: [S::f32s; N],
    ) -> (S::f32s, [S::f32s; N]);
    /// The same with candle's operations, for other devices and element types.
    fn apply_tensors(
        &self,
        p: &Tensor,
        grad: &Tensor,
        state: &[Tensor; N],
    ) -> Result<(Tensor, [Tensor; N])>;
}

/// A gradient in host memory.
pub(super) enum HostGradient<'a> {
    Dense(&'a [f32]),
    Factored(&'a [WeightGradient<'a>]),
}

/// Whether all values of a gradient were finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finite {
    Yes,
    No,
}

impl Finite {
    fn and(self, other: Self) -> Self {
        match self {
            Self::Yes => other,
            Self::No => Self::No,
        }
    }
}

/// The part of a parameter and of its state that one task updates.
struct Part<'a, const N: usize> {
    p: &'a mut [f32],
    state: [&'a mut [f32]; N],
}

/// Updates a parameter and its state; all have the length of the gradient.
pub(super) fn update<const N: usize, R: Rule<N>>(
    p: &mut [f32],
    grad: HostGradient<'_>,
    state: [&mut [f32]; N],
    rule: &R,
) -> Finite {
    assert!(state.iter().all(|s| s.len() == p.len()));
    match grad {
        HostGradient::Dense(grad) => {
            assert_eq!(p.len(), grad.len());
            parts(p, state, BLOCK)
                .into_par_iter()
                .zip(grad.par_chunks(BLOCK))
                .map(|(part, grad)| update_block(part.p, grad, part.state, rule))
                .reduce(|| Finite::Yes, Finite::and)
        }
        HostGradient::Factored(factors) => {
            let n_in = assert_same_product(factors, p.len());
            parts(p, state, TASK * n_in)
                .into_par_iter()
                .enumerate()
                .map(|(task, mut part)| {
                    let mut finite = Finite::Yes;
                    let rows = part.p.len() / n_in;
                    for_each_block(
                        factors,
                        task * TASK..task * TASK + rows,
                        |row, first, grad| {
                            let range = row * n_in + first..row * n_in + first + grad.len();
                            let state = part.state.each_mut().map(|s| &mut s[range.clone()]);
                            let block = update_block(&mut part.p[range], grad, state, rule);
                            finite = finite.and(block);
                        },
                    );
                    finite
                })
                .reduce(|| Finite::Yes, Finite::and)
        }
    }
}

/// `‖grad‖²` in `f64`, by blocks and then over the blocks in order. Products are not stored.
pub(super) fn sum_of_squares(grad: HostGradient<'_>) -> f64 {
    let partial: Vec<f64> = match grad {
        HostGradient::Dense(grad) => grad.par_chunks(BLOCK).map(block_sum_of_squares).collect(),
        HostGradient::Factored(factors) => {
            let n_out = factors.first().map_or(0, |f| f.sizes.n_out);
            (0..n_out.div_ceil(TASK))
                .into_par_iter()
                .map(|task| {
                    let rows = TASK.min(n_out - task * TASK);
                    let mut sum = 0.0;
                    for_each_block(factors, task * TASK..task * TASK + rows, |_, _, grad| {
                        sum += block_sum_of_squares(grad);
                    });
                    sum
                })
                .collect()
        }
    };
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

fn parts<'a, const N: usize>(
    p: &'a mut [f32],
    state: [&'a mut [f32]; N],
    len: usize,
) -> Vec<Part<'a, N>> {
    let mut states = state.map(|s| s.chunks_mut(len));
    p.chunks_mut(len)
        .map(|p| Part {
            p,
            state: states.each_mut().map(|s| s.next().unwrap_or_default()),
        })
        .collect()
}

/// Asserts that the products have `len` values each; returns the number of columns.
fn assert_same_product(factors: &[WeightGradient<'_>], len: usize) -> usize {
    let n_in = factors.first().map_or(0, |f| f.sizes.n_in);
    assert!(n_in > 0, "a gradient has at least one pair of factors");
    for WeightGradient { sizes, .. } in factors {
        assert!(sizes.n_in == n_in && sizes.n_out * n_in == len);
    }
    n_in
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

fn update_block<const N: usize, R: Rule<N>>(
    p: &mut [f32],
    grad: &[f32],
    state: [&mut [f32]; N],
    rule: &R,
) -> Finite {
    let vectors = p.len() / CHANNEL_BLOCK * CHANNEL_BLOCK;
    let (p, p_tail) = p.split_at_mut(vectors);
    let (grad, grad_tail) = grad.split_at(vectors);
    let mut whole: [&mut [f32]; N] = std::array::from_fn(|_| Default::default());
    let mut tails: [&mut [f32]; N] = std::array::from_fn(|_| Default::default());
    for ((whole, tail), state) in whole.iter_mut().zip(&mut tails).zip(state) {
        (*whole, *tail) = state.split_at_mut(vectors);
    }
    let state = whole;
    let finite = dispatch(Block {
        p,
        grad,
        state,
        rule,
    });
    if p_tail.is_empty() {
        return finite;
    }
    // The remainder uses the same instructions, so that a value does not depend on its position in
    // the parameter.
    let len = p_tail.len();
    let (mut p, mut grad) = ([0.0f32; CHANNEL_BLOCK], [0.0f32; CHANNEL_BLOCK]);
    let mut state = [[0.0f32; CHANNEL_BLOCK]; N];
    p[..len].copy_from_slice(p_tail);
    grad[..len].copy_from_slice(grad_tail);
    for (state, tail) in state.iter_mut().zip(&tails) {
        state[..len].copy_from_slice(tail);
    }
    let tail_finite = dispatch(Block {
        p: &mut p,
        grad: &grad,
        state: state.each_mut().map(|s| s.as_mut_slice()),
        rule,
    });
    p_tail.copy_from_slice(&p[..len]);
    for (state, tail) in state.iter().zip(tails) {
        tail.copy_from_slice(&state[..len]);
    }
    finite.and(tail_finite)
}

/// The update of whole vectors.
struct Block<'a, const N: usize, R> {
    p: &'a mut [f32],
    grad: &'a [f32],
    state: [&'a mut [f32]; N],
    rule: &'a R,
}

impl<const N: usize, R: Rule<N>> Kernel for Block<'_, N, R> {
    type Output = Finite;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Finite {
        let Self {
            p,
            grad,
            mut state,
            rule,
        } = self;
        let n = p.len();
        assert!(grad.len() == n && n.is_multiple_of(S::F32_LANES));
        for slot in &state {
            assert_eq!(slot.len(), n);
        }
        let coefficients = rule.lanes(s);
        let zero = s.splat_f32s(0.0);
        // 0 · g is 0 for finite g and NaN otherwise, and NaN stays in a sum.
        let mut check = zero;
        for i in (0..n).step_by(S::F32_LANES) {
            // SAFETY: i + LANES <= n, the length of all slices.
            unsafe {
                let g = s.load(grad.as_ptr().add(i));
                check = s.mul_add(g, zero, check);
                let mut old = [zero; N];
                for (old, slot) in old.iter_mut().zip(&state) {
                    *old = s.load(slot.as_ptr().add(i));
                }
                let (value, new) = R::apply(s, coefficients, s.load(p.as_ptr().add(i)), g, old);
                for (slot, new) in state.iter_mut().zip(new) {
                    s.store(slot.as_mut_ptr().add(i), new);
                }
                s.store(p.as_mut_ptr().add(i), value);
            }
        }
        let mut lanes = [0.0f32; CHANNEL_BLOCK];
        assert!(S::F32_LANES <= lanes.len());
        // SAFETY: asserted above.
        unsafe { s.store(lanes.as_mut_ptr(), check) };
        match lanes.iter().all(|lane| *lane == 0.0) {
            true => Finite::Yes,
            false => Finite::No,
        }
    }
}
