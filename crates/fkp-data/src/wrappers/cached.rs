//! A data set that keeps its samples in memory.

use fkp_core::{Dataset, DatasetError, Sample, Schema};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Keeps every sample in memory after it was read once: for small crops (9 kB each at 96×96 gray),
/// which would cost far more to decode again in each epoch. All epochs have the samples of
/// [`Dataset::get`], also if `inner` would have new ones.
///
/// If several threads request the same sample, one of them decodes it and the others wait. An error
/// is not cached: the sample is read again the next time.
#[derive(Debug)]
pub struct Cached<D> {
    inner: D,
    samples: Vec<Mutex<Option<Sample>>>,
    limit: usize,
    /// Bytes of the images that are kept.
    kept: AtomicUsize,
}

impl<D: Dataset> Cached<D> {
    /// The samples of `inner`, none of them decoded yet.
    pub fn new(inner: D) -> Self {
        let samples = (0..inner.len()).map(|_| Mutex::new(None)).collect();
        Self {
            inner,
            samples,
            limit: usize::MAX,
            kept: AtomicUsize::new(0),
        }
    }

    /// The same, but as soon as the images that are kept have so many bytes, further samples are read
    /// each time.
    #[must_use]
    pub fn with_limit(self, bytes: usize) -> Self {
        Self {
            limit: bytes,
            ..self
        }
    }
}

impl<D: Dataset> Dataset for Cached<D> {
    fn schema(&self) -> &Schema {
        self.inner.schema()
    }

    fn len(&self) -> usize {
        self.samples.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let Some(slot) = self.samples.get(index) else {
            return self.inner.get(index);
        };
        // A panic while decoding leaves the slot empty.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sample) = &*slot {
            return Ok(sample.clone());
        }
        let sample = self.inner.get(index)?;
        if self.kept.load(Ordering::Relaxed) < self.limit {
            let bytes = sample.image.as_bytes().len();
            self.kept.fetch_add(bytes, Ordering::Relaxed);
            *slot = Some(sample.clone());
        }
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Image, Keypoints};

    /// Fails on the first read of sample 3, and counts.
    struct Counting {
        schema: Schema,
        reads: AtomicUsize,
    }

    impl Dataset for Counting {
        fn schema(&self) -> &Schema {
            &self.schema
        }

        fn len(&self) -> usize {
            8
        }

        fn get(&self, index: usize) -> Result<Sample, DatasetError> {
            let before = self.reads.fetch_add(1, Ordering::Relaxed);
            if index >= 8 || (index == 3 && before == 0) {
                return Err(DatasetError::new(index, "no"));
            }
            let image = Image::filled(1, 1, 1, index as u8);
            Ok(Sample::new("x", image, Keypoints::unlabeled(15)))
        }
    }

    #[test]
    fn each_sample_is_decoded_once_by_all_threads_and_errors_are_not_cached() {
        let cached = Cached::new(Counting {
            schema: Schema::kaggle15(),
            reads: AtomicUsize::new(0),
        });
        assert!(cached.get(3).is_err());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for index in 0..cached.len() {
                        let sample = cached.get(index).unwrap();
                        assert_eq!(sample.image.pixel(0, 0), &[index as u8]);
                    }
                });
            }
        });
        assert_eq!(cached.inner.reads.load(Ordering::Relaxed), 9);
        assert!(cached.get(8).is_err());
    }

    #[test]
    fn what_exceeds_the_limit_is_read_again() {
        let cached = Cached::new(Counting {
            schema: Schema::kaggle15(),
            reads: AtomicUsize::new(1),
        });
        // Images of one byte.
        let cached = cached.with_limit(5);
        for _ in 0..3 {
            for index in 0..cached.len() {
                let sample = cached.get(index).unwrap();
                assert_eq!(sample.image.pixel(0, 0), &[index as u8]);
            }
        }
        assert_eq!(cached.inner.reads.load(Ordering::Relaxed), 1 + 5 + 3 * 3);
    }
}
