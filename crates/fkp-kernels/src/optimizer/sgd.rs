//! Stochastic gradient descent with momentum.

use std::collections::HashMap;

use candle_core::{Result, Tensor, Var};

use super::engine::Engine;
use super::fused::Rule;
use super::step::{Settings, Step, StepOutcome};
use super::validate::{validate_fraction, validate_max_norm};
use super::weight_decay::{DecayTerms, WeightDecay};
use crate::gradients::Gradients;
use crate::simd::Simd;

/// How past gradients enter the update.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Momentum {
    /// Plain gradient descent: `p ← p − lr·g`.
    #[default]
    None,
    /// `b ← μ·b + g`, `p ← p − lr·b` (Polyak 1964, as in PyTorch without dampening).
    Classical(f64),
    /// `b ← μ·b + g`, `p ← p − lr·(g + μ·b)` (Sutskever et al., ICML 2013, as in PyTorch).
    Nesterov(f64),
}

/// The hyperparameters of [`Sgd`]; the learning rate is given at each step. The default is
/// plain gradient descent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SgdConfig {
    /// Weight of past gradients, with μ in `[0, 1)`.
    pub momentum: Momentum,
    /// Decay of the weights toward zero; PyTorch's is [`WeightDecay::Coupled`].
    pub weight_decay: WeightDecay,
    /// Gradient clipping: all gradients are scaled down together if their joint Euclidean norm
    /// exceeds this.
    pub max_grad_norm: Option<f64>,
}

impl SgdConfig {
    fn validate(&self) -> Result<()> {
        if let Momentum::Classical(mu) | Momentum::Nesterov(mu) = self.momentum {
            validate_fraction(NAME, "momentum", mu)?;
        }
        self.weight_decay.validate(NAME)?;
        validate_max_norm(NAME, self.max_grad_norm)
    }
}

const NAME: &str = "sgd";

/// Stochastic gradient descent over named variables, updated in place, in one pass like
/// [`Adam`](crate::Adam).
///
/// The momentum buffer is allocated also without momentum, so that the state always has the same
/// form.
#[derive(Debug)]
pub struct Sgd {
    config: SgdConfig,
    engine: Engine<1>,
}

impl Sgd {
    /// As [`Adam::new`](crate::Adam::new).
    ///
    /// # Errors
    /// As [`Adam::new`](crate::Adam::new).
    pub fn new(vars: Vec<(String, Var)>, config: SgdConfig) -> Result<Self> {
        config.validate()?;
        let engine = Engine::new(NAME, ["momentum"], vars)?;
        Ok(Self { config, engine })
    }

    /// As [`Adam::exempt_from_decay`](crate::Adam::exempt_from_decay).
    pub fn exempt_from_decay(&mut self, exempt: impl Fn(&str, &Tensor) -> bool) {
        self.engine.exempt_from_decay(exempt);
    }

    /// Number of steps so far, including those before a restored state.
    pub fn steps(&self) -> u64 {
        self.engine.steps()
    }

    /// The hyperparameters.
    pub fn config(&self) -> &SgdConfig {
        &self.config
    }

    /// As [`Adam::step`](crate::Adam::step).
    ///
    /// # Errors
    /// As [`Adam::step`](crate::Adam::step).
    pub fn step(&mut self, gradients: &Gradients, lr: f64) -> Result<StepOutcome> {
        let config = self.config;
        let settings = Settings {
            lr,
            weight_decay: config.weight_decay,
            max_grad_norm: config.max_grad_norm,
        };
        let rule = |step: &Step| Coefficients::new(&config, step);
        self.engine.step(gradients, settings, rule)
    }

    /// The number of steps (`step`, one `i64`) and the buffer of each variable (`momentum.NAME`, of
    /// its shape and on its device), in the order of the variables.
    ///
    /// # Errors
    /// Only those of candle itself.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        self.engine.state()
    }

    /// As [`Adam::load_state`](crate::Adam::load_state).
    ///
    /// # Errors
    /// As [`Adam::load_state`](crate::Adam::load_state).
    pub fn load_state(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        self.engine.load_state(state)
    }
}

