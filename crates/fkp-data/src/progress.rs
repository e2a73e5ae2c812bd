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

/// Reports every megabyte of a text that is parsed, and nothing for a shorter text.
#[derive(Debug)]
pub(crate) struct ByteSteps {
    progress: Progress,
    total: u64,
    /// The byte of the next report.
    next: u64,
}

impl ByteSteps {
    const STEP: u64 = 1 << 20;

    /// The steps of a text of `total` bytes.
    pub(crate) fn new(progress: &Progress, total: usize) -> Self {
        Self {
            progress: progress.clone(),
            total: total as u64,
            next: Self::STEP,
        }
    }

    /// The text before this byte is parsed.
    pub(crate) fn advance(&mut self, done: usize) {
        let done = (done as u64).min(self.total);
        if done >= self.next {
            self.progress.report(done, self.total, "bytes");
            self.next = done + Self::STEP;
        }
    }

    /// All of the text is parsed.
    pub(crate) fn finish(&mut self) {
        if self.total >= Self::STEP {
            self.progress.report(self.total, self.total, "bytes");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn a_report_is_made_every_megabyte_and_at_the_end() {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let copy = reports.clone();
        let progress = Progress::new(move |report| copy.lock().unwrap().push(report.done));
        let mut steps = ByteSteps::new(&progress, 3 << 20);
        (0..3 << 20)
            .step_by(1000)
            .for_each(|done| steps.advance(done));
        steps.finish();
        assert_eq!(*reports.lock().unwrap(), [1_049_000, 2_098_000, 3 << 20]);
        ByteSteps::new(&progress, 1000).finish();
        assert_eq!(reports.lock().unwrap().len(), 3);
    }
}
