//! Two-dimensional convolution with a fused bias, activation and max-pool.

mod backward;
mod direct;
mod epilogue;
mod forward;
mod geometry;
mod im2col;
pub(crate) mod layout;
mod op;
mod winograd;

use candle_core::{Result, Tensor, bail};

use crate::host::is_host_f32;
use crate::{Activation, max_pool2d};
use geometry::Geometry;
use op::Conv2d;

/// Pooling fused to the end of a convolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pooling {
    /// None.
    #[default]
    None,
    /// Maximum over 2×2 windows with stride 2; an odd last row or column is dropped.
    Max2,
}

/// How [`conv2d`] walks over the image and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conv2dConfig {
    /// Zeros added on every side of the image.
    pub padding: usize,
    /// Distance in pixels between neighboring windows, in both directions.
    pub stride: usize,
    /// Applied after the bias.
    pub activation: Activation,
    /// Applied last.
    pub pooling: Pooling,
}

impl Default for Conv2dConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl Conv2dConfig {
    /// No padding, stride 1, no activation, no pooling.
    pub const fn new() -> Self {
        Self {
            padding: 0,
            stride: 1,
            activation: Activation::Identity,
            pooling: Pooling::None,
        }
    }

    /// With this many zeros on every side.
    pub const fn padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// With this stride.
    pub const fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// With this activation after the bias.
    pub const fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// With a ReLU after the bias.
    pub const fn relu(self) -> Self {
        self.activation(Activation::Relu)
    }

    /// With 2×2 max-pooling at the end.
    pub const fn max_pool2(self) -> Self {
        Self {
            pooling: Pooling::Max2,
            ..self
        }
    }
}

/// Cross-correlates `x`, `[n, c_in, h, w]`, with the kernels `w`, `[c_out, c_in, kh, kw]`, adds
/// `bias`, `[c_out]`, and applies the activation and pooling of `config`.
///
/// The result is `[n, c_out, h', w']` with `h' = (h + 2·padding − kh) / stride + 1`, halved
/// (rounding down) by [`Pooling::Max2`]. Differentiable in `x`, `w` and `bias`; the gradient of
/// an `x` that no variable leads to (a first layer's data) is not computed.
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
    let geometry = Geometry::new(x.dims(), w.dims(), &config)?;
    if let Some(bias) = bias
        && bias.dims() != [geometry.c_out]
    {
        bail!(
            "conv2d: bias must be [{}], got {:?}",
            geometry.c_out,
            bias.dims()
        );
    }
    let on_host = is_host_f32(&[x, w]) && bias.is_none_or(|b| is_host_f32(&[b]));
    if !on_host {
        return by_candle(x, w, bias, config);
    }
    let tracked = x.track_op() || w.track_op() || bias.is_some_and(Tensor::track_op);
    let op = Conv2d::new(geometry, config, tracked);
    match bias {
        None => x.apply_op2(w, op),
        Some(bias) => x.apply_op3(w, bias, op),
    }
}

/// The same computation in candle's own operations, for other devices and element types.
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
    let y = config.activation.apply_tensor(&y)?;
    match config.pooling {
        Pooling::None => Ok(y),
        Pooling::Max2 => max_pool2d(&y, 2, 2),
    }
}
