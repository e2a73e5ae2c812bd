//! The trait that data sets implement, and data sets made of others.

use crate::{Sample, Schema};
use std::sync::Arc;

/// A sample cannot be read. The source names file, row and column.
#[derive(thiserror::Error)]
#[error("sample {index} cannot be read")]
pub struct DatasetError {
    /// Index of the sample in the data set.
    pub index: usize,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

crate::debug_as_sentence!(DatasetError);

impl DatasetError {
    /// The error of the sample at `index`.
    pub fn new(index: usize, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            index,
            source: source.into(),
        }
    }

    /// The error for an index that is not below the number of samples.
    pub fn out_of_range(index: usize, len: usize) -> Self {
        Self::new(index, format!("the data set has {len} samples"))
    }
}

/// Annotated images that can be read in any order, from any thread.
pub trait Dataset: Send + Sync {
    /// What the keypoints are.
    fn schema(&self) -> &Schema;

    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sample at `index`, the same every time. An index out of range is an error.
    fn get(&self, index: usize) -> Result<Sample, DatasetError>;

    /// The sample at `index` in a training epoch, from 0: a function of (epoch, index), the same
    /// every time. Epoch 0 has the samples of [`Self::get`].
    ///
    /// By default all epochs have these samples. A data set that generates its samples can have new
    /// ones in each epoch. A data set that wraps another one passes the epoch on.
    fn get_in_epoch(&self, _epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        self.get(index)
    }
}

/// Implements [`Dataset`] for pointers to data sets.
macro_rules! forward_dataset {
    ($($pointer:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $pointer {
            fn schema(&self) -> &Schema {
                (**self).schema()
            }

            fn len(&self) -> usize {
                (**self).len()
            }

            fn get(&self, index: usize) -> Result<Sample, DatasetError> {
                (**self).get(index)
            }

            fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
                (**self).get_in_epoch(epoch, index)
            }
        }
    )*};
}

forward_dataset!(&D, Box<D>, Arc<D>);

/// Samples that are already in memory.
#[derive(Debug, Clone)]
pub struct InMemory {
    schema: Schema,
    samples: Vec<Sample>,
}

impl InMemory {
    /// These samples in this order.
    ///
    /// # Errors
    /// If a sample has another number of keypoints than the schema.
    pub fn new(schema: Schema, samples: Vec<Sample>) -> Result<Self, DatasetError> {
        for (index, sample) in samples.iter().enumerate() {
            let checked = sample.check_count(&schema);
            checked.map_err(|error| DatasetError::new(index, error))?;
        }
        Ok(Self { schema, samples })
    }
}

impl Dataset for InMemory {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.samples.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let sample = self.samples.get(index).cloned();
        sample.ok_or_else(|| DatasetError::out_of_range(index, self.len()))
    }
}

/// Some samples of another data set, in a given order.
#[derive(Debug, Clone)]
pub struct Subset<D> {
    inner: D,
    indices: Vec<usize>,
}

impl<D: Dataset> Subset<D> {
    /// The samples at `indices` of `inner`.
    ///
    /// # Errors
    /// If an index is out of range.
    pub fn new(inner: D, indices: Vec<usize>) -> Result<Self, DatasetError> {
        match indices.iter().find(|index| **index >= inner.len()) {
            Some(&index) => Err(DatasetError::out_of_range(index, inner.len())),
            None => Ok(Self { inner, indices }),
        }
    }

    /// The underlying data set.
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// The indices in the underlying data set.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    fn schema(&self) -> &Schema {
        self.inner.schema()
    }

    fn len(&self) -> usize {
        self.indices.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.get_in_epoch(0, index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        match self.indices.get(index) {
            Some(&inner) => self.inner.get_in_epoch(epoch, inner),
            None => Err(DatasetError::out_of_range(index, self.len())),
        }
    }
}

/// Several data sets of one schema, one after the other.
#[derive(Debug, Clone)]
pub struct Concat<D> {
    parts: Vec<D>,
}

impl<D: Dataset> Concat<D> {
    /// `parts` in this order.
    ///
    /// # Errors
    /// If `parts` is empty, or one has another schema than the first.
    pub fn new(parts: Vec<D>) -> Result<Self, DatasetError> {
        let Some(first) = parts.first() else {
            return Err(DatasetError::new(
                0,
                "there are no data sets to concatenate",
            ));
        };
        let mut before = 0;
        for part in &parts {
            if part.schema() != first.schema() {
                let (name, other) = (first.schema().name(), part.schema().name());
                let message =
                    format!("its schema is `{other}`, that of the data sets before it is `{name}`");
                return Err(DatasetError::new(before, message));
            }
            before += part.len();
        }
        Ok(Self { parts })
    }

