//! Glue that several examples share: the configuration file, opening data, the run's folder, reports.
//!
//! What a library user would miss does not live here but in the crates; what is here is about
//! this project's command lines and the files that they write.

mod config;
mod data;
mod gallery;
mod interrupt;
mod notes;
mod output;
mod pretrained;
mod report;
mod run;
mod run_folder;
mod say;
mod setup;

pub use config::{
    CropChoice, DataConfig, FarLabelChoice, LabelMotion, RenderedConfig, RunConfig, Selection,
    SelectionPart,
};
pub use data::{Part, Prepared, Source, digest, open_for_evaluation, open_for_training};
pub use gallery::{Gallery, gallery};
pub use interrupt::Interrupt;
pub use notes::RunNotes;
pub use output::{check_image, check_writable, write_text};
pub use pretrained::landmarker;
pub use report::{Report, heading, table, write_report};
pub use run::TrainingRun;
pub use run_folder::fresh_folder;
pub use setup::{DeviceChoice, finish, use_threads};

/// Large tensors keep their memory from step to step instead of asking the system for fresh pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The code in the project's README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The code in the page about extending the crates compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../docs/extending.md")]
pub struct Extending;
