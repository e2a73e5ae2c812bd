//! The configuration of a training run.

use crate::error::Section;
use crate::{Averaging, Loss, OptimizerConfig, Schedule, TrainError};
use serde::{Deserialize, Serialize};

/// The configuration of a training run. The default is the tutorial's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Number of passes over the training set.
    pub epochs: usize,
    /// Samples per batch; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Batches whose gradients are accumulated for one optimizer step: the same result as with a
    /// batch that is larger by this factor, with less memory.
    pub accumulate: usize,
    /// Learning rate, before the factor of the schedule.
    pub learning_rate: f64,
    /// Optimizer steps over which the learning rate rises linearly to its value.
    pub warmup_steps: usize,
    /// Seed of all random numbers: initial weights, sample order, augmentation, dropout.
    pub seed: u64,
    /// Gradient clipping: all gradients are scaled down together if their global norm exceeds this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Also validate every this many optimizer steps, not only after each epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_every: Option<usize>,
    /// Also save the training state every this many optimizer steps, not only after each epoch. A
    /// run that was killed resumes from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<usize>,
    /// Number of best models to keep. If more than one, each also has a file of its own beside
    /// `best.safetensors`.
    pub keep_best: usize,
    /// Stop with a checkpoint after this many minutes of training, including those before a resume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_minutes: Option<f64>,
    /// Which part of the data is used.
    pub data_limit: DataLimit,
    /// What happens if a training sample cannot be read.
    pub on_unreadable: OnUnreadable,
    /// The loss function. If absent, the default of the network's output, see
    /// [`keypoint_codec`](crate::keypoint_codec).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// The validation metric for choosing the best epoch, for early stopping and for the plateau
    /// schedule: `loss`, `mae_px`, `nme_inter_ocular` or another of
    /// [`fkp_metrics::Evaluation::names`].
    pub monitor: String,
    /// The optimizer.
    pub optimizer: OptimizerConfig,
    /// The learning-rate schedule.
    pub schedule: Schedule,
    /// Exponential moving average of the weights, which is then validated and saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub averaging: Option<Averaging>,
    /// Stop when the monitored metric no longer improves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

/// Which part of the data a run uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DataLimit {
    /// All of it.
    #[default]
    Full,
    /// The same batch in every step, without augmentation, and validation on the same samples. If
    /// network and loss are correct, the error goes to 0.
    OverfitOneBatch,
    /// The first batches of each epoch and of the validation set, for a quick test of a
    /// configuration.
    Limited {
        /// Batches per epoch.
        training_batches: usize,
        /// Batches of the validation set.
        validation_batches: usize,
    },
}

/// What happens if a training sample cannot be read, or does not match the network's input.
///
/// A validation sample that cannot be read always stops the run: metrics over fewer samples would
/// not be comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OnUnreadable {
    /// Stop with an error that names the sample.
    #[default]
    Stop,
    /// Continue without the sample and report it to the observers.
    Skip {
        /// Stop with an error if more samples of an epoch cannot be read.
        max_per_epoch: usize,
    },
}

/// Stops a run whose monitored metric no longer improves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Validations without improvement before training stops.
    pub patience: usize,
    /// Minimum change of the monitored metric that counts as an improvement.
    #[serde(default)]
    pub min_delta: f64,
    /// Which weights the network has after training.
    #[serde(default)]
    pub restore_weights: RestoreWeights,
}

/// Which weights the network has after training with early stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreWeights {
    /// Those with the best value of the monitored metric, Keras' `restore_best_weights`.
    #[default]
    Best,
    /// Those of the last step.
    Last,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 50,
            batch_size: 32,
            accumulate: 1,
            learning_rate: 1e-3,
            warmup_steps: 0,
            seed: 0,
            clip_norm: None,
            validate_every: None,
            checkpoint_every: None,
            keep_best: 1,
            max_minutes: None,
            data_limit: DataLimit::Full,
            on_unreadable: OnUnreadable::Stop,
            loss: None,
            monitor: "loss".to_owned(),
            optimizer: OptimizerConfig::default(),
            schedule: Schedule::default(),
            averaging: None,
            early_stopping: None,
        }
    }
}

