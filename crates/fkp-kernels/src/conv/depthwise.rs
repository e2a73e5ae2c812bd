//! The public depthwise convolution.

use candle_core::{Result, Tensor, bail};

use super::config::{Conv2dConfig, Pooling};
use crate::{activate, max_pool2d};

/// As [`conv2d`](crate::conv2d) with the kernel `i` of `w`, `[c, 1, kh, kw]`, for channel `i` of `x`,
/// `[n, c, h, w]`: PyTorch's `groups = c`.
///
/// # Errors
/// As [`conv2d`](crate::conv2d).
pub fn depthwise_conv2d(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    config: Conv2dConfig,
) -> Result<Tensor> {
    let &[c, 1, _, _] = w.dims() else {
        bail!(
            "depthwise_conv2d: w must be [c, 1, kh, kw], got {:?}",
            w.dims()
        );
    };
    let mut y = x.conv2d(w, config.padding, config.stride, 1, c)?;
    if let Some(bias) = bias {
        y = y.broadcast_add(&bias.reshape((1, c, 1, 1))?)?;
    }
    let y = activate(&y, config.activation)?;
    match config.pooling {
        Pooling::None => Ok(y),
        Pooling::Max2 => max_pool2d(&y, 2, 2),
    }
}
