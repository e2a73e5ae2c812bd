//! The networks. A new network is a file in this folder and a line in the list at the end.

mod cnn;
mod head;
mod limits;
mod mobile;
mod pyramid;
mod residual;
mod stage;

pub(crate) use head::output_parameters;

pub use cnn::{Cnn, CnnConfig, Norm, Padding};
pub use mobile::{Mobile, MobileConfig};
pub use pyramid::{Pyramid, PyramidConfig};
pub use residual::{ResidualConfig, ResidualNetwork};

use crate::ModelError;
use candle_core::{Result, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_core::Task;
use serde::{Deserialize, Serialize};

/// Defines [`NetworkConfig`] and [`Network`], with a variant for each `Variant: Network(Config)`.
///
/// `Config` has `validate(&self, &Task) -> Result<(), ModelError>`, and `Network` is a `ModuleT`
/// that has `new(&Config, &Task, VarBuilder) -> candle_core::Result<Self>`.
macro_rules! networks {
    ($($(#[$doc:meta])* $kind:ident: $network:ident($config:ident),)+) => {
        /// Which network, with all its sizes. Written into the model file.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum NetworkConfig {
            $($(#[$doc])* $kind($config),)+
        }

        impl NetworkConfig {
            /// Checks that the sizes are valid for the task.
            ///
            /// # Errors
            /// [`ModelError::Config`] with the name of the first invalid field.
            pub fn validate(&self, task: &Task) -> std::result::Result<(), ModelError> {
                match self {
                    $(Self::$kind(config) => config.validate(task),)+
                }
            }
        }

        /// A network built from its configuration: `[n, channels, size, size]` to an output whose
        /// shape and meaning are given by the task's [`fkp_core::OutputSpec`].
        #[derive(Debug, Clone)]
        pub enum Network {
            $($(#[$doc])* $kind($network),)+
        }

        impl Network {
            /// Builds the network with its parameters from `vb`.
            ///
            /// # Errors
            /// If the configuration is not valid for the task, or `vb` does not have the weights.
            pub fn new(
                config: &NetworkConfig,
                task: &Task,
                vb: VarBuilder,
            ) -> std::result::Result<Self, ModelError> {
                config.validate(task)?;
                Ok(match config {
                    $(NetworkConfig::$kind(config) => {
                        Self::$kind($network::new(config, task, vb)?)
                    })+
                })
            }
        }

        impl ModuleT for Network {
            fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
                match self {
                    $(Self::$kind(network) => network.forward_t(x, train),)+
                }
            }
        }
    };
}

networks! {
    /// Convolution blocks, then dense layers or a map for each keypoint.
    Cnn: Cnn(CnnConfig),
    /// Stages of convolution blocks with residual connections.
    Residual: ResidualNetwork(ResidualConfig),
    /// Inverted residual blocks of MobileNetV2.
    Mobile: Mobile(MobileConfig),
    /// A feature pyramid, for face detection.
    Pyramid: Pyramid(PyramidConfig),
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self::Cnn(CnnConfig::default())
    }
}
