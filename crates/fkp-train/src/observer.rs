//! Callbacks of the training loop; an observer can stop the run.

use crate::{EpochRecord, Evaluator, TrainError};
use fkp_core::Dataset;
use fkp_metrics::EvaluationReport;
use serde::Serialize;
use std::ops::ControlFlow;

/// A run starts or is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StartReport {
    /// Number of epochs of the run.
    pub epochs: usize,
    /// Epochs completed before: 0, or more after a resume.
    pub epochs_done: usize,
    /// Optimizer steps made in the unfinished epoch.
    pub steps_done: usize,
    /// Optimizer steps made before.
    pub global_step: usize,
    /// Number of trainable parameters.
    pub parameters: usize,
    /// Samples in the training set.
    pub training_samples: usize,
    /// Samples in the validation set.
    pub validation_samples: usize,
}

/// An optimizer step was made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StepReport {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Number of epochs of the run.
    pub epochs: usize,
    /// Step within the epoch, from 1.
    pub step: usize,
    /// Optimizer steps per epoch.
    pub steps: usize,
    /// Samples of this step, of all ranks.
    pub samples: usize,
    /// Optimizer steps since the start of the run, including this one.
    pub global_step: usize,
    /// Mean training loss over the epoch so far; `None` before the first loss is read: on an
    /// accelerator, the losses of several steps are read together.
    pub mean_loss: Option<f64>,
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// Global norm of the gradients before clipping; present if gradients are clipped.
    pub grad_norm: Option<f64>,
    /// Seconds that this step spent waiting for its batches.
    pub loader_wait: f64,
}

/// The network was validated in the middle of an epoch.
#[derive(Debug, Clone, Copy)]
pub struct ValidationReport<'a> {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Optimizer steps made in this epoch.
    pub step: usize,
    /// Optimizer steps since the start of the run.
    pub global_step: usize,
    /// The validation metrics.
    pub validation: &'a EvaluationReport,
    /// Whether the monitored metric has its best value so far.
    pub is_best: bool,
}

/// A training sample could not be read and was skipped.
#[derive(Debug, Clone, Copy)]
pub struct SkipReport<'a> {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Index of the sample in the training set.
    pub index: usize,
    /// Why.
    pub error: &'a TrainError,
    /// Samples skipped in this epoch so far, including this one.
    pub skipped: usize,
    /// Samples that may be skipped per epoch before the run stops.
    pub allowed: usize,
}

/// An epoch was trained, validated and saved.
#[derive(Clone, Copy)]
pub struct EpochReport<'a> {
    /// Number of epochs of the run.
    pub epochs: usize,
    /// The metrics of the epoch.
    pub record: &'a EpochRecord,
    /// The metrics of all epochs so far, including those before a resume and this one.
    pub history: &'a [EpochRecord],
    /// The validation metrics.
    pub validation: &'a EvaluationReport,
    /// Whether the monitored metric has its best value so far.
    pub is_best: bool,
    /// Evaluates the current network on any data set.
    pub evaluator: Evaluator<'a>,
    /// The validation set.
    pub validation_set: &'a dyn Dataset,
    /// Optimizer steps since the start of the run.
    pub global_step: usize,
    /// The fraction of the epoch's training time, without the validation, that reading and
    /// augmenting the samples cost: the time that the steps spent waiting for their batches or, on
    /// the CPU, the loader's share of the threads' time if that is more.
    pub loader_fraction: f64,
}

/// Callbacks of the training loop. Returning `Break` stops the run with a checkpoint, from which it
/// can be resumed. All methods have defaults that do nothing.
pub trait Observer {
    /// Called before the first step of a new or resumed run.
    fn on_start(&mut self, _report: &StartReport) {}

    /// Called after each optimizer step.
    fn on_step(&mut self, _report: &StepReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Called after each validation in the middle of an epoch; [`Self::on_epoch`] reports the one
    /// at its end.
    fn on_validation(&mut self, _report: &ValidationReport<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Called after a training sample was skipped because it could not be read.
    fn on_skip(&mut self, _report: &SkipReport<'_>) {}

    /// Called after each epoch. Its checkpoint is complete later: another thread writes it, and `fit`
    /// returns when all files are written.
    fn on_epoch(&mut self, _report: &EpochReport<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// The error for which the observer stopped the run, if any. Called after the checkpoint is
    /// written; the run then ends with this error. Later calls return `None`.
    fn failure(&mut self) -> Option<TrainError> {
        None
    }
}

/// Does nothing.
impl Observer for () {}

/// Several observers, called in order. All are called even if one of them returns `Break`.
pub struct Observers<'a>(pub Vec<&'a mut dyn Observer>);

impl Observer for Observers<'_> {
    fn on_start(&mut self, report: &StartReport) {
        self.0.iter_mut().for_each(|o| o.on_start(report));
    }

    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        call_all(&mut self.0, |observer| observer.on_step(report))
    }

    fn on_validation(&mut self, report: &ValidationReport<'_>) -> ControlFlow<()> {
        call_all(&mut self.0, |observer| observer.on_validation(report))
    }

    fn on_skip(&mut self, report: &SkipReport<'_>) {
        self.0.iter_mut().for_each(|o| o.on_skip(report));
    }

    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        call_all(&mut self.0, |observer| observer.on_epoch(report))
    }

    fn failure(&mut self) -> Option<TrainError> {
        self.0.iter_mut().find_map(|observer| observer.failure())
    }
}

fn call_all(
    observers: &mut [&mut dyn Observer],
    mut call: impl FnMut(&mut dyn Observer) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut flow = ControlFlow::Continue(());
    for observer in observers {
        if call(*observer).is_break() {
            flow = ControlFlow::Break(());
        }
    }
    flow
}
