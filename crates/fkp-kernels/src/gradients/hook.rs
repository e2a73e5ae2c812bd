//! Gradients that are handed over while the backward pass goes on.

use std::cell::RefCell;
use std::rc::Rc;

use candle_core::{Tensor, TensorId};

use super::part::GradientPart;

thread_local! {
    /// The hook of the backward pass that runs on this thread.
    static HOOK: RefCell<Option<Rc<dyn GradientHook>>> = const { RefCell::new(None) };
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

/// Calls `f` while the hook takes the gradients of this thread.
pub(super) fn with_hook<R>(hook: Rc<dyn GradientHook>, f: impl FnOnce() -> R) -> R {
    /// Removes the hook, also when the backward pass panics.
    struct Restore(Option<Rc<dyn GradientHook>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            HOOK.set(self.0.take());
        }
    }
    let _restore = Restore(HOOK.replace(Some(hook)));
    f()
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
