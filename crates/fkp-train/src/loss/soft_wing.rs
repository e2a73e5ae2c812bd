//! The Soft Wing loss.

use super::definition::{Definition, LossUnit, log_1p};
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// |e| below ω₁ and ω₂ · ln(1 + |e|/ε) + B from there on, with B for which the two meet (Lin et al.
/// 2021, *Structure-Coherent Deep Feature Learning for Robust Face Alignment*): tiny errors, which
/// are often errors of the label, count no more than in MAE, and large errors count less.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SoftWing {
    /// ω₁, in the unit of the error.
    pub inner: f64,
    /// ω₂, a factor.
    pub width: f64,
    /// ε, in the unit of the error.
    pub curvature: f64,
}

impl Default for SoftWing {
    /// ω₁ = 2 px, ω₂ = 20, ε = 0.5 px, which assume pixels of crops of about 256 px.
    fn default() -> Self {
        Self {
            inner: 2.0,
            width: 20.0,
            curvature: 0.5,
        }
    }
}

impl Definition for SoftWing {
    fn parameters(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("inner", self.inner),
            ("width", self.width),
            ("curvature", self.curvature),
        ]
    }

    fn default_unit(&self) -> LossUnit {
        LossUnit::Pixels
    }

    fn of_coordinates(&self, errors: &Tensor) -> Result<Tensor> {
        let size = errors.abs()?;
        let near = size.minimum(self.inner)?;
        let far = size.maximum(self.inner)?;
        let edge = (self.inner / self.curvature).ln_1p();
        near + log_1p(&far, self.curvature)?.affine(self.width, -self.width * edge)?
    }
}
