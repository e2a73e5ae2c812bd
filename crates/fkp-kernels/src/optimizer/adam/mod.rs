//! Adam and AdamW.

use std::collections::HashMap;

use candle_core::{Result, Tensor, Var, bail};

use super::engine::Engine;
use super::fused::Rule;
use super::step::{Settings, Step, StepOutcome};
use super::validate::{validate_fraction, validate_max_norm};
use super::weight_decay::{DecayTerms, WeightDecay};
use crate::gradients::Gradients;
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

    fn validate(&self) -> Result<()> {
        validate_fraction(NAME, "beta1", self.beta1)?;
        validate_fraction(NAME, "beta2", self.beta2)?;
        let eps = self.eps;
        if !(eps > 0.0 && eps.is_finite()) {
            bail!("{NAME}: eps = {eps} is not a positive number");
        }
        self.weight_decay.validate(NAME)?;
        validate_max_norm(NAME, self.max_grad_norm)
    }
}

const NAME: &str = "adam";

/// The Adam optimizer over named variables, updated in place.
///
/// On the CPU each parameter and its moments are read and written once per step; on other devices
/// the same arithmetic uses candle's operations.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    engine: Engine<2>,
}

impl Adam {
    /// An optimizer at step 0. The order of `vars` is the order of the state and of the sum in
    /// the gradient norm: the same order gives the same result.
    ///
    /// # Errors
    /// If a hyperparameter is out of range, two variables share a name, or a variable is not of a
    /// floating point type.
    pub fn new(vars: Vec<(String, Var)>, config: AdamConfig) -> Result<Self> {
        config.validate()?;
        let engine = Engine::new(NAME, ["m", "v"], vars)?;
        Ok(Self { config, engine })
    }

    /// Excludes the variables for which `exempt(name, value)` is true from weight decay, usually
    /// biases and the parameters of normalizations. The choice is not part of the state.
    pub fn exempt_from_decay(&mut self, exempt: impl Fn(&str, &Tensor) -> bool) {
        self.engine.exempt_from_decay(exempt);
    }

    /// Number of steps so far, including those before a restored state.
    pub fn steps(&self) -> u64 {
        self.engine.steps()
    }

    /// The hyperparameters.
    pub fn config(&self) -> &AdamConfig {
        &self.config
    }

    /// Updates every variable that has a gradient; the others keep their value and moments. Check
    /// [`StepOutcome::not_finite`] in the result.
    ///
    /// Gradients that [`backward`](crate::backward) keeps as factors are multiplied block by block
    /// during the update and never stored. The result is bit-identical to that with the gradients
    /// of `loss.backward()?.into()`, except for rounding of the norm.
    ///
    /// # Errors
    /// If `lr` is negative or not finite, or the shape of a gradient differs from its variable's;
    /// then nothing is updated.
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

    /// The number of steps (`step`, one `i64`) and both moments of each variable (`m.NAME` and
    /// `v.NAME`, of its shape and on its device), in the order of the variables. A run can be
    /// resumed from this, the variables and the configuration.
    ///
    /// # Errors
    /// Only those of candle itself.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        self.engine.state()
    }

    /// Restores the result of [`Adam::state`], on whatever device the tensors are. Entries
    /// of other names are ignored.
    ///
    /// # Errors
    /// If an entry is missing or does not fit its variable; then nothing is changed.
    pub fn load_state(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        self.engine.load_state(state)
    }
}

/// The coefficients of one step, computed in `f64` and used in `f32`.
#[derive(Clone, Copy, Debug)]
struct Coefficients {
    grad_scale: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    /// Learning rate over the bias correction of the first moment.
    rate: f64,
    /// One over the square root of the bias correction of the second moment.
    root_scale: f64,
    /// `λ` of coupled decay.
    coupled: f64,
    /// `1 − lr·λ` of decoupled decay.
    shrink: f64,
}

impl Coefficients {
    fn new(config: &AdamConfig, step: &Step) -> Self {
        let DecayTerms { coupled, shrink } = step.weight_decay.terms(step.lr);
        let t = step.number as f64;
        Self {
            grad_scale: step.grad_scale,
            beta1: config.beta1,
            beta2: config.beta2,
            eps: config.eps,
            rate: step.lr / (1.0 - config.beta1.powf(t)),
            root_scale: 1.0 / (1.0 - config.beta2.powf(t)).sqrt(),
            coupled,
            shrink,
        }
    }
}

/// [`Coefficients`] in vectors.
#[derive(Clone, Copy)]
struct Lanes<V> {
    scale: V,
    coupled: V,
    shrink: V,
    beta1: V,
    rest1: V,
    beta2: V,
    rest2: V,
    minus_rate: V,
    root_scale: V,
    eps: V,
}

impl Rule<2> for Coefficients {
    type Lanes<S: Simd> = Lanes<S::f32s>;

    #[inline(always)]
    fn lanes<S: Simd>(&self, s: S) -> Lanes<S::f32s> {
        Lanes {
            scale: s.splat_f32s(self.grad_scale as f32),
            coupled: s.splat_f32s(self.coupled as f32),
            shrink: s.splat_f32s(self.shrink as f32),
            beta1: s.splat_f32s(self.beta1 as f32),
            rest1: s.splat_f32s((1.0 - self.beta1) as f32),
            beta2: s.splat_f32s(self.beta2 as f32),
            rest2: s.splat_f32s((1.0 - self.beta2) as f32),
            minus_rate: s.splat_f32s(-self.rate as f32),
            root_scale: s.splat_f32s(self.root_scale as f32),
            eps: s.splat_f32s(self.eps as f32),
        }
    }

    #[inline(always)]
    fn apply<S: Simd>(
        s: S,
        c: Lanes<S::f32s>,
        p: S::f32s,
        grad: S::f32s,
        [m, v]: [S::f32s; 2],
    ) -> (S::f32s, [S::f32s; 2]) {
        let g = s.mul_add(c.coupled, p, s.mul_f32s(grad, c.scale));
        let m = s.mul_add(c.beta1, m, s.mul_f32s(c.rest1, g));
        let v = s.mul_add(s.mul_f32s(c.rest2, g), g, s.mul_f32s(c.beta2, v));
        let root = s.mul_add(s.sqrt_f32s(v), c.root_scale, c.eps);
        let step = s.div_f32s(s.mul_f32s(c.minus_rate, m), root);
        (s.mul_add(p, c.shrink, step), [m, v])
    }

    fn apply_tensors(
        &self,
        p: &Tensor,
        grad: &Tensor,
        [m, v]: &[Tensor; 2],
    ) -> Result<(Tensor, [Tensor; 2])> {
        let mut grad = grad.affine(self.grad_scale, 0.0)?;
        if self.coupled != 0.0 {
            grad = (grad + p.affine(self.coupled, 0.0)?)?;
        }
        let m = (m.affine(self.beta1, 0.0)? + grad.affine(1.0 - self.beta1, 0.0)?)?;
        let v = (v.affine(self.beta2, 0.0)? + grad.sqr()?.affine(1.0 - self.beta2, 0.0)?)?;
        let denominator = v.sqrt()?.affine(self.root_scale, self.eps)?;
        let update = m.affine(self.rate, 0.0)?.div(&denominator)?;
        Ok((p.affine(self.shrink, 0.0)?.sub(&update)?, [m, v]))
    }
}

#[cfg(test)]
mod tests;
