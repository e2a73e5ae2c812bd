//! The settings and the outcome of one optimizer step.

use super::weight_decay::WeightDecay;

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

/// The settings that are the same for all parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) lr: f64,
    pub(super) weight_decay: WeightDecay,
    pub(super) max_grad_norm: Option<f64>,
}

/// What the coefficients of an update rule are computed from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Counted from 1.
    pub(super) number: u64,
    pub(super) lr: f64,
    pub(super) weight_decay: WeightDecay,
    /// Factor on all gradients, below 1 where they are clipped.
    pub(super) grad_scale: f64,
}
