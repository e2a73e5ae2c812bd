//! Weights from a file as a source for a `VarBuilder`.

use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use candle_nn::Init;
use candle_nn::var_builder::SimpleBackend;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A weight that the network asked for and the file does not have in that shape.
#[derive(Debug, Clone)]
pub(crate) struct Mismatch {
    pub(crate) name: String,
    pub(crate) expected: Vec<usize>,
    /// The shape in the file, if the weight is there at all.
    pub(crate) found: Option<Vec<usize>>,
}

/// Where the first [`Mismatch`] is noted: candle's errors are text, ours name the weight.
#[derive(Clone, Default)]
pub(crate) struct MismatchNote(Arc<Mutex<Option<Mismatch>>>);

impl MismatchNote {
    pub(crate) fn take(&self) -> Option<Mismatch> {
        self.0.lock().ok()?.take()
    }

    fn set(&self, mismatch: Mismatch) {
        if let Ok(mut note) = self.0.lock() {
            note.get_or_insert(mismatch);
        }
    }
}

/// Hands out weights by name and checks each shape before anything is allocated for it, so that
/// a file that lies about its sizes costs nothing.
pub(crate) struct FileWeights {
    weights: BTreeMap<String, Tensor>,
    note: MismatchNote,
}

impl FileWeights {
    pub(crate) fn new(weights: BTreeMap<String, Tensor>) -> Self {
        Self {
            weights,
            note: MismatchNote::default(),
        }
    }

    pub(crate) fn mismatch(&self) -> MismatchNote {
        self.note.clone()
    }
}

impl SimpleBackend for FileWeights {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, dev: &Device) -> Result<Tensor> {
        let found = self.weights.get(name);
        if found.map(Tensor::shape) != Some(&shape) {
            self.note.set(Mismatch {
                name: name.to_owned(),
                expected: shape.dims().to_vec(),
                found: found.map(|weight| weight.dims().to_vec()),
            });
            bail!("weight `{name}` is not in the file in the shape {shape:?}");
        }
        self.get_unchecked(name, dtype, dev)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, dev: &Device) -> Result<Tensor> {
        match self.weights.get(name) {
            Some(weight) => weight.to_device(dev)?.to_dtype(dtype),
            None => bail!("weight `{name}` is not in the file"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.weights.contains_key(name)
    }
}
