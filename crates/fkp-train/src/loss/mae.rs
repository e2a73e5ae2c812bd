//! The mean absolute error.

use super::definition::Definition;
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// |e|, Keras' `mean_absolute_error`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Mae;

impl Definition for Mae {
    fn of_coordinates(&self, errors: &Tensor) -> Result<Tensor> {
        errors.abs()
    }
}
