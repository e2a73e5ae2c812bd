//! Weight decay, coupled and decoupled.

use candle_core::Result;

use super::validate::validate_not_negative;

/// How the weights are decayed toward zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum WeightDecay {
    /// No weight decay.
    #[default]
    None,
    /// `λ·p` is added to the gradient and so becomes part of the moments (PyTorch's
    /// `weight_decay` of `Adam` and `SGD`).
    Coupled(f64),
    /// `lr·λ·p` is subtracted from the parameter (AdamW; Loshchilov and Hutter, ICLR 2019).
    Decoupled(f64),
}

/// The terms of an update rule that implement a [`WeightDecay`].
#[derive(Clone, Copy, Debug)]
pub(super) struct DecayTerms {
    /// Added to the gradient, times the parameter.
    pub(super) coupled: f64,
    /// Factor on the parameter.
    pub(super) shrink: f64,
}

impl WeightDecay {
    pub(super) fn validate(self, op: &str) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Coupled(l) | Self::Decoupled(l) => validate_not_negative(op, "weight_decay", l),
        }
    }

    /// The terms of a step with learning rate `lr`.
    pub(super) fn terms(self, lr: f64) -> DecayTerms {
        let (coupled, shrink) = match self {
            Self::None => (0.0, 1.0),
            Self::Coupled(l) => (l, 1.0),
            Self::Decoupled(l) => (0.0, 1.0 - lr * l),
        };
        DecayTerms { coupled, shrink }
    }
}
