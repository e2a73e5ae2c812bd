//! The two factors of a weight gradient.

use candle_core::{Result, Tensor, bail};

use crate::host::{is_host_f32, with_values};
use crate::matmul::{DenseSizes, WeightGradient};

/// A gradient `[n_out, n_in]` as `dyᵀ · x`.
#[derive(Clone, Debug)]
pub struct Factors {
    /// `[rows, n_in]`, contiguous.
    pub(crate) x: Tensor,
    /// `[rows, n_out]`, contiguous.
    pub(crate) dy: Tensor,
}

impl Factors {
    /// The gradient `dyᵀ · x` of a weight `[n_out, n_in]`, from the layer's input `x: [rows, n_in]` and
    /// the gradient of its output `dy: [rows, n_out]`, both `f32` on the CPU.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn new(x: &Tensor, dy: &Tensor) -> Result<Self> {
        let ((rows, _), (of_output, _)) = (x.dims2()?, dy.dims2()?);
        if rows != of_output || !is_host_f32(&[x, dy]) {
            bail!("gradients: {x:?} and {dy:?} are not the factors of a gradient");
        }
        let (x, dy) = (x.contiguous()?, dy.contiguous()?);
        Ok(Self { x, dy })
    }

    /// The layer's input, `[rows, n_in]`.
    pub fn x(&self) -> &Tensor {
        &self.x
    }

    /// The gradient of the layer's output, `[rows, n_out]`.
    pub fn dy(&self) -> &Tensor {
        &self.dy
    }

    pub(crate) fn sizes(&self) -> Result<DenseSizes> {
        let ((rows, n_in), n_out) = (self.x.dims2()?, self.dy.dim(1)?);
        Ok(DenseSizes { rows, n_in, n_out })
    }

    pub(super) fn product(&self) -> Result<Tensor> {
        let sizes = self.sizes()?;
        let dw = with_values("gradients", [&self.x, &self.dy], |[x, dy]| {
            Ok(WeightGradient { sizes, x, dy }.to_vec())
        })?;
        Tensor::from_vec(dw, (sizes.n_out, sizes.n_in), self.x.device())
    }
}
