//! Who wants to know how the training goes, and may stop it.

use crate::EpochRecord;
use fkp_metrics::EvaluationReport;
use std::ops::ControlFlow;

/// One step of the optimiser was made.
#[derive(Debug, Clone, Copy)]
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
    /// Mean training loss over the epoch so far.
    pub mean_loss: f64,
}

/// An epoch was trained, validated and saved.
#[derive(Debug, Clone, Copy)]
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
}

/// Watches a run. Returning `Break` stops it with a checkpoint, from which it can be resumed.
pub trait Observer {
    /// After each step.
    fn on_step(&mut self, _report: &StepReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// After each epoch.
    fn on_epoch(&mut self, _report: &EpochReport<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Watches nothing.
impl Observer for () {}

/// Several observers, told in order. All are told even if one of them breaks.
pub struct Observers<'a>(pub Vec<&'a mut dyn Observer>);

impl Observer for Observers<'_> {
    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        tell_all(&mut self.0, |observer| observer.on_step(report))
    }

    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        tell_all(&mut self.0, |observer| observer.on_epoch(report))
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
