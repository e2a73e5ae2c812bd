//! The optimizer, as configuration and as one of the kernels' optimizers.

use crate::TrainError;
use candle_core::{Result, Tensor, Var};
use fkp_kernels::{
    Adam, AdamConfig, Gradients, Momentum, Sgd, SgdConfig, StepOutcome, WeightDecay,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The optimizer and its constants.
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
        /// Added to the root of the second moment.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// Added to the gradient per unit of a weight, and so scaled like it.
        #[serde(default)]
        weight_decay: f64,
        /// What does not decay.
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
        /// Added to the root of the second moment.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// Part of a weight that goes in each step, times the learning rate.
        #[serde(default = "decoupled_decay")]
        weight_decay: f64,
        /// What does not decay.
        #[serde(default)]
        decay_exempt: DecayExempt,
    },
    /// Stochastic gradient descent, with momentum as in PyTorch.
    Sgd {
        /// Weight of past gradients, in [0, 1).
        #[serde(default = "momentum")]
        momentum: f64,
        /// Whether to look ahead (Sutskever et al. 2013).
        #[serde(default)]
        nesterov: bool,
        /// Added to the gradient per unit of a weight.
        #[serde(default)]
        weight_decay: f64,
        /// What does not decay.
        #[serde(default)]
        decay_exempt: DecayExempt,
    },
}

/// Parameters that weight decay leaves alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecayExempt {
    /// Parameters of at most one dimension: biases, and the factors and offsets of
    /// normalizations.
    #[default]
    Vectors,
    /// Everything decays, as in PyTorch and Keras unless told otherwise.
    Nothing,
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
    /// Refuses NaN and nonsense.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the field's name, `train.optimizer.…`.
    pub fn validate(&self) -> std::result::Result<(), TrainError> {
        let check = |field: &str, sensible: bool, must_be: &str, got: f64| match sensible {
            true => Ok(()),
            false => Err(TrainError::Config {
                field: format!("train.optimizer.{field}"),
                problem: format!("must be {must_be}, got {got}"),
            }),
        };
        let fraction = |field, v: f64| check(field, (0.0..1.0).contains(&v), "in 0..1", v);
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
                fraction("beta1", beta1)?;
                fraction("beta2", beta2)?;
                let sensible = epsilon.is_finite() && epsilon > 0.0;
                check("epsilon", sensible, "positive and finite", epsilon)?;
                weight_decay
            }
            Self::Sgd {
                momentum,
                nesterov,
                weight_decay,
                ..
            } => {
                fraction("momentum", momentum)?;
                let sensible = !nesterov || momentum > 0.0;
                check("momentum", sensible, "above 0 for nesterov", momentum)?;
                weight_decay
            }
        };
        let sensible = decay.is_finite() && decay >= 0.0;
        check("weight_decay", sensible, "finite and at least 0", decay)
    }

    fn decay_exempt(&self) -> DecayExempt {
        match *self {
            Self::Adam { decay_exempt, .. }
            | Self::AdamW { decay_exempt, .. }
            | Self::Sgd { decay_exempt, .. } => decay_exempt,
        }
    }
}

impl OptimizerConfig {
    /// Whether the moments of one are of use to the other.
    pub(crate) fn shares_its_state_with(&self, other: &Self) -> bool {
        let is_sgd = |config: &Self| matches!(config, Self::Sgd { .. });
        is_sgd(self) == is_sgd(other)
    }
}

impl DecayExempt {
    fn covers(self, parameter: &Tensor) -> bool {
        match self {
            Self::Vectors => parameter.rank() <= 1,
            Self::Nothing => false,
        }
    }
}

/// The optimizer that an [`OptimizerConfig`] describes, over the variables of a network.
#[derive(Debug)]
pub struct Optimizer {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Adam(Adam),
    Sgd(Sgd),
}

impl Optimizer {
    /// An optimizer at step 0 over named variables, whose order is the order of the state. With
    /// `clip_norm`, all gradients are scaled down together where their joint Euclidean norm
    /// exceeds it (Pascanu et al. 2013).
    ///
    /// # Errors
    /// If a constant is out of range or two variables share a name.
    pub fn new(
        vars: Vec<(String, Var)>,
        config: &OptimizerConfig,
        clip_norm: Option<f64>,
    ) -> Result<Self> {
        let adam = |beta1, beta2, eps, weight_decay| AdamConfig {
            beta1,
            beta2,
            eps,
            weight_decay,
            max_grad_norm: clip_norm,
        };
        let coupled = |decay: f64| match decay > 0.0 {
            true => WeightDecay::Coupled(decay),
            false => WeightDecay::None,
        };
        let mut kind = match *config {
            OptimizerConfig::Adam {
                beta1,
                beta2,
                epsilon,
                weight_decay,
                ..
            } => {
                let config = adam(beta1, beta2, epsilon, coupled(weight_decay));
                Kind::Adam(Adam::new(vars, config)?)
            }
            OptimizerConfig::AdamW {
                beta1,
                beta2,
                epsilon,
                weight_decay,
                ..
            } => {
                let decay = WeightDecay::Decoupled(weight_decay);
                Kind::Adam(Adam::new(vars, adam(beta1, beta2, epsilon, decay))?)
            }
            OptimizerConfig::Sgd {
                momentum,
                nesterov,
                weight_decay,
                ..
            } => {
                let momentum = match (momentum > 0.0, nesterov) {
                    (false, _) => Momentum::None,
                    (true, false) => Momentum::Classical(momentum),
                    (true, true) => Momentum::Nesterov(momentum),
                };
                let config = SgdConfig {
                    momentum,
                    weight_decay: coupled(weight_decay),
                    max_grad_norm: clip_norm,
                };
                Kind::Sgd(Sgd::new(vars, config)?)
            }
        };
        let rule = config.decay_exempt();
        match &mut kind {
            Kind::Adam(adam) => adam.exempt_from_decay(|_, parameter| rule.covers(parameter)),
            Kind::Sgd(sgd) => sgd.exempt_from_decay(|_, parameter| rule.covers(parameter)),
        }
        Ok(Self { kind })
    }

