//! Glue that several examples share: the configuration file, opening data, drawing, progress.
//!
//! What a library user would miss does not live here but in the crates; what is here is about
//! this project's command lines and the files that they write.

mod config;
mod data;
mod draw;
mod gallery;
mod interrupt;
mod notes;
mod output;
mod plot;
mod progress;
mod report;
mod run_folder;
mod say;
mod setup;
mod sheet;

pub use config::{CropChoice, DataConfig, LabelMotion, RenderedConfig, RunConfig};
pub use data::{Prepared, Source, digest, open_for_evaluation, open_for_training};
pub use draw::{Marks, draw_points, enlarged, font, text};
pub use gallery::{Works, gallery, kind};
pub use interrupt::Interrupt;
pub use notes::RunNotes;
pub use output::{check_picture, check_writable, write_text};
pub use plot::CurvesPlot;
pub use progress::Progress;
pub use report::{Report, table, write_report};
pub use run_folder::fresh_folder;
pub use setup::{finish, use_threads};
pub use sheet::{Cell, contact_sheet};

/// Large tensors keep their memory from step to step instead of asking the system for fresh pages.
#[global_allocator]
static ALLOCATOR: fkp_kernels::KeepLarge = fkp_kernels::KeepLarge::new();

/// The code in the project's README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
