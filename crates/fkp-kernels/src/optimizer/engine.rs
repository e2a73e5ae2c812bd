//! The optimizer over named variables: gradient norm, updates, and state.

use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor, Var, bail};

use super::fused::{HostGradient, sum_of_squares};
use super::in_place::{update_in_place, with_factors};
use super::step::{Hyperparameters, Step, StepOutcome};
use super::validate::validate_not_negative;
use super::weight_decay::WeightDecay;
use crate::duplicate::copied;
use crate::gradients::{Gradient, Gradients};
use crate::host::{is_host_f32, with_values};

/// An optimizer over named variables, updated in place: [`Adam`](crate::Adam) or
/// [`Sgd`](crate::Sgd), with the hyperparameters `C` and `N` tensors of state for each variable.
///
/// On the CPU each parameter and its state are read and written once per step; on other devices
/// the same arithmetic uses candle's operations.
#[derive(Debug)]
pub struct FusedOptimizer<C, const N: usize> {
    config: C,
    parameters: Vec<Parameter<N>>,
    steps: u64,
}

#[derive(Debug)]
struct Parameter<const N: usize> {
    name: String,
    var: Var,
    state: State<N>,
    exempt_from_decay: bool,
}

#[derive(Debug)]
enum State<const N: usize> {
    Host([Vec<f32>; N]),
    Device([Tensor; N]),
}

#[expect(private_bounds, reason = "the optimizers are those of this crate")]
impl<const N: usize, C: Hyperparameters<N>> FusedOptimizer<C, N> {
    /// An optimizer at step 0. The order of `vars` is the order of the state and of the sum in
    /// the gradient norm: the same order gives the same result.
    ///
    /// # Errors
    /// If a hyperparameter is out of range, two variables share a name, or a variable is not of a
    /// floating point type.
    pub fn new(vars: Vec<(String, Var)>, config: C) -> Result<Self> {
        let op = C::NAME;
        config.validate()?;
        config.weight_decay().validate(op)?;
        if let Some(max) = config.max_grad_norm()
            && (max <= 0.0 || max.is_nan())
        {
            bail!("{op}: max_grad_norm = {max} is not a positive number");
        }
        let mut parameters: Vec<Parameter<N>> = Vec::with_capacity(vars.len());
        for (name, var) in vars {
            if parameters.iter().any(|p| p.name == name) {
                bail!("{op}: two variables are named {name:?}");
            }
            if !var.dtype().is_float() {
                bail!("{op}: {name:?} is {:?}, not floating point", var.dtype());
            }
            let state = if is_host_f32(&[&var]) {
                State::Host(C::SLOTS.map(|_| vec![0.0; var.elem_count()]))
            } else {
                State::Device(try_array(|_| var.zeros_like())?)
            };
            parameters.push(Parameter {
                name,
                var,
                state,
                exempt_from_decay: false,
            });
        }
        Ok(Self {
            config,
            parameters,
            steps: 0,
        })
    }

    /// Excludes the variables for which `exempt(name, value)` is true from weight decay, usually
    /// biases and the parameters of normalizations. The choice is not part of the state.
    pub fn exempt_from_decay(&mut self, exempt: impl Fn(&str, &Tensor) -> bool) {
        for p in &mut self.parameters {
            p.exempt_from_decay = exempt(&p.name, &p.var);
        }
    }

