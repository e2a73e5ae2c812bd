//! The common part of the optimizers: named variables, gradient norm, updates, and state.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::{CpuStorage, DType, Device, InplaceOp2, Layout, Result, Tensor, Var, bail};

use super::fused::{Finite, HostGradient, Rule, sum_of_squares, update};
use super::step::{Settings, Step, StepOutcome};
use super::validate::validate_not_negative;
use super::weight_decay::WeightDecay;
use crate::gradients::{Factors, Gradient, Gradients};
use crate::host::{is_host_f32, values, with_all_values, with_values};
use crate::matmul::WeightGradient;

/// Named variables with `N` tensors of state each, and the number of steps so far.
#[derive(Debug)]
pub(super) struct Engine<const N: usize> {
    /// The optimizer's name, for messages.
    op: &'static str,
    /// Prefixes of the state's entries.
    slots: [&'static str; N],
    parameters: Vec<Parameter<N>>,
    steps: u64,
}

#[derive(Debug)]
struct Parameter<const N: usize> {
    name: String,
    var: Var,
    state: State<N>,
    decay: Decay,
}

#[derive(Debug)]
enum State<const N: usize> {
    Host([Vec<f32>; N]),
    Device([Tensor; N]),
}

#[derive(Clone, Copy, Debug)]
enum Decay {
    Applies,
    Exempt,
}

impl<const N: usize> Engine<N> {
    pub(super) fn new(
        op: &'static str,
        slots: [&'static str; N],
        vars: Vec<(String, Var)>,
    ) -> Result<Self> {
        let mut parameters: Vec<Parameter<N>> = Vec::with_capacity(vars.len());
        for (name, var) in vars {
            if parameters.iter().any(|p| p.name == name) {
                bail!("{op}: two variables are named {name:?}");
            }
            if !var.dtype().is_float() {
                bail!("{op}: {name:?} is {:?}, not floating point", var.dtype());
            }
            let state = if is_host_f32(&[&var]) {
                State::Host(slots.map(|_| vec![0.0; var.elem_count()]))
            } else {
                State::Device(try_array(|_| var.zeros_like())?)
            };
            let decay = Decay::Applies;
            parameters.push(Parameter {
                name,
                var,
                state,
                decay,
            });
        }
        Ok(Self {
            op,
            slots,
            parameters,
            steps: 0,
        })
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    pub(super) fn exempt_from_decay(&mut self, exempt: impl Fn(&str, &Tensor) -> bool) {
        for p in &mut self.parameters {
            p.decay = match exempt(&p.name, &p.var) {
                true => Decay::Exempt,
                false => Decay::Applies,
            };
        }
    }

    /// Updates every variable that has a gradient.
    pub(super) fn step<R: Rule<N>>(
        &mut self,
        gradients: &Gradients,
        settings: Settings,
        rule: impl Fn(&Step) -> R,
    ) -> Result<StepOutcome> {
        let op = self.op;
        let lr = settings.lr;
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
        if let Some(max) = settings.max_grad_norm {
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
        let step = Step {
            number: self.steps,
            lr,
            weight_decay: settings.weight_decay,
            grad_scale,
        };
        let decaying = rule(&step);
        let exempt = rule(&Step {
            weight_decay: WeightDecay::None,
            ..step
        });
        for (p, grad) in self.parameters.iter_mut().zip(&grads) {
            let rule = match p.decay {
                Decay::Applies => &decaying,
                Decay::Exempt => &exempt,
            };
            let Some(grad) = grad else {
                continue;
            };
            if p.update(op, grad, rule)? == Finite::No && outcome.not_finite.is_none() {
                outcome.not_finite = Some(p.name.clone());
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
                    with_factors(self.op, factors, |f| Ok(sum_of_squares(f)))?
                }
                Some(Gradient::Dense(grad)) if is_host_f32(&[grad]) => {
                    with_values(self.op, [grad], |[g]| {
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

    pub(super) fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut entries = Vec::with_capacity(1 + N * self.parameters.len());
        entries.push((
            "step".to_owned(),
            Tensor::from_vec(vec![self.steps as i64], 1, &Device::Cpu)?,
        ));
        for Parameter {
            name, var, state, ..
        } in &self.parameters
        {
            for (k, slot) in self.slots.iter().enumerate() {
                let tensor = match state {
                    State::Device(state) => state[k].copy()?,
                    State::Host(state) => Tensor::from_slice(&state[k], var.shape(), &Device::Cpu)?,
                };
                entries.push((format!("{slot}.{name}"), tensor));
            }
        }
        Ok(entries)
    }

    pub(super) fn load_state(&mut self, entries: &HashMap<String, Tensor>) -> Result<()> {
        let op = self.op;
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
                let name = format!("{}.{}", self.slots[k], p.name);
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

impl<const N: usize> Parameter<N> {
    fn update<R: Rule<N>>(
        &mut self,
        op: &'static str,
        grad: &Gradient<'_>,
        rule: &R,
    ) -> Result<Finite> {
        match (&mut self.state, grad) {
            (State::Host(state), grad) => {
                let (operand, factors) = match grad {
                    Gradient::Dense(grad) => (grad, None),
                    Gradient::Factored(factors) => match factors.first() {
                        Some(first) => (&first.x, Some(*factors)),
                        None => bail!("{op}: a gradient without factors"),
                    },
                };
                let update = Update {
                    op,
                    state: RefCell::new(state.each_mut().map(Vec::as_mut_slice)),
                    rule,
                    factors,
                    finite: RefCell::new(Finite::Yes),
                };
                self.var.inplace_op2(operand, &update)?;
                Ok(update.finite.into_inner())
            }
            (State::Device(state), Gradient::Dense(grad)) => {
                let p = self.var.as_detached_tensor();
                let (value, new) = rule.apply_tensors(&p, &grad.detach(), state)?;
                self.var.set(&value)?;
                *state = new;
                Ok(Finite::Yes)
            }
            (State::Device(_), Gradient::Factored(_)) => {
                bail!("{op}: factored gradients are for f32 variables on the CPU")
            }
        }
    }
}

/// The update of one parameter as an in-place operation, which gives access to its storage.
struct Update<'a, const N: usize, R> {
    op: &'static str,
    state: RefCell<[&'a mut [f32]; N]>,
    rule: &'a R,
    /// Set where the second operand is not the gradient but one of its factors.
    factors: Option<&'a [Factors]>,
    finite: RefCell<Finite>,
}

impl<const N: usize, R: Rule<N>> InplaceOp2 for Update<'_, N, R> {
    fn name(&self) -> &'static str {
        self.op
    }

    fn cpu_fwd(
        &self,
        p: &mut CpuStorage,
        p_layout: &Layout,
        operand: &CpuStorage,
        operand_layout: &Layout,
    ) -> Result<()> {
        let op = self.op;
        let (CpuStorage::F32(p), Some((start, end))) = (p, p_layout.contiguous_offsets()) else {
            bail!("{op}: the variable must be contiguous f32");
        };
        let p = &mut p[start..end];
        let mut state = self.state.borrow_mut();
        let state = state.each_mut().map(|s| &mut **s);
        let finite = match self.factors {
            None => {
                let grad = values(op, operand, operand_layout)?;
                update(p, HostGradient::Dense(&grad), state, self.rule)
            }
            Some(factors) => with_factors(op, factors, |f| Ok(update(p, f, state, self.rule)))?,
        };
        self.finite.replace(finite);
        Ok(())
    }
}

/// Calls `f` with the factors in host memory.
fn with_factors<R>(
    op: &'static str,
    factors: &[Factors],
    f: impl FnOnce(HostGradient<'_>) -> Result<R>,
) -> Result<R> {
    let tensors: Vec<&Tensor> = factors.iter().flat_map(|f| [&f.x, &f.dy]).collect();
    with_all_values(op, &tensors, |values| {
        let host = factors.iter().zip(values.chunks_exact(2));
        let host = host.map(|(factors, pair)| {
            let (sizes, x, dy) = (factors.sizes()?, &*pair[0], &*pair[1]);
            Ok(WeightGradient { sizes, x, dy })
        });
        f(HostGradient::Factored(&host.collect::<Result<Vec<_>>>()?))
    })
}

/// `[f(0), …, f(N − 1)]`, or the first error.
fn try_array<T, const N: usize>(f: impl Fn(usize) -> Result<T>) -> Result<[T; N]> {
    let all = (0..N).map(f).collect::<Result<Vec<T>>>()?;
    match all.try_into() {
        Ok(array) => Ok(array),
        Err(_) => bail!("an array of {N} was collected from {N} values"),
    }
}