/// The coefficients of one step: `b ← μ·b + g`, `p ← shrink·p − rate·(current·g + past·b)`.
#[derive(Clone, Copy, Debug)]
struct Coefficients {
    grad_scale: f64,
    coupled: f64,
    shrink: f64,
    rate: f64,
    mu: f64,
    current: f64,
    past: f64,
}

impl Coefficients {
    fn new(config: &SgdConfig, step: &Step) -> Self {
        let DecayTerms { coupled, shrink } = step.weight_decay.terms(step.lr);
        let (mu, current, past) = match config.momentum {
            Momentum::None => (0.0, 0.0, 1.0),
            Momentum::Classical(mu) => (mu, 0.0, 1.0),
            Momentum::Nesterov(mu) => (mu, 1.0, mu),
        };
        Self {
            grad_scale: step.grad_scale,
            coupled,
            shrink,
            rate: step.lr,
            mu,
            current,
            past,
        }
    }
}

/// [`Coefficients`] in vectors.
#[derive(Clone, Copy)]
struct Lanes<V> {
    scale: V,
    coupled: V,
    shrink: V,
    minus_rate: V,
    mu: V,
    current: V,
    past: V,
}

impl Rule<1> for Coefficients {
    type Lanes<S: Simd> = Lanes<S::f32s>;

    #[inline(always)]
    fn lanes<S: Simd>(&self, s: S) -> Lanes<S::f32s> {
        Lanes {
            scale: s.splat_f32s(self.grad_scale as f32),
            coupled: s.splat_f32s(self.coupled as f32),
            shrink: s.splat_f32s(self.shrink as f32),
            minus_rate: s.splat_f32s(-self.rate as f32),
            mu: s.splat_f32s(self.mu as f32),
            current: s.splat_f32s(self.current as f32),
            past: s.splat_f32s(self.past as f32),
        }
    }

    #[inline(always)]
    fn apply<S: Simd>(
        s: S,
        c: Lanes<S::f32s>,
        p: S::f32s,
        grad: S::f32s,
        [buffer]: [S::f32s; 1],
    ) -> (S::f32s, [S::f32s; 1]) {
        let g = s.mul_add(c.coupled, p, s.mul_f32s(grad, c.scale));
        let buffer = s.mul_add(c.mu, buffer, g);
        let direction = s.mul_add(c.current, g, s.mul_f32s(c.past, buffer));
        let step = s.mul_f32s(c.minus_rate, direction);
        (s.mul_add(p, c.shrink, step), [buffer])
    }

