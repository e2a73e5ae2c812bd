//! A part of a gradient.

use candle_core::{Result, Tensor};

use super::factors::Factors;

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
