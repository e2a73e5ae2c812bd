//! Reporting the progress of reading and writing long files.

use std::fmt;
use std::sync::Arc;

/// A function that is called while a long file is read or written, from any thread; by default none.
///
/// ```
/// use fkp_data::{OpenOptions, Progress};
/// let options = OpenOptions {
///     progress: Progress::new(|report| eprintln!("{} of {} {}", report.done, report.total, report.unit)),
///     ..OpenOptions::default()
/// };
/// ```
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<ProgressFunction>>);

type ProgressFunction = dyn Fn(ProgressReport) + Send + Sync;

/// How far reading or writing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgressReport {
    /// How much is done, in units.
    pub done: u64,
    /// How much there is to do, in units.
    pub total: u64,
    /// What is counted: `bytes`, `files` or `images`.
    pub unit: &'static str,
}

impl Progress {
    /// Calls this function.
    pub fn new(report: impl Fn(ProgressReport) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(report)))
    }

    /// Reports how far a task has come.
    pub(crate) fn report(&self, done: u64, total: u64, unit: &'static str) {
        if let Some(function) = &self.0 {
            function(ProgressReport { done, total, unit });
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(_) => "Progress(a function)",
            None => "Progress(none)",
        })
    }
}
