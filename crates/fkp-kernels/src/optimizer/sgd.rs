//! Stochastic gradient descent with momentum.

use candle_core::{Result, Tensor};

use super::engine::FusedOptimizer;
use super::step::{Hyperparameters, Rule};
use super::validate::validate_fraction;
use super::weight_decay::WeightDecay;
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

/// Stochastic gradient descent, with the momentum buffer as its state.
///
/// The buffer is allocated also without momentum, so that the state always has the same form.
pub type Sgd = FusedOptimizer<SgdConfig, 1>;

impl Hyperparameters<1> for SgdConfig {
    const NAME: &'static str = "sgd";
    const SLOTS: [&'static str; 1] = ["momentum"];
    type Rule = SgdRule;

    fn validate(&self) -> Result<()> {
        match self.momentum {
            Momentum::None => Ok(()),
            Momentum::Classical(mu) | Momentum::Nesterov(mu) => {
                validate_fraction(Self::NAME, "momentum", mu)
            }
        }
    }

    fn weight_decay(&self) -> WeightDecay {
        self.weight_decay
    }

    fn max_grad_norm(&self) -> Option<f64> {
        self.max_grad_norm
    }

    fn rule(&self, lr: f64, _number: u64) -> SgdRule {
        let (mu, current, past) = match self.momentum {
            Momentum::None => (0.0, 0.0, 1.0),
            Momentum::Classical(mu) => (mu, 0.0, 1.0),
            Momentum::Nesterov(mu) => (mu, 1.0, mu),
        };
        SgdRule {
            rate: lr,
            mu,
            current,
            past,
        }
    }
}

/// `b ← μ·b + g`, `p ← p − rate·(current·g + past·b)`.
#[derive(Clone, Copy)]
pub(super) struct SgdRule {
    rate: f64,
    mu: f64,
    current: f64,
    past: f64,
}

impl Rule<1> for SgdRule {
    #[inline(always)]
    fn change<S: Simd>(self, s: S, g: S::f32s, [buffer]: [S::f32s; 1]) -> (S::f32s, [S::f32s; 1]) {
        let buffer = s.add_scaled(g, self.mu as f32, buffer);
        let direction = s.add_scaled(s.scale(self.past as f32, buffer), self.current as f32, g);
        (s.scale(-self.rate as f32, direction), [buffer])
    }

    fn tensor_change(self, g: &Tensor, [buffer]: &[Tensor; 1]) -> Result<(Tensor, [Tensor; 1])> {
        let buffer = (buffer.affine(self.mu, 0.0)? + g)?;
        let direction = (g.affine(self.current, 0.0)? + buffer.affine(self.past, 0.0)?)?;
        Ok((direction.affine(-self.rate, 0.0)?, [buffer]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StepOutcome;
    use candle_core::{Device, Var};
    use std::collections::HashMap;

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
