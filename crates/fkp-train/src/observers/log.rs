//! A file that an observer appends to, until an error closes it.

use crate::TrainError;
use std::fs::File;
use std::io::{Error, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Bytes that were appended stay, whatever comes after.
#[derive(Default)]
pub(super) struct Log {
    path: PathBuf,
    file: Option<File>,
    /// The error that closed it, until it is handed over.
    failed: Option<TrainError>,
    is_broken: bool,
}

impl Log {
    /// Appends to this file from now on.
    pub(super) fn open(&mut self, path: &Path, file: File) {
        *self = Self {
            path: path.to_owned(),
            file: Some(file),
            ..Self::default()
        };
    }

    /// One write, so that a kill leaves whole entries and at most one that is cut short. Nothing
    /// is written before the file is opened or after an error.
    pub(super) fn append(&mut self, action: &'static str, entry: &[u8]) {
        let Some(file) = &mut self.file else { return };
        if let Err(source) = file.write_all(entry) {
            let path = std::mem::take(&mut self.path);
            self.fail(&path, action, source);
        }
    }

    /// Closes the file for an error.
    pub(super) fn fail(&mut self, path: &Path, action: &'static str, source: Error) {
        self.file = None;
        self.is_broken = true;
        self.failed = Some(TrainError::Io {
            path: path.to_owned(),
            action,
            source,
        });
    }

    /// Breaks the run off once an error has closed the file.
    pub(super) fn flow(&self) -> ControlFlow<()> {
        match self.is_broken {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// The error that closed the file, once.
    pub(super) fn take_failure(&mut self) -> Option<TrainError> {
        self.failed.take()
    }
}
