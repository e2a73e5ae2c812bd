//! The checkpoints of a run: model files and the training state.

use super::atomic_file::remove_temporaries;
use super::difference::RunDifference;
use super::identity::Identity;
use super::lock::FolderLock;
use crate::optim::Average;
use crate::{BestScore, Optimizer, Params, Progress, TrainError};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The metadata key of a training state.
const KEY: &str = "fkp-train";
/// The metadata key of its format number, which is absent in format 1.
const FORMAT_KEY: &str = "fkp-train-format";
const FORMAT: &str = "2";

/// The files of a run. `best.safetensors` (by the monitored metric) and `last.safetensors` hold the
/// weights and [`metadata`](Self::metadata); `state.safetensors` is the training state, from which
/// a run is resumed.
///
/// Each file is written atomically, so that a kill at any instant leaves the last good one.
pub(crate) struct Checkpoints {
    /// The run's folder, created if it does not exist.
    pub(crate) dir: PathBuf,
    /// Metadata of the model files, which describes the model.
    pub(crate) metadata: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) identity: Identity,
    pub(super) progress: Progress,
}

impl Header {
    /// The metadata of a training state.
    pub(super) fn to_metadata(&self) -> Result<HashMap<String, String>, serde_json::Error> {
        Ok(HashMap::from([
            (KEY.to_owned(), serde_json::to_string(self)?),
            (FORMAT_KEY.to_owned(), FORMAT.to_owned()),
        ]))
    }
}

impl Checkpoints {
    /// The model with the best value of the monitored metric.
    pub(crate) fn best(&self) -> PathBuf {
        self.dir.join("best.safetensors")
    }

    /// The model of the last checkpoint.
    pub(crate) fn last(&self) -> PathBuf {
        self.dir.join("last.safetensors")
    }

    /// The model of one of the best validations, if more than one model is kept.
    pub(crate) fn kept(&self, best: &BestScore) -> PathBuf {
        let BestScore {
            epoch, global_step, ..
        } = best;
        let name = format!("best-epoch-{epoch:04}-step-{global_step:07}.safetensors");
        self.dir.join(name)
    }

    /// The training state, from which the run is resumed.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.join("state.safetensors")
    }

    /// Creates the folder, checks that it can be written, which would otherwise fail only after an
    /// epoch, and locks it.
    pub(crate) fn prepare(&self) -> Result<FolderLock, TrainError> {
        let failed = |source| TrainError::Io {
            path: self.dir.clone(),
            action: "create files in the run's folder",
            source,
        };
        std::fs::create_dir_all(&self.dir).map_err(failed)?;
        let probe = self.dir.join(".probe");
        File::create(&probe).map_err(failed)?;
        std::fs::remove_file(&probe).map_err(failed)?;
        let lock = FolderLock::take(&self.dir)?;
        remove_temporaries(&self.dir).map_err(failed)?;
        Ok(lock)
    }

    /// The differences of a run from the saved one.
    pub(crate) fn differences(&self, current: &Identity) -> Result<Vec<RunDifference>, TrainError> {
        let path = self.state();
        let (_, saved) = read(&path)?;
        let differences = current.differences(&saved.identity);
        differences.map_err(|error| corrupt(&path, error))
    }

    /// Restores weights, optimizer and average, and returns the progress.
    pub(crate) fn load_state(
        &self,
        params: &Params,
        average: Option<&Average>,
        optimizer: &mut Optimizer,
        current: &Identity,
        changes: Changes,
    ) -> Result<Progress, TrainError> {
        let path = self.state();
        let (bytes, header) = read(&path)?;
        let (saved, mut progress) = (header.identity, header.progress);
        let differences = current.differences(&saved);
        let differences = differences.map_err(|error| corrupt(&path, error))?;
        if changes == Changes::Refused && !differences.is_empty() {
            return Err(TrainError::CannotResume { path, differences });
        }

        let mut parts: BTreeMap<String, BTreeMap<String, Tensor>> = BTreeMap::new();
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
            .map_err(|error| corrupt(&path, error))?;
        // The entries are sorted by name: the order of a hash map must not matter.
        for (name, tensor) in tensors.into_iter().collect::<BTreeMap<_, _>>() {
            if let Some((part, name)) = name.split_once('.') {
                let part = parts.entry(part.to_owned()).or_default();
                part.insert(name.to_owned(), tensor);
            }
        }
        let incompatible = |error: candle_core::Error| TrainError::IncompatibleState {
            path: path.clone(),
            problem: error.to_string(),
        };
        let part = |name: &str| parts.get(name).cloned().unwrap_or_default();
        params.load(&part("model")).map_err(incompatible)?;
        let (before, after) = (&saved.config.optimizer, &current.config.optimizer);
        if after.has_same_state_as(before) {
            let moments = part("optimizer").into_iter().collect();
            optimizer.load_state(&moments).map_err(incompatible)?;
        }
        match (average, saved.config.averaging) {
            (Some(average), Some(_)) => average
                .weights
                .load(&part("average"))
                .map_err(incompatible)?,
            // Averaging that is added on resume starts with the saved weights.
            (Some(average), None) => average.weights.load(&part("model")).map_err(incompatible)?,
            (None, _) => {}
        }
        if !current.has_same_batches_as(&saved) {
            // The unfinished epoch would have other batches, so it is restarted.
            progress.global_step -= progress.steps_done;
            progress.restart_epoch();
        }
        Ok(progress)
    }
}

/// Whether a run may be resumed with changes that affect its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changes {
    Refused,
    Accepted,
}

/// The bytes of a training state and its header.
fn read(path: &Path) -> Result<(Vec<u8>, Header), TrainError> {
    let bytes = std::fs::read(path).map_err(|source| TrainError::Io {
        path: path.to_owned(),
        action: "read the training state",
        source,
    })?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| corrupt(path, error))?;
    let entries = metadata.metadata().as_ref();
    let entry = |key: &str| entries.and_then(|entries| entries.get(key));
    let text = entry(KEY).ok_or_else(|| corrupt(path, format!("no `{KEY}` in its metadata")))?;
    let format = entry(FORMAT_KEY).map_or("1", String::as_str);
    if format != FORMAT {
        return Err(TrainError::StateFormat {
            path: path.to_owned(),
            found: format.to_owned(),
            expected: FORMAT,
        });
    }
    let header = serde_json::from_str(text).map_err(|error| corrupt(path, error))?;
    Ok((bytes, header))
}

pub(super) fn corrupt(path: &Path, problem: impl std::fmt::Display) -> TrainError {
    TrainError::Corrupt {
        path: path.to_owned(),
        problem: problem.to_string(),
    }
}
