//! Observers that most runs want: what a person watches, and what is kept of a run.

mod csv_history;
#[cfg(feature = "plots")]
mod curves;
#[cfg(feature = "plots")]
mod early_look;
mod json_lines;
mod log;
#[cfg(feature = "plots")]
mod point_errors;
#[cfg(feature = "progress")]
mod progress;
#[cfg(test)]
mod stage;
#[cfg(feature = "tensorboard")]
mod tensorboard;

pub use csv_history::CsvHistory;
#[cfg(feature = "plots")]
pub use curves::Curves;
#[cfg(feature = "plots")]
pub use early_look::{EarlyLook, Look};
pub use json_lines::JsonLines;
#[cfg(feature = "plots")]
pub use point_errors::{PointErrors, PointOrder};
#[cfg(feature = "progress")]
pub use progress::Progress;
#[cfg(feature = "tensorboard")]
pub use tensorboard::TensorBoard;

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
