//! The numbers that a training run is made of.

use crate::{Averaging, Loss, OptimizerConfig, Schedule, TrainError};
use serde::{Deserialize, Serialize};

/// A training recipe. The default is the tutorial's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over the training set.
    pub epochs: usize,
    /// Samples that go through the network together; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Batches whose gradients are summed for one step of the optimizer: the same as a batch that
    /// many times as large, in less memory.
    pub accumulate: usize,
    /// Step size of the optimizer, before the schedule.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises linearly to its value.
    pub warmup_steps: usize,
    /// Seed of everything random: initial weights, order, augmentation.
    pub seed: u64,
    /// Gradients are scaled down together where their joint norm exceeds this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Validate every so many steps as well, not only after each epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_every: Option<usize>,
    /// Save the state every so many steps as well. What is killed resumes from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<usize>,
    /// How many of the best models are kept; beside `best.safetensors` under their own names.
    pub keep_best: usize,
    /// Stop, with a checkpoint, after so many minutes of training, those before a resume included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_minutes: Option<f64>,
    /// How much of the data is used.
    pub data_limit: DataLimit,
    /// What to do about a training sample that cannot be read.
    pub unreadable: Unreadable,
    /// What is minimized. Absent: the one that goes with the network's output
    /// ([`keypoint_codec`](crate::keypoint_codec) has the table).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// The validation metric that decides which epoch is the best, when early stopping stops and
    /// when a plateau schedule lowers the learning rate: `loss`, `mae_px`, `nme_inter_ocular` or
    /// another of [`fkp_metrics::Evaluation::names`].
    pub monitor: String,
    /// How it is minimized.
    pub optimizer: OptimizerConfig,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Validate and keep averaged weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub averaging: Option<Averaging>,
    /// Stop when validation no longer improves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

/// How much of the data a run uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DataLimit {
    /// All of it.
    #[default]
    Full,
    /// One batch over and over, without augmentation, and validation on the same samples. A
    /// network and a loss that are right bring its error to nothing.
    OverfitOneBatch,
    /// The first batches of each epoch and of the validation set: a quick look whether all goes.
    Limited {
        /// Batches per epoch.
        training_batches: usize,
        /// Batches of the validation set.
        validation_batches: usize,
    },
}

/// What to do about a training sample that cannot be read or does not fit.
///
/// A validation sample that cannot be read always stops the run: a score over fewer images is
/// another score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Unreadable {
    /// Stop with its name.
    #[default]
    Stop,
    /// Go on without it and tell the observers; stop when there are more than so many in an epoch.
    Skip {
        /// Samples per epoch.
        at_most: usize,
    },
}

/// When a run that no longer improves is stopped. Counted in validations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Validations without improvement that are borne.
    pub patience: usize,
    /// By how much the monitored metric must improve to count.
    #[serde(default)]
    pub min_delta: f64,
    /// Which weights the run ends with.
    #[serde(default)]
    pub restore: Restore,
}

/// Which weights a run with early stopping ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restore {
    /// Those with the best value of the monitored metric.
    #[default]
    Best,
    /// The newest.
    Nothing,
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
            unreadable: Unreadable::Stop,
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
    /// Refuses NaN and nonsense, naming the field.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the first field that makes no sense.
    pub fn validate(&self) -> Result<(), TrainError> {
        let refuse = |field: &str, problem: String| {
            Err(TrainError::Config {
                field: format!("train.{field}"),
                problem,
            })
        };
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
        if let Some((field, _)) = counts.iter().find(|(_, count)| *count == Some(0)) {
            return refuse(field, "must be at least 1, got 0".to_owned());
        }
        for (field, value) in [
            ("learning_rate", Some(self.learning_rate)),
            ("clip_norm", self.clip_norm),
            ("max_minutes", self.max_minutes),
        ] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return refuse(field, format!("must be positive and finite, got {value}"));
            }
        }
        if let Some(Averaging { decay }) = self.averaging
            && !(0.0..1.0).contains(&decay)
        {
            return refuse("averaging.decay", format!("must be in 0..1, got {decay}"));
        }
        if let Some(EarlyStopping { min_delta, .. }) = self.early_stopping
            && !(min_delta.is_finite() && min_delta >= 0.0)
        {
            let problem = format!("must be finite and not negative, got {min_delta}");
            return refuse("early_stopping.min_delta", problem);
        }
        if let Some(loss) = &self.loss {
            loss.validate()?;
        }
        self.optimizer.validate()?;
        self.schedule.validate()
    }

    /// Samples that one step of the optimizer sees.
    pub fn samples_per_step(&self) -> usize {
        self.batch_size * self.accumulate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DecayExempt;

    #[test]
    fn nonsense_is_refused_by_name() {
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
                decay_exempt: DecayExempt::Vectors,
            };
        };
        assert!(refused(beta).starts_with("train.optimizer.beta1"));
    }
}
