//! What a model file says about itself.

use crate::{ModelError, Network, NetworkConfig};
use candle_nn::VarBuilder;
use fkp_core::{InputSpec, ModelDescription, Schema, Task};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;

/// Everything but the weights: enough to rebuild the network, to feed it and to read its output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Version of this description.
    pub format: u32,
    /// The network's kind and sizes.
    pub network: NetworkConfig,
    /// Keypoints, crop rule, input and the meaning of the output.
    #[serde(flatten)]
    pub task: Task,
    /// What its maker wants remembered, such as how the data was split. Prediction does not
    /// depend on it.
    #[serde(default)]
    pub notes: BTreeMap<String, String>,
}

impl ModelCard {
    /// The metadata key under which a model file carries its card, as JSON. One key only, because
    /// the order of several is not fixed and two runs are to write the same bytes.
    pub const KEY: &'static str = "fkp";

    /// The version that this crate writes, and the only one that it reads.
    pub const FORMAT: u32 = 3;

    /// A card in the current format: coordinates of the schema's keypoints, in crops by the
    /// schema's own rule. For anything else set [`Self::task`].
    pub fn new(network: NetworkConfig, schema: Schema, input: InputSpec) -> Self {
        Self {
            format: Self::FORMAT,
            network,
            task: Task::new(schema, input),
            notes: BTreeMap::new(),
        }
    }

    /// The network that the card describes, its parameters taken from `vb`.
    ///
    /// # Errors
    /// If the card contradicts itself, or `vb` does not have the weights.
    pub fn network(&self, vb: VarBuilder) -> Result<Network, ModelError> {
        Network::new(&self.network, &self.task, vb)
    }

    /// The card as the value of [`Self::KEY`].
    ///
    /// # Errors
    /// If the network does not fit the task.
    pub fn to_metadata(&self) -> Result<String, ModelError> {
        self.network.validate(&self.task)?;
        serde_json::to_string(self).map_err(|error| ModelError::Config {
            field: "card".to_owned(),
            problem: error.to_string(),
        })
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
