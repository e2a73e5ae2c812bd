//! The negative log-likelihood of coordinates with a predicted scale.

use super::definition::{Definition, LossInput};
use candle_core::{Result, Tensor};
use fkp_core::Likelihood;
use serde::{Deserialize, Serialize};

/// The negative log-likelihood of the likelihood that the output predicts, see
/// [`CoordinatesWithScale`](crate::CoordinatesWithScale).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Nll;

impl Definition for Nll {
    fn inputs(&self) -> &'static [LossInput] {
        &[LossInput::CoordinatesWithScale]
    }
}

impl Nll {
    /// The loss of each coordinate: |e| / b + ln b for a Laplace likelihood, e² / 2σ² + ln σ for a
    /// Gaussian one. The constant of the likelihood is left out, so a loss may be below 0.
    pub(crate) fn of_coordinates(
        likelihood: Likelihood,
        errors: &Tensor,
        log_scale: &Tensor,
    ) -> Result<Tensor> {
        let distance = match likelihood {
            Likelihood::Gaussian => {
                let precision = log_scale.affine(-2.0, 0.0)?.exp()?;
                (errors.sqr()? * precision)?.affine(0.5, 0.0)?
            }
            Likelihood::Laplace => (errors.abs()? * log_scale.neg()?.exp()?)?,
        };
        distance + log_scale
    }
}
