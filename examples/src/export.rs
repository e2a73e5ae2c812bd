//! Model files for programs that embed them.

use crate::say;
use anyhow::{Context, Result};
use candle_core::Tensor;
use fkp_core::{Calibration, Prediction, Sample, Task};
use fkp_metrics::{FaceScores, StandardizedErrors};
use fkp_model::{ModelCard, ModelFile, Precision};
use fkp_train::write_atomic;
use std::collections::BTreeMap;
use std::path::Path;

/// Errors and face scores on samples that a network was not trained on, for its model file.
#[derive(Default)]
pub struct Measurements {
    /// The errors in units of the predicted standard deviations.
    pub errors: StandardizedErrors,
    /// The face scores.
    pub scores: FaceScores,
}

impl Measurements {
    /// Adds a sample.
    pub fn add(&mut self, predicted: &Prediction, truth: &Sample) {
        self.errors.add(predicted, truth);
        self.scores.add(predicted, truth);
    }

    /// The calibration that these samples give; `None` if the model predicts no standard deviations
    /// or there are too few labels.
    pub fn calibration(&self) -> Option<Calibration> {
        self.errors.calibration()
    }

    /// Writes a model with two bytes per weight, with the calibration of its standard deviations and
    /// the threshold of its face score.
    ///
    /// # Errors
    /// If a weight is too large for two bytes, or the file cannot be written.
    pub fn export(&self, model: &ModelFile, path: &Path) -> Result<()> {
        let mut card = model.card.clone();
        card.task.calibration = self.calibration();
        card.task.score_threshold = self.scores.threshold(Task::FACES_ABOVE_THRESHOLD);
        export_model(&card, &model.weights, path)
    }
}

/// Writes a model with two bytes per weight.
///
/// # Errors
/// If a weight is too large for that, or the file cannot be written.
pub fn export_model(
    card: &ModelCard,
    weights: &BTreeMap<String, Tensor>,
    path: &Path,
) -> Result<()> {
    let bytes = card.to_bytes(weights, Precision::F16)?;
    write_atomic(path, &bytes).with_context(|| format!("{}: cannot write", path.display()))?;
    say!("exported: {}, {} bytes", path.display(), bytes.len());
    Ok(())
}
