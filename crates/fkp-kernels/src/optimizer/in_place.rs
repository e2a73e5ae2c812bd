//! The update of one variable as an in-place operation, which gives access to its storage.

use std::cell::{Cell, RefCell};

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, bail};

use super::fused::{HostGradient, Update, update};
use crate::gradients::{Factors, Gradient};
use crate::host::{values, with_all_values};
use crate::matmul::WeightGradient;

/// Updates an `f32` variable on the CPU and its state. Returns whether all values of the gradient
/// are finite.
pub(super) fn update_in_place<const N: usize>(
    op: &'static str,
    var: &Tensor,
    grad: &Gradient<'_>,
    state: [&mut [f32]; N],
    update: impl Update<N>,
) -> Result<bool> {
    let (operand, factors) = match grad {
        Gradient::Dense(grad) => (grad, None),
        Gradient::Factored(factors) => (&factors[0].x, Some(*factors)),
    };
    let in_place = InPlace {
        op,
        state: RefCell::new(state),
        update,
        factors,
        finite: Cell::new(true),
    };
    var.inplace_op2(operand, &in_place)?;
    Ok(in_place.finite.get())
}

struct InPlace<'a, const N: usize, U> {
    op: &'static str,
    state: RefCell<[&'a mut [f32]; N]>,
    update: U,
    /// Set where the second operand is not the gradient but one of its factors.
    factors: Option<&'a [Factors]>,
    finite: Cell<bool>,
}

impl<const N: usize, U: Update<N>> InplaceOp2 for InPlace<'_, N, U> {
    fn name(&self) -> &'static str {
        self.op
    }

    fn cpu_fwd(
        &self,
        p: &mut CpuStorage,
        p_layout: &Layout,
        operand: &CpuStorage,
        operand_layout: &Layout,
    ) -> Result<()> {
        let op = self.op;
        let (CpuStorage::F32(p), Some((start, end))) = (p, p_layout.contiguous_offsets()) else {
            bail!("{op}: the variable must be contiguous f32");
        };
        let mut state = self.state.borrow_mut();
        let state = state.each_mut().map(|s| &mut **s);
        let update = |grad: HostGradient<'_>| update(&mut p[start..end], grad, state, self.update);
        self.finite.set(match self.factors {
            None => update(HostGradient::Dense(&values(op, operand, operand_layout)?)),
            Some(factors) => with_factors(op, factors, update)?,
        });
        Ok(())
    }
}

/// Calls `f` with the factors in host memory.
pub(super) fn with_factors<R>(
    op: &'static str,
    factors: &[Factors],
    f: impl FnOnce(HostGradient<'_>) -> R,
) -> Result<R> {
    let tensors: Vec<&Tensor> = factors.iter().flat_map(|f| [&f.x, &f.dy]).collect();
    with_all_values(op, &tensors, |values| {
        let host = factors.iter().zip(values.chunks_exact(2));
        let host = host.map(|(factors, pair)| {
            let (sizes, x, dy) = (factors.sizes()?, &*pair[0], &*pair[1]);
            Ok(WeightGradient { sizes, x, dy })
        });
        Ok(f(HostGradient::Factored(
            &host.collect::<Result<Vec<_>>>()?,
        )))
    })
}
