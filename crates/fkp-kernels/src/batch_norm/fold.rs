//! Folding of a normalization into the layer before it, for inference.

use candle_core::{Result, Tensor};

use super::statistics::NormStatistics;

/// Weights `[c_out, ..]` and bias `[c_out]` of a convolution (or dense layer) that is equivalent to
/// the given one followed by this normalization.
///
/// # Errors
/// If the shapes do not fit.
pub fn fold_batch_norm(
    w: &Tensor,
    bias: Option<&Tensor>,
    gamma: &Tensor,
    beta: &Tensor,
    running: &NormStatistics,
    eps: f64,
) -> Result<(Tensor, Tensor)> {
    let c_out = w.dim(0)?;
    let scale = gamma.div(&(&running.variance + eps)?.sqrt()?)?;
    let mut shape = vec![1; w.rank()];
    shape[0] = c_out;
    let folded = w.broadcast_mul(&scale.reshape(shape)?)?;
    let from_mean = match bias {
        Some(bias) => (bias - &running.mean)?,
        None => running.mean.neg()?,
    };
    Ok((folded, (from_mean.mul(&scale)? + beta)?))
}
