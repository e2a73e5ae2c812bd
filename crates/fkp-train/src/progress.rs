//! How far a run has come.

use crate::{EpochRecord, PlateauState};
use serde::{Deserialize, Serialize};

/// A validation that scored well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Optimizer steps since the run began.
    pub global_step: usize,
    /// Its value of the monitored metric.
    pub score: f64,
}

/// How far a run has come. With weights and moments, everything that the rest depends on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs completed.
    pub epochs_done: usize,
    /// Steps made in the epoch after those.
    pub steps_done: usize,
    /// Steps made in all.
    pub global_step: usize,
    /// Sum of the training loss over the steps of the unfinished epoch.
    pub loss_sum: f64,
    /// Sum of the label weights over those steps.
    pub weight_sum: f64,
    /// Samples of the unfinished epoch that could not be read.
    pub skipped: usize,
    /// The best validation so far, by the monitored metric.
    pub best: Option<Best>,
    /// The best validations whose models are kept, the best first.
    pub kept: Vec<Best>,
    /// Validations since the last improvement, for early stopping.
    pub without_improvement: usize,
    /// What early stopping compares with.
    pub improved_on: Option<f64>,
    /// What the plateau schedule remembers.
    pub plateau: PlateauState,
    /// Wall time of training so far, over all sessions.
    pub seconds: f64,
    /// Figures of the completed epochs.
    pub history: Vec<EpochRecord>,
}
