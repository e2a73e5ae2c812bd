//! Reading and writing model files: safetensors with a card in the metadata.

use crate::{ModelCard, ModelError};
use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Reads a model file: its card, and its weights by name on the CPU.
///
/// # Errors
/// If the file cannot be read, was cut short, is no model, or holds weights that are not finite.
pub fn read_model(path: &Path) -> Result<(ModelCard, BTreeMap<String, Tensor>), ModelError> {
    let bytes = std::fs::read(path).map_err(|source| ModelError::Io {
        path: path.to_owned(),
        action: "read",
        source,
    })?;
    let corrupt = |source| ModelError::Corrupt {
        path: path.to_owned(),
        source,
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(corrupt)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(corrupt)?;
    let card = read_card(path, header.metadata().as_ref())?;
    let mut weights = BTreeMap::new();
    for (name, view) in tensors.tensors() {
        use candle_core::safetensors::Load;
        let weight = view.load(&Device::Cpu)?.to_dtype(DType::F32)?;
        let finite = weight
            .flatten_all()?
            .to_vec1::<f32>()?
            .iter()
            .all(|v| v.is_finite());
        if !finite {
            return Err(ModelError::NotFinite {
                path: path.to_owned(),
                name,
            });
        }
        weights.insert(name, weight);
    }
    Ok((card, weights))
}

/// Writes a model file. The same card and weights give the same bytes.
///
/// # Errors
/// If the card contradicts itself or the file cannot be written.
pub fn write_model(
    path: &Path,
    card: &ModelCard,
    weights: &BTreeMap<String, Tensor>,
) -> Result<(), ModelError> {
    let metadata = HashMap::from([(ModelCard::KEY.to_owned(), card.to_metadata()?)]);
    let bytes =
        safetensors::serialize(weights, Some(metadata)).map_err(|source| ModelError::Corrupt {
            path: path.to_owned(),
            source,
        })?;
    std::fs::write(path, bytes).map_err(|source| ModelError::Io {
        path: path.to_owned(),
        action: "write",
        source,
    })
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
    let text = metadata
        .and_then(|entries| entries.get(key))
        .ok_or_else(|| ModelError::NoCard {
            path: path.to_owned(),
            key,
        })?;
    let bad = |source| ModelError::BadCard {
        path: path.to_owned(),
        key,
        source,
    };
    // The version first: a later format may well not parse as this one.
    let found = serde_json::from_str::<Versioned>(text).map_err(bad)?.format;
    if found > ModelCard::FORMAT {
        return Err(ModelError::UnknownFormat {
            path: path.to_owned(),
            found,
            supported: ModelCard::FORMAT,
        });
    }
    serde_json::from_str(text).map_err(bad)
}
