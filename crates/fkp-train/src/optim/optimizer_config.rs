//! The configuration of the optimizer.

use crate::TrainError;
use crate::error::Section;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// The kind of optimizer and its hyperparameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Adam (Kingma & Ba 2015).
    Adam {
        /// Decay of the first moment, in [0, 1).
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the second moment, in [0, 1).
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the square root of the second moment.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// L2 penalty: this times the weight is added to the gradient.
        #[serde(default)]
        weight_decay: f64,
        /// Parameters without weight decay.
        #[serde(default)]
        decay_exempt: DecayExempt,
    },
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    #[serde(alias = "adamw")]
    AdamW {
        /// Decay of the first moment, in [0, 1).
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the second moment, in [0, 1).
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the square root of the second moment.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// Decoupled weight decay: each step subtracts this times the learning rate times the
        /// weight.
        #[serde(default = "decoupled_decay")]
        weight_decay: f64,
        /// Parameters without weight decay.
        #[serde(default)]
        decay_exempt: DecayExempt,
    },
    /// Stochastic gradient descent, with momentum as in PyTorch.
    Sgd {
        /// Momentum, in [0, 1).
        #[serde(default = "momentum")]
        momentum: f64,
        /// Whether the momentum is Nesterov's (Sutskever et al. 2013).
        #[serde(default)]
        nesterov: bool,
        /// L2 penalty: this times the weight is added to the gradient.
        #[serde(default)]
        weight_decay: f64,
        /// Parameters without weight decay.
        #[serde(default)]
        decay_exempt: DecayExempt,
    },
}

/// Parameters without weight decay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecayExempt {
    /// Parameters of at most one dimension: biases, and scale and shift of normalizations.
    #[default]
    BiasAndNorm,
    /// All parameters decay, the default of PyTorch and Keras.
    None,
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

/// Keras' default; PyTorch's is 1e-8.
fn epsilon() -> f64 {
    1e-7
}

/// PyTorch's default; Keras' is 4e-3.
fn decoupled_decay() -> f64 {
    1e-2
}

fn momentum() -> f64 {
    0.9
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::Adam {
            beta1: beta1(),
            beta2: beta2(),
            epsilon: epsilon(),
            weight_decay: 0.0,
            decay_exempt: DecayExempt::default(),
        }
    }
}

impl OptimizerConfig {
    /// Refuses invalid values.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the field's name, `train.optimizer.…`.
    pub fn validate(&self) -> Result<(), TrainError> {
        let section = Section("train.optimizer");
        let decay = match *self {
            Self::Adam {
                beta1,
                beta2,
                epsilon,
                weight_decay,
                ..
            }
            | Self::AdamW {
                beta1,
                beta2,
                epsilon,
                weight_decay,
                ..
            } => {
                section.fraction("beta1", beta1)?;
                section.fraction("beta2", beta2)?;
                section.positive("epsilon", epsilon)?;
                weight_decay
            }
            Self::Sgd {
                momentum,
                nesterov,
                weight_decay,
                ..
            } => {
                section.fraction("momentum", momentum)?;
                let is_valid = !nesterov || momentum > 0.0;
                section.check("momentum", is_valid, "above 0 for nesterov", momentum)?;
                weight_decay
            }
        };
        let is_valid = decay.is_finite() && decay >= 0.0;
        section.check("weight_decay", is_valid, "finite and at least 0", decay)
    }

    pub(super) fn decay_exempt(&self) -> DecayExempt {
        match *self {
            Self::Adam { decay_exempt, .. }
            | Self::AdamW { decay_exempt, .. }
            | Self::Sgd { decay_exempt, .. } => decay_exempt,
        }
    }

    /// Whether both optimizers have the same kind of state, moments or momentum.
    pub(crate) fn has_same_state_as(&self, other: &Self) -> bool {
        let is_sgd = |config: &Self| matches!(config, Self::Sgd { .. });
        is_sgd(self) == is_sgd(other)
    }
}

impl DecayExempt {
    pub(super) fn contains(self, parameter: &Tensor) -> bool {
        match self {
            Self::BiasAndNorm => parameter.rank() <= 1,
            Self::None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> OptimizerConfig {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn all_fields_but_the_kind_have_defaults() {
        assert_eq!(parse(r#"{"kind": "adam"}"#), OptimizerConfig::default());
        assert_eq!(
            parse(r#"{"kind": "adamw"}"#),
            parse(r#"{"kind": "adam_w"}"#)
        );
        let OptimizerConfig::Sgd { momentum, .. } = parse(r#"{"kind": "sgd"}"#) else {
            panic!("not SGD");
        };
        assert_eq!(momentum, 0.9);
        let unknown = serde_json::from_str::<OptimizerConfig>(r#"{"kind": "sgd", "beta1": 0.9}"#);
        assert!(unknown.unwrap_err().to_string().contains("beta1"));
    }

    #[test]
    fn invalid_values_are_refused_by_name() {
        for (text, field) in [
            (r#"{"kind": "adam", "beta1": 1.0}"#, "beta1"),
            (r#"{"kind": "adam_w", "beta2": -0.1}"#, "beta2"),
            (r#"{"kind": "adam", "epsilon": 0.0}"#, "epsilon"),
            (
                r#"{"kind": "adam_w", "weight_decay": -1.0}"#,
                "weight_decay",
            ),
            (r#"{"kind": "sgd", "momentum": 1.0}"#, "momentum"),
            (
                r#"{"kind": "sgd", "momentum": 0.0, "nesterov": true}"#,
                "momentum",
            ),
            (r#"{"kind": "sgd", "weight_decay": -0.5}"#, "weight_decay"),
        ] {
            let error = parse(text).validate().unwrap_err().to_string();
            let expected = format!("train.optimizer.{field}: must be");
            assert!(error.starts_with(&expected), "{text}: {error}");
        }
        assert!(
            parse(r#"{"kind": "sgd", "nesterov": true}"#)
                .validate()
                .is_ok()
        );
    }
}
