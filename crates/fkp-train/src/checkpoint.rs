//! What is written to disk while training, so that nothing is lost.

use crate::averaging::Average;
use crate::identity::{Difference, Identity, refuse};
use crate::lock::FolderLock;
use crate::optimizer::Optimizer;
use crate::replace::{remove_unfinished, write_file};
use crate::{Best, Params, Progress, TrainError};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The metadata key of a training state.
const KEY: &str = "fkp-train";

/// Where a run writes. `best.safetensors` (lowest validation loss) and `last.safetensors` hold
/// the weights and [`metadata`](Self::metadata); `state.safetensors` is what a resume needs.
///
/// Each file is written under another name, synced and renamed, so that a kill at any instant
/// leaves the last good one.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoints {
    /// The run's folder, created if need be.
    pub dir: PathBuf,
    /// Metadata of the weight files: how a model file describes itself.
    pub metadata: BTreeMap<String, String>,
    /// Anything else that must not change between start and resume, such as the augmentation's
    /// configuration as text.
    pub fingerprint: BTreeMap<String, String>,
}

/// Weights that are saved with the optimizer and the progress.
#[derive(Clone, Copy)]
pub(crate) struct Trained<'a> {
    pub(crate) params: &'a Params,
    pub(crate) average: Option<&'a Average>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    identity: Identity,
    progress: Progress,
}

impl Checkpoints {
    /// Writes into `dir` and describes the weights by `metadata`.
    pub fn new(dir: impl Into<PathBuf>, metadata: BTreeMap<String, String>) -> Self {
        Self {
            dir: dir.into(),
            metadata,
            fingerprint: BTreeMap::new(),
        }
    }

    /// The weights with the lowest validation loss.
    pub fn best(&self) -> PathBuf {
        self.dir.join("best.safetensors")
    }

    /// The newest weights.
    pub fn last(&self) -> PathBuf {
        self.dir.join("last.safetensors")
    }

    /// The model of one of the best validations, where more than one is kept.
    pub fn kept(&self, best: &Best) -> PathBuf {
        let Best {
            epoch, global_step, ..
        } = best;
        let name = format!("best-epoch-{epoch:04}-step-{global_step:07}.safetensors");
        self.dir.join(name)
    }

    /// What a resume needs.
    pub fn state(&self) -> PathBuf {
        self.dir.join("state.safetensors")
    }

