//! The table of epochs on disk.

use crate::{EpochRecord, EpochReport, Observer, TrainError};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

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

    fn failure(&mut self) -> Option<TrainError> {
        self.failed.take()
    }
}
