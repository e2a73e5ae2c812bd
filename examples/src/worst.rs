//! The faces with the largest errors, as a contact sheet.

use anyhow::Result;
use fkp_core::Schema;
use fkp_draw::{Cell, contact_sheet};
use fkp_metrics::{Normalizer, image_nme};
use fkp_train::ScoredSample;
use fkp_train::plots::save_image;
use std::path::Path;

/// Keeps the samples with the largest normalized error of an evaluation.
pub struct WorstFaces {
    normalizer: Normalizer,
    count: usize,
    /// The errors, the largest first.
    errors: Vec<f64>,
    /// The faces of these errors.
    cells: Vec<Cell>,
}

impl WorstFaces {
    /// Keeps the `count` worst faces by the schema's preferred normalizer.
    pub fn new(schema: &Schema, count: usize) -> Self {
        Self {
            normalizer: Normalizer::preferred(schema),
            count,
            errors: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// Whether no face was added.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Takes a sample, if its error is defined and among the largest.
    pub fn add(&mut self, scored: ScoredSample<'_>) {
        let ScoredSample {
            sample, predicted, ..
        } = scored;
        let truth = &sample.keypoints;
        let Some(error) = image_nme(&predicted.keypoints, truth, &self.normalizer) else {
            return;
        };
        let rank = self.errors.partition_point(|larger| *larger >= error);
        if rank < self.count {
            let mut cell = Cell::compared(sample, predicted);
            cell.caption = format!("{:.1} % {}", 100.0 * error, sample.id);
            self.errors.insert(rank, error);
            self.cells.insert(rank, cell);
            self.errors.truncate(self.count);
            self.cells.truncate(self.count);
        }
    }

    /// Writes the faces as a contact sheet, each with its error and its name.
    ///
    /// # Errors
    /// If no face was added, or the file cannot be written.
    pub fn save(&self, path: &Path, schema: &Schema) -> Result<()> {
        anyhow::ensure!(
            !self.cells.is_empty(),
            "{}: no face has an error that can be normalized by {}",
            path.display(),
            self.normalizer.name()
        );
        let sheet = contact_sheet(Cell::COMPARED, &self.cells, 6, 192, schema)?;
        Ok(save_image(path, &sheet)?)
    }
}
