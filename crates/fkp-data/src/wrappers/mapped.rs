//! A data set with its keypoints mapped onto another schema.

use fkp_core::{Dataset, DatasetError, Sample, Schema, SchemaMap};

/// A data set whose keypoints go through a [`SchemaMap`], such as 68 keypoints to the 15 of
/// Kaggle.
#[derive(Debug, Clone)]
pub struct Mapped<D> {
    inner: D,
    map: SchemaMap,
}

impl<D: Dataset> Mapped<D> {
    /// The samples of `inner` under `map`.
    ///
    /// # Panics
    /// On the first [`Dataset::get`], if `map` is from a schema with another number of keypoints.
    pub fn new(inner: D, map: SchemaMap) -> Self {
        Self { inner, map }
    }
}

impl<D: Dataset> Dataset for Mapped<D> {
    fn schema(&self) -> &Schema {
        self.map.target()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.get_in_epoch(0, index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        let sample = self.inner.get_in_epoch(epoch, index)?;
        Ok(Sample {
            keypoints: self.map.apply(&sample.keypoints),
            ..sample
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Image, InMemory, Keypoints};

    #[test]
    fn only_the_keypoints_change() {
        let keypoints = Keypoints::from_xy(&[[3.0, 4.0]; 68]);
        let mut sample = Sample::new("a", Image::filled(9, 9, 1, 5), keypoints);
        sample.group = Some("ann".to_owned());
        let set = InMemory::new(Schema::ibug68(), vec![sample.clone()]).unwrap();
        let mapped = Mapped::new(set, SchemaMap::ibug68_to_kaggle15());
        assert_eq!((mapped.schema(), mapped.len()), (&Schema::kaggle15(), 1));
        let out = mapped.get(0).unwrap();
        assert_eq!(out.keypoints.len(), 15);
        assert_eq!((out.group, out.image), (sample.group, sample.image));
    }
}