impl TrainConfig {
    /// Refuses invalid values, naming the field.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the first invalid field.
    pub fn validate(&self) -> Result<(), TrainError> {
        let section = Section("train");
        let mut counts = vec![
            ("epochs", Some(self.epochs)),
            ("batch_size", Some(self.batch_size)),
            ("accumulate", Some(self.accumulate)),
            ("keep_best", Some(self.keep_best)),
            ("validate_every", self.validate_every),
            ("checkpoint_every", self.checkpoint_every),
            (
                "early_stopping.patience",
                self.early_stopping.map(|early| early.patience),
            ),
        ];
        if let DataLimit::Limited {
            training_batches,
            validation_batches,
        } = self.data_limit
        {
            counts.push((
                "data_limit.limited.training_batches",
                Some(training_batches),
            ));
            counts.push((
                "data_limit.limited.validation_batches",
                Some(validation_batches),
            ));
        }
        for (field, count) in counts {
            section.check(field, count != Some(0), "at least 1", 0.0)?;
        }
        for (field, value) in [
            ("learning_rate", Some(self.learning_rate)),
            ("clip_norm", self.clip_norm),
            ("max_minutes", self.max_minutes),
        ] {
            if let Some(value) = value {
                section.positive(field, value)?;
            }
        }
        if let Some(Averaging { decay }) = self.averaging {
            section.fraction("averaging.decay", decay)?;
        }
        if let Some(EarlyStopping { min_delta, .. }) = self.early_stopping {
            let is_valid = min_delta.is_finite() && min_delta >= 0.0;
            let must_be = "finite and not negative";
            section.check("early_stopping.min_delta", is_valid, must_be, min_delta)?;
        }
        if let Some(loss) = &self.loss {
            loss.validate()?;
        }
        self.optimizer.validate()?;
        self.schedule.validate()
    }

    /// Samples per optimizer step.
    pub fn samples_per_step(&self) -> usize {
        self.batch_size * self.accumulate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DecayExempt;

    #[test]
    fn invalid_values_are_refused_by_name() {
        let refused = |change: fn(&mut TrainConfig)| {
            let mut config = TrainConfig::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        assert!(TrainConfig::default().validate().is_ok());
        assert!(refused(|c| c.epochs = 0).starts_with("train.epochs"));
        assert!(refused(|c| c.batch_size = 0).starts_with("train.batch_size"));
        assert!(refused(|c| c.accumulate = 0).starts_with("train.accumulate"));
        assert!(refused(|c| c.validate_every = Some(0)).starts_with("train.validate_every"));
        assert!(refused(|c| c.learning_rate = f64::NAN).starts_with("train.learning_rate"));
        assert!(refused(|c| c.learning_rate = -1.0).contains("got -1"));
        assert!(refused(|c| c.learning_rate = f64::INFINITY).contains("got inf"));
        assert!(refused(|c| c.clip_norm = Some(0.0)).starts_with("train.clip_norm"));
        assert!(refused(|c| c.max_minutes = Some(-1.0)).starts_with("train.max_minutes"));
        let averaging = |c: &mut TrainConfig| c.averaging = Some(Averaging { decay: 1.0 });
        assert!(refused(averaging).starts_with("train.averaging.decay"));
        let limited = |c: &mut TrainConfig| {
            c.data_limit = DataLimit::Limited {
                training_batches: 0,
                validation_batches: 1,
            };
        };
        assert!(refused(limited).starts_with("train.data_limit.limited.training_batches"));
        let beta = |c: &mut TrainConfig| {
            c.optimizer = OptimizerConfig::Adam {
                beta1: 1.0,
                beta2: 0.9,
                epsilon: 1e-7,
                weight_decay: 0.0,
                decay_exempt: DecayExempt::BiasAndNorm,
            };
        };
        assert!(refused(beta).starts_with("train.optimizer.beta1"));
    }
}