    /// Number of samples of each part.
    pub fn sizes(&self) -> Vec<usize> {
        self.parts.iter().map(Dataset::len).collect()
    }
}

impl<D: Dataset> Dataset for Concat<D> {
    fn schema(&self) -> &Schema {
        self.parts[0].schema()
    }

    fn len(&self) -> usize {
        self.parts.iter().map(Dataset::len).sum()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.get_in_epoch(0, index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        let mut first = 0;
        for part in &self.parts {
            if index - first < part.len() {
                // The error names the index that the caller passed, not that within the part.
                let reindexed = |error: DatasetError| DatasetError::new(index, error.source);
                let sample = part.get_in_epoch(epoch, index - first);
                return sample.map_err(reindexed);
            }
            first += part.len();
        }
        Err(DatasetError::out_of_range(index, first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, Keypoints};

    fn set(count: usize) -> InMemory {
        let sample = |i: usize| {
            let image = Image::filled(2, 2, 1, i as u8);
            Sample::new(i.to_string(), image, Keypoints::unlabeled(15))
        };
        InMemory::new(Schema::kaggle15(), (0..count).map(sample).collect()).unwrap()
    }

    #[test]
    fn subsets_keep_their_order_and_check_their_range() {
        let subset = Subset::new(set(4), vec![3, 1]).unwrap();
        assert_eq!(subset.len(), 2);
        assert_eq!(subset.get(0).unwrap().id, "3");
        assert!(subset.get(2).is_err());
        assert!(Subset::new(set(4), vec![4]).is_err());
    }

    #[test]
    fn parts_follow_each_other_and_have_one_schema() {
        let both = Concat::new(vec![set(2), set(3)]).unwrap();
        assert_eq!((both.len(), both.sizes()), (5, vec![2, 3]));
        let ids: Vec<_> = (0..5).map(|i| both.get(i).unwrap().id).collect();
        assert_eq!(ids, ["0", "1", "0", "1", "2"]);
        assert!(both.get(5).is_err());
        assert!(Concat::<InMemory>::new(Vec::new()).is_err());
        let other = InMemory::new(Schema::ibug68(), Vec::new()).unwrap();
        let error = Concat::new(vec![set(2), other]).unwrap_err();
        assert!(error.source.to_string().contains("ibug68"));
    }

    /// The first byte of an image is its epoch, the id is the index.
    struct NewEachEpoch(Schema);

    impl Dataset for NewEachEpoch {
        fn schema(&self) -> &Schema {
            &self.0
        }

        fn len(&self) -> usize {
            3
        }

        fn get(&self, index: usize) -> Result<Sample, DatasetError> {
            self.get_in_epoch(0, index)
        }

        fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
            let image = Image::filled(1, 1, 1, epoch as u8);
            let keypoints = Keypoints::unlabeled(self.0.len());
            Ok(Sample::new(index.to_string(), image, keypoints))
        }
    }

    #[test]
    fn the_epoch_is_passed_on_by_pointers_subsets_and_concatenations() {
        let new = || Arc::new(NewEachEpoch(Schema::kaggle15()));
        let subset = Subset::new(new(), vec![2, 1]).unwrap();
        let parts: Vec<Box<dyn Dataset>> = vec![Box::new(set(2)), Box::new(subset)];
        let both = Concat::new(parts).unwrap();
        for epoch in [0, 1, 7] {
            let sample = both.get_in_epoch(epoch, 2).unwrap();
            assert_eq!(
                (&*sample.id, sample.image.pixel(0, 0)[0]),
                ("2", epoch as u8)
            );
            // A data set in memory has the same samples in each epoch.
            assert_eq!(both.get_in_epoch(epoch, 1).unwrap(), both.get(1).unwrap());
        }
        assert_eq!(both.get(2).unwrap(), both.get_in_epoch(0, 2).unwrap());
        assert!(both.get_in_epoch(1, 4).is_err());
    }

    #[test]
    fn a_sample_with_missing_keypoints_is_refused() {
        let short = Sample::new("x", Image::filled(1, 1, 1, 0), Keypoints::unlabeled(3));
        let error = InMemory::new(Schema::kaggle15(), vec![short]).unwrap_err();
        assert!(format!("{error:?}").contains("3 keypoints"));
    }
}
