//! The card of a model file: its metadata.

use crate::{ModelError, Network, NetworkConfig};
use candle_nn::VarBuilder;
use fkp_core::{InputSpec, ModelDescription, Schema, Task};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;

/// Everything but the weights: what is needed to build the network, to compute its input and to
/// decode its output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Format of the model file.
    pub format: u32,
    /// The network's kind and sizes.
    pub network: NetworkConfig,
    /// Keypoints, crop rule, input and the meaning of the output.
    #[serde(flatten)]
    pub task: Task,
    /// Notes on the training, such as the split of the data. Prediction does not depend on them.
    #[serde(default)]
    pub notes: BTreeMap<String, String>,
}

impl ModelCard {
    /// The metadata key of the card, which is JSON. One key only, because the order of several is
    /// not fixed, and two runs must write the same bytes.
    pub const KEY: &'static str = "fkp";

    /// The format that this crate writes, and the only one that it reads.
    pub const FORMAT: u32 = 3;

    /// A card in the current format: coordinates of the schema's keypoints, in crops by the
    /// schema's own rule. For other tasks set [`Self::task`].
    pub fn new(network: NetworkConfig, schema: Schema, input: InputSpec) -> Self {
        Self {
            format: Self::FORMAT,
            network,
            task: Task::new(schema, input),
            notes: BTreeMap::new(),
        }
    }

    /// The network of the card, with its parameters from `vb`.
    ///
    /// # Errors
    /// If the network is not valid for the task, or `vb` does not have the weights.
    pub fn network(&self, vb: VarBuilder) -> Result<Network, ModelError> {
        Network::new(&self.network, &self.task, vb)
    }

    /// The card as the value of [`Self::KEY`].
    ///
    /// # Errors
    /// If the network is not valid for the task.
    pub fn to_metadata(&self) -> Result<String, ModelError> {
        self.network.validate(&self.task)?;
        serde_json::to_string(self).map_err(|error| ModelError::config("card", error))
    }
}

impl ModelDescription for ModelCard {
    fn task(&self) -> &Task {
        &self.task
    }

    fn metadata(&self) -> Result<BTreeMap<String, String>, Box<dyn Error + Send + Sync>> {
        Ok(BTreeMap::from([(
            Self::KEY.to_owned(),
            self.to_metadata()?,
        )]))
    }
}
