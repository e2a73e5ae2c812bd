//! Optimizers as one pass over each parameter, with a state that can be saved.

mod adam;
mod engine;
mod fused;
mod sgd;

use candle_core::{Result, bail};

pub use adam::{Adam, AdamConfig};
pub use sgd::{Momentum, Sgd, SgdConfig};

/// How the weights are pulled toward zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum WeightDecay {
    /// Not at all.
    #[default]
    None,
    /// `λ·p` is added to the gradient and so passes through the moments ("L2" in Adam, and what
    /// is meant by weight decay in SGD).
    Coupled(f64),
    /// `lr·λ·p` is subtracted from the parameter (AdamW; Loshchilov and Hutter, ICLR 2019).
    Decoupled(f64),
}

/// What a step found out about its gradients.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "gradients that are not finite are reported here and nowhere else"]
pub struct Stepped {
    /// The Euclidean norm of all gradients together, before clipping; only where clipping is on.
    pub norm: Option<f64>,
    /// The first variable, in the optimizer's order, whose gradient has a NaN or an infinity.
    ///
    /// With clipping on, the norm tells before anything is written: then no variable, no moment
    /// and no step count changed. With clipping off, the CPU's pass over a parameter finds out
    /// while it writes: variable and state are spoilt, and the run has to go back to a
    /// checkpoint. Other devices, where asking costs a synchronization, do not look without
    /// clipping and report `None`.
    pub not_finite: Option<String>,
}

impl WeightDecay {
    fn validate(self, op: &str) -> Result<()> {
        match self {
            Self::Coupled(l) | Self::Decoupled(l) if !(l >= 0.0 && l.is_finite()) => {
                bail!("{op}: weight_decay = {l} is not a number from 0")
            }
            _ => Ok(()),
        }
    }

    /// What is added to the gradient per unit of the parameter, and what the parameter is
    /// multiplied by, in a step of size `lr`.
    fn terms(self, lr: f64) -> (f64, f64) {
        match self {
            Self::None => (0.0, 1.0),
            Self::Coupled(l) => (l, 1.0),
            Self::Decoupled(l) => (0.0, 1.0 - lr * l),
        }
    }
}

/// Refuses a limit that is no limit.
fn validate_max_norm(op: &str, max_grad_norm: Option<f64>) -> Result<()> {
    match max_grad_norm {
        Some(max) if max <= 0.0 || max.is_nan() => {
            bail!("{op}: max_grad_norm = {max} is not a positive number")
        }
        _ => Ok(()),
    }
}

/// Refuses a constant that is not in [0, 1).
fn validate_fraction(op: &str, field: &str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    bail!("{op}: {field} = {value} is not in [0, 1)")
}
