//! The mean squared error.

use super::definition::{Definition, LossInput};
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// e², Keras' `mean_squared_error`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Mse;

impl Definition for Mse {
    fn inputs(&self) -> &'static [LossInput] {
        &[LossInput::Coordinates, LossInput::Heatmap]
    }

    fn of_coordinates(&self, errors: &Tensor) -> Result<Tensor> {
        errors.sqr()
    }

    fn of_heatmap(&self, differences: &Tensor, _: &Tensor) -> Result<Tensor> {
        differences.sqr()
    }
}
