//! Reduction of the learning rate on a plateau of the validation loss.

use super::definition::{Definition, PlateauState, SECTION, SchedulePosition, power};
use crate::TrainError;
use serde::{Deserialize, Serialize};

/// Multiplies the rate by `factor` when the validation loss has not improved for more than
/// `patience` epochs, PyTorch's `ReduceLROnPlateau`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plateau {
    /// In (0, 1).
    pub factor: f64,
    /// Epochs without improvement before the rate is reduced.
    pub patience: usize,
    /// How much lower than the best a loss must be to count as an improvement, as a fraction of
    /// the best's absolute value (a negative log-likelihood may be below 0).
    pub min_delta: f64,
    /// Lower limit of the factor, in [0, 1].
    pub floor: f64,
}

impl Default for Plateau {
    /// PyTorch's defaults.
    fn default() -> Self {
        Self {
            factor: 0.1,
            patience: 10,
            min_delta: 1e-4,
            floor: 0.0,
        }
    }
}

impl Definition for Plateau {
    fn factor(&self, _: SchedulePosition, _: usize, plateau: &PlateauState) -> f64 {
        power(self.factor, plateau.reductions as usize).max(self.floor)
    }

    fn validate(&self) -> Result<(), TrainError> {
        let is_valid = self.factor > 0.0 && self.factor < 1.0;
        SECTION.check("factor", is_valid, "above 0 and below 1", self.factor)?;
        SECTION.fraction("min_delta", self.min_delta)?;
        let is_valid = (0.0..=1.0).contains(&self.floor);
        SECTION.check("floor", is_valid, "in 0..=1", self.floor)
    }

    fn observe(&self, state: &mut PlateauState, val_loss: f64) {
        let improved = state
            .best
            .is_none_or(|best| val_loss < best - self.min_delta * best.abs());
        if improved {
            state.best = Some(val_loss);
            state.bad_epochs = 0;
        } else {
            state.bad_epochs += 1;
        }
        if state.bad_epochs > self.patience {
            state.bad_epochs = 0;
            state.reductions += 1;
        }
    }
}
