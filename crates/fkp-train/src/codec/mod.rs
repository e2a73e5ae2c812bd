//! The seam between a network's output and keypoints.

mod coordinates;
mod heatmap;
mod soft_argmax;
#[cfg(test)]
mod testing;
mod uncertain;

use candle_core::{Device, Result, Tensor, bail};
use fkp_core::Keypoints;

pub use coordinates::Coordinates;
pub use heatmap::{Heatmap, HeatmapLoss};
pub use soft_argmax::{JensenShannon, SoftArgmax};
pub use uncertain::{Noise, Uncertain};

/// What a batch's output is compared with.
#[derive(Debug, Clone)]
pub struct Target {
    /// What is to be predicted, in the codec's form. Finite also where nothing is known.
    pub values: Tensor,
    /// How much each value counts, in a shape that broadcasts to that of `values`: 0 where nobody
    /// labelled the point.
    pub weights: Tensor,
    /// Sum of the weights over all values.
    pub total_weight: f64,
}

/// How a network's output and keypoints relate: coordinates, heatmaps, uncertainty, ….
pub trait Codec: Send + Sync {
    /// The target of a batch of keypoints, each in pixels of its crop.
    fn encode(&self, keypoints: &[Keypoints], device: &Device) -> Result<Target>;

    /// The weighted *sum* of the loss over the batch, a scalar that can be differentiated.
    /// Divided by [`Target::total_weight`] it is the mean over what is labelled, and over a whole
    /// set sums and weights add up, however the set is cut into batches.
    fn loss(&self, output: &Tensor, target: &Target) -> Result<Tensor>;

    /// The keypoints that an output `[n, …]` stands for, each in pixels of its crop.
    fn decode(&self, output: &Tensor) -> Result<Vec<Keypoints>>;
}

/// How much each point of a batch counts, `[n, n_keypoints]` in one list: 0 where it is not
/// labelled, elsewhere 1 or its weight.
fn label_weights(keypoints: &[Keypoints], point_weights: Option<&[f32]>) -> Result<Vec<f32>> {
    let Some(first) = keypoints.first() else {
        bail!("a batch needs at least one sample");
    };
    if let Some(weights) = point_weights {
        if weights.len() != first.len() {
            let (got, expected) = (weights.len(), first.len());
            bail!("point_weights: there are {got} weights for {expected} keypoints");
        }
        if let Some(bad) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            bail!("point_weights: a weight must be finite and at least 0, got {bad}");
        }
    }
    let mut all = Vec::with_capacity(keypoints.len() * first.len());
    for points in keypoints {
        if points.len() != first.len() {
            let (got, expected) = (points.len(), first.len());
            bail!("a batch has samples of {expected} and of {got} keypoints");
        }
        for (i, point) in points.iter().enumerate() {
            let weight = point_weights.map_or(1.0, |weights| weights[i]);
            all.push(if point.is_labelled() { weight } else { 0.0 });
        }
    }
    Ok(all)
}
