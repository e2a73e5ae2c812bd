//! Validation during a run: the best models, early stopping and the plateau schedule.

use super::progress::BestScore;
use super::run::Run;
use crate::TrainError;
use fkp_metrics::EvaluationReport;

/// The result of a validation.
pub(super) struct Validation {
    pub(super) metrics: EvaluationReport,
    /// Whether the monitored metric has its best value so far.
    pub(super) is_best: bool,
}

impl Run<'_> {
    /// Evaluates the validation set in `epoch` (from 1), saves the model if it is one of the best,
    /// and updates early stopping and schedule.
    pub(super) fn validate(&mut self, epoch: usize) -> Result<Validation, TrainError> {
        let evaluator = self.trainer.evaluator();
        let evaluator = evaluator.communicator(self.trainer.communicator);
        let metrics =
            self.with_averaged_weights(|| evaluator.run(&*self.plan.validation, |_| {}))??;
        let split = "validation";
        let loss = metrics.loss.ok_or(TrainError::NoLabels { split })?;
        if !loss.is_finite() {
            return Err(TrainError::ValidationLossNotFinite { loss, epoch });
        }
        let score = metrics.value(&self.trainer.config.monitor);
        let score = score.ok_or(TrainError::NoLabels { split })?;
        if !score.is_finite() {
            return Err(TrainError::MonitorNotFinite {
                monitor: self.trainer.config.monitor.clone(),
                value: score,
                epoch,
            });
        }
        let cost = self.cost(score);
        let best = self.progress.best;
        let is_best = best.is_none_or(|best| cost < self.cost(best.score));
        let scored = BestScore {
            epoch,
            global_step: self.progress.global_step,
            score,
        };
        self.save_if_among_best(scored, is_best)?;
        let config = &self.trainer.config;
        config.schedule.observe(&mut self.progress.plateau, cost);
        let min_delta = config.early_stopping.map_or(0.0, |early| early.min_delta);
        match self.progress.early_stopping_best {
            Some(best) if cost >= best - min_delta => {
                self.progress.validations_without_improvement += 1;
            }
            _ => {
                self.progress.early_stopping_best = Some(cost);
                self.progress.validations_without_improvement = 0;
            }
        }
        Ok(Validation { metrics, is_best })
    }

    /// Saves the model if it is one of the `keep_best` best, and removes the one that it replaces.
    fn save_if_among_best(&mut self, scored: BestScore, is_best: bool) -> Result<(), TrainError> {
        let keep = self.trainer.config.keep_best;
        let cost = self.cost(scored.score);
        let kept = &self.progress.kept;
        let rank = kept.partition_point(|other| self.cost(other.score) <= cost);
        let kept = &mut self.progress.kept;
        kept.insert(rank, scored);
        let replaced = kept.split_off(keep.min(kept.len()));
        if is_best {
            self.progress.best = Some(scored);
        }
        if is_best && self.restores_best_weights() {
            self.best_weights = Some(self.averaged_weights().duplicate()?.tensors());
        }
        let weights = self.averaged_weights();
        let Some(checkpoints) = &self.checkpoints else {
            return Ok(());
        };
        if keep > 1 && rank < keep {
            checkpoints.save_kept(&scored, weights)?;
        }
        if is_best {
            checkpoints.save_best(weights)?;
        }
        for old in replaced.iter().filter(|old| **old != scored) {
            checkpoints.remove_kept(old)?;
        }
        Ok(())
    }
}
