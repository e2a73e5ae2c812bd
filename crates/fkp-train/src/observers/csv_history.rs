//! The history of a run as a CSV file: one row per epoch.

use crate::checkpoint::write_atomic;
use crate::{EpochRecord, EpochReport, Observer, TrainError};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Rewrites a CSV file after each epoch, such as `history.csv`: one row per epoch, with the fields
/// of [`EpochRecord`] as columns. If the training set has several sources, a column
/// `train_loss_NAME` for each follows.
///
/// A file that cannot be written stops the run; the last good one is kept.
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
    ///
    /// # Errors
    /// If the file cannot be written. The previous file is then unchanged.
    pub fn write(path: &Path, history: &[EpochRecord]) -> Result<(), TrainError> {
        let table = || -> std::io::Result<Vec<u8>> {
            let mut table = csv::Writer::from_writer(Vec::new());
            for record in history {
                table.serialize(EpochRecord {
                    sources: Vec::new(),
                    ..record.clone()
                })?;
            }
            table.into_inner().map_err(|error| error.into_error())
        };
        let written = table()
            .and_then(|table| with_sources(table, history))
            .and_then(|table| write_atomic(path, &table));
        written.map_err(|source| TrainError::Io {
            path: path.to_owned(),
            action: "write the history",
            source,
        })
    }
}

/// Adds the columns of the sources to a table. A source may have been added after some epochs.
fn with_sources(table: Vec<u8>, history: &[EpochRecord]) -> std::io::Result<Vec<u8>> {
    let mut names: Vec<&str> = Vec::new();
    for source in history.iter().flat_map(|record| &record.sources) {
        if !names.contains(&source.name.as_str()) {
            names.push(&source.name);
        }
    }
    if names.is_empty() {
        return Ok(table);
    }
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(&*table);
    let mut wider = csv::Writer::from_writer(Vec::new());
    for (number, row) in rows.records().enumerate() {
        let mut row = row?;
        let record = number.checked_sub(1).and_then(|epoch| history.get(epoch));
        for name in &names {
            row.push_field(&match record {
                None => format!("train_loss_{name}"),
                Some(record) => {
                    let source = record.sources.iter().find(|source| source.name == *name);
                    let loss = source.and_then(|source| source.train_loss);
                    loss.map_or(String::new(), |loss| loss.to_string())
                }
            });
        }
        wider.write_record(&row)?;
    }
    wider.into_inner().map_err(|error| error.into_error())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceLoss;
    use crate::observers::testing::{FakeRun, STEPS};

    #[test]
    fn there_is_a_row_per_epoch_including_those_before_a_resume() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        let run = FakeRun::new();
        assert!(
            run.replay(&mut CsvHistory::new(&path), 0..STEPS + 2)
                .is_continue()
        );
        assert!(
            run.replay(&mut CsvHistory::new(&path), STEPS..3 * STEPS)
                .is_continue()
        );
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let head = "epoch,train_loss,val_loss,mae_px,rmse_px,nme,learning_rate,seconds,\
                    samples_per_second,loader_wait_seconds,skipped";
        assert_eq!(lines[0], head);
        assert_eq!(lines[1], "1,0.5,0.25,10.0,12.0,,0.001,2.0,100.0,0.125,0");
        assert_eq!(lines[2], "2,0.25,0.125,5.0,6.0,,0.001,2.0,100.0,0.125,1");
        assert_eq!(lines.len(), 4);
        let mut rows = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<EpochRecord> = rows.deserialize().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows, run.history);
    }

    #[test]
    fn the_loss_of_each_source_has_a_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        let mut run = FakeRun::new();
        let loss = |name: &str, train_loss| SourceLoss {
            name: name.to_owned(),
            train_loss,
        };
        run.history[1].sources = vec![loss("mine", Some(0.5)), loss("a,b", None)];
        run.history[2].sources = vec![loss("a,b", Some(0.25))];
        CsvHistory::write(&path, &run.history).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].ends_with(",skipped,train_loss_mine,\"train_loss_a,b\""),
            "{text}"
        );
        assert!(lines[1].ends_with(",0.125,0,,"), "{text}");
        assert!(lines[2].ends_with(",0.125,1,0.5,"), "{text}");
        assert!(lines[3].ends_with(",0.125,0,,0.25"), "{text}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_stops_the_run_and_keeps_the_previous_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        let run = FakeRun::new();
        let mut history = CsvHistory::new(&path);
        assert!(run.replay(&mut history, 0..STEPS).is_continue());
        let good = std::fs::read(&path).unwrap();
        // A missing folder refuses a new file, and a full device any byte.
        let moved = folder.path().with_extension("moved");
        std::fs::rename(folder.path(), &moved).unwrap();
        assert!(run.replay(&mut history, STEPS..2 * STEPS).is_break());
        assert_eq!(std::fs::read(moved.join("history.csv")).unwrap(), good);
        std::fs::remove_dir_all(&moved).unwrap();
        let error = history.failure().unwrap();
        assert!(
            error
                .to_string()
                .ends_with("history.csv: cannot write the history")
        );
        let mut full = CsvHistory::new("/dev/full");
        assert!(run.replay(&mut full, 0..STEPS).is_break());
        let error = full.failure().unwrap();
        let TrainError::Io { source, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
        // The error is returned once.
        assert!(history.failure().is_none());
        assert!(full.failure().is_none());
    }
}
