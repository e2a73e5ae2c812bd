//! Adam and AdamW as one pass over each parameter, with a state that can be saved.

mod update;

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, DType, Device, InplaceOp2, Layout, Result, Tensor, Var, bail};

use crate::gradients::{Factors, Gradient, Gradients};
use crate::host::{is_host_f32, values, with_values};
use crate::linear::Sizes;
use update::{Coefficients, sum_of_squares, update, update_factored};

/// How the weights are pulled towards zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum WeightDecay {
    /// Not at all.
    #[default]
    None,
    /// `λ·p` is added to the gradient and so passes through the moments (Adam's "L2").
    Coupled(f64),
    /// `lr·λ·p` is subtracted from the parameter (AdamW; Loshchilov and Hutter, ICLR 2019).
    Decoupled(f64),
}

/// The constants of [`Adam`]; the learning rate is given at each step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Decay of the mean of the gradients, in `[0, 1)`.
    pub beta1: f64,
    /// Decay of the mean of the squared gradients, in `[0, 1)`.
    pub beta2: f64,
    /// Added to the root of the second moment, above 0.
    pub eps: f64,
    /// Pull of the weights towards zero.
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
        let Self {
            beta1,
            beta2,
            eps,
            weight_decay,
            max_grad_norm,
        } = *self;
        if !(0.0..1.0).contains(&beta1) {
            bail!("adam: beta1 = {beta1} is not in [0, 1)");
        }
        if !(0.0..1.0).contains(&beta2) {
            bail!("adam: beta2 = {beta2} is not in [0, 1)");
        }
        if !(eps > 0.0 && eps.is_finite()) {
            bail!("adam: eps = {eps} is not a positive number");
        }
        if let WeightDecay::Coupled(l) | WeightDecay::Decoupled(l) = weight_decay
            && !(l >= 0.0 && l.is_finite())
        {
            bail!("adam: weight_decay = {l} is not a number from 0");
        }
        if let Some(max) = max_grad_norm
            && (max <= 0.0 || max.is_nan())
        {
            bail!("adam: max_grad_norm = {max} is not a positive number");
        }
        Ok(())
    }
}

/// The Adam optimiser over named variables, updated in place.
///
/// On the CPU each parameter is read and written once per step together with its moments; on
/// other devices candle's operations do the same arithmetic.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    parameters: Vec<Parameter>,
    step: u64,
}

#[derive(Debug)]
struct Parameter {
    name: String,
    var: Var,
    moments: Moments,
}

#[derive(Debug)]
enum Moments {
    Host { m: Vec<f32>, v: Vec<f32> },
    Device { m: Tensor, v: Tensor },
}

impl Adam {
    /// An optimiser at step 0. The order of `vars` is the order of the state and of the sum in
    /// the gradient norm: give the same order for the same result.
    ///
    /// # Errors
    /// If a constant is out of range, two variables share a name, or a variable is not of a
    /// floating point type.
    pub fn new(vars: Vec<(String, Var)>, config: AdamConfig) -> Result<Self> {
        config.validate()?;
        let mut parameters: Vec<Parameter> = Vec::with_capacity(vars.len());
        for (name, var) in vars {
            if parameters.iter().any(|p| p.name == name) {
                bail!("adam: two variables are named {name:?}");
            }
            if !var.dtype().is_float() {
                bail!("adam: {name:?} is {:?}, not floating point", var.dtype());
            }
            let moments = if is_host_f32(&[&var]) {
                let n = var.elem_count();
                Moments::Host {
                    m: vec![0.0; n],
                    v: vec![0.0; n],
                }
            } else {
                Moments::Device {
                    m: var.zeros_like()?,
                    v: var.zeros_like()?,
                }
            };
            parameters.push(Parameter { name, var, moments });
        }
        Ok(Self {
            config,
            parameters,
            step: 0,
        })
    }

    /// Number of updates so far, those before a restored state included.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The constants.
    pub fn config(&self) -> &AdamConfig {
        &self.config
    }

