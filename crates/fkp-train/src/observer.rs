//! Who wants to know how the training goes, and may stop it.

use crate::{EpochRecord, Evaluator, TrainError};
use fkp_core::Dataset;
use fkp_metrics::EvaluationReport;
use serde::Serialize;
use std::ops::ControlFlow;

/// A run begins, or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StartReport {
    /// Epochs that the run will have.
    pub epochs: usize,
    /// Epochs that were made before: 0, or more after a resume.
    pub epochs_done: usize,
    /// Steps that were made in the epoch after those.
    pub steps_done: usize,
    /// Steps of the optimizer that were made before.
    pub global_step: usize,
    /// How many numbers are learned.
    pub parameters: usize,
    /// Samples that are learned from.
    pub training_samples: usize,
    /// Samples that the network is judged by.
    pub validation_samples: usize,
}

/// One step of the optimizer was made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StepReport {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Epochs that the run will have.
    pub epochs: usize,
    /// Step within the epoch, from 1.
    pub step: usize,
    /// Steps that the epoch has.
    pub steps: usize,
    /// Samples in this step's batch.
    pub samples: usize,
    /// Steps of the optimizer since the run began, this one included.
    pub global_step: usize,
    /// Mean training loss over the epoch so far.
    pub mean_loss: f64,
    /// Step size of the optimizer in this step.
    pub learning_rate: f64,
    /// Euclidean norm of all gradients before clipping, where it was computed.
    pub grad_norm: Option<f64>,
    /// Seconds that this step waited for its batch.
    pub loader_wait: f64,
}

/// The network was validated within an epoch.
#[derive(Debug, Clone, Copy)]
pub struct ValidationReport<'a> {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Steps made in this epoch.
    pub step: usize,
    /// Steps of the optimizer since the run began.
    pub global_step: usize,
    /// Everything that the validation measured.
    pub validation: &'a EvaluationReport,
    /// Whether the validation loss is the lowest so far.
    pub is_best: bool,
}

/// A training sample could not be read and was left out.
#[derive(Debug, Clone, Copy)]
pub struct Skipped<'a> {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Index of the sample in the training set.
    pub index: usize,
    /// Why.
    pub error: &'a TrainError,
    /// Samples left out in this epoch so far, this one included.
    pub skipped: usize,
    /// How many may be left out in an epoch before the run stops.
    pub allowed: usize,
}

/// An epoch was trained, validated and saved.
#[derive(Clone, Copy)]
pub struct EpochReport<'a> {
    /// Epochs that the run will have.
    pub epochs: usize,
    /// The epoch's figures.
    pub record: &'a EpochRecord,
    /// The figures of every epoch so far, this one last; after a resume from the first one on.
    pub history: &'a [EpochRecord],
    /// Everything that the validation measured.
    pub validation: &'a EvaluationReport,
    /// Whether the validation loss is the lowest so far.
    pub is_best: bool,
    /// The network as it is now, to be tried on anything.
    pub evaluator: Evaluator<'a>,
    /// What it was validated on.
    pub validation_set: &'a dyn Dataset,
    /// Steps of the optimizer since the run began.
    pub global_step: usize,
}

/// Watches a run. Returning `Break` stops it with a checkpoint, from which it can be resumed.
///
/// An implementation writes only the methods whose news it wants.
pub trait Observer {
    /// Before the first step, also of a resumed run.
    fn on_start(&mut self, _report: &StartReport) {}

    /// After each step.
    fn on_step(&mut self, _report: &StepReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// After each validation within an epoch; the one at its end is in [`Self::on_epoch`].
    fn on_validation(&mut self, _report: &ValidationReport<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// After a training sample was left out because it could not be read.
    fn on_skip(&mut self, _report: &Skipped<'_>) {}

    /// After each epoch.
    fn on_epoch(&mut self, _report: &EpochReport<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Why it broke the run off, if that was for an error. Asked after the checkpoint is written;
    /// the run then ends with this error rather than as stopped. The error is handed over once.
    fn failure(&mut self) -> Option<TrainError> {
        None
    }
}

/// Watches nothing.
impl Observer for () {}

/// Several observers, told in order. All are told even if one of them breaks.
pub struct Observers<'a>(pub Vec<&'a mut dyn Observer>);

impl Observer for Observers<'_> {
    fn on_start(&mut self, report: &StartReport) {
        self.0.iter_mut().for_each(|o| o.on_start(report));
    }

    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        tell_all(&mut self.0, |observer| observer.on_step(report))
    }

    fn on_validation(&mut self, report: &ValidationReport<'_>) -> ControlFlow<()> {
        tell_all(&mut self.0, |observer| observer.on_validation(report))
    }

    fn on_skip(&mut self, report: &Skipped<'_>) {
        self.0.iter_mut().for_each(|o| o.on_skip(report));
    }

    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        tell_all(&mut self.0, |observer| observer.on_epoch(report))
    }

    fn failure(&mut self) -> Option<TrainError> {
        self.0.iter_mut().find_map(|observer| observer.failure())
    }
}

fn tell_all(
    observers: &mut [&mut dyn Observer],
    mut tell: impl FnMut(&mut dyn Observer) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut flow = ControlFlow::Continue(());
    for observer in observers {
        if tell(*observer).is_break() {
            flow = ControlFlow::Break(());
        }
    }
    flow
}
