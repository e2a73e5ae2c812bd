//! The same block as separate operations, for other devices and element types and for inference.

use candle_core::{Result, Tensor};

use super::config::{BlockConv, Residual};
use crate::conv::{Channels, Conv2dConfig, Pooling, conv2d, depthwise_conv2d};
use crate::{
    Activation, BatchStatistics, NormStatistics, activate, batch_norm_train, fold_batch_norm,
};

/// In training: the statistics of the batch are returned.
pub(super) fn train(
    x: &Tensor,
    convs: &[BlockConv<'_>],
    residual: Residual<'_>,
    pooling: Pooling,
    eps: f64,
) -> Result<(Tensor, Vec<BatchStatistics>)> {
    let mut statistics = Vec::with_capacity(convs.len());
    let y = chain(x, convs, residual, pooling, |conv, x| {
        let z = convolve(conv, x, conv.weight, None)?;
        let (y, batch) = batch_norm_train(&z, conv.gamma, conv.beta, eps, Activation::Identity)?;
        statistics.push(batch);
        Ok(y)
    })?;
    Ok((y, statistics))
}

/// In inference: each normalization is folded into its convolution.
pub(super) fn infer(
    x: &Tensor,
    convs: &[BlockConv<'_>],
    running: &[NormStatistics],
    residual: Residual<'_>,
    pooling: Pooling,
    eps: f64,
) -> Result<Tensor> {
    let mut running = running.iter();
    chain(x, convs, residual, pooling, |conv, x| {
        let Some(running) = running.next() else {
            candle_core::bail!("conv_block: a convolution without running statistics");
        };
        let (w, bias) = fold_batch_norm(conv.weight, None, conv.gamma, conv.beta, running, eps)?;
        convolve(conv, x, &w, Some(&bias))
    })
}

/// Applies `normalized`, the convolution with its normalization, and what follows it, of each.
fn chain(
    x: &Tensor,
    convs: &[BlockConv<'_>],
    residual: Residual<'_>,
    pooling: Pooling,
    mut normalized: impl FnMut(&BlockConv<'_>, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let mut y = x.clone();
    for (i, conv) in convs.iter().enumerate() {
        y = normalized(conv, &y)?;
        let residual = if i + 1 == convs.len() {
            residual
        } else {
            Residual::None
        };
        y = match residual {
            Residual::None => activate(&y, conv.activation)?,
            Residual::BeforeActivation(added) => activate(&(y + added)?, conv.activation)?,
            Residual::AfterActivation(added) => (activate(&y, conv.activation)? + added)?,
        };
    }
    pooling.apply(&y)
}

fn convolve(
    conv: &BlockConv<'_>,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor> {
    let config = Conv2dConfig::new()
        .padding(conv.padding)
        .stride(conv.stride);
    match conv.channels {
        Channels::All => conv2d(x, weight, bias, config),
        Channels::Depthwise => depthwise_conv2d(x, weight, bias, config),
    }
}
