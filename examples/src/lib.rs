//! Code that several example programs share: the configuration file, opening data, the folder of a
//! run, reports.
//!
//! Everything that library users need is in the crates. This package is specific to the command
//! lines of these programs and the files that they write.

mod breakdown;
mod config;
mod convention;
mod data;
mod detection;
mod export;
mod gallery;
mod interrupt;
mod notes;
mod output;
mod pretrained;
mod progress_bar;
mod ranks;
mod report;
mod run;
mod run_folder;
mod say;
mod setup;
mod worst;

pub use breakdown::{Breakdown, BreakdownRow};
pub use config::{
    CropChoice, CrossValidation, DataConfig, Division, FarLabelChoice, LabelTransform,
    RenderedConfig, RenderedFaces, RunConfig, Selection, SelectionPart, SourceConfig, Stratify,
    read_distribution, read_distribution_of_crops,
};
pub use convention::{read_convention, write_convention};
pub use data::{
    DataSource, EvaluatedKeypoints, Part, Source, TrainingData, digest, format_help,
    open_boxes_for_evaluation, open_for_evaluation, open_for_training, rendered_keypoints,
};
pub use detection::{DetectedFace, DetectedImage, DetectionMeasurements, PrecisionFrom};
pub use export::{Measurements, export_model};
pub use gallery::{Gallery, gallery};
pub use interrupt::Interrupt;
pub use notes::RunNotes;
pub use output::{check_image, check_writable, write_text};
pub use pretrained::{detector, detector_help, landmarker, model_file, model_help};
pub use progress_bar::progress_bar;
pub use ranks::{CommunicatorChoice, Ranks};
pub use report::{Report, heading, table, write_report};
pub use run::TrainingRun;
pub use run_folder::fresh_folder;
#[doc(hidden)]
pub use say::print_line;
pub use setup::{DeviceChoice, finish, use_threads};
pub use worst::WorstFaces;

/// Keeps the memory of large tensors from step to step instead of requesting new pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The pages whose Rust code is compiled and, unless it says `no_run`, run as doctests.
#[cfg(doctest)]
mod pages {
    /// The project's README.
    #[doc = include_str!("../../README.md")]
    pub struct Readme;

    #[doc = include_str!("../../docs/start.md")]
    pub struct Start;

    #[doc = include_str!("../../docs/face-detection.md")]
    pub struct FaceDetection;

    #[doc = include_str!("../../docs/comparison.md")]
    pub struct Comparison;

    #[doc = include_str!("../../docs/extending.md")]
    pub struct Extending;

    #[doc = include_str!("../../docs/kernels.md")]
    pub struct Kernels;

    #[doc = include_str!("../../docs/onnx.md")]
    pub struct Onnx;
}
