//! The figures of each epoch, and a table of them on disk.

use crate::{EpochReport, Observer, TrainError};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// What is remembered of an epoch. The columns of `history.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Mean training loss over the epoch, in the codec's unit, with augmentation.
    pub train_loss: f64,
    /// Validation loss, in the codec's unit.
    pub val_loss: f64,
    /// Validation mean absolute coordinate error in pixels of the crop.
    pub mae_px: Option<f64>,
    /// Validation root mean squared coordinate error in pixels of the crop.
    pub rmse_px: Option<f64>,
    /// Validation error normalised by the schema's first pair, or by the box.
    pub nme: Option<f64>,
    /// Step size of the optimiser.
    pub learning_rate: f64,
    /// Wall time of training and validation. Restarts with a resumed epoch.
    pub seconds: f64,
    /// Training samples per second of training time, without validation.
    pub samples_per_second: f64,
}

/// Keeps `history.csv` up to date, a row per epoch.
pub struct CsvHistory {
    path: PathBuf,
    failed: Option<TrainError>,
}

impl CsvHistory {
    /// Writes to this file, replacing it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            failed: None,
        }
    }

    /// Writes the table of these epochs.
    pub fn write(path: &Path, history: &[EpochRecord]) -> Result<(), TrainError> {
        let rows = || -> std::io::Result<()> {
            let mut table = csv::Writer::from_path(path)?;
            for record in history {
                table.serialize(record)?;
            }
            table.flush()
        };
        rows().map_err(|source| TrainError::Io {
            path: path.to_owned(),
            action: "write the history",
            source,
        })
    }

    /// The first error that writing met, if any: it stopped the run.
    pub fn finish(self) -> Result<(), TrainError> {
        self.failed.map_or(Ok(()), Err)
    }
}

impl Observer for CsvHistory {
    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        match Self::write(&self.path, report.history) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}
