//! Observers that most runs want: what a person watches, and what is kept of a run.

mod csv_history;

pub use csv_history::CsvHistory;
