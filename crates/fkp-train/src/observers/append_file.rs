//! A file that an observer appends to, closed by the first error.

use crate::TrainError;
use std::fs::File;
use std::io::{Error, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A file that is only appended to, so that an error never loses earlier entries.
#[derive(Default)]
pub(super) struct AppendFile {
    path: PathBuf,
    file: Option<File>,
    /// The error that closed the file, until it is taken.
    failed: Option<TrainError>,
    is_closed_by_error: bool,
}

impl AppendFile {
    /// Appends to this file from now on.
    pub(super) fn open(&mut self, path: &Path, file: File) {
        *self = Self {
            path: path.to_owned(),
            file: Some(file),
            ..Self::default()
        };
    }

    /// Appends an entry with a single write, so that a kill truncates at most the last entry. Does
    /// nothing before the file is opened or after an error.
    pub(super) fn append(&mut self, action: &'static str, entry: &[u8]) {
        let Some(file) = &mut self.file else { return };
        if let Err(source) = file.write_all(entry) {
            let path = std::mem::take(&mut self.path);
            self.fail(&path, action, source);
        }
    }

    /// Closes the file because of an error.
    pub(super) fn fail(&mut self, path: &Path, action: &'static str, source: Error) {
        self.file = None;
        self.is_closed_by_error = true;
        self.failed = Some(TrainError::Io {
            path: path.to_owned(),
            action,
            source,
        });
    }

    /// `Break`, which stops the run, once an error has closed the file.
    pub(super) fn flow(&self) -> ControlFlow<()> {
        match self.is_closed_by_error {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// The error that closed the file; `None` if it was taken already.
    pub(super) fn take_failure(&mut self) -> Option<TrainError> {
        self.failed.take()
    }
}
