//! The public normalization, in training and inference.

use candle_core::{D, Result, Tensor, bail};

use super::op::{BatchNorm, NAME, Sizes, StatisticsSource};
use super::statistics::{BatchStatistics, NormStatistics};
use crate::host::{is_host_f32, with_values};
use crate::weighted_op::{applies, apply};
use crate::{Activation, activate};

/// Normalizes each channel of `x`, `[n, c, ..]`, by the mean and variance of this batch, scales by
/// `gamma` and shifts by `beta`, `[c]` each, and applies the activation. Differentiable in all
/// three, also through the statistics.
///
/// # Errors
/// If a shape does not fit the others, the batch is empty, or a channel has a single value.
pub fn batch_norm_train(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    activation: Activation,
) -> Result<(Tensor, BatchStatistics)> {
    let sizes = Sizes::new(x, &[("gamma", gamma), ("beta", beta)], eps)?;
    let count = sizes.n * sizes.plane;
    if count < 2 {
        bail!(
            "batch_norm: a variance needs more than one value per channel, x is {:?}",
            x.dims()
        );
    }
    if applies(x, gamma, Some(beta)) {
        let (mean, variance) = with_values(NAME, [x], |[x]| Ok(sizes.statistics(x)))?;
        let to_f32 = |v: &[f64]| -> Vec<f32> { v.iter().map(|&v| v as f32).collect() };
        let tensor = |v: &[f64]| Tensor::from_vec(to_f32(v), v.len(), x.device());
        let batch = NormStatistics {
            mean: tensor(&mean)?,
            variance: tensor(&variance)?,
        };
        let (activation, rest) = activation.split();
        let op = BatchNorm {
            sizes,
            mean: to_f32(&mean),
            inv_std: variance.iter().map(|&v| inv_std(v, eps)).collect(),
            activation,
            source: StatisticsSource::Batch,
        };
        let y = activate(&apply(op, x, gamma, Some(beta))?, rest)?;
        return Ok((y, BatchStatistics { batch, count }));
    }
    let rows = x.transpose(0, 1)?.flatten_from(1)?;
    let mean = rows.mean(D::Minus1)?;
    let variance = rows
        .broadcast_sub(&mean.unsqueeze(1)?)?
        .sqr()?
        .mean(D::Minus1)?;
    let statistics = NormStatistics { mean, variance };
    let y = by_candle(x, gamma, beta, &statistics, eps, activation)?;
    let batch = NormStatistics {
        mean: statistics.mean.detach(),
        variance: statistics.variance.detach(),
    };
    Ok((y, BatchStatistics { batch, count }))
}

/// As [`batch_norm_train`] with given statistics: for inference, or training with frozen
/// statistics.
///
/// # Errors
/// If a shape does not fit the others or the batch is empty.
pub fn batch_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    running: &NormStatistics,
    eps: f64,
    activation: Activation,
) -> Result<Tensor> {
    let NormStatistics { mean, variance } = running;
    let channels = [
        ("gamma", gamma),
        ("beta", beta),
        ("mean", mean),
        ("variance", variance),
    ];
    let sizes = Sizes::new(x, &channels, eps)?;
    if !is_host_f32(&[x, gamma, beta, mean, variance]) {
        return by_candle(x, gamma, beta, running, eps, activation);
    }
    let (mean, inv_std) = with_values(NAME, [mean, variance], |[mean, variance]| {
        let inv_std = variance.iter().map(|&v| inv_std(f64::from(v), eps));
        Ok((mean.to_vec(), inv_std.collect()))
    })?;
    let (activation, rest) = activation.split();
    let op = BatchNorm {
        sizes,
        mean,
        inv_std,
        activation,
        source: StatisticsSource::Given,
    };
    activate(&apply(op, x, gamma, Some(beta))?, rest)
}

fn inv_std(variance: f64, eps: f64) -> f32 {
    (1.0 / (variance + eps).sqrt()) as f32
}

/// The same with candle's own operations, for other devices and element types.
fn by_candle(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    statistics: &NormStatistics,
    eps: f64,
    activation: Activation,
) -> Result<Tensor> {
    let mut shape = vec![1; x.rank()];
    shape[1] = x.dim(1)?;
    let NormStatistics { mean, variance } = statistics;
    let scale = gamma.div(&(variance + eps)?.sqrt()?)?;
    let centered = x.broadcast_sub(&mean.reshape(shape.as_slice())?)?;
    let scaled = centered.broadcast_mul(&scale.reshape(shape.as_slice())?)?;
    activation.by_candle(&scaled.broadcast_add(&beta.reshape(shape)?)?)
}
