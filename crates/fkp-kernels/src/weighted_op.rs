//! Operations with weights and an optional bias as candle custom ops of three operands, of which
//! the third is empty where there is no bias.

use std::sync::{Arc, OnceLock};

use candle_core::{DType, Result, Shape, Tensor, bail};

use crate::gradients::offer;
use crate::host::{is_host_f32, with_values};
use crate::port::{Port, Slot, expose};
use crate::recycle::Buffer;
use crate::token::{TokenOp, token};

/// An operation on `x`, weights `w` and an optional bias, for `f32` tensors on the CPU.
pub(crate) trait WeightedOp: Send + Sync + 'static {
    const NAME: &'static str;

    fn forward(&self, inputs: OpInputs<'_>) -> (Vec<f32>, Shape);

    /// `grad` is the gradient of `y`, in its shape.
    fn backward(&self, x: &Tensor, w: &Tensor, y: &Tensor, grad: &[f32]) -> Result<OpGradients>;
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
    pub(crate) x: Option<Buffer>,
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
    let none;
    let bias = match bias {
        Some(bias) => bias,
        None => {
            none = Tensor::zeros(0, DType::F32, x.device())?;
            &none
        }
    };
    let (y, shape) = with_values(T::NAME, [x, w, bias], |[x_values, w, bias]| {
        Ok(op.forward(OpInputs {
            x: x_values,
            x_shape: x.shape(),
            w,
            bias: (!bias.is_empty()).then_some(bias),
        }))
    })?;
    let port = Port::without_frames(x);
    let operand = port.as_ref().map_or(x, |port| &port.token).clone();
    let slot = Arc::new(Slot::default());
    let result = Arc::new(OnceLock::new());
    let custom = Custom {
        op,
        x: x.clone(),
        port,
        slot: Arc::clone(&slot),
        y: Arc::clone(&result),
    };
    let token = token(custom, [&operand, w, bias])?;
    let y = expose(y, shape, None, &token, slot)?;
    // Detached, so that the operation does not own the graph that owns the operation.
    result.get_or_init(|| y.detach());
    Ok(y)
}

struct Custom<T> {
    op: T,
    x: Tensor,
    /// The operation that computed `x`.
    port: Option<Arc<Port>>,
    /// The gradient of the result.
    slot: Arc<Slot>,
    /// The result.
    y: Arc<OnceLock<Tensor>>,
}

impl<T: WeightedOp> TokenOp for Custom<T> {
    const NAME: &'static str = T::NAME;

    fn backward(&self, [_, w, bias]: [&Tensor; 3], grad: &Tensor) -> Result<[Option<Tensor>; 3]> {
        let Some(y) = self.y.get() else {
            bail!("{}: backward without a result", T::NAME);
        };
        let dy = self.slot.take_all(grad)?;
        let gradients = self.op.backward(&self.x, w, y, &dy)?;
        let tensor = |values: Option<Vec<f32>>, like: &Tensor| {
            let tensor = |values| Tensor::from_vec(values, like.shape(), like.device());
            values.map(tensor).transpose()
        };
        let dx = match (gradients.x, &self.port) {
            (None, _) => None,
            (Some(dx), None) => tensor(Some(dx.to_vec()), &self.x)?,
            (Some(dx), Some(port)) => {
                port.slot.add(dx);
                Some(Port::token(1)?)
            }
        };
        let db = (bias.elem_count() > 0).then_some(gradients.bias);
        let dw = tensor(gradients.w, w)?.and_then(|dw| offer(w, dw));
        let db = tensor(db, bias)?.and_then(|db| offer(bias, db));
        Ok([dx, dw, db])
    }
}
