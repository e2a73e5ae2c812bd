//! Tasks: what goes into a network and what comes out of it.

mod calibration;
mod cells;
mod frame;
mod input;
mod maps;
mod output;
mod prediction;

pub use calibration::Calibration;
pub use frame::CoordinateFrame;
pub use input::InputSpec;
pub use output::{Likelihood, OutputError, OutputSpec};
pub use prediction::Prediction;

use crate::{CropRule, Schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A keypoint detection task: everything about a model but its network. Part of a model file.
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
    /// How the predicted standard deviations relate to the errors, if that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// The usual threshold of the face score, if the output has one: [`Self::FACES_ABOVE_THRESHOLD`] of
    /// the faces on which the best epoch was chosen have at least this score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_threshold: Option<f32>,
}

impl Task {
    /// The fraction of the faces whose score is at least [`Self::score_threshold`].
    pub const FACES_ABOVE_THRESHOLD: f64 = 0.99;

    /// Coordinates of the schema's keypoints, in crops by the schema's own rule.
    pub fn new(schema: Schema, input: InputSpec) -> Self {
        Self {
            crop: CropRule::for_schema(&schema),
            schema,
            input,
            output: OutputSpec::default(),
            calibration: None,
            score_threshold: None,
        }
    }

    /// The calibration: the measured one, or that of the likelihood of the output; `None` if no
    /// standard deviation is predicted.
    pub fn calibration(&self) -> Option<Calibration> {
        let likelihood = self.output.likelihood()?;
        Some(self.calibration.unwrap_or(Calibration::of(likelihood)))
    }
}

/// What training needs to know of a model: its task, and the metadata of its file.
pub trait ModelDescription {
    /// The keypoints, the crop, the input and the output.
    fn task(&self) -> &Task;

    /// The metadata to write into the model file, by default none.
    ///
    /// # Errors
    /// If the description contradicts itself.
    fn metadata(
        &self,
    ) -> Result<BTreeMap<String, String>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(BTreeMap::new())
    }
}

/// For a network of one's own, whose file has no metadata.
impl ModelDescription for Task {
    fn task(&self) -> &Task {
        self
    }
}