    /// Updates every variable that has a gradient; the others keep value and moments. Returns
    /// the norm of all gradients before clipping where `max_grad_norm` is set.
    ///
    /// # Errors
    /// If `lr` is not a finite number from 0, a gradient's shape differs from its variable's, or
    /// the gradient norm is not finite. In these cases nothing was updated.
    pub fn step(&mut self, grads: &GradStore, lr: f64) -> Result<Option<f64>> {
        self.step_by(|var| Ok(grads.get(var).cloned().map(Gradient::Dense)), lr)
    }

    /// As [`Adam::step`], with the gradients of [`backward`](crate::backward): those kept as
    /// factors are multiplied inside the pass over the parameter and never stored. The result is
    /// the same to the bit, save for the last digits of the norm.
    ///
    /// # Errors
    /// As [`Adam::step`].
    pub fn step_factored(&mut self, grads: &Gradients, lr: f64) -> Result<Option<f64>> {
        self.step_by(|var| grads.find(var), lr)
    }

    fn step_by<'a>(
        &mut self,
        find: impl Fn(&Tensor) -> Result<Option<Gradient<'a>>>,
        lr: f64,
    ) -> Result<Option<f64>> {
        if !(lr >= 0.0 && lr.is_finite()) {
            bail!("adam: lr = {lr} is not a finite number from 0");
        }
        let mut grads = Vec::with_capacity(self.parameters.len());
        for p in &self.parameters {
            let grad = find(&p.var)?;
            if let Some(Gradient::Dense(grad)) = &grad
                && grad.shape() != p.var.shape()
            {
                let (name, got, expected) = (&p.name, grad.dims(), p.var.dims());
                bail!("adam: the gradient of {name:?} is {got:?}, the variable {expected:?}");
            }
            grads.push(grad);
        }
        let norm = match self.config.max_grad_norm {
            None => None,
            Some(_) => Some(self.grad_norm(&grads)?),
        };
        let grad_scale = match (self.config.max_grad_norm, norm) {
            (Some(max), Some(norm)) if norm > max => max / norm,
            _ => 1.0,
        };
        self.step += 1;
        let coefficients = Coefficients::new(&self.config, self.step, lr, grad_scale);
        for (p, grad) in self.parameters.iter_mut().zip(&grads) {
            match grad {
                None => {}
                Some(Gradient::Dense(grad)) => p.update(grad, &coefficients)?,
                Some(Gradient::Factored(factors)) => p.update_factored(factors, &coefficients)?,
            }
        }
        Ok(norm)
    }

    fn grad_norm(&self, grads: &[Option<Gradient<'_>>]) -> Result<f64> {
        let mut sum = 0.0;
        for grad in grads.iter().flatten() {
            sum += match grad {
                Gradient::Factored(factors) => factors.sum_of_squares()?,
                Gradient::Dense(grad) if is_host_f32(&[grad]) => {
                    with_values("adam", grad, |g| Ok(sum_of_squares(g)))?
                }
                Gradient::Dense(grad) => {
                    let sum = grad.to_dtype(DType::F32)?.sqr()?.sum_all()?;
                    f64::from(sum.to_scalar::<f32>()?)
                }
            };
        }
        let norm = sum.sqrt();
        if !norm.is_finite() {
            bail!(
                "adam: the gradient norm is {norm} at step {}",
                self.step + 1
            );
        }
        Ok(norm)
    }

    /// The step (`step`, one `i64`) and both moments of each variable (`m.NAME` and `v.NAME`, of
    /// its shape and on its device), in the order of the variables. Together with the variables
    /// and the configuration this is everything a continued run needs.
    ///
    /// # Errors
    /// Only those of candle itself.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut state = Vec::with_capacity(1 + 2 * self.parameters.len());
        state.push((
            "step".to_owned(),
            Tensor::from_vec(vec![self.step as i64], 1, &Device::Cpu)?,
        ));
        for Parameter { name, var, moments } in &self.parameters {
            let (m, v) = match moments {
                Moments::Device { m, v } => (m.copy()?, v.copy()?),
                Moments::Host { m, v } => (
                    Tensor::from_slice(m, var.shape(), &Device::Cpu)?,
                    Tensor::from_slice(v, var.shape(), &Device::Cpu)?,
                ),
            };
            state.push((format!("m.{name}"), m));
            state.push((format!("v.{name}"), v));
        }
        Ok(state)
    }

    /// Restores what [`Adam::state`] returned, whatever device the tensors are on now. Entries
    /// of other names are ignored.
    ///
    /// # Errors
    /// If an entry is missing or does not fit its variable; then nothing was changed.
    pub fn load_state(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        let entry = |name: String| match state.get(&name) {
            Some(tensor) => Ok(tensor),
            None => bail!("adam: the state has no entry {name:?}"),
        };
        let step = entry("step".to_owned())?;
        let step = step.to_dtype(DType::I64)?.flatten_all()?.to_vec1::<i64>()?;
        let &[step] = step.as_slice() else {
            bail!(
                "adam: the state's \"step\" must hold one value, it holds {}",
                step.len()
            );
        };
        let Ok(step) = u64::try_from(step) else {
            bail!("adam: the state's \"step\" is {step}");
        };
        let mut restored = Vec::with_capacity(self.parameters.len());
        for p in &self.parameters {
            let moment = |kind: &str| {
                let name = format!("{kind}.{}", p.name);
                let tensor = entry(name.clone())?;
                if tensor.shape() != p.var.shape() {
                    let (got, expected) = (tensor.dims(), p.var.dims());
                    bail!("adam: the state's {name:?} is {got:?}, the variable {expected:?}");
                }
                tensor.to_device(p.var.device())?.to_dtype(p.var.dtype())
            };
            let (m, v) = (moment("m")?, moment("v")?);
            restored.push(match &p.moments {
                Moments::Device { .. } => Moments::Device {
                    m: m.copy()?,
                    v: v.copy()?,
                },
                Moments::Host { .. } => Moments::Host {
                    m: with_values("adam", &m, |m| Ok(m.to_vec()))?,
                    v: with_values("adam", &v, |v| Ok(v.to_vec()))?,
                },
            });
        }
        for (p, moments) in self.parameters.iter_mut().zip(restored) {
            p.moments = moments;
        }
        self.step = step;
        Ok(())
    }
}

