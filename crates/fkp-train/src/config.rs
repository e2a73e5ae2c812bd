//! The numbers that a training run is made of.

use crate::{Loss, OptimizerConfig, TrainError};
use serde::{Deserialize, Serialize};

/// A training recipe. The default is the tutorial's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over the training set.
    pub epochs: usize,
    /// Samples per step; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Step size of the optimiser.
    pub learning_rate: f64,
    /// Seed of everything random: initial weights, order, augmentation.
    pub seed: u64,
    /// What is minimised.
    pub loss: Loss,
    /// How it is minimised.
    pub optimizer: OptimizerConfig,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 50,
            batch_size: 32,
            learning_rate: 1e-3,
            seed: 0,
            loss: Loss::Mae,
            optimizer: OptimizerConfig::default(),
        }
    }
}

impl TrainConfig {
    /// Refuses NaN and nonsense, naming the field.
    pub fn validate(&self) -> Result<(), TrainError> {
        let refuse = |field: &str, problem: String| {
            Err(TrainError::Config {
                field: format!("train.{field}"),
                problem,
            })
        };
        if self.epochs == 0 {
            return refuse("epochs", "must be at least 1, got 0".to_owned());
        }
        if self.batch_size == 0 {
            return refuse("batch_size", "must be at least 1, got 0".to_owned());
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            let problem = format!("must be positive and finite, got {}", self.learning_rate);
            return refuse("learning_rate", problem);
        }
        self.loss.validate()?;
        self.optimizer.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(refused(|c| c.learning_rate = f64::NAN).starts_with("train.learning_rate"));
        assert!(refused(|c| c.learning_rate = -1.0).contains("got -1"));
        assert!(refused(|c| c.learning_rate = f64::INFINITY).contains("got inf"));
        let beta = |c: &mut TrainConfig| {
            let text = r#"{"kind": "adam", "beta1": 1.0}"#;
            c.optimizer = serde_json::from_str(text).unwrap();
        };
        assert!(refused(beta).starts_with("train.optimizer.beta1"));
    }
}
