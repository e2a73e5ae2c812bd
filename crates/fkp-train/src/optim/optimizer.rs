//! The optimizer of a run.

use super::optimizer_config::OptimizerConfig;
use candle_core::{Result, Tensor, Var};
use fkp_kernels::{
    Adam, AdamConfig, Gradients, Momentum, Sgd, SgdConfig, StepOutcome, WeightDecay,
};
use std::collections::HashMap;

/// The optimizer that an [`OptimizerConfig`] describes, over the variables of a network.
#[derive(Debug)]
pub struct Optimizer(Kind);

#[derive(Debug)]
enum Kind {
    Adam(Adam),
    Sgd(Sgd),
}

/// Evaluates an expression for the optimizer of either kind.
macro_rules! for_kind {
    ($kind:expr, $optimizer:ident => $call:expr) => {
        match $kind {
            Kind::Adam($optimizer) => $call,
            Kind::Sgd($optimizer) => $call,
        }
    };
}

impl Optimizer {
    /// An optimizer at step 0 over named variables, whose order is the order of the state. With
    /// `clip_norm`, all gradients are scaled down together if their global norm exceeds it
    /// (Pascanu et al. 2013).
    ///
    /// # Errors
    /// If a hyperparameter is out of range or two variables share a name.
    pub fn new(
        vars: Vec<(String, Var)>,
        config: &OptimizerConfig,
        clip_norm: Option<f64>,
    ) -> Result<Self> {
        let max_grad_norm = clip_norm;
        let coupled = |decay: f64| match decay > 0.0 {
            true => WeightDecay::Coupled(decay),
            false => WeightDecay::None,
        };
        let mut kind = match *config {
            OptimizerConfig::Adam {
                beta1,
                beta2,
                epsilon: eps,
                weight_decay,
                ..
            }
            | OptimizerConfig::AdamW {
                beta1,
                beta2,
                epsilon: eps,
                weight_decay,
                ..
            } => {
                let weight_decay = match config {
                    OptimizerConfig::AdamW { .. } => WeightDecay::Decoupled(weight_decay),
                    _ => coupled(weight_decay),
                };
                let config = AdamConfig {
                    beta1,
                    beta2,
                    eps,
                    weight_decay,
                    max_grad_norm,
                };
                Kind::Adam(Adam::new(vars, config)?)
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
                    max_grad_norm,
                };
                Kind::Sgd(Sgd::new(vars, config)?)
            }
        };
        let exempt = config.decay_exempt();
        for_kind!(&mut kind, optimizer => {
            optimizer.exempt_from_decay(|_, parameter| exempt.contains(parameter));
        });
        Ok(Self(kind))
    }

    /// Updates every variable that has a gradient. [`StepOutcome::not_finite`] names the first variable
    /// whose gradient is not finite.
    ///
    /// # Errors
    /// If `lr` is negative or not finite, or a gradient's shape differs from its variable's.
    pub fn step(&mut self, gradients: &Gradients, lr: f64) -> Result<StepOutcome> {
        for_kind!(&mut self.0, optimizer => optimizer.step(gradients, lr))
    }

    /// Number of updates so far, those before a restored state included.
    pub fn steps(&self) -> u64 {
        for_kind!(&self.0, optimizer => optimizer.steps())
    }

    /// The state that resuming needs beside the variables and the configuration.
    ///
    /// # Errors
    /// Only those of candle itself.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        for_kind!(&self.0, optimizer => optimizer.state())
    }

    /// Restores what [`Self::state`] returned. Entries of other names are ignored.
    ///
    /// # Errors
    /// If an entry is missing or does not match its variable; then nothing was changed.
    pub fn load_state(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        for_kind!(&mut self.0, optimizer => optimizer.load_state(state))
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
    fn biases_do_not_decay_by_default() {
        for kind in ["adam", "adam_w", "sgd"] {
            let config = |decay: f64, exempt: &str| {
                parse(&format!(
                    r#"{{"kind": "{kind}", "weight_decay": {decay}, "decay_exempt": "{exempt}"}}"#
                ))
            };
            let (free, free_bias, _) = train(&config(0.0, "bias_and_norm"), None);
            let (decayed, bias, _) = train(&config(0.5, "bias_and_norm"), None);
            assert_eq!(bias, free_bias, "{kind}");
            assert!(decayed[0].abs() < free[0].abs(), "{kind}");
            let (all, decayed_bias, _) = train(&config(0.5, "none"), None);
            assert_eq!(all, decayed, "{kind}");
            assert_ne!(decayed_bias, free_bias, "{kind}");
        }
    }

    #[test]
    fn loading_a_state_restores_it() {
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
}
