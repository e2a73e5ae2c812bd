//! What follows from a validation, and what is written to disk.

use super::{Effort, Run};
use crate::checkpoint::Trained;
use crate::communicator::sum_over_ranks;
use crate::fit::Fit;
use crate::{Best, EarlyStopping, EpochRecord, Position, Restore, TrainError};
use candle_core::Tensor;
use fkp_core::Direction;
use fkp_metrics::{Evaluation, EvaluationReport, Normalizer};
use std::collections::BTreeMap;
use std::time::Instant;

/// Which values of the monitored metric are better.
///
/// # Errors
/// If there is no metric of that name, with those there are.
pub(super) fn direction(fit: &Fit<'_>) -> Result<Direction, TrainError> {
    let evaluation = Evaluation::new(&fit.task.schema, fit.task.input.frame());
    let names = evaluation.with_metrics((fit.metrics)()).names();
    let monitor = &fit.config.monitor;
    match names.iter().find(|(name, _)| name == monitor) {
        Some((_, direction)) => Ok(*direction),
        None => {
            let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
            Err(TrainError::Config {
                field: "train.monitor".to_owned(),
                problem: format!(
                    "there is no metric `{monitor}`; there are: {}",
                    names.join(", ")
                ),
            })
        }
    }
}

impl Run<'_> {
    /// Scores the validation set during `epoch` (from 1), and draws the consequences: the best
    /// model is kept, patience grows shorter. Whether this is the best so far.
    pub(super) fn validate(
        &mut self,
        epoch: usize,
    ) -> Result<(EvaluationReport, bool), TrainError> {
        let evaluator = self.fit.evaluator();
        let report = self.averaged(|| evaluator.run(&*self.plan.validation, |_| {}))??;
        let split = "validation";
        let val_loss = report.loss.ok_or(TrainError::NoLabels { split })?;
        if !val_loss.is_finite() {
            let loss = val_loss;
            return Err(TrainError::ValidationNotFinite { loss, epoch });
        }
        let monitor = &self.fit.config.monitor;
        let score = report
            .value(monitor)
            .ok_or(TrainError::NoLabels { split })?;
        let scored = Best {
            epoch,
            global_step: self.progress.global_step,
            score,
        };
        let cost = self.cost(score);
        let best = self.progress.best;
        let is_best = best.is_none_or(|best| cost < self.cost(best.score));
        self.keep(scored, is_best)?;
        self.progress
            .plateau
            .observe(&self.fit.config.schedule, cost);
        let min_delta = self
            .fit
            .config
            .early_stopping
            .map_or(0.0, |early| early.min_delta);
        match self.progress.improved_on {
            Some(bar) if cost >= bar - min_delta => self.progress.without_improvement += 1,
            _ => {
                self.progress.improved_on = Some(cost);
                self.progress.without_improvement = 0;
            }
        }
        Ok((report, is_best))
    }

    /// A value of the monitored metric as a cost: lower is better.
    fn cost(&self, score: f64) -> f64 {
        match self.direction {
            Direction::LowerIsBetter => score,
            Direction::HigherIsBetter => -score,
        }
    }

    /// Writes the model if it is among the best that are kept, and removes the one it displaces.
    fn keep(&mut self, scored: Best, is_best: bool) -> Result<(), TrainError> {
        let most = self.fit.config.keep_best;
        let cost = self.cost(scored.score);
        let kept = &self.progress.kept;
        let place = kept.partition_point(|other| self.cost(other.score) <= cost);
        let kept = &mut self.progress.kept;
        kept.insert(place, scored);
        let displaced = kept.split_off(most.min(kept.len()));
        if is_best {
            self.progress.best = Some(scored);
        }
        let weights = self.averaged_weights();
        if is_best && self.wants_the_best() {
            let copy = |(name, tensor): (&String, &Tensor)| Ok((name.clone(), tensor.copy()?));
            let copied: Result<_, TrainError> = weights.iter().map(copy).collect();
            self.best_weights = Some(copied?);
        }
        let Some(checkpoints) = self.checkpoints() else {
            return Ok(());
        };
        if most > 1 && place < most {
            checkpoints.save_weights(&checkpoints.kept(&scored), weights.clone())?;
        }
        if is_best {
            checkpoints.save_weights(&checkpoints.best(), weights)?;
        }
        for old in displaced.iter().filter(|old| **old != scored) {
            // It may be gone already: removed before the run was killed and resumed.
            let _ = std::fs::remove_file(checkpoints.kept(old));
        }
        Ok(())
    }

    /// Moves the progress to the next epoch. `times` are its start and its seconds of training.
    pub(super) fn complete_epoch(
        &mut self,
        validation: &EvaluationReport,
        (started, trained): (Instant, f64),
        effort: &Effort,
    ) {
        let progress = &mut self.progress;
        let preferred = Normalizer::preferred(&self.fit.task.schema);
        progress.history.push(EpochRecord {
            epoch: progress.epochs_done + 1,
            train_loss: progress.loss_sum / progress.weight_sum.max(1.0),
            val_loss: validation.loss.unwrap_or(f64::NAN),
            mae_px: validation.mae_px,
            rmse_px: validation.rmse_px,
            nme: validation.nme.by(preferred.name()),
            learning_rate: effort.learning_rate,
            seconds: started.elapsed().as_secs_f64(),
            samples_per_second: effort.samples as f64 / trained,
            loader_wait_seconds: effort.loader_wait,
            skipped: progress.skipped,
        });
        progress.epochs_done += 1;
        (progress.steps_done, progress.skipped) = (0, 0);
        (progress.loss_sum, progress.weight_sum) = (0.0, 0.0);
    }

    /// Writes everything that a resume needs, and the newest model.
    pub(crate) fn save(&mut self) -> Result<(), TrainError> {
        self.progress.seconds = self.seconds();
        let Some(checkpoints) = self.checkpoints() else {
            return Ok(());
        };
        checkpoints.save_weights(&checkpoints.last(), self.averaged_weights())?;
        let identity = self.fit.identity(checkpoints);
        let trained = Trained {
            params: self.fit.params,
            average: self.average.as_ref(),
        };
        checkpoints.save_state(trained, &self.optimizer, identity, &self.progress)
    }

    /// The learning rate of the next step.
    pub(super) fn learning_rate(&self) -> f64 {
        let config = self.fit.config;
        let at = Position {
            step: self.progress.global_step,
            steps_per_epoch: self.steps_per_epoch,
            total_steps: self.steps_per_epoch * config.epochs,
        };
        let factor = config
            .schedule
            .factor(at, config.warmup_steps, &self.progress.plateau);
        config.learning_rate * factor
    }

    /// Whether early stopping has lost its patience.
    pub(super) fn gave_up(&self) -> bool {
        let early = self.fit.config.early_stopping;
        early.is_some_and(|early| self.progress.without_improvement >= early.patience)
    }

    pub(super) fn wants_the_best(&self) -> bool {
        let early = self.fit.config.early_stopping;
        matches!(
            early,
            Some(EarlyStopping {
                restore: Restore::Best,
                ..
            })
        )
    }

    /// Seconds of training so far, over all sessions.
    pub(super) fn seconds(&self) -> f64 {
        self.clock.0.elapsed().as_secs_f64() + self.clock.1
    }

    /// Whether any rank says so: all stop together or none.
    pub(super) fn agreed(&self, own: bool) -> Result<bool, TrainError> {
        let count = sum_over_ranks(f64::from(u8::from(own)), self.fit.communicator)?;
        Ok(count > 0.0)
    }

    /// Calls `f` while the network has the weights that validation scores.
    pub(super) fn averaged<T>(&self, f: impl FnOnce() -> T) -> Result<T, TrainError> {
        Ok(match &self.average {
            Some(average) => average.during(self.fit.params, f)?,
            None => f(),
        })
    }

    fn averaged_weights(&self) -> BTreeMap<String, Tensor> {
        match &self.average {
            Some(average) => average.tensors(),
            None => self.fit.params.tensors(),
        }
    }

    /// Where to write: the first rank alone does.
    fn checkpoints(&self) -> Option<&crate::Checkpoints> {
        let first = self.fit.communicator.rank() == 0;
        self.fit.checkpoints.filter(|_| first)
    }
}
