//! Gradients that are handed over while the backward pass goes on.

use std::cell::RefCell;
use std::rc::Rc;

use candle_core::{Result, Tensor, TensorId};

use super::factors::Factors;
use super::store::{Gradients, backward};

thread_local! {
    /// The hook of the backward pass that runs on this thread.
    static HOOK: RefCell<Option<Rc<dyn GradientHook>>> = const { RefCell::new(None) };
}

/// A gradient of a variable, or a part of it.
#[derive(Debug, Clone)]
pub enum GradientPart {
    /// In the shape of the variable.
    Dense(Tensor),
    /// The weight gradient of a large dense layer, as two small factors.
    Factors(Factors),
}

impl GradientPart {
    /// The gradient in the shape of the variable.
    ///
    /// # Errors
    /// Only those of candle itself.
    pub fn into_dense(self) -> Result<Tensor> {
        match self {
            Self::Dense(gradient) => Ok(gradient),
            Self::Factors(factors) => factors.product(),
        }
    }
}

/// Takes gradients of variables as soon as they are computed, as the communication hooks of PyTorch's
/// `DistributedDataParallel` do.
pub trait GradientHook {
    /// Whether the hook takes this part of the gradient of a variable; otherwise it stays with the other
    /// gradients. The part is the whole gradient unless several operations use the variable.
    ///
    /// The operations of this crate call it in the order of the backward pass: the last layer first.
    fn takes(&self, variable: TensorId, part: &GradientPart) -> bool;
}

/// As [`backward`], but gives the gradients of variables to a hook. The result has those that the hook
/// did not take, and those of candle's own operations, which do not call it.
///
/// # Errors
/// Those of candle's `backward`.
pub fn backward_with_hook(loss: &Tensor, hook: Rc<dyn GradientHook>) -> Result<Gradients> {
    /// Removes the hook, also when the backward pass panics.
    struct Restore(Option<Rc<dyn GradientHook>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            HOOK.set(self.0.take());
        }
    }
    let _restore = Restore(HOOK.replace(Some(hook)));
    backward(loss)
}

/// Gives the gradient of an operand to the hook, if there is one and the operand is a variable. What is
/// returned is for candle.
pub(crate) fn offer(operand: &Tensor, gradient: Tensor) -> Option<Tensor> {
    let part = GradientPart::Dense(gradient.clone());
    (!is_taken(operand, &part)).then_some(gradient)
}

pub(super) fn is_taken(operand: &Tensor, part: &GradientPart) -> bool {
    let hook = HOOK.with_borrow(Option::clone);
    let hook = hook.filter(|_| operand.is_variable());
    hook.is_some_and(|hook| hook.takes(operand.id(), part))
}
