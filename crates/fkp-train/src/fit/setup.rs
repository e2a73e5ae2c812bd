//! The parts of a training run, and the checks that they match.

use super::evaluator::{Evaluator, MetricFactory};
use crate::checkpoint::{Checkpoints, Identity};
use crate::{Codec, Communicator, Params, Sampler, TrainConfig, TrainError};
use candle_nn::ModuleT;
use fkp_core::{Augment, Dataset, Direction, Task};
use fkp_metrics::Evaluation;

/// The parts of a training run, put together by a [`Trainer`](crate::Trainer).
#[derive(Clone, Copy)]
pub(super) struct Setup<'a> {
    pub(super) task: &'a Task,
    /// Built from `params`.
    pub(super) network: &'a dyn ModuleT,
    /// The network's variables, which hold the result.
    pub(super) params: &'a Params,
    pub(super) codec: &'a dyn Codec,
    pub(super) train: &'a dyn Dataset,
    /// Evaluated after each epoch, and never trained on.
    pub(super) validation: &'a dyn Dataset,
    pub(super) augment: &'a dyn Augment,
    pub(super) sampler: &'a dyn Sampler,
    pub(super) metrics: &'a MetricFactory,
    pub(super) config: &'a TrainConfig,
    pub(super) checkpoints: Option<&'a Checkpoints>,
    pub(super) communicator: &'a dyn Communicator,
}

impl<'a> Setup<'a> {
    pub(super) fn evaluator(&self) -> Evaluator<'a> {
        Evaluator {
            network: self.network,
            codec: self.codec,
            input: self.task.input,
            batch_size: self.config.batch_size,
            device: self.params.device(),
            metrics: self.metrics,
        }
    }

    pub(super) fn checkpoints_to_resume(&self) -> Result<&'a Checkpoints, TrainError> {
        let problem = "a run without checkpoints cannot be resumed";
        self.checkpoints
            .ok_or_else(|| TrainError::config("checkpoints", problem))
    }

    pub(super) fn identity(&self, checkpoints: &Checkpoints) -> Identity {
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

    /// Refuses parts that are invalid or do not match.
    pub(super) fn validate(&self) -> Result<(), TrainError> {
        self.config.validate()?;
        for (split, dataset) in [("training", self.train), ("validation", self.validation)] {
            if dataset.is_empty() {
                return Err(TrainError::EmptyDataset { split });
            }
            if *dataset.schema() != self.task.schema {
                return Err(TrainError::SchemaMismatch {
                    split,
                    dataset: dataset.schema().name().to_owned(),
                    model: self.task.schema.name().to_owned(),
                });
            }
        }
        match self.task.input.problem() {
            Some(problem) => Err(TrainError::config("input", problem)),
            None => Ok(()),
        }
    }

    /// Whether lower or higher values of the monitored metric are better.
    ///
    /// # Errors
    /// If the metric does not exist; the message lists those that exist.
    pub(super) fn monitor_direction(&self) -> Result<Direction, TrainError> {
        let evaluation = Evaluation::new(&self.task.schema, self.task.input.frame());
        let metrics = evaluation.with_metrics((self.metrics)()).names();
        let monitor = &self.config.monitor;
        match metrics.iter().find(|(name, _)| name == monitor) {
            Some((_, direction)) => Ok(*direction),
            None => {
                let names: Vec<&str> = metrics.iter().map(|(name, _)| name.as_str()).collect();
                let names = names.join(", ");
                let problem = format!("unknown metric `{monitor}`; the metrics are: {names}");
                Err(TrainError::config("train.monitor", problem))
            }
        }
    }
}
