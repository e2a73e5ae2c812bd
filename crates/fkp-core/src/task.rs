//! What a model is for: the description that a model and its trainer share.

use crate::{CropRule, InputSpec, OutputSpec, Schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What goes into a network and what comes out of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// What the keypoints are.
    pub schema: Schema,
    /// How faces are cropped.
    pub crop: CropRule,
    /// Size and normalization of the input.
    pub input: InputSpec,
    /// What the output means.
    #[serde(default)]
    pub output: OutputSpec,
}

impl Task {
    /// Coordinates of the schema's keypoints, cropped by the schema's own rule.
    pub fn new(schema: Schema, input: InputSpec) -> Self {
        Self {
            crop: CropRule::for_schema(&schema),
            schema,
            input,
            output: OutputSpec::default(),
        }
    }
}

/// A network of one's own that has a task and nothing to say in its file.
impl ModelDescription for Task {
    fn task(&self) -> &Task {
        self
    }

    fn metadata(
        &self,
    ) -> Result<BTreeMap<String, String>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(BTreeMap::new())
    }
}

/// A model as far as whoever trains it needs to know it: what it is for, and what is to be written
/// into its file.
pub trait ModelDescription {
    /// What goes in and what comes out.
    fn task(&self) -> &Task;

    /// The metadata by which a model file describes itself.
    ///
    /// # Errors
    /// If the description contradicts itself.
    fn metadata(
        &self,
    ) -> Result<BTreeMap<String, String>, Box<dyn std::error::Error + Send + Sync>>;
}
