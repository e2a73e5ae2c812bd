//! One pass over a parameter, its gradient and its state, for any element-wise update rule.
#![expect(unsafe_code, reason = "vector loads and stores")]

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use crate::linear::{Sizes, weight_gradient_block};
use crate::scratch::with_scratch;
use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

/// Elements per parallel task; also the blocks in which the gradient norm is summed.
const BLOCK: usize = 1 << 14;
/// Rows per task of a factored gradient, and the block in which it is multiplied: that stays in
/// the first cache.
const TASK: usize = 32;
const ROWS: usize = 8;
const COLUMNS: usize = 512;

/// How one value of a parameter follows from its gradient and its `N` values of state.
pub(super) trait Rule<const N: usize>: Sync {
    /// The constants, one in each lane.
    type Lanes<S: Simd>: Copy;
    fn lanes<S: Simd>(&self, s: S) -> Self::Lanes<S>;
    /// The new value and state. Must be `#[inline(always)]` and free of closures, which would not
    /// be compiled for the instruction set of `s`.
    fn apply<S: Simd>(
        s: S,
        constants: Self::Lanes<S>,
        p: S::f32s,
        grad: S::f32s,
        state: [S::f32s; N],
    ) -> (S::f32s, [S::f32s; N]);
    /// The same in candle's operations, for other devices and element types.
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
    Factored(&'a [HostFactors<'a>]),
}

/// The product `dyᵀ · x`; several of them stand for their sum.
#[derive(Clone, Copy)]
pub(super) struct HostFactors<'a> {
    pub(super) sizes: Sizes,
    pub(super) x: &'a [f32],
    pub(super) dy: &'a [f32],
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

/// Updates `p` and its state; all have the length of the gradient.
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
                    for_each_block(factors, (task * TASK, rows), |row, first, grad| {
                        let at = row * n_in + first..row * n_in + first + grad.len();
                        let state = part.state.each_mut().map(|s| &mut s[at.clone()]);
                        let block = update_block(&mut part.p[at.clone()], grad, state, rule);
                        finite = finite.and(block);
                    });
                    finite
                })
                .reduce(|| Finite::Yes, Finite::and)
        }
    }
}

/// `‖grad‖²` in `f64`, by blocks and then over the blocks in order. A product is not stored.
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
                    for_each_block(factors, (task * TASK, rows), |_, _, grad| {
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
    // Eight sums side by side, which a compiler makes vectors of; one sum is a chain of waits.
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

/// The columns of the product.
fn assert_same_product(factors: &[HostFactors<'_>], len: usize) -> usize {
    let n_in = factors.first().map_or(0, |f| f.sizes.n_in);
    assert!(n_in > 0, "a gradient has at least one pair of factors");
    for HostFactors { sizes, .. } in factors {
        assert!(sizes.n_in == n_in && sizes.n_out * n_in == len);
    }
    n_in
}

/// Multiplies `count` rows of the sum of products from row `first_row`, a few rows and columns at
/// a time, and hands over each piece of a row as `f(row - first_row, first column, values)`.
fn for_each_block(
    factors: &[HostFactors<'_>],
    (first_row, count): (usize, usize),
    mut f: impl FnMut(usize, usize, &[f32]),
) {
    let Some((head, more)) = factors.split_first() else {
        return;
    };
    let product = |of: &HostFactors<'_>, from, columns, dst: &mut [f32]| {
        weight_gradient_block(of.sizes, of.x, of.dy, from, columns, (dst, COLUMNS));
    };
    with_scratch(2 * ROWS * COLUMNS, |scratch| {
        let (grad, term) = scratch.split_at_mut(ROWS * COLUMNS);
        for first in (0..head.sizes.n_in).step_by(COLUMNS) {
            let width = COLUMNS.min(head.sizes.n_in - first);
            for top in (0..count).step_by(ROWS) {
                let rows = ROWS.min(count - top);
                let from = (first_row + top, rows);
                product(head, from, (first, width), grad);
                for factors in more {
                    // Each product is rounded before it is added, as where it is stored first.
                    product(factors, from, (first, width), term);
                    for row in 0..rows {
                        let (grad, term) = (&mut grad[row * COLUMNS..], &term[row * COLUMNS..]);
                        let pairs = grad[..width].iter_mut().zip(&term[..width]);
                        pairs.for_each(|(grad, term)| *grad += term);
                    }
                }
                for row in 0..rows {
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
    // The tail goes through the same instructions, so that a value does not depend on its place
    // in the parameter.
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
        let constants = rule.lanes(s);
        let zero = s.splat_f32s(0.0);
        // 0 · g is 0 for every number and NaN for the rest, and NaN stays in a sum.
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
                let (value, new) = R::apply(s, constants, s.load(p.as_ptr().add(i)), g, old);
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
