//! The interface between a network's output and the labels.

use candle_core::{Device, Result, Tensor};
use fkp_core::{Prediction, Sample};

/// What the output of a batch is compared with.
#[derive(Debug, Clone)]
pub struct Target {
    /// The values to predict, in the codec's form. Finite also for keypoints without a label.
    pub values: Tensor,
    /// The weight of each value, in a shape that broadcasts to that of `values`: 0 where there is no
    /// label.
    pub weights: Tensor,
    /// Sum of the weights over all values.
    pub total_weight: f64,
}

/// Encodes labels as targets, computes the loss and decodes a network's output.
///
/// There is one for each kind of output: coordinates, heatmaps, ….
pub trait Codec: Send + Sync {
    /// The target of a batch of samples, each as it is fed to the network.
    fn encode(&self, samples: &[Sample], device: &Device) -> Result<Target>;

    /// The weighted *sum* of the loss over the batch, a differentiable scalar.
    ///
    /// Divided by [`Target::total_weight`] it is the weighted mean over the labeled values. Sums and weights
    /// of batches add up to those of the whole set, whatever the batch size.
    fn loss(&self, output: &Tensor, target: &Target) -> Result<Tensor>;

    /// The prediction for each image of an output `[n, …]`, in pixels of its crop.
    fn decode(&self, output: &Tensor) -> Result<Vec<Prediction>>;

    /// A description of the loss and its parameters, different for any two codecs that compute
    /// different losses: a run is not resumed with another description.
    fn describe(&self) -> String;
}
