//! The networks and the configuration that names one.

mod cnn;

pub use cnn::{Cnn, CnnConfig, Norm, Padding};

use crate::ModelError;
use candle_core::{Result, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_core::Task;
use serde::{Deserialize, Serialize};

/// Which network, with all its sizes. Written into the model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NetworkConfig {
    /// Convolution blocks, then dense layers or a map for each keypoint: the tutorial's network.
    Cnn(CnnConfig),
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self::Cnn(CnnConfig::default())
    }
}

impl NetworkConfig {
    /// Refuses sizes that make no network for this task, naming the field.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the first field that is wrong.
    pub fn validate(&self, task: &Task) -> std::result::Result<(), ModelError> {
        match self {
            Self::Cnn(config) => config.validate(task),
        }
    }
}

/// A network built from its configuration: `[n, channels, size, size]` to an output whose shape and
/// meaning the task's [`fkp_core::OutputSpec`] gives.
#[derive(Debug, Clone)]
pub enum Network {
    /// The tutorial's network.
    Cnn(Cnn),
}

impl Network {
    /// Builds the network, taking its parameters from `vb`.
    ///
    /// # Errors
    /// If the configuration does not fit the task, or `vb` does not have the weights.
    pub fn new(
        config: &NetworkConfig,
        task: &Task,
        vb: VarBuilder,
    ) -> std::result::Result<Self, ModelError> {
        config.validate(task)?;
        Ok(match config {
            NetworkConfig::Cnn(config) => Self::Cnn(Cnn::new(config, task, vb)?),
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
