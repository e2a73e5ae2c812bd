//! Mean and variance of a batch, and their running averages.

use candle_core::{Result, Tensor, bail};

/// Mean and variance of each channel, `[c]` each.
#[derive(Clone, Debug)]
pub struct NormStatistics {
    /// Mean over the batch and all positions.
    pub mean: Tensor,
    /// Variance over the same values.
    pub variance: Tensor,
}

/// The statistics of one batch, from [`batch_norm_train`](crate::batch_norm_train); without
/// gradient.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// Mean and biased variance (divided by the number of values), by which the batch was
    /// normalized.
    pub batch: NormStatistics,
    /// Values per channel.
    pub count: usize,
}

impl BatchStatistics {
    /// The running statistics after this batch: `(1 − momentum) · running + momentum · batch`,
    /// with the unbiased variance of the batch, as PyTorch does.
    ///
    /// # Errors
    /// If the shapes differ or `momentum` is not in `[0, 1]`.
    pub fn update(&self, running: &NormStatistics, momentum: f64) -> Result<NormStatistics> {
        if !(0.0..=1.0).contains(&momentum) {
            bail!("batch_norm: momentum = {momentum} is not in [0, 1]");
        }
        let unbiased = self.count as f64 / (self.count.max(2) - 1) as f64;
        let mix = |old: &Tensor, new: &Tensor, scale: f64| {
            old.detach().affine(1.0 - momentum, 0.0)? + new.affine(momentum * scale, 0.0)?
        };
        Ok(NormStatistics {
            mean: mix(&running.mean, &self.batch.mean, 1.0)?,
            variance: mix(&running.variance, &self.batch.variance, unbiased)?,
        })
    }
}
