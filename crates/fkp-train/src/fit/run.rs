//! The state of a run in progress: creating, saving and restoring it.

use super::pending_losses::PendingLosses;
use super::plan::Plan;
use super::progress::{LossSum, Progress};
use super::trainer::Trainer;
use crate::checkpoint::{Changes, CheckpointWriter, Checkpoints, Identity};
use crate::optim::Average;
use crate::parallel::{GradientReducer, sum_over_ranks};
use crate::{EarlyStopping, Optimizer, Params, RestoreWeights, SchedulePosition, TrainError};
use candle_core::{Device, Tensor};
use fkp_core::{Dataset, Direction};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

/// A run in progress.
pub(super) struct Run<'a> {
    pub(super) trainer: &'a Trainer<'a>,
    identity: Identity,
    /// Writes the files of the run, on rank 0 only.
    pub(super) checkpoints: Option<CheckpointWriter<'a>>,
    pub(super) plan: Rc<Plan<'a>>,
    pub(super) optimizer: Optimizer,
    /// Where there are several ranks.
    pub(super) reducer: Option<GradientReducer>,
    pub(super) average: Option<Average>,
    pub(super) progress: Progress,
    /// Whether lower or higher values of the monitored metric are better.
    direction: Direction,
    pub(super) losses: PendingLosses,
    /// The best weights so far, if early stopping restores them.
    pub(super) best_weights: Option<BTreeMap<String, Tensor>>,
    started: Instant,
    /// Seconds of training before a resume.
    seconds_before: f64,
    pub(super) steps_per_epoch: usize,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        trainer: &'a Trainer<'a>,
        train: &'a dyn Dataset,
        validation: &'a dyn Dataset,
        checkpoints: Option<&'a Checkpoints>,
    ) -> Result<Self, TrainError> {
        trainer.validate(train, validation)?;
        let plan = Rc::new(Plan::new(trainer, train, validation)?);
        let checkpoints = checkpoints.filter(|_| trainer.communicator.rank() == 0);
        let checkpoints = checkpoints.map(CheckpointWriter::new).transpose()?;
        let Trainer { config, params, .. } = trainer;
        let average = config
            .averaging
            .map(|averaging| Average::new(averaging, params));
        Ok(Self {
            trainer,
            identity: trainer.identity(train, validation),
            checkpoints,
            optimizer: Optimizer::new(params.named(), &config.optimizer, config.clip_norm)?,
            reducer: (trainer.communicator.world_size() > 1)
                .then(|| GradientReducer::new(params.named(), config.samples_per_step())),
            average: average.transpose()?,
            progress: Progress {
                sources: vec![LossSum::default(); trainer.sources.len()],
                ..Progress::default()
            },
            direction: trainer.monitor_direction()?,
            losses: PendingLosses::new(params.device()),
            best_weights: None,
            started: Instant::now(),
            seconds_before: 0.0,
            steps_per_epoch: plan.steps_per_epoch(),
            plan,
        })
    }

    /// Copies the initial weights of rank 0 to all ranks.
    pub(super) fn broadcast_weights(&mut self) -> Result<(), TrainError> {
        let Trainer {
            communicator,
            params,
            ..
        } = self.trainer;
        if communicator.world_size() == 1 {
            return Ok(());
        }
        let mut first = BTreeMap::new();
        for (name, tensor) in params.tensors() {
            first.insert(name, communicator.broadcast(&tensor, 0)?);
        }
        params.load(&first)?;
        if let Some(average) = &self.average {
            average.weights.load(&first)?;
        }
        Ok(())
    }

    /// Restores the state from the checkpoint folder.
    pub(super) fn restore(&mut self, changes: Changes) -> Result<(), TrainError> {
        let checkpoints = self.trainer.checkpoints_to_resume()?;
        self.progress = checkpoints.load_state(
            &self.trainer.params,
            self.average.as_ref(),
            &mut self.optimizer,
            &self.identity,
            changes,
        )?;
        self.seconds_before = self.progress.seconds;
        // Sources may have been added, or the saved run may have had one.
        let sources = self.trainer.sources.len();
        self.progress.sources.resize(sources, LossSum::default());
        let (epochs, done) = (self.trainer.config.epochs, self.progress.epochs_done);
        if epochs < done {
            let problem = format!("the run has made {done} epochs already, got {epochs}");
            return Err(TrainError::config("train.epochs", problem));
        }
        if self.restores_best_weights() && self.progress.best.is_some() {
            let path = checkpoints.best();
            let weights = candle_core::safetensors::load(&path, &Device::Cpu);
            let weights = weights.map_err(|error| TrainError::Corrupt {
                path,
                problem: error.to_string(),
            })?;
            self.best_weights = Some(weights.into_iter().collect());
        }
        Ok(())
    }

    /// Writes the training state and the current model, in the background.
    pub(super) fn save(&mut self) -> Result<(), TrainError> {
        self.progress.seconds = self.seconds();
        let Some(checkpoints) = &self.checkpoints else {
            return Ok(());
        };
        checkpoints.save_state(
            &self.trainer.params,
            self.average.as_ref(),
            &self.optimizer,
            &self.identity,
            &self.progress,
        )
    }

    /// The learning rate of the next step.
    pub(super) fn learning_rate(&self) -> f64 {
        let config = &self.trainer.config;
        let at = SchedulePosition {
            step: self.progress.global_step,
            steps_per_epoch: self.steps_per_epoch,
            total_steps: self.steps_per_epoch * config.epochs,
        };
        let factor = config
            .schedule
            .factor(at, config.warmup_steps, &self.progress.plateau);
        config.learning_rate * factor
    }

    /// A value of the monitored metric as a cost: lower is better.
    pub(super) fn cost(&self, score: f64) -> f64 {
        match self.direction {
            Direction::LowerIsBetter => score,
            Direction::HigherIsBetter => -score,
        }
    }

    /// Whether the patience of early stopping is exhausted.
    pub(super) fn is_out_of_patience(&self) -> bool {
        let without_improvement = self.progress.validations_without_improvement;
        let early_stopping = self.trainer.config.early_stopping;
        early_stopping.is_some_and(|early| without_improvement >= early.patience)
    }

    pub(super) fn restores_best_weights(&self) -> bool {
        matches!(
            self.trainer.config.early_stopping,
            Some(EarlyStopping {
                restore_weights: RestoreWeights::Best,
                ..
            })
        )
    }

    /// Seconds of training so far, including those before a resume.
    pub(super) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64() + self.seconds_before
    }

    /// Whether the condition holds on any rank: the ranks stop together.
    pub(super) fn on_any_rank(&self, condition: bool) -> Result<bool, TrainError> {
        let own = f64::from(u8::from(condition));
        Ok(sum_over_ranks(own, self.trainer.communicator)? > 0.0)
    }

    /// Calls `f` while the network has the weights that are validated.
    pub(super) fn with_averaged_weights<T>(&self, f: impl FnOnce() -> T) -> Result<T, TrainError> {
        Ok(match &self.average {
            Some(average) => average.during(&self.trainer.params, f)?,
            None => f(),
        })
    }

    /// The weights that are validated and saved.
    pub(super) fn averaged_weights(&self) -> &Params {
        let average = self.average.as_ref();
        average.map_or(&self.trainer.params, |average| &average.weights)
    }
}
