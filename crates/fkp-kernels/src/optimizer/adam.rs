//! Adam and AdamW.

use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var, bail};

use super::engine::{Engine, Settings, Step};
use super::fused::Rule;
use super::{Stepped, WeightDecay, validate_fraction, validate_max_norm};
use crate::gradients::{Gradient, Gradients};
use crate::simd::Simd;

/// The constants of [`Adam`]; the learning rate is given at each step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Decay of the mean of the gradients, in `[0, 1)`.
    pub beta1: f64,
    /// Decay of the mean of the squared gradients, in `[0, 1)`.
    pub beta2: f64,
    /// Added to the root of the second moment, above 0.
    pub eps: f64,
    /// Pull of the weights toward zero.
    pub weight_decay: WeightDecay,
    /// All gradients are scaled down together where their joint Euclidean norm exceeds this.
    pub max_grad_norm: Option<f64>,
}

impl Default for AdamConfig {
    /// β₁ = 0.9, β₂ = 0.999, ε = 1e-8, neither decay nor clipping (Kingma and Ba, ICLR 2015).
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
    /// AdamW with decoupled weight decay `lambda` and the other constants as by default.
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
/// On the CPU each parameter is read and written once per step together with its moments; on
/// other devices candle's operations do the same arithmetic.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    engine: Engine<2>,
}

impl Adam {
    /// An optimizer at step 0. The order of `vars` is the order of the state and of the sum in
    /// the gradient norm: give the same order for the same result.
    ///
    /// # Errors
    /// If a constant is out of range, two variables share a name, or a variable is not of a
    /// floating point type.
    pub fn new(vars: Vec<(String, Var)>, config: AdamConfig) -> Result<Self> {
        config.validate()?;
        let engine = Engine::new(NAME, ["m", "v"], vars)?;
        Ok(Self { config, engine })
    }

    /// Frees the variables for which `exempt(name, value)` is true from weight decay, usually
    /// biases and the factors and offsets of normalizations; all others decay. The choice is not
    /// part of the state.
    pub fn exempt_from_decay(&mut self, exempt: impl Fn(&str, &Tensor) -> bool) {
        self.engine.exempt_from_decay(exempt);
    }

    /// Number of updates so far, those before a restored state included.
    pub fn steps(&self) -> u64 {
        self.engine.steps()
    }

    /// The constants.
    pub fn config(&self) -> &AdamConfig {
        &self.config
    }

    /// Updates every variable that has a gradient; the others keep value and moments. What the
    /// gradients were like is in the answer: look at [`Stepped::not_finite`].
    ///
    /// # Errors
    /// If `lr` is not a finite number from 0 or a gradient's shape differs from its variable's;
    /// then nothing was updated.
    pub fn step(&mut self, grads: &GradStore, lr: f64) -> Result<Stepped> {
        self.step_by(|var| Ok(grads.get(var).cloned().map(Gradient::Dense)), lr)
    }

    /// As [`Adam::step`], with the gradients of [`backward`](crate::backward): those kept as
    /// factors are multiplied inside the pass over the parameter and never stored. The result is
    /// the same to the bit, save for the last digits of the norm.
    ///
    /// # Errors
    /// As [`Adam::step`].
    pub fn step_factored(&mut self, grads: &Gradients, lr: f64) -> Result<Stepped> {
        self.step_by(|var| grads.find(var), lr)
    }

    fn step_by<'a>(
        &mut self,
        find: impl Fn(&Tensor) -> Result<Option<Gradient<'a>>>,
        lr: f64,
    ) -> Result<Stepped> {
        let config = self.config;
        let settings = Settings {
            lr,
            weight_decay: config.weight_decay,
            max_grad_norm: config.max_grad_norm,
        };
        let rule = |step: &Step| Coefficients::new(&config, step);
        self.engine.step(find, settings, rule)
    }

    /// The step (`step`, one `i64`) and both moments of each variable (`m.NAME` and `v.NAME`, of
    /// its shape and on its device), in the order of the variables. Together with the variables
    /// and the configuration this is everything a continued run needs.
    ///
    /// # Errors
    /// Only those of candle itself.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        self.engine.state()
    }

    /// Restores what [`Adam::state`] returned, whatever device the tensors are on now. Entries
    /// of other names are ignored.
    ///
    /// # Errors
    /// If an entry is missing or does not fit its variable; then nothing was changed.
    pub fn load_state(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        self.engine.load_state(state)
    }
}

/// The constants of one step, folded together in `f64` and used in `f32`.
#[derive(Clone, Copy, Debug)]
struct Coefficients {
    grad_scale: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    /// Learning rate over the bias correction of the first moment.
    rate: f64,
    /// One over the root of the bias correction of the second moment.
    root_scale: f64,
    /// `λ` of coupled decay.
    coupled: f64,
    /// `1 − lr·λ` of decoupled decay.
    shrink: f64,
}

impl Coefficients {
    fn new(config: &AdamConfig, step: &Step) -> Self {
        let (coupled, shrink) = step.weight_decay.terms(step.lr);
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
