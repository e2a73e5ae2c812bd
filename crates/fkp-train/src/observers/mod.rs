//! Ready-made observers: a progress bar, history files, TensorBoard and plots.

mod append_file;
mod csv_history;
#[cfg(feature = "plots")]
mod curves;
mod json_lines;
#[cfg(feature = "plots")]
mod keypoint_errors;
#[cfg(feature = "progress")]
mod progress_bar;
#[cfg(feature = "tensorboard")]
mod tensorboard;
#[cfg(test)]
mod testing;
#[cfg(feature = "plots")]
mod validation_preview;

pub use csv_history::CsvHistory;
#[cfg(feature = "plots")]
pub use curves::Curves;
pub use json_lines::JsonLines;
#[cfg(feature = "plots")]
pub use keypoint_errors::{KeypointErrors, KeypointOrder};
#[cfg(feature = "progress")]
pub use progress_bar::ProgressBar;
#[cfg(feature = "tensorboard")]
pub use tensorboard::TensorBoard;
#[cfg(feature = "plots")]
pub use validation_preview::{Preview, ValidationPreview};
