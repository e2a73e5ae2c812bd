//! The errors of this crate.

use crate::checkpoint::RunDifference;
use std::error::Error;
use std::path::PathBuf;

/// Training cannot start or cannot continue. Checkpoints already written stay as they are.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The model description contradicts itself, or its network cannot be built or run.
    #[error("the model cannot be trained")]
    Model {
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A data set has other keypoints than the model.
    #[error("the {split} set has the keypoints of `{dataset}`, the model those of `{model}`")]
    SchemaMismatch {
        /// `training` or `validation`.
        split: &'static str,
        /// Name of the data set's schema.
        dataset: String,
        /// Name of the model's schema.
        model: String,
    },
    /// A field of the configuration is invalid.
    #[error("{field}: {problem}")]
    Config {
        /// The field's name as written in a configuration file.
        field: String,
        /// What is wrong with its value.
        problem: String,
    },
    /// A data set has no samples.
    #[error("the {split} set has no samples")]
    EmptyDataset {
        /// `training` or `validation`.
        split: &'static str,
    },
    /// A sample could not be read.
    #[error("the {split} set cannot be read")]
    Data {
        /// `training` or `validation`.
        split: &'static str,
        /// Which sample, and why.
        #[source]
        source: fkp_core::DatasetError,
    },
    /// A sample does not match the network's input or the schema.
    #[error("{split} sample {index} (`{id}`): {problem}")]
    Sample {
        /// `training` or `validation`.
        split: &'static str,
        /// Index in its data set.
        index: usize,
        /// The sample's own name.
        id: String,
        /// What does not match.
        problem: String,
    },
    /// The training loss became NaN or infinite.
    #[error(
        "the loss is {loss} in epoch {epoch}, step {step} (samples {shown}); the last \
         checkpoint is from before",
        shown = shown(samples, in_sources)
    )]
    LossNotFinite {
        /// The loss.
        loss: f64,
        /// Epoch, from 1.
        epoch: usize,
        /// Step within the epoch, from 1.
        step: usize,
        /// Indices of the step's samples in the training set.
        samples: Vec<usize>,
        /// The samples of each source by name, if the training set has several; otherwise empty.
        in_sources: String,
    },
    /// A gradient became NaN or infinite while the loss did not.
    #[error(
        "the gradient of `{variable}` is not finite in epoch {epoch}, step {step} (samples \
         {shown}); the last checkpoint is from before",
        shown = shown(samples, in_sources)
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
        /// The samples of each source by name, if the training set has several; otherwise empty.
        in_sources: String,
    },
    /// Nothing in a data set is labeled, or nothing that the monitored metric counts.
    #[error(
        "no label of the {split} set counts: there is nothing to compute the loss or the monitored \
         metric from"
    )]
    NoLabels {
        /// `training` or `validation`.
        split: &'static str,
    },
    /// The validation loss became NaN or infinite.
    #[error(
        "the validation loss is {loss} after epoch {epoch}; the last checkpoint is from before"
    )]
    ValidationLossNotFinite {
        /// The loss.
        loss: f64,
        /// Epoch, from 1.
        epoch: usize,
    },
    /// The monitored metric became NaN or infinite.
    #[error(
        "the validation metric `{monitor}` is {value} after epoch {epoch}; the last checkpoint is from \
         before"
    )]
    MonitorNotFinite {
        /// Name of the metric.
        monitor: String,
        /// Its value.
        value: f64,
        /// Epoch, from 1.
        epoch: usize,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// A contact sheet cannot be drawn. The training itself is not affected.
    #[cfg(feature = "plots")]
    #[error(transparent)]
    ContactSheet(#[from] fkp_draw::DrawError),
    /// A plot cannot be drawn. The training itself is not affected.
    #[error("{what} cannot be drawn: {problem}")]
    Plot {
        /// Which plot.
        what: &'static str,
        /// The error of the drawing library.
        problem: String,
    },
    /// A checkpoint does not parse or is truncated.
    #[error("{}: not a checkpoint, or cut short: {problem}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A training state was written in another format.
    #[error(
        "{}: written by another version of fkp-train: state format {found}, this version reads \
         format {expected}; start a new run",
        path.display()
    )]
    StateFormat {
        /// The file.
        path: PathBuf,
        /// The format number in the file.
        found: String,
        /// The format number that this version reads and writes.
        expected: &'static str,
    },
    /// A run cannot be resumed because something that its result depends on changed.
    #[error("{}: cannot resume: {}", path.display(), list(differences))]
    CannotResume {
        /// The checkpoint.
        path: PathBuf,
        /// What changed.
        differences: Vec<RunDifference>,
    },
    /// A saved state is that of another network or optimizer.
    #[error("{}: does not match the network of this run: {problem}", path.display())]
    IncompatibleState {
        /// The checkpoint.
        path: PathBuf,
        /// What does not match.
        problem: String,
    },
    /// Another run writes into the folder.
    #[error("{}: another run ({holder}) writes into this folder", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process that holds the lock.
        holder: String,
    },
    /// More samples of an epoch cannot be read than the configuration allows.
    #[error(
        "{skipped} training samples of epoch {epoch} cannot be used, {allowed} are allowed; the \
         last is {index}"
    )]
    TooManyUnreadable {
        /// Epoch, from 1.
        epoch: usize,
        /// Number of samples that could not be used.
        skipped: usize,
        /// Number that the configuration allows.
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
        /// Message of the panic.
        message: String,
    },
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

fkp_core::debug_as_sentence!(TrainError);

impl TrainError {
    /// An invalid field of a configuration.
    pub(crate) fn config(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Config {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

/// Checks the fields of a section of the configuration, such as `train.optimizer`.
pub(crate) struct Section<'a>(pub(crate) &'a str);

impl Section<'_> {
    /// Refuses the value of a field unless it is valid: "must be …, got …".
    pub(crate) fn check(
        &self,
        field: &str,
        is_valid: bool,
        must_be: &str,
        got: f64,
    ) -> Result<(), TrainError> {
        if is_valid {
            return Ok(());
        }
        let field = format!("{}.{field}", self.0);
        Err(TrainError::config(
            field,
            format!("must be {must_be}, got {got}"),
        ))
    }

    pub(crate) fn positive(&self, field: &str, value: f64) -> Result<(), TrainError> {
        let is_valid = value.is_finite() && value > 0.0;
        self.check(field, is_valid, "positive and finite", value)
    }

    /// Refuses a value outside [0, 1).
    pub(crate) fn fraction(&self, field: &str, value: f64) -> Result<(), TrainError> {
        self.check(field, (0.0..1.0).contains(&value), "in 0..1", value)
    }
}

/// An error with its causes on one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn shown(samples: &[usize], in_sources: &str) -> String {
    match in_sources {
        "" => format!("{samples:?}"),
        named => named.to_owned(),
    }
}

fn list(differences: &[RunDifference]) -> String {
    let texts: Vec<String> = differences.iter().map(RunDifference::to_string).collect();
    texts.join("; ")
}
