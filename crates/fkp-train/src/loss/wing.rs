//! The Wing loss.

use super::definition::{Definition, LossUnit, log_1p};
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// w · ln(1 + |e|/ε) below w and |e| − C from there on, with C for which the two meet (Feng et al.
/// 2018, equation 5): small errors count more than in MAE.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wing {
    /// w, in the unit of the error.
    pub width: f64,
    /// ε, in the unit of the error.
    pub curvature: f64,
}

impl Default for Wing {
    /// w = 10 px and ε = 2 px, the paper's for crops of 64 px; they assume pixels.
    fn default() -> Self {
        Self {
            width: 10.0,
            curvature: 2.0,
        }
    }
}

impl Definition for Wing {
    fn parameters(&self) -> Vec<(&'static str, f64)> {
        vec![("width", self.width), ("curvature", self.curvature)]
    }

    fn default_unit(&self) -> LossUnit {
        LossUnit::Pixels
    }

    fn of_coordinates(&self, errors: &Tensor) -> Result<Tensor> {
        let size = errors.abs()?;
        let near = size.minimum(self.width)?;
        let beyond = (size - &near)?;
        log_1p(&near, self.curvature)?.affine(self.width, 0.0)? + beyond
    }
}
