//! The smooth L1 loss.

use super::definition::{Definition, LossUnit};
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// e² / 2β below β and |e| − β/2 from there on, PyTorch's `smooth_l1_loss` (Girshick 2015).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmoothL1 {
    /// β, in the unit of the error.
    pub beta: f64,
}

impl Default for SmoothL1 {
    /// β = 1, PyTorch's default.
    fn default() -> Self {
        Self { beta: 1.0 }
    }
}

impl Definition for SmoothL1 {
    fn parameters(&self) -> Vec<(&'static str, f64)> {
        vec![("beta", self.beta)]
    }

    fn default_unit(&self) -> LossUnit {
        LossUnit::Pixels
    }

    fn of_coordinates(&self, errors: &Tensor) -> Result<Tensor> {
        let size = errors.abs()?;
        let near = size.minimum(self.beta)?;
        let beyond = (size - &near)?;
        near.sqr()?.affine(0.5 / self.beta, 0.0)? + beyond
    }
}
