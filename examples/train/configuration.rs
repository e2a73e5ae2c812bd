//! The file with the configuration of a run.

use anyhow::Result;
use fkp_examples::RunConfig;
use fkp_train::{Observer, StartReport, StepReport, TrainError, write_atomic};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Writes the configuration when the run starts: not before, because a run that is refused, such as the
/// second one in a folder, must leave the file as it is.
pub(crate) struct SavedConfiguration {
    path: PathBuf,
    text: String,
    failure: Option<TrainError>,
}

impl SavedConfiguration {
    pub(crate) fn new(path: PathBuf, config: &RunConfig) -> Result<Self> {
        Ok(Self {
            path,
            text: toml::to_string(config)?,
            failure: None,
        })
    }
}

impl Observer for SavedConfiguration {
    fn on_start(&mut self, _: &StartReport) {
        let written = write_atomic(&self.path, self.text.as_bytes());
        self.failure = written.err().map(|source| TrainError::Io {
            path: self.path.clone(),
            action: "write the configuration of the run",
            source,
        });
    }

    fn on_step(&mut self, _: &StepReport) -> ControlFlow<()> {
        match self.failure {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    }

    fn failure(&mut self) -> Option<TrainError> {
        self.failure.take()
    }
}
