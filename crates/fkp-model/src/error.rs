//! What can go wrong with a model.

use std::path::PathBuf;

/// A model cannot be built, read, written or run.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A field of a configuration makes no sense.
    #[error("{field}: {problem}")]
    Config {
        /// The field's name as written in a configuration file.
        field: String,
        /// What is wrong with its value.
        problem: String,
    },
    /// The file system said no.
    #[error("{}: cannot {action} the model file", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `write`.
        action: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The bytes are not a safetensors file, or the file was cut short.
    #[error("{}: not a safetensors file, or cut short", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A safetensors file without the metadata that makes it a model.
    #[error("{}: a safetensors file, but no fkp model: its metadata has no `{key}` entry", path.display())]
    NoCard {
        /// The file.
        path: PathBuf,
        /// The metadata key that was looked for.
        key: &'static str,
    },
    /// The metadata does not parse.
    #[error("{}: metadata `{key}` cannot be read", path.display())]
    BadCard {
        /// The file.
        path: PathBuf,
        /// The metadata key in question.
        key: &'static str,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// The file was written by another version.
    #[error(
        "{}: model format {found}; this version reads format {supported}: {}",
        path.display(),
        match found < supported {
            true => "train the model again",
            false => "update fkp-model",
        }
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version that is understood.
        supported: u32,
    },
    /// A weight is missing or has another shape than the network described beside it.
    #[error("{}: weight `{name}` should be {expected:?}, the file has {found}", path.display())]
    WrongWeight {
        /// The file.
        path: PathBuf,
        /// Name of the weight.
        name: String,
        /// The shape that the network asks for.
        expected: Vec<usize>,
        /// The shape in the file, or `none`.
        found: String,
    },
    /// A weight holds a number that is not finite.
    #[error("{}: weight `{name}` holds NaN or infinity", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Name of the weight.
        name: String,
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
