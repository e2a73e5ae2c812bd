//! A data set without its excluded samples and with corrected labels.

use crate::DataError;
use crate::origin::{Labels, Origin, SourceDataset};
use fkp_core::{Dataset, DatasetError, Keypoints, Sample, Schema};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Some samples of a data set, some of which have other labels.
pub(super) struct CorrectedSet {
    inner: Arc<dyn SourceDataset>,
    /// The indices of the samples in `inner`, in ascending order.
    kept: Vec<usize>,
    /// New labels by the indices in `inner`.
    changed: BTreeMap<usize, Keypoints>,
}

impl CorrectedSet {
    pub(super) fn new(
        inner: Arc<dyn SourceDataset>,
        kept: Vec<usize>,
        changed: BTreeMap<usize, Keypoints>,
    ) -> Self {
        Self {
            inner,
            kept,
            changed,
        }
    }
}

impl Dataset for CorrectedSet {
    fn schema(&self) -> &Schema {
        self.inner.schema()
    }

    fn len(&self) -> usize {
        self.kept.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let inner = self.kept.get(index);
        let &inner = inner.ok_or_else(|| DatasetError::out_of_range(index, self.len()))?;
        let sample = self.inner.get(inner);
        // The error names the index that the caller passed.
        let mut sample = sample.map_err(|error| DatasetError::new(index, error.source))?;
        if let Some(keypoints) = self.changed.get(&inner) {
            sample.keypoints = keypoints.clone().mark_out_of_frame(sample.image.size());
        }
        Ok(sample)
    }
}

impl SourceDataset for CorrectedSet {
    fn origin(&self, index: usize) -> Origin {
        self.inner.origin(self.kept[index])
    }

    fn labels(&self, index: usize) -> Result<Labels, DataError> {
        let mut labels = self.inner.labels(self.kept[index])?;
        if let Some(keypoints) = self.changed.get(&self.kept[index]) {
            labels.keypoints.clone_from(keypoints);
        }
        Ok(labels)
    }

    fn has_images(&self) -> bool {
        self.inner.has_images()
    }

    fn encoded_image(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.inner.encoded_image(self.kept[index])
    }
}
