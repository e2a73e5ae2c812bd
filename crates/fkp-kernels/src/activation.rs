//! Element-wise activations, alone and fused into another operation.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use candle_core::cpu::erf::erf_f32;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::host::{is_host_f32, values, with_values};

/// Elements per parallel task of an element-wise operation.
pub(crate) const BLOCK: usize = 1 << 14;

/// The activation fused to the end of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// No activation.
    #[default]
    Identity,
    /// `max(x, 0)`; its derivative at 0 is 0. NaN stays NaN, so that divergence is noticed.
    Relu,
}

impl Activation {
    #[inline(always)]
    pub(crate) fn apply(self, v: f32) -> f32 {
        match self {
            Self::Identity => v,
            Self::Relu => relu_value(v),
        }
    }

    pub(crate) fn apply_in_place(self, values: &mut [f32]) {
        match self {
            Self::Identity => {}
            Self::Relu => values.iter_mut().for_each(|v| *v = relu_value(*v)),
        }
    }

    pub(crate) fn apply_tensor(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Identity => Ok(x.clone()),
            Self::Relu => x.relu(),
        }
    }

    /// `dst = grad ⊙ f'`, with the derivative expressed through the activation's *output*.
    pub(crate) fn backward_into(self, dst: &mut [f32], output: &[f32], grad: &[f32]) {
        match self {
            Self::Identity => dst.copy_from_slice(grad),
            Self::Relu => {
                for ((d, &y), &g) in dst.iter_mut().zip(output).zip(grad) {
                    *d = if y > 0.0 { g } else { 0.0 };
                }
            }
        }
    }
}

#[inline(always)]
fn relu_value(v: f32) -> f32 {
    if v <= 0.0 { 0.0 } else { v }
}

/// `max(x, 0)` for every element of a tensor of any shape.
///
/// # Errors
/// Only those of candle itself.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    Function::Relu.call(x)
}

/// `x · σ(x)` for every element, with the logistic function σ (Elfwing et al. 2018).
///
/// # Errors
/// Only those of candle itself.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    Function::Silu.call(x)
}

/// `x · Φ(x)` for every element, with the normal distribution function Φ: the exact form, not
/// the approximation by tanh (Hendrycks and Gimpel 2016).
///
/// # Errors
/// Only those of candle itself.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    Function::Gelu.call(x)
}

/// An element-wise operation.
#[derive(Clone, Copy, Debug)]
enum Function {
    Relu,
    Silu,
    Gelu,
}

impl Function {
    fn call(self, x: &Tensor) -> Result<Tensor> {
        if is_host_f32(&[x]) {
            return x.apply_op1(self);
        }
        match self {
            Self::Relu => x.relu(),
            Self::Silu => x.silu(),
            Self::Gelu => x.gelu_erf(),
        }
    }

    fn value(self, x: f32) -> f32 {
        match self {
            Self::Relu => relu_value(x),
            Self::Silu => x * logistic(x),
            Self::Gelu => x * normal_distribution(x),
        }
    }

    fn derivative(self, x: f32) -> f32 {
        match self {
            Self::Relu => f32::from(x > 0.0),
            Self::Silu => {
                let s = logistic(x);
                s * (1.0 + x * (1.0 - s))
            }
            Self::Gelu => {
                let density = (-0.5 * x * x).exp() * (0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2);
                normal_distribution(x) + x * density
            }
        }
    }
}

fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn normal_distribution(x: f32) -> f32 {
    0.5 * (1.0 + erf_f32(x * FRAC_1_SQRT_2))
}

impl CustomOp1 for Function {
    fn name(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Silu => "silu",
            Self::Gelu => "gelu",
        }
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(self.name(), storage, layout)?;
        let mut y = vec![0.0f32; x.len()];
        let blocks = y.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK));
        blocks.for_each(|(y, x)| y.iter_mut().zip(x).for_each(|(y, &x)| *y = self.value(x)));
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let dx = with_values(self.name(), [x, grad], |[x, grad]| {
            let mut dx = vec![0.0f32; x.len()];
            dx.par_chunks_mut(BLOCK)
                .zip(x.par_chunks(BLOCK))
                .zip(grad.par_chunks(BLOCK))
                .for_each(|((dx, x), grad)| {
                    for ((d, &x), &g) in dx.iter_mut().zip(x).zip(grad) {
                        *d = g * self.derivative(x);
                    }
                });
            Ok(dx)
        })?;
        Tensor::from_vec(dx, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn relu_and_its_gradient_on_a_strided_input() {
        let x = Var::new(&[[-1f32, 2.], [3., 0.]], &Device::Cpu).unwrap();
        let y = relu(&x.t().unwrap()).unwrap();
        assert_eq!(y.to_vec2::<f32>().unwrap(), [[0., 3.], [2., 0.]]);
        let grads = y.sum_all().unwrap().backward().unwrap();
        let dx = grads.get(&x).unwrap();
        assert_eq!(dx.to_vec2::<f32>().unwrap(), [[0., 1.], [1., 0.]]);
    }

    #[test]
    fn nan_passes_through() {
        let x = Tensor::new(&[f32::NAN], &Device::Cpu).unwrap();
        for f in [relu, silu, gelu] {
            assert!(f(&x).unwrap().to_vec1::<f32>().unwrap()[0].is_nan());
        }
    }
}
