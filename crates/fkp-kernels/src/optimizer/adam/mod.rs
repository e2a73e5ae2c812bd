//! Adam and AdamW.

use candle_core::{Result, Tensor, bail};

use super::engine::FusedOptimizer;
use super::step::{Hyperparameters, Rule};
use super::validate::validate_fraction;
use super::weight_decay::WeightDecay;
use crate::simd::Simd;

/// The hyperparameters of [`Adam`]; the learning rate is given at each step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Decay rate of the first moment, the mean of the gradients, in `[0, 1)`.
    pub beta1: f64,
    /// Decay rate of the second moment, the mean of the squared gradients, in `[0, 1)`.
    pub beta2: f64,
    /// Added to the square root of the second moment, above 0.
    pub eps: f64,
    /// Decay of the weights toward zero.
    pub weight_decay: WeightDecay,
    /// Gradient clipping: all gradients are scaled down together if their joint Euclidean norm
    /// exceeds this.
    pub max_grad_norm: Option<f64>,
}

impl Default for AdamConfig {
    /// β₁ = 0.9, β₂ = 0.999, ε = 1e-8, without weight decay and clipping (Kingma and Ba, ICLR
    /// 2015).
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: WeightDecay::None,
            max_grad_norm: None,
        }
    }
}

impl AdamConfig {
    /// AdamW with decoupled weight decay `lambda`, otherwise the defaults.
    pub fn adamw(lambda: f64) -> Self {
        Self {
            weight_decay: WeightDecay::Decoupled(lambda),
            ..Self::default()
        }
    }
}

/// The Adam optimizer, with both moments as its state.
pub type Adam = FusedOptimizer<AdamConfig, 2>;

impl Hyperparameters<2> for AdamConfig {
    const NAME: &'static str = "adam";
    const SLOTS: [&'static str; 2] = ["m", "v"];
    type Rule = AdamRule;

    fn validate(&self) -> Result<()> {
        validate_fraction(Self::NAME, "beta1", self.beta1)?;
        validate_fraction(Self::NAME, "beta2", self.beta2)?;
        let eps = self.eps;
        if !(eps > 0.0 && eps.is_finite()) {
            bail!("{}: eps = {eps} is not a positive number", Self::NAME);
        }
        Ok(())
    }

    fn weight_decay(&self) -> WeightDecay {
        self.weight_decay
    }

    fn max_grad_norm(&self) -> Option<f64> {
        self.max_grad_norm
    }

    fn rule(&self, lr: f64, number: u64) -> AdamRule {
        let t = number as f64;
        AdamRule {
            config: *self,
            rate: lr / (1.0 - self.beta1.powf(t)),
            root_scale: 1.0 / (1.0 - self.beta2.powf(t)).sqrt(),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct AdamRule {
    config: AdamConfig,
    /// Learning rate over the bias correction of the first moment.
    rate: f64,
    /// One over the square root of the bias correction of the second moment.
    root_scale: f64,
}

impl Rule<2> for AdamRule {
    #[inline(always)]
    fn change<S: Simd>(self, s: S, g: S::f32s, [m, v]: [S::f32s; 2]) -> (S::f32s, [S::f32s; 2]) {
        let AdamConfig {
            beta1, beta2, eps, ..
        } = self.config;
        let m = s.add_scaled(s.scale((1.0 - beta1) as f32, g), beta1 as f32, m);
        let v = s.scale(beta2 as f32, v);
        let v = s.mul_add(s.scale((1.0 - beta2) as f32, g), g, v);
        let eps = s.splat_f32s(eps as f32);
        let root = s.add_scaled(eps, self.root_scale as f32, s.sqrt_f32s(v));
        (s.div_f32s(s.scale(-self.rate as f32, m), root), [m, v])
    }

    fn tensor_change(self, g: &Tensor, [m, v]: &[Tensor; 2]) -> Result<(Tensor, [Tensor; 2])> {
        let AdamConfig {
            beta1, beta2, eps, ..
        } = self.config;
        let m = (m.affine(beta1, 0.0)? + g.affine(1.0 - beta1, 0.0)?)?;
        let v = (v.affine(beta2, 0.0)? + g.sqr()?.affine(1.0 - beta2, 0.0)?)?;
        let root = v.sqrt()?.affine(self.root_scale, eps)?;
        Ok((m.affine(-self.rate, 0.0)?.div(&root)?, [m, v]))
    }
}

#[cfg(test)]
mod tests;