    /// Makes the folder and locks it, and finds out now rather than after an epoch whether it can
    /// be written.
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
        remove_unfinished(&self.dir).map_err(failed)?;
        Ok(lock)
    }

    pub(crate) fn save_weights(
        &self,
        path: &Path,
        weights: BTreeMap<String, Tensor>,
    ) -> Result<(), TrainError> {
        let metadata = self.metadata.clone().into_iter().collect();
        save(path, weights, metadata)
    }

    pub(crate) fn save_state(
        &self,
        trained: Trained<'_>,
        optimizer: &Optimizer,
        identity: Identity,
        progress: &Progress,
    ) -> Result<(), TrainError> {
        let path = self.state();
        let mut tensors = BTreeMap::new();
        let mut put = |part: &str, entries: Vec<(String, Tensor)>| {
            let named = entries.into_iter();
            tensors.extend(named.map(|(name, tensor)| (format!("{part}.{name}"), tensor)));
        };
        put("model", trained.params.tensors().into_iter().collect());
        put("optimizer", optimizer.state()?);
        if let Some(average) = trained.average {
            put("average", average.tensors().into_iter().collect());
        }
        let header = Header {
            identity,
            progress: progress.clone(),
        };
        let text = serde_json::to_string(&header).map_err(|error| corrupt(&path, error))?;
        save(&path, tensors, HashMap::from([(KEY.to_owned(), text)]))
    }

    /// What a run of this identity would find changed.
    pub(crate) fn differences(&self, now: &Identity) -> Result<Vec<Difference>, TrainError> {
        let path = self.state();
        let header = header(&path, &read(&path)?)?;
        let compared = now.differences(&header.identity);
        compared.map_err(|error| corrupt(&path, error))
    }

    /// Restores weights, moments and average, and says where to go on.
    pub(crate) fn load_state(
        &self,
        trained: Trained<'_>,
        optimizer: &mut Optimizer,
        now: &Identity,
        changes: Changes,
    ) -> Result<Progress, TrainError> {
        let path = self.state();
        let bytes = read(&path)?;
        let Header {
            identity: saved,
            mut progress,
        } = header(&path, &bytes)?;
        let differences = now.differences(&saved);
        let differences = differences.map_err(|error| corrupt(&path, error))?;
        if changes == Changes::Refused {
            refuse(&path, differences)?;
        }

        let mut parts: BTreeMap<&str, BTreeMap<String, Tensor>> = BTreeMap::new();
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
            .map_err(|error| corrupt(&path, error))?;
        // Sorted into maps by name, so the order of this one does not matter.
        for (name, tensor) in tensors.into_iter().collect::<BTreeMap<_, _>>() {
            for part in ["model", "optimizer", "average"] {
                if let Some(name) = name.strip_prefix(part).and_then(|n| n.strip_prefix('.')) {
                    let part = parts.entry(part).or_default();
                    part.insert(name.to_owned(), tensor.clone());
                }
            }
        }
        let misfit = |error: candle_core::Error| TrainError::Misfit {
            path: path.clone(),
            problem: error.to_string(),
        };
        let part = |name: &str| parts.get(name).cloned().unwrap_or_default();
        trained.params.load(&part("model")).map_err(misfit)?;
        let (before, after) = (&saved.config.optimizer, &now.config.optimizer);
        if after.shares_its_state_with(before) {
            let moments = part("optimizer").into_iter().collect();
            optimizer.load_state(&moments).map_err(misfit)?;
        }
        match (trained.average, saved.config.averaging) {
            (Some(average), Some(_)) => average.load(&part("average")).map_err(misfit)?,
            // An average that is new with an override begins with the weights of now.
            (Some(average), None) => average.load(&part("model")).map_err(misfit)?,
            (None, _) => {}
        }
        if !now.has_the_batches_of(&saved) {
            // The batches of the epoch that was begun no longer exist: it begins anew.
            progress.global_step -= progress.steps_done;
            (progress.steps_done, progress.skipped) = (0, 0);
            (progress.loss_sum, progress.weight_sum) = (0.0, 0.0);
        }
        Ok(progress)
    }
}

/// Whether a run may go on although something it depends on changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changes {
    Refused,
    Accepted,
}

fn read(path: &Path) -> Result<Vec<u8>, TrainError> {
    std::fs::read(path).map_err(|source| TrainError::Io {
        path: path.to_owned(),
        action: "read the training state",
        source,
    })
}

fn header(path: &Path, bytes: &[u8]) -> Result<Header, TrainError> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| corrupt(path, error))?;
    let entries = metadata.metadata().as_ref();
    let text = entries.and_then(|entries| entries.get(KEY));
    let text = text.ok_or_else(|| corrupt(path, format!("no `{KEY}` in its metadata")))?;
    serde_json::from_str(text).map_err(|error| corrupt(path, error))
}

fn corrupt(path: &Path, problem: impl std::fmt::Display) -> TrainError {
    TrainError::Corrupt {
        path: path.to_owned(),
        problem: problem.to_string(),
    }
}

fn save(
    path: &Path,
    tensors: BTreeMap<String, Tensor>,
    metadata: HashMap<String, String>,
) -> Result<(), TrainError> {
    let bytes =
        safetensors::serialize(&tensors, Some(metadata)).map_err(|error| corrupt(path, error))?;
    write_file(path, &bytes).map_err(|source| TrainError::Io {
        path: path.to_owned(),
        action: "write the checkpoint; the one before is still there",
        source,
    })
}
