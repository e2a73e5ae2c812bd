//! Activations as operations of their own.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::definition::Activation;
use crate::host::{is_host_f32, values, with_values};

/// Elements per parallel task of an element-wise operation.
pub(crate) const BLOCK: usize = 1 << 14;

/// The activation of every element of a tensor of any shape.
///
/// # Errors
/// Only those of candle itself.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Identity => Ok(x.clone()),
        _ if is_host_f32(&[x]) => x.apply_op1(Elementwise(activation)),
        _ => activation.by_candle(x),
    }
}

/// [`Activation::Relu`] of every element.
///
/// # Errors
/// Only those of candle itself.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    activate(x, Activation::Relu)
}

/// [`Activation::Silu`] of every element.
///
/// # Errors
/// Only those of candle itself.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    activate(x, Activation::Silu)
}

/// [`Activation::Gelu`] of every element.
///
/// # Errors
/// Only those of candle itself.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    activate(x, Activation::Gelu)
}

struct Elementwise(Activation);

impl CustomOp1 for Elementwise {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(self.name(), storage, layout)?;
        let mut y = vec![0.0f32; x.len()];
        let blocks = y.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK));
        blocks.for_each(|(y, x)| y.iter_mut().zip(x).for_each(|(y, &x)| *y = self.0.apply(x)));
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
                        *d = g * self.0.derivative(x);
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
