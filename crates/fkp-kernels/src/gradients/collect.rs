//! Collects the factors of a backward pass.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::{Result, Tensor, TensorId};

use super::factors::Factors;
use super::hook::is_taken;
use super::part::GradientPart;

/// Weights with fewer elements get an ordinary gradient.
pub(super) const MIN_ELEMENTS: usize = if cfg!(miri) { 1 << 8 } else { 1 << 16 };

/// The factors of each variable.
pub(super) type FactorMap = HashMap<TensorId, Vec<Factors>>;

thread_local! {
    /// The factors of the backward pass that runs on this thread inside [`collect`].
    static COLLECTED: RefCell<Option<FactorMap>> = const { RefCell::new(None) };
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
