//! How far a prediction is from its label.

use crate::TrainError;
use serde::{Deserialize, Serialize};

/// How far a prediction is from its label. Labels that are missing weigh nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Mean absolute error, Keras' `mean_absolute_error`.
    #[default]
    Mae,
    /// Mean squared error, Keras' `mean_squared_error`.
    Mse,
}

impl Loss {
    pub(crate) fn validate(&self) -> Result<(), TrainError> {
        Ok(())
    }
}
