//! The public functions.

use candle_core::{Result, Tensor, bail};

use super::config::{BlockConv, Residual};
use super::{op, reference};
use crate::conv::Pooling;
use crate::host::is_host_f32;
use crate::{BatchStatistics, NormStatistics};

/// A block of convolutions, each with batch normalization by the statistics of this batch and
/// activation; then an addition and pooling. Differentiable in `x`, in `residual` and in the
/// variables of each convolution.
///
/// # Errors
/// If there is no convolution, a shape does not fit the others, or a channel has a single value.
pub fn conv_block_train(
    x: &Tensor,
    convs: &[BlockConv<'_>],
    residual: Residual<'_>,
    pooling: Pooling,
    eps: f64,
) -> Result<(Tensor, Vec<BatchStatistics>)> {
    if convs.is_empty() {
        bail!("conv_block: no convolution");
    }
    let mut operands = vec![x];
    operands.extend(residual.tensor());
    for conv in convs {
        operands.extend([conv.weight, conv.gamma, conv.beta]);
    }
    match is_host_f32(&operands) {
        true => op::apply(x, convs, residual, pooling, eps),
        false => reference::train(x, convs, residual, pooling, eps),
    }
}

/// As [`conv_block_train`] with given statistics, one for each convolution: for inference.
///
/// # Errors
/// If there is no convolution or a shape does not fit the others.
pub fn conv_block(
    x: &Tensor,
    convs: &[BlockConv<'_>],
    running: &[NormStatistics],
    residual: Residual<'_>,
    pooling: Pooling,
    eps: f64,
) -> Result<Tensor> {
    if convs.is_empty() || running.len() != convs.len() {
        bail!(
            "conv_block: {} convolutions with statistics for {}",
            convs.len(),
            running.len()
        );
    }
    reference::infer(x, convs, running, residual, pooling, eps)
}
