//! Decay every few epochs.

use super::definition::{Definition, PlateauState, SECTION, SchedulePosition, power};
use crate::TrainError;
use serde::{Deserialize, Serialize};

/// Multiplies the rate by `factor` every `every_epochs` epochs, PyTorch's `StepLR`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepDecay {
    /// Epochs between two changes.
    pub every_epochs: usize,
    /// In (0, 1].
    #[serde(default = "tenth")]
    pub factor: f64,
}

fn tenth() -> f64 {
    0.1
}

impl Definition for StepDecay {
    fn factor(&self, at: SchedulePosition, _: usize, _: &PlateauState) -> f64 {
        let epoch = at.step / at.steps_per_epoch.max(1);
        power(self.factor, epoch / self.every_epochs.max(1))
    }

    fn validate(&self) -> Result<(), TrainError> {
        SECTION.check("every_epochs", self.every_epochs > 0, "at least 1", 0.0)?;
        let is_valid = self.factor > 0.0 && self.factor <= 1.0;
        SECTION.check("factor", is_valid, "above 0 and at most 1", self.factor)
    }
}
