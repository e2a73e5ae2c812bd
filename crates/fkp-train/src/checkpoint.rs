//! What is written to disk while training, so that nothing is lost.

use crate::{EpochRecord, Optimizer, Params, TrainConfig, TrainError};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
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

/// The epoch with the lowest validation loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Its validation loss.
    pub val_loss: f64,
}

/// How far a run has come. With weights and moments, everything that the rest depends on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs completed.
    pub epochs_done: usize,
    /// Steps made in the epoch after those.
    pub steps_done: usize,
    /// Sum of the training loss over those steps.
    pub loss_sum: f64,
    /// Sum of the label weights over those steps.
    pub weight_sum: f64,
    /// The best epoch so far.
    pub best: Option<Best>,
    /// Figures of the completed epochs.
    pub history: Vec<EpochRecord>,
}

/// What a state is only valid for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) config: TrainConfig,
    pub(crate) training_samples: usize,
    pub(crate) validation_samples: usize,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) fingerprint: BTreeMap<String, String>,
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

    /// What a resume needs.
    pub fn state(&self) -> PathBuf {
        self.dir.join("state.safetensors")
    }

    /// Makes the folder, and finds out now rather than after an epoch whether it can be written.
    pub(crate) fn prepare(&self) -> Result<(), TrainError> {
        let failed = |source| TrainError::Io {
            path: self.dir.clone(),
            action: "create files in the run's folder",
            source,
        };
        std::fs::create_dir_all(&self.dir).map_err(failed)?;
        let probe = self.dir.join(".probe");
        File::create(&probe).map_err(failed)?;
        std::fs::remove_file(&probe).map_err(failed)
    }

    pub(crate) fn save_weights(&self, path: &Path, params: &Params) -> Result<(), TrainError> {
        let metadata = self.metadata.clone().into_iter().collect();
        save(path, params.tensors(), metadata)
    }

    pub(crate) fn save_state(
        &self,
        params: &Params,
        optimizer: &Optimizer,
        identity: Identity,
        progress: &Progress,
    ) -> Result<(), TrainError> {
        let path = self.state();
        let mut tensors = BTreeMap::new();
        for (name, tensor) in params.tensors() {
            tensors.insert(format!("model.{name}"), tensor);
        }
        for (name, tensor) in optimizer.state()? {
            tensors.insert(format!("optimizer.{name}"), tensor);
        }
        let header = Header {
            identity,
            progress: progress.clone(),
        };
        let text = serde_json::to_string(&header).map_err(|error| corrupt(&path, error))?;
        save(&path, tensors, HashMap::from([(KEY.to_owned(), text)]))
    }

    /// Restores weights and moments, and says where to go on.
    pub(crate) fn load_state(
        &self,
        params: &Params,
        optimizer: &mut Optimizer,
        identity: &Identity,
    ) -> Result<Progress, TrainError> {
        let path = self.state();
        let bytes = std::fs::read(&path).map_err(|source| TrainError::Io {
            path: path.clone(),
            action: "read the training state",
            source,
        })?;
        let (_, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| corrupt(&path, error))?;
        let text = metadata
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get(KEY));
        let text = text.ok_or_else(|| corrupt(&path, format!("no `{KEY}` in its metadata")))?;
        let header: Header = serde_json::from_str(text).map_err(|error| corrupt(&path, error))?;
        compare(&path, &header.identity, identity)?;

        let (mut weights, mut moments) = (BTreeMap::new(), HashMap::new());
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
            .map_err(|error| corrupt(&path, error))?;
        // Sorted into maps by name, so the order of this one does not matter.
        for (name, tensor) in tensors.into_iter().collect::<BTreeMap<_, _>>() {
            if let Some(name) = name.strip_prefix("model.") {
                weights.insert(name.to_owned(), tensor);
            } else if let Some(name) = name.strip_prefix("optimizer.") {
                moments.insert(name.to_owned(), tensor);
            }
        }
        params
            .load(&weights)
            .map_err(|error| corrupt(&path, error))?;
        optimizer
            .load_state(&moments)
            .map_err(|error| corrupt(&path, error))?;
        Ok(header.progress)
    }
}

fn corrupt(path: &Path, problem: impl std::fmt::Display) -> TrainError {
    TrainError::Corrupt {
        path: path.to_owned(),
        problem: problem.to_string(),
    }
}

/// Refuses a state of another run, naming the first thing that differs.
fn compare(path: &Path, saved: &Identity, now: &Identity) -> Result<(), TrainError> {
    let differs = |what: &str, saved: String, now: String| {
        Err(TrainError::Changed {
            path: path.to_owned(),
            what: what.to_owned(),
            saved,
            now,
        })
    };
    // More epochs, or fewer, only move the end.
    let config = TrainConfig {
        epochs: now.config.epochs,
        ..saved.config.clone()
    };
    if config != now.config {
        let (saved, now) = (format!("{config:?}"), format!("{:?}", now.config));
        return differs("the training configuration", saved, now);
    }
    for (what, saved, now) in [
        (
            "the training set's size",
            saved.training_samples,
            now.training_samples,
        ),
        (
            "the validation set's size",
            saved.validation_samples,
            now.validation_samples,
        ),
    ] {
        if saved != now {
            return differs(what, saved.to_string(), now.to_string());
        }
    }
    for (saved, now) in [
        (&saved.metadata, &now.metadata),
        (&saved.fingerprint, &now.fingerprint),
    ] {
        for key in saved.keys().chain(now.keys()) {
            let show = |map: &BTreeMap<String, String>| {
                map.get(key).cloned().unwrap_or_else(|| "absent".to_owned())
            };
            if saved.get(key) != now.get(key) {
                return differs(&format!("`{key}`"), show(saved), show(now));
            }
        }
    }
    Ok(())
}

fn save(
    path: &Path,
    tensors: BTreeMap<String, Tensor>,
    metadata: HashMap<String, String>,
) -> Result<(), TrainError> {
    let bytes =
        safetensors::serialize(&tensors, Some(metadata)).map_err(|error| corrupt(path, error))?;
    write_atomically(path, &bytes).map_err(|source| TrainError::Io {
        path: path.to_owned(),
        action: "write the checkpoint; the one before is still there",
        source,
    })
}

/// Another name, synced, renamed, and the folder synced too: after a crash at any instant the
/// path holds the old bytes or the new ones.
fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file = File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&partial, path)?;
    // Opening a folder as a file is a Unix habit; elsewhere the rename has to do.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