    fn apply_tensors(
        &self,
        p: &Tensor,
        grad: &Tensor,
        [buffer]: &[Tensor; 1],
    ) -> Result<(Tensor, [Tensor; 1])> {
        let mut grad = grad.affine(self.grad_scale, 0.0)?;
        if self.coupled != 0.0 {
            grad = (grad + p.affine(self.coupled, 0.0)?)?;
        }
        let buffer = (buffer.affine(self.mu, 0.0)? + &grad)?;
        let direction = (grad.affine(self.current, 0.0)? + buffer.affine(self.past, 0.0)?)?;
        let value = (p.affine(self.shrink, 0.0)? - direction.affine(self.rate, 0.0)?)?;
        Ok((value, [buffer]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn var(values: &[f32]) -> Var {
        Var::from_slice(values, values.len(), &Device::Cpu).unwrap()
    }

    /// One step on the loss `Σ p²`.
    fn step(sgd: &mut Sgd, p: &Var, lr: f64) -> StepOutcome {
        let loss = p.sqr().unwrap().sum_all().unwrap();
        sgd.step(&crate::backward(&loss).unwrap(), lr).unwrap()
    }

    #[test]
    fn matches_the_definition_with_every_option() {
        for momentum in [
            Momentum::None,
            Momentum::Classical(0.9),
            Momentum::Nesterov(0.8),
        ] {
            for decay in [WeightDecay::Coupled(0.1), WeightDecay::Decoupled(0.1)] {
                for max_grad_norm in [None, Some(0.5)] {
                    let config = SgdConfig {
                        momentum,
                        weight_decay: decay,
                        max_grad_norm,
                    };
                    let p = var(&[0.7, -1.3, 0.2]);
                    let mut sgd = Sgd::new(vec![("p".into(), p.clone())], config).unwrap();
                    let mut q: Vec<f64> = vec![0.7, -1.3, 0.2];
                    let mut b = [0.0f64; 3];
                    for _ in 0..5 {
                        assert_eq!(step(&mut sgd, &p, 0.05).not_finite, None);
                        let mut g: Vec<f64> = q.iter().map(|q| 2.0 * q).collect();
                        let norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
                        if let Some(max) = max_grad_norm {
                            g.iter_mut().for_each(|g| *g *= (max / norm).min(1.0));
                        }
                        for i in 0..3 {
                            if let WeightDecay::Coupled(l) = decay {
                                g[i] += l * q[i];
                            }
                            let direction = match momentum {
                                Momentum::None => g[i],
                                Momentum::Classical(mu) => {
                                    b[i] = mu * b[i] + g[i];
                                    b[i]
                                }
                                Momentum::Nesterov(mu) => {
                                    b[i] = mu * b[i] + g[i];
                                    g[i] + mu * b[i]
                                }
                            };
                            if let WeightDecay::Decoupled(l) = decay {
                                q[i] *= 1.0 - 0.05 * l;
                            }
                            q[i] -= 0.05 * direction;
                        }
                    }
                    for (a, b) in p.to_vec1::<f32>().unwrap().iter().zip(&q) {
                        assert!((f64::from(*a) - b).abs() < 1e-6, "{config:?}: {a} {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn candle_operations_give_the_same_result() {
        let config = SgdConfig {
            momentum: Momentum::Nesterov(0.9),
            weight_decay: WeightDecay::Coupled(0.1),
            max_grad_norm: Some(1.0),
        };
        let p = var(&[0.7, -1.3]);
        let q = p.to_dtype(candle_core::DType::F64).unwrap();
        let q = Var::from_tensor(&q).unwrap();
        let mut fused = Sgd::new(vec![("p".into(), p.clone())], config).unwrap();
        let mut reference = Sgd::new(vec![("p".into(), q.clone())], config).unwrap();
        for _ in 0..4 {
            let norm = step(&mut fused, &p, 0.05).norm.unwrap();
            let expected = step(&mut reference, &q, 0.05).norm.unwrap();
            assert!((norm / expected - 1.0).abs() < 1e-6);
        }
        let (p, q) = (p.to_vec1::<f32>().unwrap(), q.to_vec1::<f64>().unwrap());
        for (p, q) in p.iter().zip(&q) {
            assert!((f64::from(*p) - q).abs() < 1e-6, "{p} {q}");
        }
    }

    #[test]
    fn resuming_from_a_state_is_bit_identical() {
        let config = SgdConfig {
            momentum: Momentum::Classical(0.9),
            ..SgdConfig::default()
        };
        let p = var(&[1.0, 2.0]);
        let mut sgd = Sgd::new(vec![("p".into(), p.clone())], config).unwrap();
        let _ = step(&mut sgd, &p, 0.1);
        let state: HashMap<_, _> = sgd.state().unwrap().into_iter().collect();
        let buffer = state["momentum.p"].to_vec1::<f32>().unwrap();
        assert_eq!(buffer, [2.0, 4.0]);
        let q = var(&p.to_vec1().unwrap());
        let mut other = Sgd::new(vec![("p".into(), q.clone())], config).unwrap();
        other.load_state(&state).unwrap();
        let _ = step(&mut sgd, &p, 0.1);
        let _ = step(&mut other, &q, 0.1);
        assert_eq!(other.steps(), 2);
        assert_eq!(p.to_vec1::<f32>().unwrap(), q.to_vec1::<f32>().unwrap());
    }

    #[test]
    fn errors_name_the_hyperparameter_that_is_out_of_range() {
        for mu in [1.0, -0.1, f64::NAN] {
            let config = SgdConfig {
                momentum: Momentum::Classical(mu),
                ..SgdConfig::default()
            };
            let error = Sgd::new(Vec::new(), config).unwrap_err().to_string();
            assert!(error.contains("sgd: momentum"), "{error}");
        }
    }
}