impl Parameter {
    fn update(&mut self, grad: &Tensor, c: &Coefficients) -> Result<()> {
        match &mut self.moments {
            Moments::Host { m, v } => {
                let op = Update {
                    moments: RefCell::new((m, v)),
                    coefficients: c,
                    product: None,
                };
                self.var.inplace_op2(grad, &op)
            }
            Moments::Device { m, v } => c.update_tensors(&self.var, grad, m, v),
        }
    }

    fn update_factored(&mut self, factors: &Factors, c: &Coefficients) -> Result<()> {
        let Moments::Host { m, v } = &mut self.moments else {
            bail!("adam: factored gradients are for f32 variables on the CPU");
        };
        let sizes = factors.sizes()?;
        let product = Product {
            sizes,
            dy: &factors.dy,
        };
        let op = Update {
            moments: RefCell::new((m, v)),
            coefficients: c,
            product: Some(product),
        };
        self.var.inplace_op2(&factors.x, &op)
    }
}

/// The update of one parameter as an in-place operation: the only way to its storage.
struct Update<'a> {
    moments: RefCell<(&'a mut Vec<f32>, &'a mut Vec<f32>)>,
    coefficients: &'a Coefficients,
    /// Set where the second operand is not the gradient but a factor of it.
    product: Option<Product<'a>>,
}

/// The other factor of a gradient `dyᵀ · x`.
struct Product<'a> {
    sizes: Sizes,
    dy: &'a Tensor,
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn cpu_fwd(
        &self,
        p: &mut CpuStorage,
        p_layout: &Layout,
        operand: &CpuStorage,
        operand_layout: &Layout,
    ) -> Result<()> {
        let operand = values("adam", operand, operand_layout)?;
        let (CpuStorage::F32(p), Some((start, end))) = (p, p_layout.contiguous_offsets()) else {
            bail!("adam: the variable must be contiguous f32");
        };
        let p = &mut p[start..end];
        let (m, v) = &mut *self.moments.borrow_mut();
        match &self.product {
            None => update(p, &operand, m, v, self.coefficients),
            Some(Product { sizes, dy }) => with_values("adam", dy, |dy| {
                update_factored(p, (*sizes, &operand, dy), m, v, self.coefficients);
                Ok(())
            })?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
