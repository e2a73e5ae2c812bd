//! Cosine annealing.

use super::definition::{Definition, PlateauState, SECTION, SchedulePosition, half_cosine};
use crate::TrainError;
use serde::{Deserialize, Serialize};

/// Half a cosine from 1 at the end of the warm-up to `floor` at the end of the run (Loshchilov &
/// Hutter 2017, without restarts), PyTorch's `CosineAnnealingLR`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cosine {
    /// The factor at the end, in [0, 1].
    pub floor: f64,
}

impl Definition for Cosine {
    fn factor(&self, at: SchedulePosition, warmup_steps: usize, _: &PlateauState) -> f64 {
        let steps = at.total_steps.saturating_sub(warmup_steps);
        let done = at.step.saturating_sub(warmup_steps);
        half_cosine(1.0, self.floor, done as f64 / steps.max(1) as f64)
    }

    fn validate(&self) -> Result<(), TrainError> {
        let is_valid = (0.0..=1.0).contains(&self.floor);
        SECTION.check("floor", is_valid, "in 0..=1", self.floor)
    }

    fn depends_on_length(&self) -> bool {
        true
    }
}
