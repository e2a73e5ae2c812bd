//! What can go wrong with a model.

use crate::file::renamed;
use std::path::PathBuf;

/// A model cannot be built, read, written or run.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A field of a configuration is invalid.
    #[error("{field}: {problem}")]
    Config {
        /// The field's name as written in a configuration file.
        field: String,
        /// Why its value is invalid.
        problem: String,
    },
    /// The file cannot be read.
    #[error("{}: cannot read the model file", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The bytes are not a safetensors file, or the file was cut short.
    #[error("{}: not a safetensors file, or cut short", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A safetensors file without the metadata of a model.
    #[error(
        "{}: a safetensors file, but not an fkp model: its metadata has no `{key}` entry",
        path.display()
    )]
    NoCard {
        /// The file.
        path: PathBuf,
        /// The missing metadata key.
        key: &'static str,
    },
    /// The metadata cannot be parsed.
    #[error("{}: metadata `{key}` cannot be read", path.display())]
    BadCard {
        /// The file.
        path: PathBuf,
        /// The metadata key.
        key: &'static str,
        /// The parser's error.
        #[source]
        source: serde_json::Error,
    },
    /// The file has the format of another version.
    #[error(
        "{}: model format {found}; this version reads format {supported}: {}",
        path.display(),
        match found < supported {
            true => renamed::advice(),
            false => "update fkp-model".to_owned(),
        }
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u32,
        /// The format that is supported.
        supported: u32,
    },
    /// A weight is missing or does not have the shape that the model's card requires.
    #[error("{}: weight `{name}` should be {expected:?}, the file has {found}", path.display())]
    WrongWeight {
        /// The file.
        path: PathBuf,
        /// Name of the weight.
        name: String,
        /// The shape that the network requires.
        expected: Vec<usize>,
        /// The shape in the file, or `none`.
        found: String,
    },
    /// A weight has a value that is not finite.
    #[error("{}: weight `{name}` contains NaN or infinity", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Name of the weight.
        name: String,
    },
    /// A network that is traced uses a tensor that no recorded operation made.
    #[error(
        "cannot trace the network: {tensor}, of shape {shape:?}, was not made by a recorded \
         operation; between layers, use the functions of `fkp_model::layers` ({advice}) in place of \
         candle's own operations"
    )]
    NotRecorded {
        /// The tensor: the input of which layer, or the output of the network.
        tensor: String,
        /// Its shape, with the batch.
        shape: Vec<usize>,
        /// The functions that might be meant.
        advice: &'static str,
    },
    /// A network cannot be written as an ONNX file.
    #[error("{operation} cannot be written as ONNX: {problem}")]
    Onnx {
        /// The operation of the network.
        operation: String,
        /// Why it cannot be written.
        problem: String,
    },
    /// A file cannot be written.
    #[error("{}: cannot write the file", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The face detector of a landmarker failed.
    #[error("the face detector failed")]
    Detector {
        /// Its error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The image cannot be cropped.
    #[error(transparent)]
    Crop(#[from] fkp_core::CropError),
    /// The network's output does not have the shape that the model's card describes.
    #[error(transparent)]
    Output(#[from] fkp_core::OutputError),
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

fkp_core::debug_as_sentence!(ModelError);

impl ModelError {
    pub(crate) fn config(field: &str, problem: impl ToString) -> Self {
        Self::Config {
            field: field.to_owned(),
            problem: problem.to_string(),
        }
    }
}
