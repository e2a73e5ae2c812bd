//! A run with everything it is made of, and its three beginnings: new, resumed, resumed with changes.

use crate::checkpoint::Changes;
use crate::evaluate::MetricFactory;
use crate::identity::{Difference, Identity};
use crate::run::Run;
use crate::{
    Checkpoints, Codec, Communicator, Evaluator, Observer, Params, Progress, Sampler, TrainConfig,
    TrainError,
};
use candle_nn::ModuleT;
use fkp_core::{Augment, Dataset, Task};

/// Everything that a training run is made of, put together by a [`Trainer`](crate::Trainer).
#[derive(Clone, Copy)]
pub(crate) struct Fit<'a> {
    pub(crate) task: &'a Task,
    /// Built from `params`.
    pub(crate) network: &'a dyn ModuleT,
    /// The network's variables. They hold the result.
    pub(crate) params: &'a Params,
    pub(crate) codec: &'a dyn Codec,
    pub(crate) train: &'a dyn Dataset,
    /// Scored after each epoch, and never trained on.
    pub(crate) validation: &'a dyn Dataset,
    pub(crate) augment: &'a dyn Augment,
    pub(crate) sampler: &'a dyn Sampler,
    pub(crate) metrics: &'a MetricFactory,
    pub(crate) config: &'a TrainConfig,
    pub(crate) checkpoints: Option<&'a Checkpoints>,
    pub(crate) communicator: &'a dyn Communicator,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// All epochs were made.
    Finished,
    /// An observer broke it off.
    ByObserver,
    /// Validation no longer improved.
    Early,
    /// The time was up.
    TimeUp,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Why.
    pub stopped: Stopped,
    /// How far it came, with the figures of every epoch.
    pub progress: Progress,
}

impl Fit<'_> {
    pub(crate) fn run(&self, observer: &mut dyn Observer) -> Result<Outcome, TrainError> {
        let mut run = Run::new(self)?;
        run.agree_on_weights()?;
        // So that a run that is killed before its first epoch ends can be resumed as well.
        run.save()?;
        run.go_on(observer)
    }

    pub(crate) fn differences(&self) -> Result<Vec<Difference>, TrainError> {
        let checkpoints = self.checkpoints_to_resume()?;
        checkpoints.differences(&self.identity(checkpoints))
    }

    pub(crate) fn evaluator(&self) -> Evaluator<'_> {
        Evaluator {
            network: self.network,
            codec: self.codec,
            input: self.task.input,
            batch_size: self.config.batch_size,
            device: self.params.device(),
            metrics: self.metrics,
        }
    }

    pub(crate) fn resume(
        &self,
        changes: Changes,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        self.checkpoints_to_resume()?;
        let mut run = Run::new(self)?;
        run.restore(changes)?;
        run.go_on(observer)
    }

    fn checkpoints_to_resume(&self) -> Result<&Checkpoints, TrainError> {
        self.checkpoints.ok_or_else(|| TrainError::Config {
            field: "checkpoints".to_owned(),
            problem: "a run without checkpoints cannot be resumed".to_owned(),
        })
    }

    pub(crate) fn identity(&self, checkpoints: &Checkpoints) -> Identity {
        Identity {
            config: self.config.clone(),
            training_samples: self.train.len(),
            validation_samples: self.validation.len(),
            sampler: self.sampler.describe(),
            codec: self.codec.describe(),
            world_size: self.communicator.world_size(),
            metadata: checkpoints.metadata.clone(),
            fingerprint: checkpoints.fingerprint.clone(),
        }
    }

    /// Refuses what cannot be trained.
    pub(crate) fn validate(&self) -> Result<(), TrainError> {
        self.config.validate()?;
        for (split, set) in [("training", self.train), ("validation", self.validation)] {
            if set.is_empty() {
                return Err(TrainError::EmptySet { split });
            }
            if *set.schema() != self.task.schema {
                return Err(TrainError::OtherSchema {
                    split,
                    set: set.schema().name().to_owned(),
                    model: self.task.schema.name().to_owned(),
                });
            }
        }
        if let Some(problem) = self.task.input.problem() {
            let field = "input".to_owned();
            return Err(TrainError::Config { field, problem });
        }
        Ok(())
    }
}
