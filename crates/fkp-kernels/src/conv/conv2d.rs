//! The public convolution and its candle operation.

use std::sync::OnceLock;

use candle_core::{Result, Shape, Tensor, bail};

use super::algorithm::{argmax_len, backward, forward};
use super::buffers::{BackwardInputs, InputGradient};
use super::config::{Conv2dConfig, Pooling};
use super::geometry::Geometry;
use crate::host::with_values;
use crate::weighted_op::{OpGradients, OpInputs, WeightedOp, applies, apply};
use crate::{Activation, activate};

const NAME: &str = "conv2d";

/// Cross-correlates `x`, `[n, c_in, h, w]`, with the kernels `w`, `[c_out, c_in, kh, kw]`, adds
/// `bias`, `[c_out]`, and applies the activation and pooling of `config`.
///
/// The result is `[n, c_out, h', w']` with `h' = (h + 2·padding − kh) / stride + 1`, halved
/// (rounding down) by [`Pooling::Max2`]. Differentiable in `x`, `w` and `bias`; the gradient of
/// an `x` that does not depend on a variable (the data of a first layer) is not computed.
///
/// # Errors
/// If the batch is empty, a shape does not fit the others, or the kernel exceeds the padded
/// image.
pub fn conv2d(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    config: Conv2dConfig,
) -> Result<Tensor> {
    let (fused, rest) = config.activation.split();
    if rest != Activation::Identity {
        let conv = conv2d(
            x,
            w,
            bias,
            Conv2dConfig {
                activation: fused,
                pooling: Pooling::None,
                ..config
            },
        )?;
        return config.pooling.apply(&activate(&conv, rest)?);
    }
    let geometry = Geometry::new(x.dims(), w.dims(), config)?;
    if let Some(bias) = bias
        && bias.dims() != [geometry.c_out]
    {
        bail!(
            "conv2d: bias must be [{}], got {:?}",
            geometry.c_out,
            bias.dims()
        );
    }
    if !applies(x, w, bias) {
        return by_candle(x, w, bias, config);
    }
    let op = Conv2d {
        geometry,
        tracked: x.track_op() || w.track_op() || bias.is_some_and(Tensor::track_op),
        argmax: OnceLock::new(),
    };
    apply(op, x, w, bias)
}

/// The same with candle's own operations, for other devices and element types.
fn by_candle(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    config: Conv2dConfig,
) -> Result<Tensor> {
    let mut y = x.conv2d(w, config.padding, config.stride, 1, 1)?;
    if let Some(bias) = bias {
        y = y.broadcast_add(&bias.reshape((1, bias.elem_count(), 1, 1))?)?;
    }
    config.pooling.apply(&config.activation.by_candle(&y)?)
}

struct Conv2d {
    geometry: Geometry,
    /// Whether a backward pass may follow.
    tracked: bool,
    /// Index of the maximum of each pooling window, saved by the forward pass.
    argmax: OnceLock<Vec<u8>>,
}

impl WeightedOp for Conv2d {
    const NAME: &'static str = NAME;

    fn forward(&self, inputs: OpInputs<'_>) -> (Vec<f32>, Shape) {
        let g = &self.geometry;
        let (h, w) = g.out_size();
        let mut argmax =
            (self.tracked && g.pooling == Pooling::Max2).then(|| vec![0u8; argmax_len(g)]);
        let y = forward(g, inputs, argmax.as_deref_mut());
        if let Some(argmax) = argmax {
            // The operation runs forward once; a second result could only be the same.
            let _ = self.argmax.set(argmax);
        }
        (y, Shape::from((g.n, g.c_out, h, w)))
    }

    fn backward(&self, x: &Tensor, w: &Tensor, y: &Tensor, grad: &[f32]) -> Result<OpGradients> {
        let argmax = match (self.geometry.pooling, self.argmax.get()) {
            (Pooling::None, _) => &[],
            (Pooling::Max2, Some(argmax)) => argmax.as_slice(),
            (Pooling::Max2, None) => bail!("{NAME}: backward without a tracked forward"),
        };
        let input_gradient = match x.track_op() {
            true => InputGradient::Needed,
            false => InputGradient::NotNeeded,
        };
        with_values(NAME, [x, w, y], |[x, w, y]| {
            let inputs = BackwardInputs {
                x,
                w,
                y,
                argmax,
                grad,
                input_gradient,
            };
            Ok(backward(&self.geometry, &inputs))
        })
    }
}
