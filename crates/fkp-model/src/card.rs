//! What a model file says about itself.

use crate::{ModelError, NetworkConfig};
use fkp_core::{CropRule, InputSpec, Schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything but the weights: enough to rebuild the network and to feed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Version of this description.
    pub format: u32,
    /// The network's kind and sizes.
    pub network: NetworkConfig,
    /// What the keypoints are.
    pub schema: Schema,
    /// How faces were cropped for training.
    pub crop: CropRule,
    /// Size and normalisation of the input.
    pub input: InputSpec,
    /// What its maker wants remembered, such as how the data was split. Prediction does not
    /// depend on it.
    #[serde(default)]
    pub notes: BTreeMap<String, String>,
}

impl ModelCard {
    /// The metadata key under which a model file carries its card, as JSON. One key only, because
    /// the order of several is not fixed and two runs are to write the same bytes.
    pub const KEY: &'static str = "fkp";

    /// The version that this crate writes, and the highest that it reads.
    pub const FORMAT: u32 = 1;

    /// A card in the current format, with the schema's own crop rule.
    pub fn new(network: NetworkConfig, schema: Schema, input: InputSpec) -> Self {
        Self {
            format: Self::FORMAT,
            network,
            crop: CropRule::for_schema(&schema),
            schema,
            input,
            notes: BTreeMap::new(),
        }
    }

    /// The card as the value of [`Self::KEY`].
    ///
    /// # Errors
    /// If the network does not fit the input.
    pub fn to_metadata(&self) -> Result<String, ModelError> {
        self.network.validate(&self.input)?;
        serde_json::to_string(self).map_err(|error| ModelError::Config {
            field: "card".to_owned(),
            problem: error.to_string(),
        })
    }
}
