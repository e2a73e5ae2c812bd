//! Reading many files at once, with the errors of a sequential loop.

use crate::{DataError, Progress};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The result of `read` for each item, which is one file, computed in parallel.
///
/// # Errors
/// That of the first item with an error, whatever the order in which they are read.
pub(crate) fn read_files<I: Sync, T: Send>(
    items: &[I],
    progress: &Progress,
    read: impl Fn(&I) -> Result<T, DataError> + Sync,
) -> Result<Vec<T>, DataError> {
    let (done, total) = (AtomicU64::new(0), items.len() as u64);
    let first_error = AtomicUsize::new(usize::MAX);
    let results = items.par_iter().enumerate().map(|(index, item)| {
        // Nothing after an error is needed.
        if index > first_error.load(Ordering::Relaxed) {
            return None;
        }
        let result = read(item);
        if result.is_err() {
            first_error.fetch_min(index, Ordering::Relaxed);
        }
        progress.report(done.fetch_add(1, Ordering::Relaxed) + 1, total, "files");
        Some(result)
    });
    let results: Vec<Option<Result<T, DataError>>> = results.collect();
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    #[test]
    fn results_are_in_order_and_the_first_error_is_returned() {
        let items: Vec<usize> = (0..500).collect();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let reports = seen.clone();
        let progress = Progress::new(move |report| reports.lock().unwrap().push(report));
        let doubled = read_files(&items, &progress, |i| Ok(2 * i)).unwrap();
        assert_eq!(doubled, (0..500).map(|i| 2 * i).collect::<Vec<_>>());
        let mut seen: Vec<_> = seen
            .lock()
            .unwrap()
            .iter()
            .map(|r| (r.done, r.total))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (1..=500).map(|done| (done, 500)).collect::<Vec<_>>());
        for _ in 0..20 {
            let result = read_files(&items, &Progress::default(), |&i| match i % 7 {
                3 => Err(DataError::NoSamples {
                    path: Path::new(&i.to_string()).to_owned(),
                }),
                _ => Ok(i),
            });
            assert_eq!(result.unwrap_err().to_string(), "`3` has no samples");
        }
    }
}
