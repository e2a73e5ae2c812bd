//! Operations with weights and an optional bias as candle custom ops: candle has one trait for
//! two operands and another for three.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};

use crate::host::{is_host_f32, values};

/// An operation on `x`, weights `w` and an optional bias, for `f32` tensors on the CPU.
pub(crate) trait WeightedOp: Send + Sync + 'static {
    const NAME: &'static str;

    fn forward(&self, inputs: OpInputs<'_>) -> (Vec<f32>, Shape);

    fn backward(&self, x: &Tensor, w: &Tensor, y: &Tensor, grad: &Tensor) -> Result<OpGradients>;
}

/// The operands in host memory, in row-major order.
#[derive(Clone, Copy)]
pub(crate) struct OpInputs<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) x_shape: &'a Shape,
    pub(crate) w: &'a [f32],
    pub(crate) bias: Option<&'a [f32]>,
}

/// The gradients of a [`WeightedOp`]; `None` where one is not needed.
pub(crate) struct OpGradients {
    pub(crate) x: Option<Vec<f32>>,
    pub(crate) w: Option<Vec<f32>>,
    pub(crate) bias: Vec<f32>,
}

/// Whether [`apply`] can compute with these operands.
pub(crate) fn applies(x: &Tensor, w: &Tensor, bias: Option<&Tensor>) -> bool {
    is_host_f32(&[x, w]) && bias.is_none_or(|b| is_host_f32(&[b]))
}

/// Applies the operation; the result is differentiable.
pub(crate) fn apply<T: WeightedOp>(
    op: T,
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor> {
    match bias {
        None => x.apply_op2(w, Custom(op)),
        Some(bias) => x.apply_op3(w, bias, Custom(op)),
    }
}

struct Custom<T>(T);

impl<T: WeightedOp> Custom<T> {
    fn gradients(&self, x: &Tensor, w: &Tensor, y: &Tensor, grad: &Tensor) -> Result<OpGradients> {
        if !is_host_f32(&[x, w, y, grad]) {
            bail!(
                "{}: the gradient must be f32 on the CPU like the result",
                T::NAME
            );
        }
        self.0.backward(x, w, y, grad)
    }
}

fn tensor(values: Option<Vec<f32>>, like: &Tensor) -> Result<Option<Tensor>> {
    let tensor = |values| Tensor::from_vec(values, like.shape(), like.device());
    values.map(tensor).transpose()
}

impl<T: WeightedOp> CustomOp2 for Custom<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (y, shape) = self.0.forward(OpInputs {
            x: &values(T::NAME, x, x_layout)?,
            x_shape: x_layout.shape(),
            w: &values(T::NAME, w, w_layout)?,
            bias: None,
        });
        Ok((CpuStorage::F32(y), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradients = self.gradients(x, w, y, grad)?;
        Ok((tensor(gradients.x, x)?, tensor(gradients.w, w)?))
    }
}

impl<T: WeightedOp> CustomOp3 for Custom<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (y, shape) = self.0.forward(OpInputs {
            x: &values(T::NAME, x, x_layout)?,
            x_shape: x_layout.shape(),
            w: &values(T::NAME, w, w_layout)?,
            bias: Some(&values(T::NAME, bias, bias_layout)?),
        });
        Ok((CpuStorage::F32(y), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradients = self.gradients(x, w, y, grad)?;
        let db = tensor(Some(gradients.bias), bias)?;
        Ok((tensor(gradients.x, x)?, tensor(gradients.w, w)?, db))
    }
}
