//! The weights of a model file as the backend of a `VarBuilder`.

use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use candle_nn::Init;
use candle_nn::var_builder::SimpleBackend;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A weight that the network requires and the file does not have in that shape.
#[derive(Debug, Clone)]
pub(crate) struct Mismatch {
    pub(crate) name: String,
    pub(crate) expected: Vec<usize>,
    /// The shape in the file; `None` if the weight is missing.
    pub(crate) found: Option<Vec<usize>>,
}

/// Stores the first [`Mismatch`], because candle's error is only text.
#[derive(Clone, Default)]
pub(crate) struct FirstMismatch(Arc<Mutex<Option<Mismatch>>>);

impl FirstMismatch {
    pub(crate) fn take(&self) -> Option<Mismatch> {
        self.0.lock().ok()?.take()
    }

    fn set(&self, mismatch: Mismatch) {
        if let Ok(mut first) = self.0.lock() {
            first.get_or_insert(mismatch);
        }
    }
}

/// Returns weights by name. The shape is checked before anything is allocated, so that a file with
/// wrong sizes does not exhaust the memory.
pub(crate) struct FileWeights {
    weights: BTreeMap<String, Tensor>,
    first_mismatch: FirstMismatch,
}

impl FileWeights {
    pub(crate) fn new(weights: BTreeMap<String, Tensor>) -> Self {
        Self {
            weights,
            first_mismatch: FirstMismatch::default(),
        }
    }

    pub(crate) fn mismatch(&self) -> FirstMismatch {
        self.first_mismatch.clone()
    }
}

impl SimpleBackend for FileWeights {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, dev: &Device) -> Result<Tensor> {
        let found = self.weights.get(name);
        if found.map(Tensor::shape) != Some(&shape) {
            self.first_mismatch.set(Mismatch {
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
