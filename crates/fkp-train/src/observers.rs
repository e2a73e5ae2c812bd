//! Observers that most runs want: what a person watches, and what is kept of a run.

mod csv_history;
mod json_lines;
#[cfg(feature = "progress")]
mod progress;
mod replace;
#[cfg(test)]
mod stage;

pub use csv_history::CsvHistory;
pub use json_lines::JsonLines;
#[cfg(feature = "progress")]
pub use progress::Progress;

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
