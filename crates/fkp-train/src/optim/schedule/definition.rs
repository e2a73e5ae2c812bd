//! What each schedule defines: its factor and the check of its parameters.

use crate::TrainError;
use crate::error::Section;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The position of an optimizer step in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchedulePosition {
    /// Optimizer steps before this one, over all epochs.
    pub step: usize,
    /// Optimizer steps per epoch.
    pub steps_per_epoch: usize,
    /// Optimizer steps of the whole run.
    pub total_steps: usize,
}

/// The state of [`Plateau`](super::Plateau); part of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlateauState {
    /// The best validation loss so far.
    pub best: Option<f64>,
    /// Epochs since then.
    pub bad_epochs: usize,
    /// How often the learning rate has been reduced.
    pub reductions: u32,
}

/// A schedule. Its file implements this.
pub(super) trait Definition {
    /// The factor on the configured learning rate, without the warm-up.
    fn factor(&self, at: SchedulePosition, warmup_steps: usize, plateau: &PlateauState) -> f64;

    /// Refuses invalid parameters.
    fn validate(&self) -> Result<(), TrainError> {
        Ok(())
    }

    /// Whether the factors depend on the length of the run.
    fn depends_on_length(&self) -> bool {
        false
    }

    /// Updates the state with the validation loss of an epoch.
    fn observe(&self, _state: &mut PlateauState, _val_loss: f64) {}
}

/// The section of the configuration that a schedule is read from.
pub(super) const SECTION: Section<'_> = Section("train.schedule");

/// From `start` at 0 to `end` at 1, and `end` from there on.
pub(super) fn half_cosine(start: f64, end: f64, progress: f64) -> f64 {
    end + (start - end) * (1.0 + (PI * progress.min(1.0)).cos()) / 2.0
}

pub(super) fn power(factor: f64, times: usize) -> f64 {
    factor.powi(i32::try_from(times).unwrap_or(i32::MAX))
}
