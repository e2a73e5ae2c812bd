//! Model files: safetensors with a card in the metadata.

mod card;
pub(crate) mod renamed;
mod weights;

pub use card::ModelCard;

use crate::network::output_parameters;
use crate::{Graph, ModelError, Network, Pretrained, PretrainedDetector};
use candle_core::safetensors::Load;
use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_core::InputSpec;
use fkp_weights::Weights;
use safetensors::SafeTensors;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use weights::{FileWeights, FirstMismatch};

/// The number format of the weights in a model file. Both are read as `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Four bytes per weight, as trained.
    #[default]
    F32,
    /// Two bytes per weight.
    F16,
}

/// The content of a model file: for evaluation and export. To predict, see
/// [`Landmarker`](crate::Landmarker).
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::ModuleT;
/// use fkp_model::{ModelFile, Pretrained};
///
/// let file = ModelFile::pretrained(Pretrained::default())?;
/// let network = file.network(&Device::Cpu)?;
/// let size = file.card.task.input.size;
/// let crops = Tensor::zeros((2, 1, size, size), DType::F32, &Device::Cpu)?;
/// assert_eq!(network.forward_t(&crops, false)?.dim(0)?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ModelFile {
    /// The card.
    pub card: ModelCard,
    /// The weights by name, as `f32` on the CPU.
    pub weights: BTreeMap<String, Tensor>,
    /// Named in messages.
    path: PathBuf,
}

impl ModelFile {
    /// A model that is included in this crate.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn pretrained(model: Pretrained) -> Result<Self, ModelError> {
        Self::included(&model.weights())
    }

    /// A face detector that is included in this crate.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn pretrained_detector(detector: PretrainedDetector) -> Result<Self, ModelError> {
        Self::included(&detector.weights())
    }

    fn included(weights: &Weights) -> Result<Self, ModelError> {
        Self::parse(Path::new(weights.name), weights.bytes)
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// If the file cannot be read, is cut short, is not a model, or has weights that are not
    /// finite.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| ModelError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &bytes)
    }

    /// Parses the bytes of a model file; `path` is for messages.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ModelError> {
        let corrupt = |source| ModelError::Corrupt {
            path: path.to_owned(),
            source,
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(corrupt)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(corrupt)?;
        let card = read_card(path, header.metadata().as_ref())?;
        let mut weights = BTreeMap::new();
        for (name, view) in tensors.tensors() {
            let weight = view.load(&Device::Cpu)?.to_dtype(DType::F32)?;
            if !is_finite(&weight)? {
                return Err(ModelError::NotFinite {
                    path: path.to_owned(),
                    name,
                });
            }
            weights.insert(name, weight);
        }
        Ok(Self {
            card,
            weights,
            path: path.to_owned(),
        })
    }

    /// The model without its face score: to continue its training on data without images that are
    /// not faces. A model without a score stays what it is.
    ///
    /// # Errors
    /// If the weights do not match the card, or a tensor operation fails.
    pub fn without_face_score(mut self) -> Result<Self, ModelError> {
        let task = &mut self.card.task;
        let scored = Some(task.output).filter(|output| output.has_face_score());
        let Some(rows) = scored.and_then(|output| output.vector_len(task.schema.len())) else {
            return Ok(self);
        };
        for name in output_parameters(&self.weights) {
            let weight = &self.weights[&name];
            if weight.dim(0)? != rows {
                let problem = format!("`{name}` has {} rows, not {rows}", weight.dim(0)?);
                return Err(ModelError::config("output", problem));
            }
            // The score is the last row.
            let weight = weight.narrow(0, 0, rows - 1)?.contiguous()?;
            self.weights.insert(name, weight);
        }
        task.output = task.output.without_face_score();
        task.score_threshold = None;
        Ok(self)
    }

    /// The network with its weights.
    ///
    /// # Errors
    /// If the weights do not match the card, or the device fails.
    pub fn network(&self, device: &Device) -> Result<Network, ModelError> {
        let first_mismatch = FirstMismatch::default();
        let weights = FileWeights {
            path: self.path.clone(),
            weights: self.weights.clone(),
            first_mismatch: first_mismatch.clone(),
        };
        let vb = VarBuilder::from_backend(Box::new(weights), DType::F32, device.clone());
        self.card.network(vb).map_err(|error| {
            let mismatch = first_mismatch.lock().ok();
            let mismatch = mismatch.and_then(|mut first| first.take());
            mismatch.unwrap_or(error)
        })
    }

    /// The operations of a network of this file, on the CPU, for one image.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub(crate) fn trace(&self, network: &Network) -> Result<Graph, ModelError> {
        let InputSpec { channels, size, .. } = self.card.task.input;
        Graph::trace([channels, size, size], |x| network.forward_t(x, false))
    }
}

impl ModelCard {
    /// The bytes of a model file, which [`Landmarker::load`](crate::Landmarker::load) reads. The
    /// same card, weights and precision give the same bytes.
    ///
    /// # Errors
    /// If the network is not valid for the task, a weight is too large for [`Precision::F16`], or a
    /// tensor operation fails.
    pub fn to_bytes(
        &self,
        weights: &BTreeMap<String, Tensor>,
        precision: Precision,
    ) -> Result<Vec<u8>, ModelError> {
        let dtype = match precision {
            Precision::F32 => DType::F32,
            Precision::F16 => DType::F16,
        };
        let mut stored = BTreeMap::new();
        for (name, weight) in weights {
            let converted = weight.to_dtype(dtype)?;
            if precision == Precision::F16 && is_finite(weight)? && !is_finite(&converted)? {
                let problem =
                    "has values above 65504, the largest with two bytes: save it with four";
                return Err(ModelError::config(name.as_str(), problem));
            }
            stored.insert(name, converted);
        }
        let metadata = HashMap::from([(Self::KEY.to_owned(), self.to_metadata()?)]);
        let bytes = safetensors::serialize(stored, Some(metadata));
        bytes.map_err(|error| ModelError::config("weights", error))
    }
}

fn is_finite(tensor: &Tensor) -> candle_core::Result<bool> {
    let values = tensor.flatten_all()?.to_dtype(DType::F32)?;
    Ok(values
        .to_vec1::<f32>()?
        .iter()
        .all(|value| value.is_finite()))
}

fn read_card(
    path: &Path,
    metadata: Option<&HashMap<String, String>>,
) -> Result<ModelCard, ModelError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        format: u32,
    }
    let key = ModelCard::KEY;
    let Some(text) = metadata.and_then(|entries| entries.get(key)) else {
        return Err(ModelError::NoCard {
            path: path.to_owned(),
            key,
        });
    };
    let bad = |source| ModelError::BadCard {
        path: path.to_owned(),
        key,
        source,
    };
    // The format first: a card of another format may not parse as one of this format.
    let found = serde_json::from_str::<Versioned>(text).map_err(bad)?.format;
    if found != ModelCard::FORMAT {
        return Err(ModelError::UnknownFormat {
            path: path.to_owned(),
            found,
            supported: ModelCard::FORMAT,
        });
    }
    serde_json::from_str(text).map_err(bad)
}
