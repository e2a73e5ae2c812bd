//! Observers that most runs want: what a person watches, and what is kept of a run.

mod csv_history;
#[cfg(feature = "plots")]
mod curves;
mod json_lines;
#[cfg(feature = "plots")]
mod keypoint_errors;
mod log;
#[cfg(feature = "progress")]
mod progress_bar;
#[cfg(test)]
mod stage;
#[cfg(feature = "tensorboard")]
mod tensorboard;
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

/// An error with its causes on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
