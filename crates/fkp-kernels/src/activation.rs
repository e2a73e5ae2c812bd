//! Point-wise activations, alone and as the last stage of another operation.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::host::{is_host_f32, values, with_values};

/// Elements per parallel task of a point-wise operation.
pub(crate) const BLOCK: usize = 1 << 14;

/// The point-wise function at the end of a fused operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// The values as they are.
    #[default]
    Identity,
    /// `max(x, 0)`; its derivative at 0 is 0. NaN stays NaN, so that a diverged training shows.
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
    if is_host_f32(&[x]) {
        x.apply_op1(Relu)
    } else {
        x.relu()
    }
}

struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values("relu", storage, layout)?;
        let mut y = vec![0.0f32; x.len()];
        y.par_chunks_mut(BLOCK)
            .zip(x.par_chunks(BLOCK))
            .for_each(|(y, x)| {
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = relu_value(x);
                }
            });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, _x: &Tensor, y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        if !is_host_f32(&[y, grad]) {
            return Ok(Some(grad.mul(&y.gt(0f64)?.to_dtype(grad.dtype())?)?));
        }
        let dx = with_values("relu", y, |yv| {
            with_values("relu", grad, |g| {
                let mut dx = vec![0.0f32; yv.len()];
                dx.par_chunks_mut(BLOCK)
                    .zip(yv.par_chunks(BLOCK))
                    .zip(g.par_chunks(BLOCK))
                    .for_each(|((d, y), g)| Activation::Relu.backward_into(d, y, g));
                Ok(dx)
            })
        })?;
        Tensor::from_vec(dx, y.shape(), y.device()).map(Some)
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
}