    /// Updates every variable that has a gradient. Whether the gradients were finite is in the
    /// answer, see [`StepOutcome::not_finite`].
    ///
    /// # Errors
    /// If `lr` is not a finite number from 0 or a gradient's shape differs from its variable's.
    pub fn step(&mut self, gradients: &Gradients, lr: f64) -> Result<StepOutcome> {
        match &mut self.kind {
            Kind::Adam(adam) => adam.step(gradients, lr),
            Kind::Sgd(sgd) => sgd.step(gradients, lr),
        }
    }

    /// Number of updates so far, those before a restored state included.
    pub fn steps(&self) -> u64 {
        match &self.kind {
            Kind::Adam(adam) => adam.steps(),
            Kind::Sgd(sgd) => sgd.steps(),
        }
    }

    /// Everything that a continued run needs beside the variables and the configuration.
    ///
    /// # Errors
    /// Only those of candle itself.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        match &self.kind {
            Kind::Adam(adam) => adam.state(),
            Kind::Sgd(sgd) => sgd.state(),
        }
    }

    /// Restores what [`Self::state`] returned. Entries of other names are ignored.
    ///
    /// # Errors
    /// If an entry is missing or does not fit its variable; then nothing was changed.
    pub fn load_state(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        match &mut self.kind {
            Kind::Adam(adam) => adam.load_state(state),
            Kind::Sgd(sgd) => sgd.load_state(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn parse(text: &str) -> OptimizerConfig {
        serde_json::from_str(text).unwrap()
    }

    /// A weight and a bias after some steps on Σ p⁴, and the optimizer's state.
    fn train(config: &OptimizerConfig, clip: Option<f64>) -> (Vec<f32>, Vec<f32>, Optimizer) {
        let weight = Var::new(&[[1f32, -2.0]], &Device::Cpu).unwrap();
        let bias = Var::new(&[0.5f32], &Device::Cpu).unwrap();
        let vars = vec![
            ("w".to_owned(), weight.clone()),
            ("b".to_owned(), bias.clone()),
        ];
        let mut optimizer = Optimizer::new(vars, config, clip).unwrap();
        for _ in 0..3 {
            let fourth = |v: &Var| v.sqr().unwrap().sqr().unwrap().sum_all().unwrap();
            let loss = (fourth(&weight) + fourth(&bias)).unwrap();
            let gradients = fkp_kernels::backward(&loss).unwrap();
            let stepped = optimizer.step(&gradients, 0.01).unwrap();
            assert_eq!(stepped.norm.is_some(), clip.is_some());
            assert_eq!(stepped.not_finite, None);
        }
        let flat = |v: &Var| v.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        (flat(&weight), flat(&bias), optimizer)
    }

    #[test]
    fn biases_do_not_decay_unless_told_to() {
        for kind in ["adam", "adam_w", "sgd"] {
            let config = |decay: f64, exempt: &str| {
                parse(&format!(
                    r#"{{"kind": "{kind}", "weight_decay": {decay}, "decay_exempt": "{exempt}"}}"#
                ))
            };
            let (free, free_bias, _) = train(&config(0.0, "vectors"), None);
            let (decayed, bias, _) = train(&config(0.5, "vectors"), None);
            assert_eq!(bias, free_bias, "{kind}");
            assert!(decayed[0].abs() < free[0].abs(), "{kind}");
            let (all, decayed_bias, _) = train(&config(0.5, "nothing"), None);
            assert_eq!(all, decayed, "{kind}");
            assert_ne!(decayed_bias, free_bias, "{kind}");
        }
    }

    #[test]
    fn a_restored_state_is_the_state() {
        for kind in ["adam", "adam_w", "sgd"] {
            let config = parse(&format!(r#"{{"kind": "{kind}"}}"#));
            let (_, _, trained) = train(&config, Some(1.0));
            let state: HashMap<_, _> = trained.state().unwrap().into_iter().collect();
            let vars = vec![
                (
                    "w".to_owned(),
                    Var::zeros((1, 2), candle_core::DType::F32, &Device::Cpu),
                ),
                (
                    "b".to_owned(),
                    Var::zeros(1, candle_core::DType::F32, &Device::Cpu),
                ),
            ];
            let vars = vars.into_iter().map(|(n, v)| (n, v.unwrap())).collect();
            let mut other = Optimizer::new(vars, &config, None).unwrap();
            other.load_state(&state).unwrap();
            assert_eq!(other.steps(), 3);
            for (name, tensor) in other.state().unwrap() {
                let bits = |t: &Tensor| format!("{:?}", t.flatten_all().unwrap().to_string());
                assert_eq!(bits(&tensor), bits(&state[&name]), "{kind} {name}");
            }
        }
        let (_, _, sgd) = train(&parse(r#"{"kind": "sgd"}"#), None);
        let (_, _, mut adam) = train(&OptimizerConfig::default(), None);
        let state = sgd.state().unwrap().into_iter().collect();
        let error = adam.load_state(&state).unwrap_err().to_string();
        assert!(error.contains("no entry \"m.w\""), "{error}");
    }

    #[test]
    fn nothing_but_the_kind_need_be_said() {
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
    fn nonsense_is_refused_by_name() {
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
