//! The progress of a run.

use crate::{EpochRecord, PlateauState};
use serde::{Deserialize, Serialize};

/// The score of a validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BestScore {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Optimizer steps since the start of the run.
    pub global_step: usize,
    /// Value of the monitored metric.
    pub score: f64,
}

/// The training loss of some samples, as a sum.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LossSum {
    /// Sum of the loss.
    pub loss: f64,
    /// Sum of the label weights.
    pub weight: f64,
}

impl LossSum {
    /// The mean loss of a labeled value; `None` if there is none.
    pub fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.loss / self.weight)
    }
}

/// The progress of a run: with the weights and the optimizer's state, everything that a resume
/// needs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs completed.
    pub epochs_done: usize,
    /// Optimizer steps made in the unfinished epoch.
    pub steps_done: usize,
    /// Optimizer steps since the start of the run.
    pub global_step: usize,
    /// Sum of the training loss over the unfinished epoch.
    pub loss_sum: f64,
    /// Sum of the label weights over the unfinished epoch.
    pub weight_sum: f64,
    /// The same sums for each source of the training set, if it has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<LossSum>,
    /// Samples of the unfinished epoch that were skipped because they could not be read.
    pub skipped: usize,
    /// The best validation so far, by the monitored metric.
    pub best: Option<BestScore>,
    /// The validations whose models are kept, the best first.
    pub kept: Vec<BestScore>,
    /// Validations since the last improvement, for early stopping.
    pub validations_without_improvement: usize,
    /// The best value that early stopping compares with, negated if higher is better.
    pub early_stopping_best: Option<f64>,
    /// The state of the plateau schedule.
    pub plateau: PlateauState,
    /// Wall time of training so far, in seconds, including the time before a resume.
    pub seconds: f64,
    /// The metrics of the completed epochs.
    pub history: Vec<EpochRecord>,
}

impl Progress {
    /// The mean training loss over the epoch so far; `None` if no loss was read.
    pub(crate) fn mean_loss(&self) -> Option<f64> {
        (self.weight_sum > 0.0).then(|| self.loss_sum / self.weight_sum.max(1.0))
    }

    /// Sets what was summed over the unfinished epoch to zero.
    pub(crate) fn restart_epoch(&mut self) {
        (self.steps_done, self.skipped) = (0, 0);
        (self.loss_sum, self.weight_sum) = (0.0, 0.0);
        self.sources.fill(LossSum::default());
    }
}
