//! The weights of a model file as the backend of a `VarBuilder`.

use crate::ModelError;
use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use candle_nn::Init;
use candle_nn::var_builder::SimpleBackend;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Returns weights by name. The shape is checked before anything is allocated, so that a file with
/// wrong sizes does not exhaust the memory.
pub(crate) struct FileWeights {
    pub(crate) path: PathBuf,
    pub(crate) weights: BTreeMap<String, Tensor>,
    pub(crate) first_mismatch: FirstMismatch,
}

/// The error for the first weight that the network requires and the file does not have in that
/// shape. It is stored here, because candle's error is only text.
pub(crate) type FirstMismatch = Arc<Mutex<Option<ModelError>>>;

impl SimpleBackend for FileWeights {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, dev: &Device) -> Result<Tensor> {
        let found = self.weights.get(name);
        if found.map(Tensor::shape) != Some(&shape) {
            let mismatch = || ModelError::WrongWeight {
                path: self.path.clone(),
                name: name.to_owned(),
                expected: shape.dims().to_vec(),
                found: found.map_or("none".to_owned(), |weight| format!("{:?}", weight.dims())),
            };
            if let Ok(mut first) = self.first_mismatch.lock() {
                first.get_or_insert_with(mismatch);
            }
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
