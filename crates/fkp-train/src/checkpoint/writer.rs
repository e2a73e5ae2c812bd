//! Writes the checkpoints of a run.

use super::identity::Identity;
use super::lock::FolderLock;
use super::state::{Checkpoints, Header, corrupt};
use super::write_queue::{FileKind, FileTask, WriteQueue};
use crate::optim::Average;
use crate::{BestScore, Optimizer, Params, Progress, TrainError};
use candle_core::Tensor;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Writes the files of a run on a thread of its own. A training step waits only until its tensors
/// are copied, and for neither the disk nor the conversion to bytes.
///
/// The folder is locked meanwhile.
pub(crate) struct CheckpointWriter<'a> {
    checkpoints: &'a Checkpoints,
    // Before the lock, which is released after the last file is written.
    queue: WriteQueue,
    _lock: FolderLock,
}

impl<'a> CheckpointWriter<'a> {
    /// Prepares and locks the folder.
    pub(crate) fn new(checkpoints: &'a Checkpoints) -> Result<Self, TrainError> {
        let lock = checkpoints.prepare()?;
        Ok(Self {
            checkpoints,
            queue: WriteQueue::start(&checkpoints.dir)?,
            _lock: lock,
        })
    }

    /// Writes the model with the best value of the monitored metric.
    pub(crate) fn save_best(&self, weights: &Params) -> Result<(), TrainError> {
        self.save_model(self.checkpoints.best(), weights.duplicate()?.tensors())
    }

    /// Writes the model of one of the best validations.
    pub(crate) fn save_kept(&self, best: &BestScore, weights: &Params) -> Result<(), TrainError> {
        self.save_model(self.checkpoints.kept(best), weights.duplicate()?.tensors())
    }

    /// Removes the model of a validation that is no longer one of the best.
    pub(crate) fn remove_kept(&self, best: &BestScore) -> Result<(), TrainError> {
        let path = self.checkpoints.kept(best);
        self.queue.push(FileTask::Remove(path))
    }

    /// Writes the current model, which is the average if there is one, and the training state.
    pub(crate) fn save_state(
        &self,
        params: &Params,
        average: Option<&Average>,
        optimizer: &Optimizer,
        identity: &Identity,
        progress: &Progress,
    ) -> Result<(), TrainError> {
        let model = params.duplicate()?.tensors();
        let average = average.map(|average| average.weights.duplicate());
        let average = average.transpose()?.map(|average| average.tensors());
        let last = average.as_ref().unwrap_or(&model).clone();
        self.save_model(self.checkpoints.last(), last)?;

        let path = self.checkpoints.state();
        let mut tensors = BTreeMap::new();
        let mut put = |part: &str, entries: Vec<(String, Tensor)>| {
            let named = entries.into_iter();
            tensors.extend(named.map(|(name, tensor)| (format!("{part}.{name}"), tensor)));
        };
        put("model", model.into_iter().collect());
        put("optimizer", optimizer.state()?);
        put("average", average.into_iter().flatten().collect());
        let header = Header {
            identity: identity.clone(),
            progress: progress.clone(),
        };
        let metadata = header.to_metadata();
        let metadata = metadata.map_err(|error| corrupt(&path, error))?;
        self.queue.push(FileTask::Write {
            kind: FileKind::State,
            path,
            tensors,
            metadata,
        })
    }

    /// # Errors
    /// If a file could not be written since the last call.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        self.queue.check()
    }

    /// Waits until all files are written.
    ///
    /// # Errors
    /// If one could not be written.
    pub(crate) fn finish(self) -> Result<(), TrainError> {
        self.queue.finish()
    }

    fn save_model(
        &self,
        path: PathBuf,
        tensors: BTreeMap<String, Tensor>,
    ) -> Result<(), TrainError> {
        let metadata = self.checkpoints.metadata.clone().into_iter().collect();
        self.queue.push(FileTask::Write {
            kind: FileKind::Model,
            path,
            tensors,
            metadata,
        })
    }
}
