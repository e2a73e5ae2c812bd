//! Operations with weights and an optional bias as candle custom ops of three operands, of which
//! the third is empty where there is no bias.

use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};

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

impl OpInputs<'_> {
    /// The bias, zero where there is none, padded with zeros to `len` values.
    pub(crate) fn padded_bias(&self, len: usize) -> Vec<f32> {
        let mut padded = self.bias.unwrap_or_default().to_vec();
        padded.resize(len, 0.0);
        padded
    }
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
        None => x.apply_op3(w, &Tensor::zeros(0, DType::F32, x.device())?, Custom(op)),
        Some(bias) => x.apply_op3(w, bias, Custom(op)),
    }
}

struct Custom<T>(T);

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
        let bias = values(T::NAME, bias, bias_layout)?;
        let (y, shape) = self.0.forward(OpInputs {
            x: &values(T::NAME, x, x_layout)?,
            x_shape: x_layout.shape(),
            w: &values(T::NAME, w, w_layout)?,
            bias: (!bias.is_empty()).then_some(&*bias),
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
        if !is_host_f32(&[x, w, y, grad]) {
            let op = T::NAME;
            bail!("{op}: the gradient must be f32 on the CPU like the result");
        }
        let gradients = self.0.backward(x, w, y, grad)?;
        let tensor = |values: Option<Vec<f32>>, like: &Tensor| {
            let tensor = |values| Tensor::from_vec(values, like.shape(), like.device());
            values.map(tensor).transpose()
        };
        let db = (bias.elem_count() > 0).then_some(gradients.bias);
        Ok((
            tensor(gradients.x, x)?,
            tensor(gradients.w, w)?,
            tensor(db, bias)?,
        ))
    }
}