    /// Number of steps so far, including those before a restored state.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Updates every variable that has a gradient; the others keep their value and state. Check
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
        let op = C::NAME;
        validate_not_negative(op, "lr", lr)?;
        let mut grads = Vec::with_capacity(self.parameters.len());
        for p in &self.parameters {
            let grad = gradients.find(&p.var)?;
            if let Some(Gradient::Dense(grad)) = &grad
                && grad.shape() != p.var.shape()
            {
                let (name, got, expected) = (&p.name, grad.dims(), p.var.dims());
                bail!("{op}: the gradient of {name:?} is {got:?}, the variable {expected:?}");
            }
            grads.push(grad);
        }
        let mut outcome = StepOutcome::default();
        let mut grad_scale = 1.0;
        if let Some(max) = self.config.max_grad_norm() {
            let (norm, not_finite) = self.norm(&grads)?;
            outcome.norm = Some(norm);
            if not_finite.is_some() {
                outcome.not_finite = not_finite;
                return Ok(outcome);
            }
            if norm > max {
                grad_scale = max / norm;
            }
        }
        self.steps += 1;
        let rule = self.config.rule(lr, self.steps);
        for (p, grad) in self.parameters.iter_mut().zip(&grads) {
            let Some(grad) = grad else {
                continue;
            };
            let decay = match p.exempt_from_decay {
                true => WeightDecay::None,
                false => self.config.weight_decay(),
            };
            let step = Step {
                grad_scale,
                decay: decay.terms(lr),
                rule,
            };
            match (&mut p.state, grad) {
                (State::Host(state), grad) => {
                    let state = state.each_mut().map(Vec::as_mut_slice);
                    let finite = update_in_place(op, &p.var, grad, state, step)?;
                    if !finite && outcome.not_finite.is_none() {
                        outcome.not_finite = Some(p.name.clone());
                    }
                }
                (State::Device(state), Gradient::Dense(grad)) => {
                    let value = p.var.as_detached_tensor();
                    let (value, new) = step.apply_tensors(&value, &grad.detach(), state)?;
                    p.var.set(&value)?;
                    *state = new;
                }
                (State::Device(_), Gradient::Factored(_)) => {
                    bail!("{op}: factored gradients are for f32 variables on the CPU")
                }
            }
        }
        Ok(outcome)
    }

    /// The norm of all gradients together, and the first variable whose gradient is not finite.
    fn norm(&self, grads: &[Option<Gradient<'_>>]) -> Result<(f64, Option<String>)> {
        let mut sum = 0.0;
        let mut not_finite = None;
        for (p, grad) in self.parameters.iter().zip(grads) {
            let squares = match grad {
                None => continue,
                Some(Gradient::Factored(factors)) => {
                    with_factors(C::NAME, factors, sum_of_squares)?
                }
                Some(Gradient::Dense(grad)) if is_host_f32(&[grad]) => {
                    with_values(C::NAME, [grad], |[g]| {
                        Ok(sum_of_squares(HostGradient::Dense(g)))
                    })?
                }
                Some(Gradient::Dense(grad)) => {
                    let sum = grad.to_dtype(DType::F32)?.sqr()?.sum_all()?;
                    f64::from(sum.to_scalar::<f32>()?)
                }
            };
            if !squares.is_finite() && not_finite.is_none() {
                not_finite = Some(p.name.clone());
            }
            sum += squares;
        }
        Ok((sum.sqrt(), not_finite))
    }

    /// The number of steps (`step`, one `i64`) and the state of each variable (Adam's moments
    /// `m.NAME` and `v.NAME`, SGD's buffer `momentum.NAME`, of its shape and on its device), in the
    /// order of the variables. A run can be resumed from this, the variables and the configuration.
    ///
    /// # Errors
    /// Only those of candle itself.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut entries = Vec::with_capacity(1 + N * self.parameters.len());
        entries.push((
            "step".to_owned(),
            Tensor::from_vec(vec![self.steps as i64], 1, &Device::Cpu)?,
        ));
        for Parameter {
            name, var, state, ..
        } in &self.parameters
        {
            for (k, slot) in C::SLOTS.iter().enumerate() {
                let tensor = match state {
                    State::Device(state) => state[k].copy()?,
                    State::Host(state) => {
                        Tensor::from_vec(copied(&state[k]), var.shape(), &Device::Cpu)?
                    }
                };
                entries.push((format!("{slot}.{name}"), tensor));
            }
        }
        Ok(entries)
    }

    /// Restores the result of [`state`](Self::state), on whatever device the tensors are. Entries
    /// of other names are ignored.
    ///
    /// # Errors
    /// If an entry is missing or does not fit its variable; then nothing is changed.
    pub fn load_state(&mut self, entries: &HashMap<String, Tensor>) -> Result<()> {
        let op = C::NAME;
        let entry = |name: &str| match entries.get(name) {
            Some(tensor) => Ok(tensor),
            None => bail!("{op}: the state has no entry {name:?}"),
        };
        let step = entry("step")?.to_dtype(DType::I64)?.flatten_all()?;
        let steps = step.to_vec1::<i64>()?;
        let &[steps] = steps.as_slice() else {
            let count = steps.len();
            bail!("{op}: the state's \"step\" must have one value, it has {count}");
        };
        let Ok(steps) = u64::try_from(steps) else {
            bail!("{op}: the state's \"step\" is {steps}, it must not be negative");
        };
        let mut restored = Vec::with_capacity(self.parameters.len());
        for p in &self.parameters {
            let slot = |k: usize| {
                let name = format!("{}.{}", C::SLOTS[k], p.name);
                let tensor = entry(&name)?;
                if tensor.shape() != p.var.shape() {
                    let (got, expected) = (tensor.dims(), p.var.dims());
                    bail!("{op}: the state's {name:?} is {got:?}, the variable {expected:?}");
                }
                tensor.to_device(p.var.device())?.to_dtype(p.var.dtype())
            };
            restored.push(match &p.state {
                State::Device(_) => State::Device(try_array(|k| slot(k)?.copy())?),
                State::Host(_) => State::Host(try_array(|k| {
                    with_values(op, [&slot(k)?], |[v]| Ok(v.to_vec()))
                })?),
            });
        }
        for (p, state) in self.parameters.iter_mut().zip(restored) {
            p.state = state;
        }
        self.steps = steps;
        Ok(())
    }
}

/// `[f(0), …, f(N − 1)]`, or the first error.
fn try_array<T, const N: usize>(f: impl Fn(usize) -> Result<T>) -> Result<[T; N]> {
    let all = (0..N).map(f).collect::<Result<Vec<T>>>()?;
    match all.try_into() {
        Ok(array) => Ok(array),
        Err(_) => bail!("an array of {N} was collected from {N} values"),
    }
}
