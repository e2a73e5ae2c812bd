//! The networks and the configuration that names one.

mod cnn;

pub use cnn::{Cnn, CnnConfig, Norm, Padding};

use crate::ModelError;
use candle_core::{Result, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_core::InputSpec;
use serde::{Deserialize, Serialize};

/// Which network, with all its sizes. Written into the model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NetworkConfig {
    /// Convolution blocks, then dense layers to coordinates: the tutorial's network.
    Cnn(CnnConfig),
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self::Cnn(CnnConfig::default())
    }
}

impl NetworkConfig {
    /// Refuses sizes that make no network for this input, naming the field.
    pub fn validate(&self, input: &InputSpec) -> std::result::Result<(), ModelError> {
        match self {
            Self::Cnn(config) => config.validate(input),
        }
    }
}

/// A network built from its configuration: `[n, channels, size, size]` to `[n, 2·n_keypoints]`,
/// coordinates u, v in [−1, 1] interleaved as x₀, y₀, x₁, y₁, … (see
/// [`fkp_core::CoordinateFrame`]).
#[derive(Debug, Clone)]
pub enum Network {
    /// The tutorial's network.
    Cnn(Cnn),
}

impl Network {
    /// Builds the network, taking its parameters from `vb`.
    ///
    /// # Errors
    /// If the configuration does not fit the input, or `vb` does not have the weights.
    pub fn new(
        config: &NetworkConfig,
        input: &InputSpec,
        n_keypoints: usize,
        vb: VarBuilder,
    ) -> std::result::Result<Self, ModelError> {
        config.validate(input)?;
        Ok(match config {
            NetworkConfig::Cnn(config) => Self::Cnn(Cnn::new(config, input, n_keypoints, vb)?),
        })
    }
}

impl ModuleT for Network {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        match self {
            Self::Cnn(network) => network.forward_t(x, train),
        }
    }
}
