//! The dense layer, which computes with its weights without copying them.

use candle_core::{Result, Shape, Tensor, bail};

use crate::gradients::keep_factors;
use crate::host::with_values;
use crate::matmul::{DenseSizes, WeightGradient, forward, input_gradient};
use crate::weighted_op::{OpGradients, OpInputs, WeightedOp, applies, apply};
use crate::{Activation, activate};

const NAME: &str = "linear";

/// `activation(x · wᵀ + bias)` for `x`, `[.., n_in]`, `w`, `[n_out, n_in]`, and `bias`,
/// `[n_out]`; the result is `[.., n_out]`. Neither the weights nor their gradient are copied or
/// transposed. The gradient of an `x` that does not depend on a variable is not computed.
///
/// # Errors
/// If the batch is empty or a shape does not fit the others.
pub fn linear(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    activation: Activation,
) -> Result<Tensor> {
    let &[n_out, n_in] = w.dims() else {
        bail!("linear: w must be [n_out, n_in], got {:?}", w.dims());
    };
    if x.rank() < 2 || x.dims().last() != Some(&n_in) {
        bail!(
            "linear: x must be [.., {n_in}] for w {:?}, got {:?}",
            w.dims(),
            x.dims()
        );
    }
    if x.elem_count() == 0 || n_out == 0 {
        bail!(
            "linear: x {:?} and w {:?} must not be empty",
            x.dims(),
            w.dims()
        );
    }
    if let Some(bias) = bias
        && bias.dims() != [n_out]
    {
        bail!("linear: bias must be [{n_out}], got {:?}", bias.dims());
    }
    if applies(x, w, bias) {
        let (activation, rest) = activation.split();
        let sizes = DenseSizes {
            rows: x.elem_count() / n_in,
            n_in,
            n_out,
        };
        return activate(&apply(Linear { sizes, activation }, x, w, bias)?, rest);
    }
    let y = x.broadcast_matmul(&w.t()?)?;
    let y = match bias {
        None => y,
        Some(bias) => y.broadcast_add(bias)?,
    };
    activation.by_candle(&y)
}

struct Linear {
    sizes: DenseSizes,
    activation: Activation,
}

impl WeightedOp for Linear {
    const NAME: &'static str = NAME;

    fn forward(&self, inputs: OpInputs<'_>) -> (Vec<f32>, Shape) {
        let DenseSizes { rows, n_out, .. } = self.sizes;
        let mut y = vec![0.0f32; rows * n_out];
        forward(self.sizes, inputs.x, inputs.w, |row, column, product| {
            let bias = inputs.bias.map_or(0.0, |b| b[column]);
            y[row * n_out + column] = self.activation.apply(product + bias);
        });
        let mut dims = inputs.x_shape.dims().to_vec();
        if let Some(last) = dims.last_mut() {
            *last = n_out;
        }
        (y, Shape::from(dims))
    }

    /// Without the gradient of `x` where it is data, and of `w` where its factors are kept.
    fn backward(&self, x: &Tensor, w: &Tensor, y: &Tensor, grad: &[f32]) -> Result<OpGradients> {
        let sizes = self.sizes;
        let dy = with_values(NAME, [y], |[y]| {
            let mut dy = vec![0.0f32; grad.len()];
            self.activation.backward_into(&mut dy, y, grad);
            Ok(dy)
        })?;
        let mut bias = vec![0.0f32; sizes.n_out];
        for row in dy.chunks_exact(sizes.n_out) {
            bias.iter_mut().zip(row).for_each(|(b, &d)| *b += d);
        }
        let dx = if x.track_op() {
            Some(with_values(NAME, [w], |[w]| {
                Ok(input_gradient(sizes, w, &dy))
            })?)
        } else {
            None
        };
        let dy = Tensor::from_vec(dy, (sizes.rows, sizes.n_out), x.device())?;
        let dw = if keep_factors(w, x, &dy)? {
            None
        } else {
            Some(with_values(NAME, [x, &dy], |[x, dy]| {
                Ok(WeightGradient { sizes, x, dy }.to_vec())
            })?)
        };
        Ok(OpGradients { x: dx, w: dw, bias })
    }
}
