//! What can go wrong while training.

use crate::Difference;
use std::path::PathBuf;

/// Training cannot start or cannot go on. Checkpoints already written stay as they are.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The model contradicts itself, or its network cannot be built or run.
    #[error("the model cannot be trained")]
    Model {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A data set has other keypoints than the model.
    #[error("the {split} set has the keypoints of `{set}`, the model those of `{model}`")]
    OtherSchema {
        /// `training` or `validation`.
        split: &'static str,
        /// Name of the set's schema.
        set: String,
        /// Name of the model's schema.
        model: String,
    },
    /// A field of the configuration makes no sense.
    #[error("{field}: {problem}")]
    Config {
        /// The field's name as written in a configuration file.
        field: String,
        /// What is wrong with its value.
        problem: String,
    },
    /// A data set has no samples.
    #[error("the {split} set has no samples")]
    EmptySet {
        /// `training` or `validation`.
        split: &'static str,
    },
    /// A sample could not be read.
    #[error("the {split} set cannot be read")]
    Data {
        /// `training` or `validation`.
        split: &'static str,
        /// Which sample and why.
        #[source]
        source: fkp_core::DatasetError,
    },
    /// A sample does not fit the network's input or the schema.
    #[error("{split} sample {index} (`{id}`): {problem}")]
    Sample {
        /// `training` or `validation`.
        split: &'static str,
        /// Index in its set.
        index: usize,
        /// The sample's own name.
        id: String,
        /// What does not fit.
        problem: String,
    },
    /// The loss became NaN or infinite.
    #[error(
        "the loss is {loss} in epoch {epoch}, step {step} (samples {samples:?}); the last checkpoint is from before"
    )]
    NotFinite {
        /// The loss.
        loss: f64,
        /// Epoch, from 1.
        epoch: usize,
        /// Step within the epoch, from 1.
        step: usize,
        /// Indices of the batch's samples in the training set.
        samples: Vec<usize>,
    },
    /// A gradient became NaN or infinite while the loss did not.
    #[error(
        "the gradient of `{variable}` is not finite in epoch {epoch}, step {step} (samples {samples:?}); the last checkpoint is from before"
    )]
    GradientNotFinite {
        /// The first variable that has such a gradient.
        variable: String,
        /// Epoch, from 1.
        epoch: usize,
        /// Step within the epoch, from 1.
        step: usize,
        /// Indices of the step's samples in the training set.
        samples: Vec<usize>,
    },
    /// Not one keypoint of a set is labeled.
    #[error(
        "no keypoint of the {split} set is labeled: there is nothing to learn from or to judge by"
    )]
    NoLabels {
        /// `training` or `validation`.
        split: &'static str,
    },
    /// The validation loss became NaN or infinite.
    #[error(
        "the validation loss is {loss} after epoch {epoch}; the last checkpoint is from before"
    )]
    ValidationNotFinite {
        /// The loss.
        loss: f64,
        /// Epoch, from 1.
        epoch: usize,
    },
    /// The file system said no.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A contact sheet cannot be drawn. Says nothing about the training itself.
    #[cfg(feature = "plots")]
    #[error(transparent)]
    ContactSheet(#[from] fkp_draw::DrawError),
    /// An image of the training cannot be drawn. Says nothing about the training itself.
    #[error("{what} cannot be drawn: {problem}")]
    Drawing {
        /// Which image.
        what: &'static str,
        /// What the drawing code said.
        problem: String,
    },
    /// A checkpoint does not parse or was cut short.
    #[error("{}: not a checkpoint, or cut short: {problem}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A run cannot go on because something it depends on changed.
    #[error("{}: cannot resume: {}", path.display(), list(differences))]
    Changed {
        /// The checkpoint.
        path: PathBuf,
        /// What changed.
        differences: Vec<Difference>,
    },
    /// A saved state is that of another network or optimizer.
    #[error("{}: does not fit the network of this run: {problem}", path.display())]
    Misfit {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// Another run writes into the folder.
    #[error("{}: another run ({holder}) writes into this folder", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// More samples of an epoch cannot be read than was allowed.
    #[error(
        "{skipped} training samples of epoch {epoch} cannot be used, {allowed} are allowed; the last is {index}"
    )]
    TooManyUnreadable {
        /// Epoch, from 1.
        epoch: usize,
        /// How many there were.
        skipped: usize,
        /// How many the configuration allows.
        allowed: usize,
        /// Index of the last of them.
        index: usize,
        /// What was wrong with it.
        #[source]
        source: Box<TrainError>,
    },
    /// A thread that prepares batches panicked, which is a bug in a data set or an augmentation.
    #[error("a loader thread panicked: {message}")]
    LoaderPanicked {
        /// What it said.
        message: String,
    },
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

fkp_core::debug_as_sentence!(TrainError);

fn list(differences: &[Difference]) -> String {
    let told: Vec<String> = differences.iter().map(Difference::to_string).collect();
    told.join("; ")
}
