//! What an optimizer defines, one step of it, and the outcome.

use candle_core::{Result, Tensor};

use super::fused::Update;
use super::weight_decay::{DecayTerms, WeightDecay};
use crate::simd::Simd;

/// The outcome of a step.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "gradients that are not finite are reported here and nowhere else"]
pub struct StepOutcome {
    /// The Euclidean norm of all gradients together, before clipping; only with clipping.
    pub norm: Option<f64>,
    /// The first variable, in the optimizer's order, whose gradient contains a NaN or an infinity.
    ///
    /// With clipping, the norm is computed first and shows it: then no variable, no moment and no
    /// step count has changed. Without clipping, the pass over a parameter on the CPU detects it
    /// while it writes: the variable and its state are invalid, and the run has to go back to a
    /// checkpoint. Other devices, where the check costs a synchronization, only check with
    /// clipping and otherwise report `None`.
    pub not_finite: Option<String>,
}

/// The hyperparameters of an optimizer that keeps `N` tensors of state for each variable.
pub(super) trait Hyperparameters<const N: usize> {
    /// The optimizer's name, for messages.
    const NAME: &'static str;
    /// Prefixes of the state's entries.
    const SLOTS: [&'static str; N];
    type Rule: Rule<N>;
    /// Validates everything but weight decay and clipping.
    fn validate(&self) -> Result<()>;
    fn weight_decay(&self) -> WeightDecay;
    fn max_grad_norm(&self) -> Option<f64>;
    /// The rule of step `number`, counted from 1.
    fn rule(&self, lr: f64, number: u64) -> Self::Rule;
}

/// What one step adds to a value for its gradient and `N` values of state.
pub(super) trait Rule<const N: usize>: Copy + Sync {
    /// The change and the new state, with the requirements of [`Update::apply`].
    fn change<S: Simd>(self, s: S, grad: S::f32s, state: [S::f32s; N]) -> (S::f32s, [S::f32s; N]);
    /// The same with candle's operations, for other devices and element types.
    fn tensor_change(self, grad: &Tensor, state: &[Tensor; N]) -> Result<(Tensor, [Tensor; N])>;
}

/// A rule with the clipping and weight decay that are the same for every optimizer. Coefficients
/// are computed in `f64` and used in `f32`.
#[derive(Clone, Copy)]
pub(super) struct Step<R> {
    /// Factor on all gradients, below 1 where they are clipped.
    pub(super) grad_scale: f64,
    pub(super) decay: DecayTerms,
    pub(super) rule: R,
}

impl<R> Step<R> {
    pub(super) fn apply_tensors<const N: usize>(
        self,
        p: &Tensor,
        grad: &Tensor,
        state: &[Tensor; N],
    ) -> Result<(Tensor, [Tensor; N])>
    where
        R: Rule<N>,
    {
        let DecayTerms { coupled, shrink } = self.decay;
        let mut grad = grad.affine(self.grad_scale, 0.0)?;
        if coupled != 0.0 {
            grad = (grad + p.affine(coupled, 0.0)?)?;
        }
        let (change, state) = self.rule.tensor_change(&grad, state)?;
        Ok(((p.affine(shrink, 0.0)? + change)?, state))
    }
}

impl<const N: usize, R: Rule<N>> Update<N> for Step<R> {
    #[inline(always)]
    fn apply<S: Simd>(
        self,
        s: S,
        p: S::f32s,
        grad: S::f32s,
        state: [S::f32s; N],
    ) -> (S::f32s, [S::f32s; N]) {
        let DecayTerms { coupled, shrink } = self.decay;
        let grad = s.add_scaled(s.scale(self.grad_scale as f32, grad), coupled as f32, p);
        let (change, state) = self.rule.change(s, grad, state);
        (s.add_scaled(change, shrink as f32, p), state)
    }
}
