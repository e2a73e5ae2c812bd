//! The training loop: epochs of optimizer steps, with validation, checkpoints and observers.

use super::history::SourceLoss;
use super::outcome::{StopReason, TrainOutcome};
use super::progress::LossSum;
use super::run::Run;
use super::validation::Validation;
use crate::data::{SkippedSample, Sources, StepBatches};
use crate::parallel::sum_over_ranks;
use crate::{
    EpochRecord, EpochReport, Observer, OnUnreadable, SkipReport, StartReport, StepReport,
    TrainError, ValidationReport,
};
use fkp_metrics::{EvaluationReport, Normalizer};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Instant;

/// What the record of an epoch needs of its steps.
struct EpochStats {
    started: Instant,
    /// Without validations.
    training_seconds: f64,
    /// Of the validations between the steps.
    validation_seconds: f64,
    samples: usize,
    loader_wait: f64,
    /// Seconds that all threads together spent on samples.
    loader_busy: f64,
    /// Of the last step.
    learning_rate: f64,
}

impl Run<'_> {
    /// Trains until the run ends.
    pub(super) fn train(mut self, observer: &mut dyn Observer) -> Result<TrainOutcome, TrainError> {
        let mut no_observer = ();
        let observer = match self.trainer.communicator.rank() {
            0 => observer,
            _ => &mut no_observer,
        };
        let parameters = self.trainer.params.named();
        observer.on_start(&StartReport {
            epochs: self.trainer.config.epochs,
            epochs_done: self.progress.epochs_done,
            steps_done: self.progress.steps_done,
            global_step: self.progress.global_step,
            parameters: parameters.iter().map(|(_, var)| var.elem_count()).sum(),
            training_samples: self.plan.train.len(),
            validation_samples: self.plan.validation.len(),
        });
        let stop_reason = loop {
            if self.is_out_of_patience() {
                break StopReason::EarlyStopping;
            }
            if self.progress.epochs_done >= self.trainer.config.epochs {
                break StopReason::Finished;
            }
            if let ControlFlow::Break(reason) = self.epoch(observer)? {
                break reason;
            }
        };
        // First: whether there is a checkpoint is more important than what an observer failed to write.
        if let Some(checkpoints) = self.checkpoints.take() {
            checkpoints.finish()?;
        }
        if let Some(error) = observer.failure() {
            return Err(error);
        }
        let is_over = matches!(
            stop_reason,
            StopReason::EarlyStopping | StopReason::Finished
        );
        if let Some(best) = self.best_weights.as_ref().filter(|_| is_over) {
            self.trainer.params.load(best)?;
        }
        Ok(TrainOutcome {
            stop_reason,
            progress: self.progress,
        })
    }

    fn epoch(
        &mut self,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<StopReason>, TrainError> {
        let mut stats = EpochStats {
            started: Instant::now(),
            training_seconds: 0.0,
            validation_seconds: 0.0,
            samples: 0,
            loader_wait: 0.0,
            loader_busy: 0.0,
            learning_rate: 0.0,
        };
        let flow = self.train_epoch(observer, &mut stats)?;
        self.losses.read(&mut self.progress, self.trainer)?;
        if self.progress.steps_done < self.steps_per_epoch {
            self.save()?;
            return Ok(flow);
        }
        if self.progress.weight_sum == 0.0 {
            return Err(TrainError::NoLabels { split: "training" });
        }
        stats.training_seconds = stats.started.elapsed().as_secs_f64() - stats.validation_seconds;
        let Validation { metrics, is_best } = self.validate(self.progress.epochs_done + 1)?;
        self.complete_epoch(&metrics, &stats);
        self.save()?;
        let Some(record) = self.progress.history.last() else {
            return Ok(flow);
        };
        let report = EpochReport {
            epochs: self.trainer.config.epochs,
            record,
            history: &self.progress.history,
            validation: &metrics,
            is_best,
            evaluator: self.trainer.evaluator(),
            validation_set: &*self.plan.validation,
            global_step: self.progress.global_step,
            loader_fraction: self.loader_fraction(&stats),
        };
        let observed = self.with_averaged_weights(|| observer.on_epoch(&report))?;
        let stopped = self.on_any_rank(observed.is_break())?;
        Ok(match flow {
            // After the last epoch a run is finished, even if something else stopped it.
            _ if self.progress.epochs_done >= self.trainer.config.epochs => {
                ControlFlow::Continue(())
            }
            ControlFlow::Continue(()) if stopped => ControlFlow::Break(StopReason::Observer),
            flow => flow,
        })
    }

    /// Makes the remaining steps of the epoch, unless something stops the run.
    fn train_epoch(
        &mut self,
        observer: &mut dyn Observer,
        stats: &mut EpochStats,
    ) -> Result<ControlFlow<StopReason>, TrainError> {
        let steps = self.plan.steps(self.progress.epochs_done)?;
        let mut flow = ControlFlow::Continue(());
        // The loader must not borrow the run, which changes with every step.
        let plan = Rc::clone(&self.plan);
        let loader = plan.loader(self.progress.epochs_done);
        loader.for_each(&steps[self.progress.steps_done..], |step| {
            flow = self.train_step(step, observer, stats)?;
            Ok(match flow {
                ControlFlow::Continue(()) => ControlFlow::Continue(()),
                ControlFlow::Break(_) => ControlFlow::Break(()),
            })
        })?;
        stats.loader_busy += loader.busy.seconds();
        Ok(flow)
    }

    /// The fraction of the training time that the samples cost. On the CPU, loader and network share
    /// the threads, so that a slow loader makes the steps slower and they seldom wait for it.
    fn loader_fraction(&self, stats: &EpochStats) -> f64 {
        let waiting = stats.loader_wait / stats.training_seconds;
        let threads = rayon::current_num_threads() as f64;
        match self.trainer.params.device().is_cpu() {
            true => waiting.max(stats.loader_busy / (threads * stats.training_seconds)),
            false => waiting,
        }
    }

    /// Makes an optimizer step, and validates and saves if that is due.
    fn train_step(
        &mut self,
        mut step: StepBatches,
        observer: &mut dyn Observer,
        stats: &mut EpochStats,
    ) -> Result<ControlFlow<StopReason>, TrainError> {
        let config = &self.trainer.config;
        let epoch = self.progress.epochs_done + 1;
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.check()?;
        }
        self.progress.steps_done += 1;
        self.report_skipped(std::mem::take(&mut step.skipped), observer)?;
        let learning_rate = self.learning_rate();
        let grad_norm = self.optimizer_step(&step, learning_rate)?;
        self.progress.global_step += 1;
        let own: usize = step.batches.iter().map(|batch| batch.indices.len()).sum();
        let samples = sum_over_ranks(own as f64, self.trainer.communicator)? as usize;
        stats.samples += samples;
        stats.loader_wait += step.loader_wait;
        stats.learning_rate = learning_rate;
        let (steps_done, steps) = (self.progress.steps_done, self.steps_per_epoch);
        let mut flow = observer.on_step(&StepReport {
            epoch,
            epochs: config.epochs,
            step: steps_done,
            steps,
            samples,
            global_step: self.progress.global_step,
            mean_loss: self.progress.mean_loss(),
            learning_rate,
            grad_norm,
            loader_wait: step.loader_wait,
        });
        // The last step of an epoch is followed by validation and checkpoint anyway.
        let is_due = |every: Option<usize>| {
            let is_multiple = |n| self.progress.global_step.is_multiple_of(n);
            every.is_some_and(is_multiple) && steps_done < steps
        };
        let (validate, save) = (
            is_due(config.validate_every),
            is_due(config.checkpoint_every),
        );
        if validate {
            let started = Instant::now();
            let Validation { metrics, is_best } = self.validate(epoch)?;
            stats.validation_seconds += started.elapsed().as_secs_f64();
            let report = ValidationReport {
                epoch,
                step: steps_done,
                global_step: self.progress.global_step,
                validation: &metrics,
                is_best,
            };
            if observer.on_validation(&report).is_break() {
                flow = ControlFlow::Break(());
            }
        }
        if validate || save {
            self.losses.read(&mut self.progress, self.trainer)?;
            self.save()?;
        }
        let out_of_time = config
            .max_minutes
            .is_some_and(|minutes| self.seconds() > 60.0 * minutes);
        Ok(if self.on_any_rank(flow.is_break())? {
            ControlFlow::Break(StopReason::Observer)
        } else if self.on_any_rank(out_of_time)? {
            ControlFlow::Break(StopReason::TimeLimit)
        } else if validate && self.is_out_of_patience() {
            ControlFlow::Break(StopReason::EarlyStopping)
        } else {
            ControlFlow::Continue(())
        })
    }

    /// Counts the skipped samples of all ranks, and reports those of this one. The rank whose sample
    /// exceeds the limit ends the run.
    fn report_skipped(
        &mut self,
        samples: Vec<SkippedSample>,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let OnUnreadable::Skip { max_per_epoch } = self.trainer.config.on_unreadable else {
            return Ok(());
        };
        let epoch = self.progress.epochs_done + 1;
        let own = samples.len();
        let all = sum_over_ranks(own as f64, self.trainer.communicator)? as usize;
        self.progress.skipped += all;
        let before = self.progress.skipped - own;
        for (number, SkippedSample { index, error }) in samples.into_iter().enumerate() {
            let skipped = before + number + 1;
            observer.on_skip(&SkipReport {
                epoch,
                index,
                error: &error,
                skipped,
                allowed: max_per_epoch,
            });
            if skipped > max_per_epoch {
                return Err(TrainError::TooManyUnreadable {
                    epoch,
                    skipped,
                    allowed: max_per_epoch,
                    index,
                    source: Box::new(error),
                });
            }
        }
        Ok(())
    }

    /// Adds the record of the epoch to the history, and moves the progress to the next epoch.
    fn complete_epoch(&mut self, validation: &EvaluationReport, stats: &EpochStats) {
        let progress = &mut self.progress;
        let preferred = Normalizer::preferred(&self.trainer.task.schema);
        progress.history.push(EpochRecord {
            epoch: progress.epochs_done + 1,
            train_loss: progress.loss_sum / progress.weight_sum.max(1.0),
            val_loss: validation.loss.unwrap_or(f64::NAN),
            mae_px: validation.mae_px,
            rmse_px: validation.rmse_px,
            nme: validation.nme.by(preferred.name()),
            learning_rate: stats.learning_rate,
            seconds: stats.started.elapsed().as_secs_f64(),
            samples_per_second: stats.samples as f64 / stats.training_seconds,
            loader_wait_seconds: stats.loader_wait,
            skipped: progress.skipped,
            sources: source_losses(&self.trainer.sources, &progress.sources),
        });
        progress.epochs_done += 1;
        progress.restart_epoch();
    }
}

fn source_losses(sources: &Sources, sums: &[LossSum]) -> Vec<SourceLoss> {
    let losses = sources.0.iter().zip(sums).map(|(source, sum)| SourceLoss {
        name: source.name.clone(),
        train_loss: sum.mean(),
    });
    losses.collect()
}
