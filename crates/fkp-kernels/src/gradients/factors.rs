//! The two factors of a weight gradient, and their collection during a backward pass.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::{Result, Tensor, TensorId, bail};

use super::hook::{GradientPart, is_taken};
use crate::host::{is_host_f32, with_values};
use crate::matmul::{DenseSizes, WeightGradient};

/// Weights with fewer elements get an ordinary gradient.
pub(super) const MIN_ELEMENTS: usize = if cfg!(miri) { 1 << 8 } else { 1 << 16 };

/// The factors of each variable.
pub(super) type FactorMap = HashMap<TensorId, Vec<Factors>>;

thread_local! {
    /// The factors of the backward pass that runs on this thread inside [`collect`].
    static COLLECTED: RefCell<Option<FactorMap>> = const { RefCell::new(None) };
}

/// A gradient `[n_out, n_in]` as `dyᵀ · x`.
#[derive(Clone, Debug)]
pub struct Factors {
    /// `[rows, n_in]`, contiguous.
    pub(crate) x: Tensor,
    /// `[rows, n_out]`, contiguous.
    pub(crate) dy: Tensor,
}

impl Factors {
    /// The gradient `dyᵀ · x` of a weight `[n_out, n_in]`, from the layer's input `x: [rows, n_in]` and
    /// the gradient of its output `dy: [rows, n_out]`, both `f32` on the CPU.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn new(x: &Tensor, dy: &Tensor) -> Result<Self> {
        let ((rows, _), (of_output, _)) = (x.dims2()?, dy.dims2()?);
        if rows != of_output || !is_host_f32(&[x, dy]) {
            bail!("gradients: {x:?} and {dy:?} are not the factors of a gradient");
        }
        let (x, dy) = (x.contiguous()?, dy.contiguous()?);
        Ok(Self { x, dy })
    }

    /// The layer's input, `[rows, n_in]`.
    pub fn x(&self) -> &Tensor {
        &self.x
    }

    /// The gradient of the layer's output, `[rows, n_out]`.
    pub fn dy(&self) -> &Tensor {
        &self.dy
    }

    pub(crate) fn sizes(&self) -> Result<DenseSizes> {
        let ((rows, n_in), n_out) = (self.x.dims2()?, self.dy.dim(1)?);
        Ok(DenseSizes { rows, n_in, n_out })
    }

    pub(super) fn product(&self) -> Result<Tensor> {
        let sizes = self.sizes()?;
        let dw = with_values("gradients", [&self.x, &self.dy], |[x, dy]| {
            Ok(WeightGradient { sizes, x, dy }.to_vec())
        })?;
        Tensor::from_vec(dw, (sizes.n_out, sizes.n_in), self.x.device())
    }
}

/// Runs a backward pass and returns the factors that it kept.
pub(super) fn collect<R>(backward: impl FnOnce() -> Result<R>) -> Result<(R, FactorMap)> {
    /// Restores the outer collection, also when the backward pass panics.
    struct Restore(Option<FactorMap>);
    impl Drop for Restore {
        fn drop(&mut self) {
            COLLECTED.set(self.0.take());
        }
    }
    let _restore = Restore(COLLECTED.replace(Some(HashMap::new())));
    let result = backward()?;
    Ok((result, COLLECTED.take().unwrap_or_default()))
}

/// Keeps the factors of the gradient of `w` if a [`collect`] is running and the gradient is large
/// enough. `false` means that the caller must return an ordinary gradient.
pub(crate) fn keep_factors(w: &Tensor, x: &Tensor, dy: &Tensor) -> Result<bool> {
    // The gradient of anything but a variable is needed by the operations before it.
    if !w.is_variable() || w.elem_count() < MIN_ELEMENTS || COLLECTED.with_borrow(Option::is_none) {
        return Ok(false);
    }
    let n_in = x.dim(candle_core::D::Minus1)?;
    let x = x.detach().reshape(((), n_in))?.contiguous()?;
    let factors = Factors { x, dy: dy.clone() };
    if is_taken(w, &GradientPart::Factors(factors.clone())) {
        return Ok(true);
    }
    COLLECTED.with_borrow_mut(|collected| {
        if let Some(collected) = collected {
            collected.entry(w.id()).or_default().push(factors);
        }
    });
    Ok(true)
}
